"""What holds for a whole run: Hypothesis's examples, parity of the scenarios, numbers left over."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests import last_words
from tests.chaos.numbers import files_with_numbers
from tests.scenarios.parity import print_parity

# A change is to be judged by the same examples every time, on a machine as slow as may be; new ones
# are looked for by `make long`.
settings.register_profile(
    "every-time",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("long", settings.get_profile("every-time"), derandomize=False)

_FOUND = pytest.StashKey[list[Path]]()


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.option.markexpr == "long" else "every-time")


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        last_words.add_to(report, item)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    print_parity(terminalreporter)
    last_words.print_why(terminalreporter)
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
