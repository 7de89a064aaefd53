"""The table of routing cases that people without code can read, tried line by line."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from ivr.calendar import TEHRAN
from ivr.duty import Duty
from ivr.model import CallFacts, CategoryId, CountyId, Lane, ProvinceId
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step
from ivr.people import load_people
from ivr.router import plan
from ivr.rules.load import load_all
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from tests.core.routing_words import world

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
    given: str
    rung: str
    why: str
    team: str


def cases() -> list[Case]:
    lines = TABLE.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    return [Case(*(cell.strip() for cell in row.strip("|").split("|"))) for row in rows]


@pytest.mark.parametrize("case", cases(), ids=" ".join)
def test_a_call_reaches_whom_the_table_says(case: Case) -> None:
    at = datetime.fromisoformat(case.time).replace(tzinfo=TEHRAN)
    made = world(RULES[ProvinceId(case.province)], PEOPLE, at, case.given)
    rules, duty = made.rules, made.duty
    assert case.category == "unknown" or rules.category(CategoryId(case.category))
    route = plan(rules, duty, facts_of(case, rules), at)
    assert " → ".join(rung(step, rules, duty) for step in route.steps) == case.rung
    assert " → ".join(words(step.reasons) for step in route.steps) == case.why
    assert team(route) == case.team
    assert route.all_at_once is (case.lane == "danger")
    assert route.steps[-1].lasts_s is None
    assert any(step.counsellors for step in route.steps)


def test_the_table_is_long_enough_and_speaks_of_every_province() -> None:
    assert len(cases()) >= 75
    assert {case.province for case in cases()} == set(RULES)
    assert f": {len(cases())} cases" in TABLE.read_text("utf-8")
    assert len({case[:6] for case in cases()}) == len(cases())


def facts_of(case: Case, rules: ProvinceRules) -> CallFacts:
    county = None if case.county == NOBODY else CountyId(f"{rules.id}-{case.county}")
    assert county is None or rules.county(county), f"no county {county}"
    return CallFacts(
        province=rules.id,
        county=county,
        category=CategoryId(case.category),
        lane=Lane[case.lane.upper()],
    )


def rung(step: Step, rules: ProvinceRules, duty: Duty) -> str:
    """A step as the table has it: after how long, which desks, and whom where it is not all."""
    all_of_them = {name for desk in step.desks for name in duty.of_desk(desk)}
    only = set(step.counsellors) != all_of_them
    who = f": {', '.join(step.counsellors)}" if only else ""
    return f"{step.after_s:g} s {where(step, rules, duty)}{who}"


def where(step: Step, rules: ProvinceRules, duty: Duty) -> str:
    codes = {reason.code for reason in step.reasons}
    if ReasonCode.LAST_RESORT in codes:
        return "everybody, closed or not"
    if ReasonCode.ON_CALL in codes:
        return "on call"
    if not step.desks:
        return "nobody"
    if ReasonCode.WHOLE_PROVINCE in codes:
        whole = {desk for desk in rules.all_desks if duty.of_desk(desk)} | set(rules.desks)
        left_out = sorted(whole - set(step.desks))
        assert set(step.desks) <= whole
        return f"everybody but {named(left_out, rules)}" if left_out else "everybody"
    return named(step.desks, rules)


def named(desks: Iterable[str], rules: ProvinceRules) -> str:
    names: dict[str, str] = {rules.id: "provincial desk"}
    return " + ".join(names.get(desk, desk.removeprefix(f"{rules.id}-")) for desk in desks)


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
