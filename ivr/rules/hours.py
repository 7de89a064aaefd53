"""When a centre's desk answers: weekly timetables, official holidays and dated exceptions.

Hours are Tehran's (+03:30 all year since 2022). What counts for a day is its exception, else the
holiday's hours, else the week's. An opening belongs to the day on which it starts: one that begins
on the eve of a holiday goes on past midnight as written, and one that begins on a holiday goes on
past its end. Closures (evacuated, no staff) are duty, not hours: see `ivr.duty`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, NamedTuple

from persiantools.jdatetime import JalaliDate
from pydantic import BeforeValidator, Field, PlainSerializer

from ivr.calendar import TEHRAN
from ivr.rules.fields import Hour, Id, JalaliText, Name, Record

CALENDAR_ALARM_DAYS = 30  # how long before its end somebody is asked for the next year
NEXT_CHANGE_WITHIN = timedelta(days=14)

_DAY = timedelta(days=1)
_MINUTES_A_DAY = 24 * 60


class Weekday(StrEnum):
    """The days as Iran's week has them: Saturday first, Friday the day of rest."""

    SATURDAY = "saturday"
    SUNDAY = "sunday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"


WEEK = tuple(Weekday)


def weekday(day: date) -> Weekday:
    return WEEK[(day.weekday() + 2) % 7]  # Python counts from Monday


def gregorian(jalali: str) -> date | None:
    """The Gregorian day of a Jalali one written as 1405-12-29; None where there is no such day."""
    year, month, day = (int(part) for part in jalali.split("-"))
    try:
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    except ValueError:
        return None


class Span(Record):
    """From `starts` up to, but not including, `ends`; the same hour twice is a whole day."""

    starts: Hour = Field(description="the hour in Tehran from which callers are answered")
    ends: Hour = Field(
        description="the hour in Tehran at which it ends; the next day's if it is not later"
    )

    @cached_property
    def minutes(self) -> tuple[int, int]:
        """Both in minutes after the midnight before it starts; the end may lie in the next day."""
        starts, ends = (_minute(hour) for hour in (self.starts, self.ends))
        return starts, ends if ends > starts else ends + _MINUTES_A_DAY


def _minute(hour: str) -> int:
    clock = time.fromisoformat(hour)
    return clock.hour * 60 + clock.minute


class Opening(Span):
    days: tuple[Weekday, ...] = Field(
        min_length=1, description="the days of the week on which it starts, saturday to friday"
    )


def _by_name(value: object) -> object:
    """`as_usual` is None and `closed` no opening at all; an empty field is neither."""
    if value == "as_usual":
        return None
    if value == "closed":
        return ()
    if value is None or isinstance(value, str):
        raise ValueError("write as_usual, closed, or a list of openings with starts and ends")
    return value


def _as_named(hours: tuple[Span, ...] | None) -> tuple[Span, ...] | str:
    """Written as it is read, so that stored rules can be read again."""
    return "as_usual" if hours is None else hours


DayHours = Annotated[tuple[Span, ...] | None, BeforeValidator(_by_name), PlainSerializer(_as_named)]
"""The hours of special days: None as on any other day of the week, () closed, else these."""


class DatedException(Record):
    """Days on which a timetable is not as usual; it goes before holidays and the week."""

    day: JalaliText = Field(description="the Jalali day of the exception, such as 1405-12-29")
    until: JalaliText | None = Field(
        None, description="the last Jalali day, where it holds for several in a row"
    )
    openings: DayHours = Field(
        description="as_usual, closed, or the openings of these days, with starts and ends"
    )
    reason: Name = Field(description="why it is not as usual, as people will read it")

    @cached_property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day; None where the calendar has no such day."""
        first, last = gregorian(self.day), gregorian(self.until or self.day)
        return (first, last) if first and last else None

    def holds_on(self, day: date) -> bool:
        return self.days is not None and self.days[0] <= day <= self.days[1]


class Timetable(Record):
    """The hours of a centre's desk: outside them its callers go on to the next step at once."""

    id: Id = Field(description="the name by which centres go by it; it never changes")
    name_fa: Name = Field(description="the label that people read")
    weekly: tuple[Opening, ...] = Field((), description="the openings of an ordinary week")
    on_holidays: DayHours = Field(
        None, description="as_usual, closed, or the openings of an official holiday"
    )
    exceptions: tuple[DatedException, ...] = Field(
        (), description="days on which neither the week nor the holidays count"
    )

    @cached_property
    def _week(self) -> dict[Weekday, tuple[Span, ...]]:
        return {day: tuple(item for item in self.weekly if day in item.days) for day in WEEK}

    def usually_on(self, day: date) -> tuple[Span, ...]:
        """The openings of the week that start on `day`."""
        return self._week[weekday(day)]

    def exception_on(self, day: date) -> DatedException | None:
        return next((item for item in self.exceptions if item.holds_on(day)), None)


