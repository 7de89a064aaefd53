"""What the people and their duty leave open for callers, in words: where, when, and the mend.

Nobody to ring is an error; nobody who has what is needed, and what is of no use, are warnings.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.alarms import DutyAlarmCode, running_out
from ivr.calendar import TEHRAN, plain_day, plain_minute
from ivr.coverage import Gap, GapKind, coverage, relevant, unmet_skills
from ivr.coverage_time import Span
from ivr.duty import DutyBook, DutyKind
from ivr.model import UNKNOWN_CATEGORY, Counsellor, DeskId
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.hours import weekday
from ivr.rules.judging import warning
from ivr.rules.routing import Ring, SkillNeed
from ivr.rules.schema import Answering, ProvinceRules

_NAMED = 6  # more names, or times, are counted
_TIMES = 4
_SUBJECTS = {UNKNOWN_CATEGORY: "no subject chosen"}


def coverage_problems(
    rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook, at: datetime
) -> list[Problem]:
    """Everything that people and duty, as they are at `at`, leave open in these rules."""
    theirs, ours = relevant(rules, people, book)
    staff = _Staff(rules, theirs, ours, at)
    if not theirs:
        return [_nobody_at_all(rules)]
    problems = [_gap(rules, gap) for gap in coverage(rules, theirs, ours, at)]
    return problems + [problem for one_check in _CHECKS for problem in one_check(staff)]


def _nobody_at_all(rules: ProvinceRules) -> Problem:
    message = (
        f"nobody belongs to any desk of {rules.id}: its callers would wait for ever. Give the "
        "desks their people, then check again."
    )
    return Problem(path=("id",), message=message)


# ------------------------------------------------------------------------------- gaps


def _gap(rules: ProvinceRules, gap: Gap) -> Problem:
    where, when = f"{_whose(rules, gap)}, {_about(rules, gap)}: {_when(gap)}", _place(rules, gap)
    if gap.kind is GapKind.NOBODY:
        message = (
            f"{where}: nobody to ring. Such a caller waits while phones ring at desks where "
            "nobody should be. Put somebody on duty or on call for that time, or name another "
            "province's desk as a last step."
        )
        return Problem(path=when, message=message)
    message = (
        f"{where}: nobody on duty has {_skills(gap.needs)}. Such a caller is answered by somebody "
        "without it. Put somebody on duty who has it."
    )
    return warning(when, message)


def _whose(rules: ProvinceRules, gap: Gap) -> str:
    if len(gap.counties) > len(rules.counties):
        return f"all callers of {rules.id}"
    return _listed([county or "callers of no known county" for county in gap.counties])


def _about(rules: ProvinceRules, gap: Gap) -> str:
    enabled = sum(category.enabled for category in rules.categories)
    if len(gap.categories) > enabled:
        return "whatever it is about"
    return _listed([_SUBJECTS.get(category, category) for category in gap.categories])


def _place(rules: ProvinceRules, gap: Gap) -> FieldPath:
    """The county's, where it is only one."""
    ids = [county.id for county in rules.counties]
    only = gap.counties[0] if len(gap.counties) == 1 else None
    return ("counties", ids.index(only)) if only else ("counties",)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown


def _skills(needs: Iterable[SkillNeed]) -> str:
    levels = (f" at level {need.level}" if need.level > 1 else "" for need in needs)
    return " and ".join(f"{need.skill}{level}" for need, level in zip(needs, levels, strict=True))


def _when(gap: Gap) -> str:
    """Times that come back day after day are said once."""
    if gap.always:
        return "at any time"
    alike: dict[str, list[Span]] = defaultdict(list)
    for span in gap.spans:
        alike[_clocks(span)].append(span)
    times: list[tuple[datetime, str]] = []
    for clocks, spans in alike.items():
        if len(spans) > 2:
            first = spans[0].from_at
            times.append((first, f"{len(spans)} times {clocks}, first on {_day(first)}"))
        else:
            times += [(span.from_at, _time(span)) for span in spans]
    told = [text for _, text in sorted(times)]
    rest = len(told) - _TIMES
    return ", ".join(told[:_TIMES]) + (f" and {rest} other times" if rest > 0 else "")


def _time(span: Span) -> str:
    """`Friday 1405/09/06 21:00–07:00`; the day of the end only where it is not the next one."""
    if span.until_at - span.from_at <= timedelta(days=1):
        return f"{_day(span.from_at)} {_clocks(span)}"
    until = span.until_at.astimezone(TEHRAN)
    return f"{_day(span.from_at)} {_clocks(span)[:5]} – {_day(span.until_at)} {until:%H:%M}"


