"""What people still owe, by the records: the alarms that follow from it. Pure.

One alarm with a number for each place, never one for each call; what each means stands in
docs/floor.md.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ivr.calendar import TEHRAN
from ivr.model import DeskId, ProvinceId
from ivr.notices import Alarm, AlarmCode
from ivr.rules.schema import ProvinceRules
from ivr.rules.units import Shifts
from ivr.visits import WARNED_BEFORE
from ivr.webhooks import Untaken

UNTAKEN_FOR = timedelta(hours=1)  # a receiver that is started again is nobody's trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStay:
    """Somebody stays in the centre, until then at the latest."""

    centre: str
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFollowUp:
    """`desk` None: of the whole province."""

    province: ProvinceId
    desk: DeskId | None
    expected_back: bool
    due_at: datetime
    taken_at: datetime | None = None  # over, last


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedOutcomes:
    """How many calls of the desk stand on the supervisor's list; the oldest talk ended then."""

    province: ProvinceId
    desk: DeskId | None
    count: int
    since_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionState:
    """When a run last ended well (None: never), and what the newest one failed of ("": of nothing).

    It is to run within so many days.
    """

    done_at: datetime | None
    error: str
    within: timedelta
    asked_since_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """All of it; `retention` is None where it is not set up to run by itself."""

    stays: tuple[OpenStay, ...] = ()
    follow_ups: tuple[OpenFollowUp, ...] = ()
    outcomes: tuple[OwedOutcomes, ...] = ()
    untaken: tuple[Untaken, ...] = ()
    retention: RetentionState | None = None


def owed_alarms(owed: Owed, rules: Iterable[ProvinceRules], at: datetime) -> tuple[Alarm, ...]:
    shifts = {one.id: one.shifts for one in rules}
    return (
        *_of_stays(owed.stays, at),
        *_of_follow_ups(owed.follow_ups, shifts, at),
        *map(_of_outcomes, owed.outcomes),
        *(_of_webhook(one) for one in owed.untaken if _is_failing(one, at)),
        *_of_retention(owed.retention, at),
    )


def _of_stays(stays: Iterable[OpenStay], at: datetime) -> Iterator[Alarm]:
    """For each centre those that are over, and those that soon will be."""
    over, soon = defaultdict[str, list[datetime]](list), defaultdict[str, list[datetime]](list)
    for stay in stays:
        if stay.until_at <= at:
            over[stay.centre].append(stay.until_at)
        elif stay.until_at - WARNED_BEFORE <= at:
            soon[stay.centre].append(stay.until_at)
    for centre, ends in over.items():
        code, count = AlarmCode.STAYS_OVER, len(ends)
        yield Alarm(code=code, subject=centre, since_at=min(ends), count=count)
    for centre, ends in soon.items():
        first_at = min(ends)
        yield Alarm(
            code=AlarmCode.STAYS_END,
            subject=centre,
            since_at=first_at - WARNED_BEFORE,
            due_at=first_at,
            count=len(ends),
        )


def _of_follow_ups(
    follow_ups: Iterable[OpenFollowUp],
    shifts: Mapping[ProvinceId, Shifts | None],
    at: datetime,
) -> Iterator[Alarm]:
    late = defaultdict[tuple[AlarmCode, ProvinceId, DeskId | None], list[datetime]](list)
    for one in follow_ups:
        late_at = _late_at(one, shifts.get(one.province))
        if late_at <= at:
            back = one.expected_back
            code = AlarmCode.CALLERS_NOT_BACK if back else AlarmCode.FOLLOW_UPS_LATE
            late[code, one.province, one.desk].append(late_at)
    for (code, province, desk), instants in late.items():
        yield Alarm(
            code=code, subject=province, desk=desk, since_at=min(instants), count=len(instants)
        )


def _late_at(one: OpenFollowUp, shifts: Shifts | None) -> datetime:
    """Whoever took it over has it until the end of their own shift."""
    late_at = left_over_at(one.due_at, shifts)
    if one.taken_at is None:
        return late_at
    hour = one.taken_at.replace(microsecond=1)  # a time of day, never a whole day
    return max(late_at, left_over_at(hour, shifts))


def left_over_at(due_at: datetime, shifts: Shifts | None) -> datetime:
    """When the shift in which something fell due has ended: whoever comes then takes it over.

    What is due on a day, at no hour, is due at the day's end. Without the hours of shifts a day is
    one shift.
    """
    local = due_at.astimezone(TEHRAN)
    if local.time() == time():
        local += timedelta(days=1)
    days = (local.date() + timedelta(days=days) for days in (0, 1))
    changes = [datetime.combine(day, clock, TEHRAN) for day in days for clock in _changes(shifts)]
    return min(change for change in changes if change > local)


def _changes(shifts: Shifts | None) -> Collection[time]:
    if shifts is None:
        return (time(),)
    hours = (shifts.morning, shifts.evening, shifts.night)
    return sorted({time.fromisoformat(one.starts) for one in hours})


def _of_outcomes(owed: OwedOutcomes) -> Alarm:
    return Alarm(
        code=AlarmCode.OUTCOMES_OWED,
        subject=owed.province,
        desk=owed.desk,
        since_at=owed.since_at,
        count=owed.count,
    )


def _is_failing(untaken: Untaken, at: datetime) -> bool:
    return untaken.given_up > 0 or untaken.since_at + UNTAKEN_FOR <= at


def _of_webhook(untaken: Untaken) -> Alarm:
    return Alarm(
        code=AlarmCode.WEBHOOK_FAILS,
        subject=str(untaken.webhook),
        since_at=untaken.since_at,
        count=untaken.count,
        detail=untaken.error,
    )


def _of_retention(state: RetentionState | None, at: datetime) -> Iterator[Alarm]:
    if state is None or (state.done_at is not None and state.done_at + state.within > at):
        return
    since_at = state.done_at + state.within if state.done_at else state.asked_since_at
    yield Alarm(code=AlarmCode.RETENTION_LATE, subject="", since_at=since_at, detail=state.error)
