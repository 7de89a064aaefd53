"""Gaps in the time ahead: those that the router itself would leave, and how they are told."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ivr.coverage import Gap, GapKind, coverage, unmet_skills
from ivr.coverage_findings import coverage_problems
from ivr.coverage_time import Span, occasions
from ivr.duty import NO_BOOK, ClosureKind, DutyBook, DutyKind, duty_at
from ivr.model import CallFacts, CategoryId, Counsellor, CounsellorId, CountyId, Skill, SkillId
from ivr.model.plan import RoutePlan
from ivr.prompts.catalogue import load_catalogue
from ivr.publishing import publish_findings
from ivr.router import needs_of, plan
from ivr.rules.findings import Severity, errors_of
from ivr.rules.load import load_rules
from ivr.rules.routing import SkillNeed
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from tests.core.duty_kit import closure, entry, hour, person

DATA = Path(__file__).parent / "data"
STEP = timedelta(hours=1)
HALF = STEP / 2  # past each hour, where some of the changes are
QOM = load_rules(DATA / "good.yaml")


def rules_with(**changes: Any) -> ProvinceRules:
    document = QOM.model_dump(mode="json") | changes
    return ProvinceRules.model_validate(document)


def county(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": f"qom-{name}", "name_fa": name, "centre": {"state": "open"}} | changes


SKILLS = [{"id": "child", "name_fa": "c", "name_en": "c"},
          {"id": "arabic", "name_fa": "a", "name_en": "a", "kind": "language"}]  # fmt: skip
CATEGORIES = [
    {"id": "divorce", "name_fa": "x", "name_en": "x", "urgency": "P4"},
    {"id": "abuse", "name_fa": "x", "name_en": "x", "urgency": "P1", "skills": ["child"]},
    {"id": "grave", "name_fa": "x", "name_en": "x", "urgency": "P1", "centre_level": 2},
    {"id": "off", "name_fa": "x", "name_en": "x", "urgency": "P1", "enabled": False},
]
NEAR = [{"ring": "own"}, {"ring": "supporting"}, {"ring": "neighbours"}, {"ring": "provincial"}]
WHOLE = [*NEAR[:2], {"ring": "province"}, {"ring": "on_call"}]
HOURS = [
    {
        "id": "days",
        "name_fa": "d",
        "weekly": [{"days": ["saturday", "sunday"], "starts": "08:00", "ends": "14:10"}],
        "on_holidays": "closed",
        "exceptions": [{"day": "1405-09-20", "openings": "closed", "reason": "r"}],
    }
]


def world(steps: list[dict[str, Any]]) -> ProvinceRules:
    """Three counties with all that a plan may depend on."""
    supporting = [{"county": "qom-qom"}]
    return rules_with(
        counties=[
            county("qom", centre={"state": "open", "levels": [1]}, contingency=["qom-kahak"]),
            county("kahak", centre={"state": "open", "hours": "days"}, neighbours=["qom-qom"]),
            county(
                "jafarabad",
                centre={"state": "none"},
                supporting=supporting,
                languages=["arabic"],
                neighbours=["qom-kahak"],
            ),
        ],
        steps=steps,
        skills=SKILLS,
        categories=CATEGORIES,
        hours=HOURS,
        calendar={
            "until": "1406-12-29",
            "days": [{"day": "1405-09-12", "name_fa": "h", "kind": "lunar"}],
        },
    )


PEOPLE = (
    replace(person("ali", "qom-qom"), skills=(Skill(SkillId("child")), Skill(SkillId("arabic")))),
    person("sara", "qom-qom", "qom-kahak"),
    replace(person("mina", "qom-kahak"), skills=(Skill(SkillId("child")),)),
    replace(person("reza", "qom"), skills=(Skill(SkillId("arabic")),)),
    person("far", "markazi-arak"),
)
BOOK = DutyBook(
    roster=(
        entry("ali", 0, 30, "qom-qom"),
        entry("sara", 40, 60.5, "qom-qom"),
        entry("ali", 60.5, 100, "qom-qom"),
        entry("sara", 20, 50, "qom-kahak"),
        entry("mina", 90, 200, "qom-kahak"),
        entry("reza", 0, 10, "qom"),
        entry("reza", 150, 160, "qom"),
        entry("mina", 120, 130, "qom-qom", DutyKind.ON_CALL),
        entry("far", 0, 300, "markazi-arak"),
    ),
    closures=(
        closure(26, 45, ClosureKind.EVACUATED, "qom-qom"),
        closure(35, 48, ClosureKind.SHORT_STAFFED, "qom-kahak"),
        closure(62, 70, ClosureKind.NO_STAFF, "qom-kahak"),
        closure(500, 501, ClosureKind.LINK_LOST, "qom-kahak"),
    ),
)
START = hour(0)
Cell = tuple[GapKind, CountyId | None, CategoryId, datetime]


def by_the_router(
    rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook, spans: Iterable[Span]
) -> Iterator[Cell]:
    """Every kind of call at half past every hour, asked one by one."""
    categories = [None, *(item for item in rules.categories if item.enabled)]
    unmet = unmet_skills(rules, people)
    for span in spans:
        for at in half_past(span):
            duty = duty_at(people, at, book)
            for where, category in product((None, *rules.counties), categories):
                name = category.id if category else CategoryId("unknown")
                facts = CallFacts(
                    province=rules.id, county=where.id if where else None, category=name
                )
                route = plan(rules, duty, facts, at)
                expected = {who for step in route.steps for who in step.on_duty}
                needs = needs_of(where, category)
                if not expected:
                    yield GapKind.NOBODY, facts.county, name, at
                elif unmet.keys().isdisjoint(needs) and _none_fit(route, expected, needs):
                    yield GapKind.NOBODY_SKILLED, facts.county, name, at


def _none_fit(route: RoutePlan, expected: set[CounsellorId], needs: tuple[SkillNeed, ...]) -> bool:
    return bool(needs) and expected.isdisjoint(route.skilled)


def half_past(span: Span) -> Iterator[datetime]:
    at = span.from_at + (HALF - (span.from_at - START)) % STEP
    while at < span.until_at:
        yield at
        at += STEP


def cells(gaps: Iterable[Gap]) -> Iterator[Cell]:
    """What of the gaps the router is asked for."""
    for gap in gaps:
        for where, category, span in product(gap.counties, gap.categories, gap.spans):
            yield from ((gap.kind, where, category, at) for at in half_past(span))


@pytest.mark.parametrize(
    ("steps", "people", "book"),
    [
        (NEAR, PEOPLE, BOOK),
        (WHOLE, PEOPLE, BOOK),
        ([*NEAR, {"ring": "desks", "desks": ["markazi-arak"]}], PEOPLE, BOOK),
        ([*NEAR[:1], {"ring": "on_call"}], PEOPLE, BOOK),
        (WHOLE, PEOPLE[1:], BOOK),
        (NEAR, PEOPLE[:2], NO_BOOK),
    ],
)
def test_the_gaps_are_those_of_the_router(
    steps: list[dict[str, Any]], people: tuple[Counsellor, ...], book: DutyBook
) -> None:
    rules = world(steps)
    ours = replace(book, roster=tuple(one for one in book.roster if one.desk != "markazi-arak"))
    spans = tuple(occasions(rules, ours if steps[-1]["ring"] != "desks" else book, START))
    found = list(cells(coverage(rules, people, book, START)))
    assert len(found) == len(set(found))
    assert set(found) == set(by_the_router(rules, people, book, spans))


def test_central_answering_too() -> None:
    rules = world(WHOLE).model_copy(update={"answering": "central"})
    rules = ProvinceRules.model_validate(rules.model_dump(mode="json", warnings=False))
    spans = occasions(rules, BOOK.of_desks(rules.all_desks), START)
    found = set(cells(coverage(rules, PEOPLE, BOOK, START)))
    assert found == set(by_the_router(rules, PEOPLE, BOOK, spans))


def test_a_gap_is_exact_to_the_minute_and_joined() -> None:
    rules = rules_with()
    book = DutyBook(roster=(entry("ali", 0, 24, "qom-qom"), entry("ali", 24.1, 500, "qom-qom")))
    [gap] = coverage(rules, [person("ali", "qom-qom")], book, START)
    assert gap == Gap(
        kind=GapKind.NOBODY,
        counties=(None, *(item.id for item in rules.counties)),
        categories=(CategoryId("unknown"), CategoryId("divorce")),
        spans=(Span(hour(24), hour(24.1)),),
        always=False,
    )


def test_exceptions_are_looked_at_long_before() -> None:
    late = closure(2000, 2001, ClosureKind.EVACUATED, "qom-qom")
    [gap] = coverage(QOM, [person("ali", "qom-qom")], DutyBook(closures=(late,)), START)
    assert gap.spans == (Span(hour(2000), hour(2001)),)


def test_after_its_last_day_a_roster_is_looked_at_once_more() -> None:
    """Whoever helped out from another desk is not expected any more, and nobody belongs here."""
    rules = rules_with(counties=[county("qom"), county("kahak"), county("jafarabad")])
    helper = person("ali", "markazi-arak")
    book = DutyBook(roster=(entry("ali", 0, 400, "qom-qom"),))
    [gap] = coverage(rules, [helper], book, START)
    assert gap.spans == (Span(hour(400), hour(424)),)


# --------------------------------------------------------------------------- as told


def told(rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook) -> list[str]:
    label = {Severity.ERROR: "", Severity.WARNING: "warning: "}
    return [
        label[item.severity] + item.message
        for item in coverage_problems(rules, people, book, START)
    ]


NOBODY = (
    "nobody to ring. Such a caller waits while phones ring at desks where nobody should be. Put "
    "somebody on duty or on call for that time, or name another province's desk as a last step."
)
UNSKILLED = "Such a caller is answered by somebody without it. Put somebody on duty who has it."
WHICH = "which one counts. Change or remove one."
ALI, SARA = person("ali", "qom-qom"), person("sara", "qom-qom")


def roster(*duties: tuple[str, float, float]) -> DutyBook:
    return DutyBook(roster=tuple(entry(*duty, "qom-qom") for duty in duties))


def test_nobody_at_night() -> None:
    nights = roster(*(("ali", 24 * day + 7, 24 * day + 21) for day in range(-1, 9)))
    assert told(QOM, [ALI], nights) == [
        "all callers of qom, whatever it is about: Saturday 1405/08/30 00:00–07:00, 6 times "
        "21:00–07:00, first on Saturday 1405/08/30, Friday 1405/09/06 21:00–00:00: " + NOBODY
    ]


def test_one_night() -> None:
    book = roster(("ali", 0, 141), ("ali", 151, 400))
    [found] = coverage_problems(QOM, [ALI], book, START)
    assert found.message == (
        "all callers of qom, whatever it is about: Thursday 1405/09/05 21:00–07:00: " + NOBODY
    )
    assert (found.path, found.severity) == (("counties",), Severity.ERROR)


def test_some_counties_and_categories_alone() -> None:
    rules = world([{"ring": "own"}, {"ring": "supporting"}])
    book = DutyBook(closures=(closure(24, 80, ClosureKind.EVACUATED, "qom-qom"),))
    found = coverage_problems(rules, [ALI, person("mina", "qom-kahak")], book, START)
    assert [item.path for item in found[:3]] == [("counties",), ("counties",), ("counties", 1)]
    texts = [item.message for item in found]
    assert texts[0].startswith(
        "callers of no known county, whatever it is about: at any time: nobody to ring"
    )
    assert texts[2].startswith(
        "qom-kahak, whatever it is about: Saturday 1405/08/30 00:00–08:00, Saturday 1405/08/30 "
        "14:10–08:00, Sunday 1405/09/01 14:10 – Saturday 1405/09/07 00:00, Thursday 1405/09/12 "
        "00:00 – Saturday 1405/09/14 00:00 and 2 other times: nobody to ring"
    )
    assert texts[3].startswith("qom-qom, qom-jafarabad, no subject chosen, divorce, abuse: Sunday")


def test_skills_that_are_missing_at_some_hours() -> None:
    found = told(world(WHOLE), (PEOPLE[0], SARA), roster(("ali", 0, 100), ("sara", 100, 300)))
    times = (
        "Wednesday 1405/09/04 04:00 – Saturday 1405/09/07 00:00, Thursday 1405/09/12 00:00–12:00"
    )
    assert found[:3] == [
        (
            f"warning: callers of no known county, qom-qom, qom-kahak, abuse: {times}: nobody on "
            f"duty has child. {UNSKILLED}"
        ),
        (
            f"warning: qom-jafarabad, no subject chosen, divorce, grave: {times}: nobody on duty "
            f"has arabic. {UNSKILLED}"
        ),
        f"warning: qom-jafarabad, abuse: {times}: nobody on duty has child and arabic. {UNSKILLED}",
    ]


@pytest.mark.parametrize(
    ("rules", "people", "book", "message"),
    [
        (
            QOM,
            [person("far", "markazi-arak")],
            NO_BOOK,
            (
                "nobody belongs to any desk of qom: its callers would wait for ever. Give the "
                "desks their people, then check again."
            ),
        ),
        (
            world(WHOLE),
            [ALI, person("mina", "qom-kahak")],
            NO_BOOK,
            (
                "warning: nobody at the desks has child, arabic: callers of abuse, qom-jafarabad "
                "are answered by whoever is there. Enter who has it, or take it from the rules."
            ),
        ),
        (
            rules_with(counties=[county("qom"), county("kahak"), county("jafarabad")]),
            [ALI, person("mina", "qom-kahak")],
            NO_BOOK,
            (
                "warning: nobody belongs to the desk qom-jafarabad, so its callers go on to the "
                "next step at once. Give it its people, or say that it does not answer yet."
            ),
        ),
        (
            rules_with(steps=[{"ring": "own"}, {"ring": "provincial"}, {"ring": "province"}]),
            [ALI],
            NO_BOOK,
            (
                "warning: nobody belongs to the provincial desk qom, so the step adds nobody for "
                "any caller. Give it its people, or remove the step."
            ),
        ),
        (
            rules_with(steps=[{"ring": "province"}, {"ring": "desks", "desks": ["tehran"]}]),
            [ALI],
            NO_BOOK,
            (
                "warning: nobody belongs to the desk tehran, so the step rings nobody there. Give "
                "it its people, or name another."
            ),
        ),
        (
            rules_with(steps=[{"ring": "province"}, {"ring": "on_call"}]),
            [ALI],
            roster(("ali", 0, 1000)),
            (
                "warning: from now on nobody is on call, so the step adds nobody for any caller. "
                "Put somebody on call, or remove the step."
            ),
        ),
        (
            QOM,
            [ALI],
            roster(("ali", 0, 100)),
            (
                "warning: the roster of qom-qom ends on 1405/09/04 04:00: from then on everybody "
                "of the desk counts as expected, and callers are kept for people who may not be "
                "there. Write the next week."
            ),
        ),
        (
            QOM,
            [ALI],
            roster(("ali", -100, -10)),
            (
                "warning: the roster of qom-qom ended on 1405/08/29 14:00: from then on everybody "
                "of the desk counts as expected, and callers are kept for people who may not be "
                "there. Write the next week."
            ),
        ),
    ],
)
def test_what_is_of_no_use(
    rules: ProvinceRules, people: list[Counsellor], book: DutyBook, message: str
) -> None:
    assert told(rules, people, book) == [message]


def test_before_publishing_everything_is_looked_at() -> None:
    catalogue = load_catalogue(PROJECT / "prompts" / "fa").prompts.keys()
    menus = QOM.model_dump(mode="json")["menus"]
    menus["category_choices"][0]["prompt"] = "choice-new"
    menus["county_pages"][0][1]["key"] = "1"
    rules, book = rules_with(menus=menus), roster(("ali", 0, 1), ("ali", 2, 500))
    found = publish_findings(rules, [ALI], book, START, catalogue)
    lacking = "county-qom-jafarabad, county-qom-kahak, county-qom-qom, topic-new"
    assert [(item.field, item.message.split(":")[0]) for item in errors_of(found)] == [
        ("menus.county_pages[1][2].key", f"'1' is there twice, so it is open {WHICH}"),
        ("menus.category_choices[1].prompt", "the catalogue lacks choice-new"),
        ("menus", f"the catalogue lacks {lacking}"),
        ("counties", "all callers of qom, whatever it is about"),
    ]