def _clocks(span: Span) -> str:
    from_at, until_at = (at.astimezone(TEHRAN) for at in span)
    return f"{from_at:%H:%M}–{until_at:%H:%M}"


def _day(at: datetime) -> str:
    day = at.astimezone(TEHRAN).date()
    return f"{weekday(day).capitalize()} {plain_day(day)}"


# ------------------------------------------------------------------ what is of no use


@dataclass(frozen=True, slots=True)
class _Staff:
    """The people and the duty of the province alone."""

    rules: ProvinceRules
    people: tuple[Counsellor, ...]
    book: DutyBook
    at: datetime

    def may_sit_at(self, desk: DeskId) -> bool:
        """Whether anybody belongs there or is to be there some time."""
        return any(desk in one.desks for one in self.people) or any(
            entry.desk == desk and entry.kind is DutyKind.DESK and entry.until_at > self.at
            for entry in self.book.roster
        )


def _unmet(staff: _Staff) -> Iterator[Problem]:
    """One for all: whoever enters people's skills has them all before them."""
    unmet = unmet_skills(staff.rules, staff.people)
    if not unmet:
        return
    whose = dict.fromkeys(name for names in unmet.values() for name in names)
    message = (
        f"nobody at the desks has {_listed([_skills([need]) for need in unmet])}: callers of "
        f"{_listed(list(whose))} are answered by whoever is there. Enter who has it, or take it "
        "from the rules."
    )
    ids = [item.id for item in staff.rules.skills]
    known = [ids.index(need.skill) for need in unmet if need.skill in ids]
    yield warning(("skills", known[0]) if known else ("categories",), message)


def _empty_desks(staff: _Staff) -> Iterator[Problem]:
    rules = staff.rules
    places: dict[DeskId, FieldPath] = {rules.provincial_desk: ("answering",)}
    if rules.answering is Answering.COUNTY:
        places = {item.desk: ("counties", n, "centre") for n, item in enumerate(rules.counties)}
    for desk in rules.desks:
        if not staff.may_sit_at(desk):
            message = (
                f"nobody belongs to the desk {desk}, so its callers go on to the next step at "
                "once. Give it its people, or say that it does not answer yet."
            )
            yield warning(places[desk], message)


def _steps_without_people(staff: _Staff) -> Iterator[Problem]:
    for index, step in enumerate(staff.rules.steps):
        path: FieldPath = ("steps", index)
        desk = staff.rules.provincial_desk
        if step.ring is Ring.PROVINCIAL and not staff.may_sit_at(desk):
            message = (
                f"nobody belongs to the provincial desk {desk}, so the step adds nobody for any "
                "caller. Give it its people, or remove the step."
            )
            yield warning((*path, "ring"), message)
        for number, other in enumerate(step.desks):
            if not staff.may_sit_at(other):
                message = (
                    f"nobody belongs to the desk {other}, so the step rings nobody there. Give it "
                    "its people, or name another."
                )
                yield warning((*path, "desks", number), message)
        if step.ring is Ring.ON_CALL and staff.book.roster and not _anybody_on_call(staff):
            message = (
                "from now on nobody is on call, so the step adds nobody for any caller. Put "
                "somebody on call, or remove the step."
            )
            yield warning((*path, "ring"), message)


def _anybody_on_call(staff: _Staff) -> bool:
    return any(
        entry.kind is DutyKind.ON_CALL and entry.until_at > staff.at for entry in staff.book.roster
    )


def _rosters_that_end(staff: _Staff) -> Iterator[Problem]:
    ids: dict[str, int] = {county.id: n for n, county in enumerate(staff.rules.counties)}
    for desk in staff.book.rostered_desks:
        for alarm in running_out(staff.book, desk, staff.at):
            over = alarm.code is DutyAlarmCode.ROSTER_RAN_OUT
            message = (
                f"the roster of {desk} {'ended' if over else 'ends'} on {plain_minute(alarm.at)}: "
                "from then on everybody of the desk counts as expected, and callers are kept for "
                "people who may not be there. Write the next week."
            )
            yield warning(("counties", ids[desk]) if desk in ids else ("id",), message)


_CHECKS: tuple[Callable[[_Staff], Iterator[Problem]], ...] = (
    _unmet,
    _empty_desks,
    _steps_without_people,
    _rosters_that_end,
)
