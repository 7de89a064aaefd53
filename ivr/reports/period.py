"""Periods of reports: whole days in Tehran, from the first instant to the last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from persiantools.jdatetime import JalaliDate

from ivr.calendar import TEHRAN, plain_day
from ivr.errors import BadInput
from ivr.jalali import in_tehran, parse_day

_DAY = timedelta(days=1)
_MONTHS = 12
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2300, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def from_at(self) -> datetime:
        """The first instant (UTC)."""
        return in_tehran(self.first)

    @property
    def until_at(self) -> datetime:
        """The first instant (UTC) that is no longer part of it."""
        return in_tehran(self.last + _DAY)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_whole_months(self) -> bool:
        """Whether it is one Jalali month or several, each from its first day to its last."""
        return _jalali(self.first).day == 1 and _jalali(self.last + _DAY).day == 1

    @property
    def is_one_month(self) -> bool:
        return self.is_whole_months and month_of(self.first) == self

    def __str__(self) -> str:
        return f"{plain_day(self.first)} to {plain_day(self.last)}"


def parse_period(first: str, last: str, names: tuple[str, str] = ("--from", "--to")) -> Period:
    """The period from one day to another, which whoever typed them knows by these names.

    Raises BadInput.
    """
    first_name, last_name = names
    period = Period(_parse(first_name, first), _parse(last_name, last))
    if period.first > period.last:
        raise BadInput(
            f"{first_name} {first} is after {last_name} {last}: the period would have no day. "
            "Exchange the two."
        )
    return period


def _parse(name: str, text: str) -> date:
    try:
        day = parse_day(text)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise BadInput(
            f"{name}: {text!r} is too far from today for a report; write a day of your time."
        )
    return day


def day_of(at: datetime) -> date:
    """The day in Tehran."""
    return at.astimezone(TEHRAN).date()


def month_of(day: date) -> Period:
    """The Jalali month that holds the day."""
    jalali = _jalali(day)
    return _months(_month_number(jalali), 1)


def before(period: Period) -> Period:
    """The period of the same length just before: whole months before whole months, else days."""
    if not period.is_whole_months:
        return Period(period.first - timedelta(days=period.days), period.first - _DAY)
    first = _month_number(_jalali(period.first))
    count = _month_number(_jalali(period.last + _DAY)) - first
    return _months(first - count, count)


def by_month(period: Period) -> Iterator[Period]:
    """Its parts month by month; the first and the last may be parts of months."""
    first = period.first
    while first <= period.last:
        last = min(month_of(first).last, period.last)
        yield Period(first, last)
        first = last + _DAY


def by_day(period: Period) -> Iterator[Period]:
    """Its days, one by one."""
    for number in range(period.days):
        day = period.first + timedelta(days=number)
        yield Period(day, day)


def clock_changes(period: Period) -> tuple[tuple[datetime, int], ...]:
    """Since when (UTC) Tehran's clocks are how many seconds ahead of UTC, within the period.

    The first entry is the period's beginning. Iran turned its clocks until 1401, at midnight.
    """
    found: list[tuple[datetime, int]] = []
    at = period.from_at
    while at < period.until_at:
        ahead = at.astimezone(TEHRAN).utcoffset() or timedelta()
        seconds = int(ahead.total_seconds())
        if not found or found[-1][1] != seconds:
            found.append((_changed_at(found[-1][0], at) if found else at, seconds))
        at += _DAY
    return tuple(found)


def _changed_at(earlier: datetime, later: datetime) -> datetime:
    """The instant of the one change in the day before `later`, to the second."""
    low, high = max(earlier, later - _DAY), later
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        same = middle.astimezone(TEHRAN).utcoffset() == later.astimezone(TEHRAN).utcoffset()
        low, high = (low, middle) if same else (middle, high)
    return high.replace(microsecond=0)


def _months(first: int, count: int) -> Period:
    return Period(_month_begins(first), _month_begins(first + count) - _DAY)


def _month_number(day: JalaliDate) -> int:
    number: int = day.year * _MONTHS + day.month - 1
    return number


def _month_begins(number: int) -> date:
    year, month = divmod(number, _MONTHS)
    first = JalaliDate(year, month + 1, 1)  # type: ignore[no-untyped-call]
    return date.fromordinal(first.to_gregorian().toordinal())


def _jalali(day: date) -> JalaliDate:
    return JalaliDate(day)  # type: ignore[no-untyped-call]
