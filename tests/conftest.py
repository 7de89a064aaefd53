"""What is told of a whole run: parity of the scenarios, and callers' numbers left anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.chaos.numbers import files_with_numbers
from tests.scenarios.parity import print_parity

_FOUND = pytest.StashKey[list[Path]]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With xdist this is the process that started the workers; their files lie below its own."""
    config = session.config
    factory = getattr(config, "_tmp_path_factory", None)
    if hasattr(config, "workerinput") or factory is None:
        return
    config.stash[_FOUND] = files_with_numbers(factory.getbasetemp())
    if config.stash[_FOUND]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    print_parity(terminalreporter)
    found = config.stash.get(_FOUND, [])
    if found:
        terminalreporter.section("callers' numbers", red=True, bold=True)
        for path in found:
            terminalreporter.line(f"FAILED {path} holds a caller's number")


@pytest.fixture(autouse=True)
def _logs_as_ever() -> Iterator[None]:
    """The command line sends what is logged elsewhere, which the next test must not find."""
    yield
    structlog.reset_defaults()
