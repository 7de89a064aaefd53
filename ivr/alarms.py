"""Where duty and floor disagree: what a supervisor must see. Pure.

Whoever is logged in without a roster is no alarm: they may be rung. A desk that a closure has taken
away raises none for those who are therefore not there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.duty import ClosureKind, Duty, DutyBook
from ivr.model import CounsellorId, DeskId

LATE_AFTER = timedelta(minutes=5)
RUNS_OUT_WITHIN = timedelta(days=7)
FORGOTTEN_AFTER = timedelta(days=30)  # a desk that has long had no roster does without one


class DutyAlarmCode(StrEnum):
    ABSENT = "absent"  # rostered, and not there since `at`
    DESK_EMPTY = "desk_empty"  # somebody is rostered, and nobody who could answer is there
    NOBODY_ROSTERED = "nobody_rostered"  # the desk has a roster, and nobody is on it now
    ROSTER_RUNS_OUT = "roster_runs_out"  # at `at`; afterwards all of the desk are expected
    ROSTER_RAN_OUT = "roster_ran_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyAlarm:
    """`at`: since when, or of ROSTER_RUNS_OUT, until when the roster reaches."""

    code: DutyAlarmCode
    desk: DeskId
    at: datetime
    counsellor: CounsellorId | None = None


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the floor sees at `at`."""

    at: datetime
    present: frozenset[CounsellorId]
    away_since: Mapping[CounsellorId, datetime]

    def absent_since(self, person: CounsellorId, began_at: datetime) -> datetime:
        """Since when somebody is missed whose duty began at `began_at`."""
        return max(began_at, self.away_since.get(person, began_at))


def alarms(
    book: DutyBook,
    duty: Duty,
    present: frozenset[CounsellorId],
    at: datetime,
    *,
    absent_since: Mapping[CounsellorId, datetime],
) -> tuple[DutyAlarm, ...]:
    """The alarms at `at`, desk by desk; `duty` is the book's page for `at`.

    `present` are those whom the floor could ring or who are in a call; `absent_since` says since
    when others are away, as far as somebody has seen it.
    """
    sight = _Sight(at, present, absent_since)
    found: list[DutyAlarm] = []
    for desk in book.rostered_desks:
        found += running_out(book, desk, at)
        if not _is_gone(duty, desk):
            found += _missing(book, duty, desk, sight)
    return tuple(found)


def running_out(book: DutyBook, desk: DeskId, at: datetime) -> Iterator[DutyAlarm]:
    """Whether the desk's roster ends within a week, or has ended within the last month."""
    span = book.span(desk)
    if span is None or not -FORGOTTEN_AFTER <= span[1] - at <= RUNS_OUT_WITHIN:
        return
    over = span[1] <= at
    code = DutyAlarmCode.ROSTER_RAN_OUT if over else DutyAlarmCode.ROSTER_RUNS_OUT
    yield DutyAlarm(code=code, desk=desk, at=span[1])


def _is_gone(duty: Duty, desk: DeskId) -> bool:
    closure = duty.closures.get(desk)
    return closure is not None and closure.kind is not ClosureKind.SHORT_STAFFED


def _missing(book: DutyBook, duty: Duty, desk: DeskId, seen: _Sight) -> Iterator[DutyAlarm]:
    rostered = book.rostered(desk, seen.at)
    if rostered is None:
        return
    if not rostered:
        since_at = book.empty_since(desk, seen.at)
        yield DutyAlarm(code=DutyAlarmCode.NOBODY_ROSTERED, desk=desk, at=since_at)
        return
    away = {
        person: seen.absent_since(person, book.on_duty_since(person, seen.at))
        for person in rostered
        if person not in seen.present
    }
    of_desk = duty.of_desk(desk)
    if seen.present.isdisjoint((*rostered, *of_desk)):
        others = (seen.away_since[one] for one in of_desk if one in seen.away_since)
        since_at = max((*away.values(), *others))
        yield DutyAlarm(code=DutyAlarmCode.DESK_EMPTY, desk=desk, at=since_at)
    for person, since_at in away.items():
        if seen.at - since_at > LATE_AFTER:
            yield DutyAlarm(code=DutyAlarmCode.ABSENT, desk=desk, counsellor=person, at=since_at)
