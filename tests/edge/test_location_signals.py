"""Headers read over AGI: as they came, whatever they are, no longer than a caller can wait."""

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.signals import own_signals, read_signals
from ivr.errors import HungUp
from ivr.location import Signals
from tests.edge.agi_peer import PATIENCE_S, Peer, connected, serving

HEADERS = {
    "PJSIP_HEADER(read,Privacy)": "critical; ID",
    "PJSIP_HEADER(read,P-Asserted-Identity,1)": "<sip:+988633331234@ims>",
    "PJSIP_HEADER(read,P-Asserted-Identity,2)": "<tel:33331234;phone-context=+9886>",
    "PJSIP_HEADER(read,From)": '"a) (b" <sip:anonymous@anonymous.invalid>;tag=1',
    "PJSIP_HEADER(read,P-Access-Network-Info,1)": "HANGUP endpos=1 200 result=-1 (x)",
    "GEOLOC_PROFILE(format)": "civicAddress",
    "GEOLOC_PROFILE(location_info)": 'country="IR",A1="مرکزی"',
}


@pytest.fixture
async def reading(monkeypatch):
    """A peer, and what our side has read of its headers."""
    monkeypatch.setattr("ivr.asterisk.signals.READING_S", PATIENCE_S)
    async with AsyncExitStack() as stack:
        found: asyncio.Future[Signals] = asyncio.get_running_loop().create_future()

        async def handler(session) -> None:
            try:
                found.set_result(await read_signals(session, geolocation=True))
            except HungUp as error:
                found.set_exception(error)
                raise

        server = await stack.enter_async_context(serving({"call": handler}))
        peer = await stack.enter_async_context(connected(server))
        peer.send_environment("call", "province=markazi", "pres=allowed_not_screened")
        yield peer, found


async def answer(peer: Peer, values: dict[str, str]) -> list[str]:
    """Answer as Asterisk does until nobody asks any more; what was asked for."""
    asked = []
    while line := await peer.line():
        name = line.removeprefix('GET VARIABLE "').removesuffix('"')
        asked.append(name)
        value = values.get(name)
        peer.send(f"200 result=1 ({value})" if value is not None else "200 result=0")
    return asked


async def test_every_header_comes_as_it_is(reading) -> None:
    peer, found = reading
    await answer(peer, HEADERS)
    assert await found == Signals(
        caller_id="200",
        asserted=tuple(HEADERS.values())[1:3],
        from_header=HEADERS["PJSIP_HEADER(read,From)"],
        withheld=True,
        access_networks=("HANGUP endpos=1 200 result=-1 (x)",),
        location_format="civicAddress",
        location_info='country="IR",A1="مرکزی"',
    )


async def test_only_our_own_words_are_asked_with(reading) -> None:
    peer, found = reading
    asked = await answer(peer, dict.fromkeys(HEADERS, '${SHELL(x)}"),\\'))
    assert set(asked) <= {*HEADERS, "PJSIP_HEADER(read,P-Access-Network-Info,2)"}
    assert (await found).from_header == '${SHELL(x)}"),\\'


async def test_without_headers_the_number_is_all(reading) -> None:
    peer, found = reading
    assert len(await answer(peer, {})) == 5
    assert await found == Signals(caller_id="200")


async def test_an_asterisk_that_is_slow_keeps_nobody(reading, monkeypatch) -> None:
    monkeypatch.setattr("ivr.asterisk.signals.READING_S", 0.01)
    peer, found = reading
    with capture_logs() as logs:
        assert await asyncio.wait_for(found, PATIENCE_S) == Signals(caller_id="200")
    assert [entry["event"] for entry in logs] == ["headers_not_read_in_time"]
    assert "200" not in {str(value) for value in logs[0].values()}
    assert (await peer.line()).startswith("GET VARIABLE")


async def test_a_hang_up_meanwhile_is_one(reading) -> None:
    peer, found = reading
    await peer.line()
    peer.send("HANGUP")
    with pytest.raises(HungUp):
        await asyncio.wait_for(found, PATIENCE_S)


async def test_the_exchange_may_say_by_itself_that_a_number_is_withheld() -> None:
    class Session:
        env: ClassVar = {"callerid": "200"}
        arguments: ClassVar = {"pres": "prohib_not_screened"}

    assert own_signals(Session()).withheld
