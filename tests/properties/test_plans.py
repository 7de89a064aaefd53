"""Any rules that pass the check give every call at every minute a finite plan that ends at a human.

Provinces, people, rosters and closures are drawn at random; what the check refuses is left out.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ivr.coverage import GapKind, coverage
from ivr.duty import Closure, ClosureKind, Duty, DutyBook, DutyKind, RosterEntry, duty_at
from ivr.model import (
    CallFacts,
    CategoryId,
    Counsellor,
    CounsellorId,
    CountyId,
    DeskId,
    Lane,
    Skill,
    SkillId,
)
from ivr.model.plan import ReasonCode, RoutePlan, Step
from ivr.router import plan
from ivr.rules.check import check
from ivr.rules.counties import gazetteer
from ivr.rules.findings import Severity
from ivr.rules.schema import Answering, ProvinceRules
from tests.core.duty_kit import WEEK, hour

COUNTIES = tuple(known.id for known in gazetteer().counties_of("qom"))
DESKS = (*COUNTIES, "qom", "tehran")
SKILLS = ("child", "arabic")
PEOPLE = tuple(f"p{number}" for number in range(6))
NEAR = ("own", "supporting", "neighbours", "provincial")
GONE = {ClosureKind.EVACUATED, ClosureKind.LINK_LOST, ClosureKind.NO_STAFF}
WEEK_HOURS = 24 * 7
seconds = st.sampled_from([0, 5, 20, 33.5])
some = st.lists(st.sampled_from(COUNTIES), unique=True, max_size=2)


@st.composite
def counties(draw: st.DrawFn) -> list[dict[str, Any]]:
    states = [draw(st.sampled_from(["open", "open", "none", "unknown"])) for _ in COUNTIES]
    opened = [name for name, state in zip(COUNTIES, states, strict=True) if state == "open"]
    helpers = st.lists(st.sampled_from(opened), unique=True, max_size=2) if opened else st.just([])
    return [
        {
            "id": name,
            "name_fa": name,
            "centre": {
                "state": state,
                "levels": draw(st.lists(st.integers(1, 2), unique=True, max_size=2)),
                "hours": draw(st.sampled_from([None, None, "days"])),
            },
            "supporting": [{"county": one} for one in draw(helpers) if one != name],
            "contingency": [one for one in draw(helpers) if one != name],
            "neighbours": [one for one in draw(some) if one != name],
            "languages": draw(st.sampled_from([[], ["arabic"]])),
        }
        for name, state in zip(COUNTIES, states, strict=True)
    ]


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    near = draw(st.lists(st.sampled_from(NEAR), unique=True))
    rings = [*near, "province", *draw(st.permutations(["desks", "on_call"]))][
        : draw(st.integers(1, 7))
    ]
    made = []
    for ring in rings:
        lasts_s = draw(seconds)
        step = {
            "ring": ring,
            "lasts_s": lasts_s,
            "skilled_s": draw(st.sampled_from([0, lasts_s / 2])),
        }
        made.append(step | ({"desks": ["tehran"]} if ring == "desks" else {}))
    return made


def category(name: str, **needs: Any) -> dict[str, Any]:
    return {"id": name, "name_fa": name, "name_en": name, "urgency": "P2"} | needs


CATEGORIES = [
    category("divorce"),
    category("abuse", skills=[{"skill": "child", "level": 2}]),
    category("grave", centre_level=2, skills=["child"]),
]
HOURS = {
    "id": "days",
    "name_fa": "d",
    "weekly": [{"days": ["sunday", "monday"], "starts": "08:00", "ends": "14:07"}],
    "on_holidays": "closed",
}
MENUS = {
    "first_question": {"danger_key": "1", "ordinary_key": "2"},
    "county_pages": [[{"key": str(n + 1), "county": name} for n, name in enumerate(COUNTIES)]],
    "category_choices": [{"key": "1", "categories": ["divorce"], "prompt": "choice-family"}],
}


@st.composite
def passing_rules(draw: st.DrawFn) -> ProvinceRules:
    """Rules without errors."""
    document = {
        "id": "qom",
        "name_fa": "q",
        "answering": draw(st.sampled_from(["county", "county", "county", "central"])),
        "lines": ["025123"],
        "counties": draw(counties()),
        "steps": draw(steps()),
        "skills": [
            {"id": "child", "name_fa": "c", "name_en": "c"},
            {"id": "arabic", "name_fa": "a", "name_en": "a", "kind": "language"},
        ],
        "hours": [HOURS],
        "calendar": {
            "until": "1406-12-29",
            "days": [{"day": "1405-09-02", "name_fa": "h", "kind": "lunar"}],
        },
        "categories": CATEGORIES,
        "outcomes": [{"id": "external", "name_fa": "x", "name_en": "x"}],
        "menus": MENUS,
    }
    rules = ProvinceRules.model_validate(document)
    problems = check(rules, gazetteer(), WEEK.first_day)
    assume(not any(problem.severity is Severity.ERROR for problem in problems))
    return rules


@st.composite
def people(draw: st.DrawFn) -> tuple[Counsellor, ...]:
    desks = st.lists(st.sampled_from(DESKS), unique=True, max_size=2)
    skills = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3))
    return tuple(
        Counsellor(
            id=CounsellorId(name),
            name_fa=name,
            desks=tuple(map(DeskId, draw(desks))),
            devices=(),
            skills=tuple(Skill(SkillId(skill), level) for skill, level in draw(skills).items()),
        )
        for name in PEOPLE
    )


@st.composite
def books(draw: st.DrawFn) -> DutyBook:
    def times() -> dict[str, Any]:
        begins = draw(st.integers(-10, 2 * WEEK_HOURS)) / 2
        ends = begins + draw(st.integers(1, 2 * WEEK_HOURS)) / 2
        return {"from_at": hour(begins), "until_at": hour(ends)}

    desk = st.sampled_from(DESKS).map(DeskId)
    who = st.sampled_from(PEOPLE).map(CounsellorId)
    one_by_one = draw(st.integers(0, 3)) > 0
    gone = draw(st.lists(desk, max_size=4)) if one_by_one else map(DeskId, DESKS)
    return DutyBook(
        roster=tuple(
            RosterEntry(
                id=number,
                desk=draw(desk),
                counsellor=draw(who),
                kind=draw(st.sampled_from([*DutyKind, DutyKind.DESK])),
                **times(),
            )
            for number in range(draw(st.integers(0, 5)))
        ),
        closures=tuple(
            Closure(
                id=number,
                desk=closed,
                kind=draw(st.sampled_from(ClosureKind)),
                reason="",
                **(times() if one_by_one else {"from_at": hour(0), "until_at": hour(WEEK_HOURS)}),
            )
            for number, closed in enumerate(gone)
        ),
    )


@st.composite
def calls(draw: st.DrawFn) -> CallFacts:
    county = draw(st.sampled_from([None, *COUNTIES]))
    return CallFacts(
        province=gazetteer().provinces["qom"].id,
        county=CountyId(county) if county else None,
        category=CategoryId(draw(st.sampled_from(["unknown", "divorce", "abuse", "grave"]))),
        lane=draw(st.sampled_from(Lane)),
    )


minutes = st.integers(0, WEEK_HOURS * 60 - 1)


def every_plan_ends_at_a_human(
    rules: ProvinceRules,
    staff: tuple[Counsellor, ...],
    book: DutyBook,
    call: CallFacts,
    minute: int,
) -> None:
    at = WEEK.begins_at + timedelta(minutes=minute)
    duty = duty_at(staff, at, book)
    route = plan(rules, duty, call, at)
    assert route.rules_version == rules.version
    _is_finite(route, rules)
    _ends_at_a_human(route, rules, duty)
    for step in route.steps:
        _rings_whom_it_may(step, duty)
    if call.lane is Lane.DANGER:
        assert route.all_at_once
        assert {step.after_s for step in route.steps} == {0.0}


def _is_finite(route: RoutePlan, rules: ProvinceRules) -> None:
    """Steps follow each other without a gap; only the last has no end."""
    assert 1 <= len(route.steps) <= 2 * (len(rules.steps) + len(COUNTIES)) + 1
    assert route.steps[0].after_s == 0
    assert route.steps[-1].lasts_s is None
    for one, following in pairwise(route.steps):
        assert one.lasts_s is not None
        assert one.lasts_s >= 0
        assert following.after_s == one.after_s + one.lasts_s
        assert one.on_duty or one.lasts_s == 0, "nobody waits for a step without anybody"


def _ends_at_a_human(route: RoutePlan, rules: ProvinceRules, duty: Duty) -> None:
    """Somebody is expected, or everybody of the province is rung, closed or not."""
    rung = {name for step in route.steps for name in step.counsellors}
    everybody = {name for desk in rules.all_desks for name in duty.of_desk(desk)}
    if not any(step.on_duty for step in route.steps):
        assert rung >= everybody
    elif not any(desk in duty.closures for desk in rules.all_desks):
        assert rung >= everybody, "the whole province is asked in the end"
    assert rung or not everybody


def _rings_whom_it_may(step: Step, duty: Duty) -> None:
    """Whoever is rung belongs to a desk of the step, or is on call; no desk of it is gone."""
    codes = {reason.code for reason in step.reasons}
    on_call = {name for names in duty.on_call.values() for name in names}
    there = {name for desk in step.desks for name in duty.of_desk(desk)}
    if ReasonCode.ON_CALL in codes:
        there |= on_call
    assert set(step.counsellors) <= there
    assert set(step.on_duty) <= set(step.counsellors)
    if ReasonCode.LAST_RESORT not in codes:
        gone = {desk for desk, closure in duty.closures.items() if closure.kind in GONE}
        assert gone.isdisjoint(step.desks)
    else:
        assert not step.on_duty


def gaps_are_where_nobody_is_expected(
    rules: ProvinceRules,
    staff: tuple[Counsellor, ...],
    book: DutyBook,
    call: CallFacts,
    minute: int,
) -> None:
    at = WEEK.begins_at + timedelta(minutes=minute)
    route = plan(rules, duty_at(staff, at, book), call, at)
    found = {
        gap.kind
        for gap in coverage(rules, staff, book, WEEK.begins_at)
        if call.county in gap.counties and call.category in gap.categories
        if any(span.from_at <= at < span.until_at for span in gap.spans)
    }
    expected = any(step.on_duty for step in route.steps)
    assert (GapKind.NOBODY in found) is not expected


def test_the_worlds_that_are_drawn_have_every_shape() -> None:
    assert at_least_one(lambda rules: rules.answering is Answering.CENTRAL)
    assert at_least_one(lambda rules: len(rules.steps) > 5)
    assert at_least_one(lambda rules: any(county.contingency for county in rules.counties))


def at_least_one(condition: Any) -> bool:
    found = False

    @settings(
        max_examples=40, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(rules=passing_rules())
    def look(rules: ProvinceRules) -> None:
        nonlocal found
        found = found or bool(condition(rules))

    look()
    return found


QUICK = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=5_000)
world = given(rules=passing_rules(), staff=people(), book=books(), call=calls(), minute=minutes)

test_every_plan_ends_at_a_human = QUICK(world(every_plan_ends_at_a_human))
test_gaps_are_where_nobody_is_expected = QUICK(world(gaps_are_where_nobody_is_expected))
test_every_plan_ends_at_a_human_long = pytest.mark.long(LONG(world(every_plan_ends_at_a_human)))
test_gaps_are_where_nobody_is_expected_long = pytest.mark.long(
    LONG(world(gaps_are_where_nobody_is_expected))
)
