from collections.abc import Iterator

import pytest

from tests.real.exchange import Exchange, free_settings, running_exchange, why_no_asterisk


@pytest.fixture(scope="session")
def private_asterisk() -> None:
    """Skips where the private Asterisk cannot run, and says why."""
    if reason := why_no_asterisk():
        pytest.skip(f"no real Asterisk: {reason}")


@pytest.fixture(scope="session")
def asterisk(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exchange]:
    """A running private Asterisk of this test process; no controller listens on its AGI port."""
    with running_exchange(free_settings(tmp_path_factory.mktemp("exchange"))) as exchange:
        yield exchange
