"""One set of scenarios on the simulated and on a real Asterisk: the same histories on both."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from ivr.settings import Settings
from ivr.simulator.scenario import Scenario, load_scenarios
from ivr.simulator.scenario_differences import DIFFERENCES, as_simulated
from ivr.simulator.scenario_stage import SimulatedTheatre, simulated_theatre
from tests.real.exchange import why_no_asterisk
from tests.scenarios.parity import DIRECTORY, REAL, SIMULATED, TABLE, mark
from tests.scenarios.real_stage import RealTheatre, real_theatre

SCENARIOS = load_scenarios(DIRECTORY)
TIMELESS = [scenario for scenario in SCENARIOS if scenario.at is None]


def name_of(scenario: Scenario) -> str:
    return scenario.name


def written(scenario: Scenario) -> dict[str, list[str]]:
    return {caller: list(facts) for caller, facts in scenario.history.items()}


@pytest.fixture(scope="module")
def simulated() -> Iterator[SimulatedTheatre]:
    with simulated_theatre(Settings(), DIRECTORY) as theatre:
        yield theatre


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealTheatre]:
    if reason := why_no_asterisk():
        pytest.skip(f"no real Asterisk: {reason}")
    home = tmp_path_factory.mktemp("scenarios") / "home"
    async with real_theatre(home, DIRECTORY) as theatre:
        yield theatre


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_on_the_simulated_asterisk(
    scenario: Scenario, simulated: SimulatedTheatre, request: pytest.FixtureRequest
) -> None:
    mark(request.node, scenario.name, SIMULATED)
    assert simulated.play(scenario) == written(scenario)


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("scenario", TIMELESS, ids=name_of)
async def test_on_a_real_asterisk(
    scenario: Scenario, real: RealTheatre, request: pytest.FixtureRequest
) -> None:
    mark(request.node, scenario.name, REAL)
    assert as_simulated(scenario.name, await real.play(scenario)) == written(scenario)


def test_the_kept_table_has_every_scenario() -> None:
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    kept = [row.split("|")[1].strip(" `") for row in rows[2:]]
    assert kept == [scenario.name for scenario in SCENARIOS], f"renew it: {TABLE}"


def test_every_allowed_difference_belongs_to_a_scenario() -> None:
    histories = {
        (one.name, caller): facts for one in SCENARIOS for caller, facts in one.history.items()
    }
    for one in DIFFERENCES:
        assert one.simulated in histories[one.scenario, one.caller]