class HolidayKind(StrEnum):
    JALALI = "jalali"  # fixed by law to a day of the Jalali year
    LUNAR = "lunar"  # moves through the year; the moon decides, so it may shift by a day


class Holiday(Record):
    day: JalaliText = Field(description="the Jalali day, such as 1405-11-22")
    name_fa: Name = Field(description="what the day is, as people read it")
    kind: HolidayKind = Field(description="jalali where the day is fixed by law, else lunar")
    proposal: bool = Field(
        False, description="true where the day is only computed and must be confirmed"
    )


class Calendar(Record):
    """The official holidays of Iran, Fridays apart. After `until` nobody has listed any."""

    until: JalaliText | None = Field(
        None, description="the last Jalali day up to which all holidays are listed"
    )
    days: tuple[Holiday, ...] = Field((), description="the official holidays, Fridays apart")

    @cached_property
    def last_day(self) -> date | None:
        return gregorian(self.until) if self.until else None

    @cached_property
    def holidays(self) -> frozenset[date]:
        return frozenset(day for item in self.days if (day := gregorian(item.day)))


class Segment(NamedTuple):
    """[from_at, until_at) in UTC, throughout which a timetable is open or is not."""

    from_at: datetime
    until_at: datetime
    open: bool


def openings_on(timetable: Timetable, calendar: Calendar, day: date) -> tuple[Span, ...]:
    """The openings that start on `day`."""
    exception = timetable.exception_on(day)
    hours: tuple[Span, ...] | None = None
    if exception:
        hours = exception.openings
    elif day in calendar.holidays:
        hours = timetable.on_holidays
    return timetable.usually_on(day) if hours is None else hours


def is_open(timetable: Timetable, calendar: Calendar, at: datetime) -> bool:
    """Whether the timetable is open at the instant `at` (aware)."""
    local = at.astimezone(TEHRAN)
    today, minute = local.date(), local.hour * 60 + local.minute
    return _any_covers(openings_on(timetable, calendar, today), minute) or _any_covers(
        openings_on(timetable, calendar, today - _DAY), minute + _MINUTES_A_DAY
    )


def _any_covers(openings: Iterable[Span], minute: int) -> bool:
    return any(item.minutes[0] <= minute < item.minutes[1] for item in openings)


def next_change_at(timetable: Timetable, calendar: Calendar, after: datetime) -> datetime | None:
    """When the timetable next opens or closes after `after`; None where not within 14 days."""
    ahead = segments(timetable, calendar, after, after + NEXT_CHANGE_WITHIN)
    return ahead[0].until_at if len(ahead) > 1 else None


def segments(
    timetable: Timetable, calendar: Calendar, from_at: datetime, until_at: datetime
) -> tuple[Segment, ...]:
    """All of [from_at, until_at) without gaps, open and shut by turns; () where it is empty."""
    found: list[Segment] = []
    at, end = from_at.astimezone(UTC), until_at.astimezone(UTC)
    for opens_at, shuts_at in _open_spells(timetable, calendar, at, end):
        if opens_at > at:
            found.append(Segment(at, opens_at, open=False))
        found.append(Segment(opens_at, shuts_at, open=True))
        at = shuts_at
    if at < end:
        found.append(Segment(at, end, open=False))
    return tuple(found)


def _open_spells(
    timetable: Timetable, calendar: Calendar, from_at: datetime, until_at: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Openings in order within the bounds; those that touch or overlap are one."""
    opens_at = shuts_at = from_at
    for starts_at, ends_at in sorted(_openings(timetable, calendar, from_at, until_at)):
        if starts_at > shuts_at:
            if shuts_at > opens_at:
                yield opens_at, shuts_at
            opens_at = starts_at
        shuts_at = max(shuts_at, ends_at)
    if shuts_at > opens_at:
        yield opens_at, shuts_at


def _openings(
    timetable: Timetable, calendar: Calendar, from_at: datetime, until_at: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Every opening that touches the bounds, cut to them; the day before may reach into them."""
    day = from_at.astimezone(TEHRAN).date() - _DAY
    last = until_at.astimezone(TEHRAN).date()
    while day <= last:
        midnight = datetime.combine(day, time(), TEHRAN).astimezone(UTC)
        for item in openings_on(timetable, calendar, day):
            starts_at, ends_at = (midnight + timedelta(minutes=minute) for minute in item.minutes)
            if starts_at < until_at and ends_at > from_at:
                yield max(starts_at, from_at), min(ends_at, until_at)
        day += _DAY


def calendar_alarm(calendar: Calendar, today: date) -> int | None:
    """How many days the calendar still covers after `today`, once they are few; else None.

    Negative where it has run out. A calendar without an end covers nothing and alarms nobody: the
    check asks for one where a timetable needs it.
    """
    if calendar.last_day is None:
        return None
    left = (calendar.last_day - today).days
    return left if left <= CALENDAR_ALARM_DAYS else None
