"""The table of routing cases that people without code can read, tried line by line."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from ivr.calendar import TEHRAN
from ivr.duty import Duty, duty_at
from ivr.model import (
    CallFacts,
    CategoryId,
    CountyId,
    Lane,
    ProvinceId,
    Reason,
    ReasonCode,
    RoutePlan,
)
from ivr.people import load_people
from ivr.router import plan
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT

TABLE = Path(__file__).parent / "data" / "routing_cases.md"
RULES = {rules.id: rules for rules in load_all(PROJECT / "deploy" / "provinces")}
PEOPLE = load_people(PROJECT / "deploy" / "demo")
NOBODY = "–"


class Case(NamedTuple):
    province: str
    county: str
    category: str
    lane: str
    time: str
    rung: str
    why: str
    team: str


def cases() -> list[Case]:
    lines = TABLE.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    return [Case(*(cell.strip() for cell in row.strip("|").split("|"))) for row in rows]


@pytest.mark.parametrize("case", cases(), ids=" ".join)
def test_a_call_reaches_whom_the_table_says(case: Case) -> None:
    rules = RULES[ProvinceId(case.province)]
    at = datetime.fromisoformat(case.time).replace(tzinfo=TEHRAN)
    duty = duty_at(PEOPLE, at)
    assert case.category == "unknown" or rules.category(CategoryId(case.category))
    route = plan(rules, duty, facts_of(case, rules), at)
    assert [rung(step.desks, rules, duty) for step in route.steps] == case.rung.split(" → ")
    assert [words(step.reasons) for step in route.steps] == case.why.split(" → ")
    assert team(route) == case.team
    assert route.all_at_once is (case.lane == "danger")
    assert route.steps[-1].lasts_s is None
    assert route.steps[-1].counsellors


def test_the_table_is_long_enough_and_speaks_of_every_province() -> None:
    assert len(cases()) >= 40
    assert {case.province for case in cases()} == set(RULES)
    assert f": {len(cases())} cases" in TABLE.read_text("utf-8")
    assert len({case[:5] for case in cases()}) == len(cases())


def facts_of(case: Case, rules: ProvinceRules) -> CallFacts:
    county = None if case.county == NOBODY else CountyId(f"{rules.id}-{case.county}")
    assert county is None or rules.county(county), f"no county {county}"
    return CallFacts(
        province=rules.id,
        county=county,
        category=CategoryId(case.category),
        lane=Lane[case.lane.upper()],
    )


def rung(desks: Iterable[str], rules: ProvinceRules, duty: Duty) -> str:
    """A step's desks as the table has them."""
    found = list(desks)
    if found == [rules.id]:
        return "provincial desk"
    staffed = {desk for desk in rules.all_desks if duty.at_desk(desk)}
    if set(found) == staffed | set(rules.desks):
        return "everybody"
    return " + ".join(desk.removeprefix(f"{rules.id}-") for desk in found)


def words(reasons: Iterable[Reason]) -> str:
    return ", ".join(reason.code.replace("_", " ") for reason in reasons)


def team(route: RoutePlan) -> str:
    subjects = {reason.code: reason.subject for reason in route.reasons}
    if ReasonCode.LOCAL_TEAM in subjects:
        return subjects[ReasonCode.LOCAL_TEAM]
    if ReasonCode.NO_LOCAL_TEAM_NOW in subjects:
        cover = subjects.get(ReasonCode.TEAM_COVERS)
        return f"none; {cover} covers" if cover else "none"
    return "unknown" if ReasonCode.TEAM_UNKNOWN in subjects else NOBODY
