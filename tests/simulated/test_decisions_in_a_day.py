"""Rules are published and desks are closed in the middle of a busy day: nobody is lost by it."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from ivr.calendar import TEHRAN
from ivr.deployment import Deployment, deploy, load_deployment
from ivr.duty import Closure, ClosureKind, DutyBook
from ivr.in_force import InForce
from ivr.rules.schema import ProvinceRules
from ivr.settings import Settings
from ivr.simulator.day import DAY, Decisions, simulate_day

MIDNIGHT = datetime.combine(DAY, datetime.min.time(), TEHRAN).astimezone(UTC)
HOURS = 3.0
DECISIONS = 8


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load_deployment(Settings())


def decisions_of(deployment: Deployment, province: str, chance: Random) -> Decisions:
    """At random moments: closures of any kind, their end, other steps and times."""
    rules = next(item for item in deployment.rules if item.id == province)
    found, closures = [], ()
    for number in range(DECISIONS):
        hour = chance.uniform(0.1, HOURS)
        closures = (*closures, closure(rules, number, hour, chance))[-chance.randint(0, 4) :]
        in_force = InForce(
            rules=(changed(rules, chance), *(it for it in deployment.rules if it.id != province)),
            people=deployment.in_force.people,
            book=DutyBook(closures=closures),
        )
        found.append((hour, deploy(Settings(), in_force)))
    return sorted(found, key=lambda item: item[0])


def closure(rules: ProvinceRules, number: int, hour: float, chance: Random) -> Closure:
    from_at = MIDNIGHT + timedelta(hours=hour)
    return Closure(
        id=number,
        desk=chance.choice(rules.all_desks),
        kind=chance.choice(tuple(ClosureKind)),
        reason="by chance",
        from_at=from_at,
        until_at=from_at + timedelta(minutes=chance.uniform(1, 60)),
    )


def changed(rules: ProvinceRules, chance: Random) -> ProvinceRules:
    data = rules.model_dump()
    data["steps"] = [step | {"lasts_s": chance.choice((0, 5, 20))} for step in data["steps"]]
    data["limits"]["ring_s"] = chance.choice((10, 20, 30))
    return ProvinceRules.model_validate(data)


@pytest.mark.parametrize("province", ["markazi", "ilam", "khuzestan"])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_publishing_and_no_closure_in_the_middle_of_a_day_loses_anybody(
    deployment: Deployment, province: str, seed: int
) -> None:
    """Promises 1 to 4 are looked at after every event; calls that come are calls that ended."""
    decisions = decisions_of(deployment, province, Random(f"{province} {seed}"))
    day = simulate_day(deployment, province, seed=seed, load=100, hours=HOURS, decisions=decisions)
    assert day.broken == {}
    assert day.calls > 40
    assert day.connected + day.abandoned + day.left_in_menu == day.calls


def test_a_day_of_decisions_is_another_day(deployment: Deployment) -> None:
    """Else the decisions would not have reached the floor."""
    decisions = decisions_of(deployment, "markazi", Random(1))
    quiet, busy = (
        simulate_day(deployment, "markazi", seed=1, load=100, hours=HOURS, decisions=decided)
        for decided in ((), decisions)
    )
    assert quiet.history != busy.history
