"""When nobody would be rung: every kind of call at every instant of the time ahead. Pure.

A call's plan changes only where duty or a centre's hours do, so the stretches between such changes
are looked at instead of each quarter-hour. Whom its circles reach depends on its county and the
level of centre it needs, and of duty only on `_Situation`; calls that reach the same people and
need the same skills are one. The tests compare all of it with the router, minute by minute.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from ivr.circles import Seen, circles
from ivr.coverage_time import Span, occasions, stretches
from ivr.duty import Duty, DutyBook, duty_at
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallFacts,
    CategoryId,
    Counsellor,
    CounsellorId,
    CountyId,
    DeskId,
)
from ivr.router import needs_of, out_of_hours, with_skills
from ivr.rules.routing import SkillNeed
from ivr.rules.schema import Category, County, ProvinceRules


class GapKind(StrEnum):
    NOBODY = "nobody"  # nobody is expected in the whole plan
    NOBODY_SKILLED = "nobody_skilled"  # somebody is, and none of them has what is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Calls for which nobody is expected, and when.

    `counties`: None among them stands for callers whose county is not known. `always`: the spans
    are all of the time that was looked at.
    """

    kind: GapKind
    counties: tuple[CountyId | None, ...]
    categories: tuple[CategoryId, ...]
    spans: tuple[Span, ...]
    always: bool
    needs: tuple[SkillNeed, ...] = ()


def coverage(
    rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook, from_at: datetime
) -> tuple[Gap, ...]:
    """All gaps of the week from `from_at` (aware) on and of the exceptions within a year.

    Exceptions are days with hours of their own, closures, and the day after a roster's end. A need
    that none of the people meets is no gap: see `unmet_skills`.
    """
    theirs, ours = relevant(rules, people, book)
    looked_at = tuple(occasions(rules, ours, from_at))
    survey = _Survey(rules, theirs, ours)
    for stretch in stretches(rules, ours, looked_at):
        survey.look_at(stretch)
    return tuple(survey.gaps(looked_at))


def relevant(
    rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook
) -> tuple[tuple[Counsellor, ...], DutyBook]:
    """The people and the duty that calls of this province could ever meet."""
    desks = desks_of(rules)
    ours = book.of_desks(desks)
    rostered = {entry.counsellor for entry in ours.roster}
    theirs = (one for one in people if one.id in rostered or not desks.isdisjoint(one.desks))
    return tuple(theirs), ours


def desks_of(rules: ProvinceRules) -> frozenset[DeskId]:
    """Every desk that these rules may ring."""
    named = chain.from_iterable(step.desks for step in rules.steps)
    return frozenset((*rules.all_desks, *named))


def unmet_skills(
    rules: ProvinceRules, people: Iterable[Counsellor]
) -> dict[SkillNeed, tuple[str, ...]]:
    """The needs that none of the people meets, with the categories and counties that have them."""
    held: dict[str, int] = {}
    for skill in chain.from_iterable(one.skills for one in people):
        held[skill.id] = max(skill.level, held.get(skill.id, 0))
    found: dict[SkillNeed, list[str]] = defaultdict(list)
    for category in rules.categories:
        for need in category.skills if category.enabled else ():
            found[need].append(category.id)
    for county in rules.counties:
        for language in county.languages:
            found[SkillNeed(skill=language)].append(county.id)
    return {
        need: tuple(whose) for need, whose in found.items() if held.get(need.skill, 0) < need.level
    }


# ------------------------------------------------------------------- who would be rung


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """Calls that are alike: of one county, with the same needs."""

    county: County | None
    categories: tuple[CategoryId, ...]
    category: Category | None  # one of them, for the level of centre
    needs: tuple[SkillNeed, ...]


class _Reach(NamedTuple):
    """All whom a plan could ring: who is expected at the desks, and people on call."""

    desks: frozenset[DeskId]
    people: frozenset[CounsellorId]


class _Situation(NamedTuple):
    """All of duty and hours that decides which desks and people on call the circles have."""

    closed: frozenset[tuple[DeskId, str]]
    out_of_hours: frozenset[DeskId]
    staffed: frozenset[DeskId]
    on_call: frozenset[tuple[DeskId, tuple[CounsellorId, ...]]]


_Alike = Mapping[tuple[_Reach, tuple[SkillNeed, ...]], tuple[_Kind, ...]]


