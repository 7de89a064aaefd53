"""Days, instants, spans and weeks as people in Iran type them: Jalali or Gregorian, Tehran's time.

`ivr.calendar` shows them. A year below 1700 is one of the Jalali calendar. Weeks begin on Saturday;
the week that holds 1 Farvardin is the first of its year (Unicode CLDR for Iran: first day Saturday,
one day suffices), so each week has one name.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from persiantools.jdatetime import JalaliDate

from ivr.calendar import TEHRAN
from ivr.errors import BadInput
from ivr.text import clean, to_ascii_digits

_FIRST_GREGORIAN_YEAR = 1700
_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]\s*(\S.*))?", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_WEEK = re.compile(r"(\d{4})[-/][wW]?(\d{1,2})", re.ASCII)
_SPAN = re.compile(r"(?:(\d{1,4})d)?\s*(?:(\d{1,4})h)?\s*(?:(\d{1,4})m)?", re.ASCII)
_DAY_HINT = "write 1405-09-01 or 2026-11-22"
_INSTANT_HINT = "write 1405-09-01 07:00 (in Tehran) or 2026-11-22T07:00+03:30"

WEEKDAYS = ("saturday", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday")


def parse_day(text: str) -> date:
    """The day in `text`, Jalali or Gregorian, in digits of any kind; raises BadInput."""
    match = _DAY.fullmatch(_typed(text))
    if match is None or match[4] is not None:
        raise BadInput(f"{text!r} is no day; {_DAY_HINT}.")
    try:
        return _date(match)
    except ValueError:
        raise BadInput(f"{text!r}: there is no such day; {_DAY_HINT}.") from None


def parse_instant(text: str) -> datetime:
    """The instant in `text` (aware UTC), in Tehran unless it names its zone; raises BadInput.

    A day alone is its first instant; 24:00 is the end of the day.
    """
    match = _DAY.fullmatch(_typed(text))
    if match is None:
        raise BadInput(f"{text!r} is no day and time; {_INSTANT_HINT}.")
    try:
        return _instant(_date(match), match[4] or "00:00").astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r}: there is no such day or time; {_INSTANT_HINT}.") from None


def parse_end(text: str, after: datetime) -> datetime:
    """An instant, or a clock time alone (`07:00`): the next one in Tehran after `after`.

    Raises BadInput.
    """
    match = _CLOCK.fullmatch(_typed(text))
    if match is None:
        return parse_instant(text)
    minutes = int(match[1]) * 60 + int(match[2])
    day = after.astimezone(TEHRAN).date()
    today = in_tehran(day, minutes)
    return today if today > after else in_tehran(day + timedelta(days=1), minutes)


def parse_span(text: str) -> timedelta:
    """A span such as `2h`, `90m`, `1d` or `1h 30m`; raises BadInput, also for none at all."""
    match = _SPAN.fullmatch(_typed(text))
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    span = timedelta(days=days, hours=hours, minutes=minutes)
    if not span:
        raise BadInput(f"{text!r} is no span of time; write 2h, 90m, 1d or 1h30m.")
    return span


@dataclass(frozen=True, slots=True, order=True)
class JalaliWeek:
    """The seven days from a Saturday on, named by year and number: `1405/36`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}/{self.number:02}"

    @property
    def first_day(self) -> date:
        """The Saturday; in the first week of a year it may lie in the year before."""
        return _first_saturday(self.year) + timedelta(weeks=self.number - 1)

    @property
    def begins_at(self) -> datetime:
        return in_tehran(self.first_day)

    @property
    def ends_at(self) -> datetime:
        """The first instant of the next week."""
        return in_tehran(self.first_day + timedelta(weeks=1))

    def day(self, index: int) -> date:
        """The day of the week, 0 for Saturday."""
        return self.first_day + timedelta(days=index)

    def holds(self, at: datetime) -> bool:
        return self.begins_at <= at < self.ends_at


def week_of(day: date) -> JalaliWeek:
    saturday = _saturday_of(day)
    year: int = _jalali(saturday + timedelta(days=6)).year  # of the Friday: see the module
    return JalaliWeek(year, (saturday - _first_saturday(year)).days // 7 + 1)


def week_at(at: datetime) -> JalaliWeek:
    """The week in Tehran that holds the instant."""
    return week_of(at.astimezone(TEHRAN).date())


def parse_week(text: str) -> JalaliWeek:
    """The week `1405/36`, or the one that holds the day in `text`; raises BadInput."""
    match = _WEEK.fullmatch(_typed(text))
    if match is None:
        try:
            return week_of(parse_day(text))
        except BadInput:
            raise BadInput(
                f"{text!r} is no week; write year and number (1405/36) or a day in it (1405-09-01)."
            ) from None
    year, number = int(match[1]), int(match[2])
    if not 0 < year < _FIRST_GREGORIAN_YEAR:
        raise BadInput(f"{text!r} is no week: weeks are of Jalali years, such as 1405/36.")
    last = (_first_saturday(year + 1) - _first_saturday(year)).days // 7
    if not 1 <= number <= last:
        raise BadInput(
            f"{text!r} is no week: {year} has weeks 1 to {last}; the one that holds 1 Farvardin is "
            "the first of the new year."
        )
    return JalaliWeek(year, number)


def in_tehran(day: date, minutes: int = 0) -> datetime:
    """The instant (UTC) at which Tehran's clocks show so many minutes after the day's midnight.

    More than 1440 minutes lead into the next day.
    """
    days, rest = divmod(minutes, 24 * 60)
    clock = time(rest // 60, rest % 60)
    return datetime.combine(day + timedelta(days=days), clock, TEHRAN).astimezone(UTC)


def moved_by_days(at: datetime, days: int) -> datetime:
    """The instant at which Tehran's clocks show the same hour so many days later."""
    there = at.astimezone(TEHRAN)
    moved = datetime.combine(there.date() + timedelta(days=days), there.time(), TEHRAN)
    return moved.replace(fold=there.fold).astimezone(UTC)


def _typed(text: str) -> str:
    return to_ascii_digits(clean(text)).strip()


def _date(match: re.Match[str]) -> date:
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if year >= _FIRST_GREGORIAN_YEAR:
        return date(year, month, day)
    return _gregorian(year, month, day)


def _instant(day: date, clock: str) -> datetime:
    if clock == "24:00":
        return datetime.combine(day + timedelta(days=1), time(), TEHRAN)
    there = time.fromisoformat(f"0{clock}" if clock[1:2] == ":" else clock)
    return datetime.combine(day, there, there.tzinfo or TEHRAN)


def _gregorian(year: int, month: int, day: int) -> date:
    jalali = JalaliDate(year, month, day)  # type: ignore[no-untyped-call]
    return date.fromordinal(jalali.to_gregorian().toordinal())


def _jalali(day: date) -> JalaliDate:
    return JalaliDate(day)  # type: ignore[no-untyped-call]


def _first_saturday(year: int) -> date:
    """The Saturday on or before 1 Farvardin."""
    return _saturday_of(_gregorian(year, 1, 1))


def _saturday_of(day: date) -> date:
    return day - timedelta(days=(day.weekday() + 2) % 7)
