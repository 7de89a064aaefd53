"""Every alarm that stands at an instant beside the floor's own: of duty, calendars and rules. Pure.

What each one means for callers stands in docs/floor.md.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from ivr.alarms import RUNS_OUT_WITHIN, DutyAlarm, DutyAlarmCode
from ivr.alarms import alarms as duty_alarms
from ivr.calendar import TEHRAN
from ivr.duty import Duty
from ivr.floor_view import Attendance
from ivr.in_force import InForce
from ivr.notices import Alarm, AlarmCode, ClosedDesk
from ivr.rules.hours import CALENDAR_ALARM_DAYS, calendar_alarm
from ivr.rules.schema import ProvinceRules

_SEEN_ON_THE_FLOOR = (DutyAlarmCode.ABSENT, DutyAlarmCode.DESK_EMPTY)
_NOBODY = Attendance(present=frozenset(), away_since={})


def standing_alarms(
    in_force: InForce, duty: Duty, attendance: Attendance | None, at: datetime
) -> tuple[Alarm, ...]:
    """The alarms at `at`; `duty` is the page of the book for it.

    `attendance` is None as long as nobody has looked who is there: then nobody is missed.
    """
    return (
        *_of_duty(in_force, duty, attendance, at),
        *(alarm for rules in in_force.rules for alarm in _of_calendar(rules, at)),
        *_of_reviews(in_force),
        *_of_broken_glass(in_force, at),
    )


def closed_desks(duty: Duty) -> tuple[ClosedDesk, ...]:
    """By the name of the desk."""
    return tuple(
        ClosedDesk(desk=desk, kind=closure.kind, from_at=closure.from_at, until_at=closure.until_at)
        for desk, closure in sorted(duty.closures.items())
    )


def _of_duty(
    in_force: InForce, duty: Duty, attendance: Attendance | None, at: datetime
) -> Iterator[Alarm]:
    seen = attendance or _NOBODY
    found = duty_alarms(in_force.book, duty, seen.present, at, absent_since=seen.away_since)
    for alarm in found:
        if attendance is not None or alarm.code not in _SEEN_ON_THE_FLOOR:
            yield _as_alarm(alarm)


def _as_alarm(alarm: DutyAlarm) -> Alarm:
    code = AlarmCode(alarm.code)
    if alarm.counsellor is not None:
        return Alarm(code=code, subject=alarm.counsellor, desk=alarm.desk, since_at=alarm.at)
    if code is AlarmCode.ROSTER_RUNS_OUT:
        since_at = alarm.at - RUNS_OUT_WITHIN
        return Alarm(code=code, subject=alarm.desk, since_at=since_at, due_at=alarm.at)
    return Alarm(code=code, subject=alarm.desk, since_at=alarm.at)


def _of_calendar(rules: ProvinceRules, at: datetime) -> Iterator[Alarm]:
    """Its last day counts to the end."""
    last_day = rules.calendar.last_day
    if last_day is None or calendar_alarm(rules.calendar, at.astimezone(TEHRAN).date()) is None:
        return
    ends_at = datetime.combine(last_day + timedelta(days=1), time(), TEHRAN)
    if ends_at <= at:
        yield Alarm(code=AlarmCode.CALENDAR_RAN_OUT, subject=rules.id, since_at=ends_at)
    else:
        since_at = ends_at - timedelta(days=CALENDAR_ALARM_DAYS + 1)
        yield Alarm(
            code=AlarmCode.CALENDAR_RUNS_OUT, subject=rules.id, since_at=since_at, due_at=ends_at
        )


def _of_reviews(in_force: InForce) -> Iterator[Alarm]:
    """One for each province, since the first publishing that nobody else has looked at."""
    first: dict[str, datetime] = {}
    for version in in_force.to_be_reviewed:
        if version.published_at is not None:
            earliest = first.get(version.province, version.published_at)
            first[version.province] = min(earliest, version.published_at)
    for province, since_at in first.items():
        yield Alarm(code=AlarmCode.NOT_REVIEWED, subject=province, since_at=since_at)


def _of_broken_glass(in_force: InForce, at: datetime) -> Iterator[Alarm]:
    """One for each person, since the first time that nobody else has looked at."""
    first = {broken.person: broken for broken in reversed(in_force.broken_glass)}
    for person, broken in first.items():
        until_at = broken.holds(in_force.people, at)
        code = AlarmCode.GLASS_BROKEN if until_at else AlarmCode.ACCOUNT_NOT_REVIEWED
        yield Alarm(code=code, subject=person, since_at=broken.at, due_at=until_at)