class _Survey:
    """Looks at stretch after stretch and keeps who would have met nobody."""

    def __init__(
        self, rules: ProvinceRules, people: tuple[Counsellor, ...], book: DutyBook
    ) -> None:
        self._rules, self._people, self._book = rules, people, book
        self._kinds = tuple(_kinds(rules))
        self._unmet = unmet_skills(rules, people)
        self._alike: dict[_Situation, _Alike] = {}
        self._found: dict[tuple[GapKind, _Kind], list[Span]] = defaultdict(list)
        self._holders: dict[tuple[SkillNeed, ...], frozenset[CounsellorId]] = {}

    def look_at(self, stretch: Span) -> None:
        duty = duty_at(self._people, stretch.from_at, self._book)
        expected = {desk: frozenset(names) for desk, names in duty.expected.items() if names}
        for (reach, needs), kinds in self._calls_alike(duty, stretch.from_at).items():
            names = [expected[desk] for desk in reach.desks if desk in expected]
            if not names and not reach.people:
                self._add(GapKind.NOBODY, kinds, stretch)
            elif needs and self._unmet.keys().isdisjoint(needs):
                holders = self._who_has(needs, duty)
                if all(holders.isdisjoint(some) for some in (*names, reach.people)):
                    self._add(GapKind.NOBODY_SKILLED, kinds, stretch)

    def _calls_alike(self, duty: Duty, at: datetime) -> _Alike:
        closed = out_of_hours(self._rules, at)
        situation = _Situation(
            closed=frozenset((desk, closure.kind) for desk, closure in duty.closures.items()),
            out_of_hours=closed,
            staffed=frozenset(desk for desk in self._rules.all_desks if duty.of_desk(desk)),
            on_call=frozenset(duty.on_call.items()),
        )
        if situation not in self._alike:
            self._alike[situation] = self._group(duty, closed)
        return self._alike[situation]

    def _group(self, duty: Duty, closed: frozenset[DeskId]) -> _Alike:
        reaches: dict[tuple[CountyId | None, int | None], _Reach] = {}
        found: dict[tuple[_Reach, tuple[SkillNeed, ...]], list[_Kind]] = defaultdict(list)
        for kind in self._kinds:
            key = (
                kind.county.id if kind.county else None,
                kind.category.centre_level if kind.category else None,
            )
            if key not in reaches:
                facts = CallFacts(province=self._rules.id, county=key[0])
                seen = Seen(self._rules, duty, facts, kind.county, kind.category, closed)
                reaches[key] = _reach(seen)
            found[reaches[key], kind.needs].append(kind)
        return {key: tuple(kinds) for key, kinds in found.items()}

    def _who_has(self, needs: tuple[SkillNeed, ...], duty: Duty) -> frozenset[CounsellorId]:
        if needs not in self._holders:
            names = (one.id for one in self._people)
            self._holders[needs] = frozenset(with_skills(duty, names, needs))
        return self._holders[needs]

    def _add(self, gap: GapKind, kinds: Iterable[_Kind], stretch: Span) -> None:
        for kind in kinds:
            spans = self._found[gap, kind]
            if spans and spans[-1].until_at == stretch.from_at:
                spans[-1] = Span(spans[-1].from_at, stretch.until_at)
            else:
                spans.append(stretch)

    def gaps(self, looked_at: tuple[Span, ...]) -> Iterator[Gap]:
        """What was found, calls with the same spans joined: categories first, then counties."""
        categories: dict[tuple[_What, CountyId | None], list[CategoryId]] = defaultdict(list)
        for (gap, kind), spans in self._found.items():
            needs = kind.needs if gap is GapKind.NOBODY_SKILLED else ()
            county = kind.county.id if kind.county else None
            categories[_What(gap, needs, tuple(spans)), county] += kind.categories
        counties: dict[tuple[_What, tuple[CategoryId, ...]], list[CountyId | None]]
        counties = defaultdict(list)
        for (what, county), names in categories.items():
            counties[what, tuple(names)].append(county)
        for (what, about), places in counties.items():
            yield Gap(
                kind=what.kind,
                counties=tuple(places),
                categories=about,
                spans=what.spans,
                always=what.spans == looked_at,
                needs=what.needs,
            )


class _What(NamedTuple):
    kind: GapKind
    needs: tuple[SkillNeed, ...]
    spans: tuple[Span, ...]


def _kinds(rules: ProvinceRules) -> Iterator[_Kind]:
    enabled: tuple[Category | None, ...] = (
        None,
        *(item for item in rules.categories if item.enabled),
    )
    for county in (None, *rules.counties):
        alike: dict[tuple[tuple[SkillNeed, ...], int | None], list[Category | None]]
        alike = defaultdict(list)
        for category in enabled:
            level = category.centre_level if category else None
            alike[needs_of(county, category), level].append(category)
        for (needs, _), categories in alike.items():
            names = tuple(item.id if item else UNKNOWN_CATEGORY for item in categories)
            yield _Kind(county, names, categories[0], needs)


def _reach(seen: Seen) -> _Reach:
    found = tuple(circles(seen))
    return _Reach(
        frozenset(chain.from_iterable(circle.desks for circle in found)),
        frozenset(chain.from_iterable(circle.people for circle in found)),
    )
