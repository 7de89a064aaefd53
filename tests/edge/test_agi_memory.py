"""A call that is over must not stay in memory until the next full collection of garbage.

That one is put off while callers wait (`ivr.garbage`): under load, calls that hold themselves would
pile up by the thousand.
"""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.dialplan.preempting import first_of
from tests.edge.agi_peer import PATIENCE_S, connected, serving


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


async def listens(session: AgiSession) -> None:
    await AgiChannel(session).wait_key(None)


async def listens_for_news(session: AgiSession) -> None:
    await first_of(AgiChannel(session).wait_key(None), asyncio.Queue())


async def goes_on_after_a_hang_up(session: AgiSession) -> None:
    await session.wait_for_digit(-1)
    await session.set_music("ivr")


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("behaviour", [listens, listens_for_news, goes_on_after_a_hang_up])
async def test_a_session_that_ended_with_a_hang_up_is_gone_at_once(behaviour):
    gone = asyncio.Event()

    async def handler(session: AgiSession) -> None:
        weakref.finalize(session, gone.set)
        await behaviour(session)

    async with serving({"call": handler}) as server, connected(server) as peer:
        peer.send_environment()
        assert await peer.line() == "WAIT FOR DIGIT -1"
        peer.send("HANGUP", "200 result=-1")
        assert await peer.closed()
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
