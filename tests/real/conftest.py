import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.real.exchange import Exchange, free_settings, running_exchange, why_no_asterisk
from tests.real.product import PATIENCE_S, POLL_S, Product
from tests.real.scene import Scene, shared_product


@pytest.fixture(scope="session")
def private_asterisk() -> None:
    """Skips where the private Asterisk cannot run, and says why."""
    if reason := why_no_asterisk():
        pytest.skip(f"no real Asterisk: {reason}")


@pytest.fixture(scope="session")
def running_asterisk(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exchange]:
    """A running private Asterisk of this test process; no controller listens on its AGI port."""
    with running_exchange(free_settings(tmp_path_factory.mktemp("exchange"))) as exchange:
        yield exchange


@pytest.fixture
def asterisk(running_asterisk: Exchange) -> Exchange:
    """Of the tests before nobody is left in a call: they hang up and go."""
    give_up_at = time.monotonic() + PATIENCE_S
    while running_asterisk.process.console("core show channels concise").strip():
        assert time.monotonic() < give_up_at, "a test before has left a call"
        time.sleep(POLL_S)
    return running_asterisk


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """The product of this test process: tests that use it run in the session's loop."""
    async with shared_product(tmp_path_factory.mktemp("shared") / "home") as product:
        yield product


@pytest_asyncio.fixture(loop_scope="session")
async def scene(shared: Product) -> AsyncIterator[Scene]:
    """An empty floor to call; nothing may be left of the calls afterwards."""
    scene = Scene(shared)
    await scene.begin()
    yield scene
    await scene.end()
