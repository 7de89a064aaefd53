"""Instants as people in Iran read them: Asia/Tehran, the Jalali calendar, Persian digits.

Inside everything is aware UTC; only edges use this. Iran keeps +03:30 all year since 2022, and
zoneinfo knows the years before.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

TEHRAN = ZoneInfo("Asia/Tehran")

_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def persian_digits(value: str | int) -> str:
    """The text or number with Persian digits instead of ASCII ones."""
    return str(value).translate(_PERSIAN_DIGITS)


def jalali_date(at: datetime) -> str:
    """The day in Tehran in words: «یکشنبه ۱ آذر ۱۴۰۵»."""
    day = JalaliDate(at.astimezone(TEHRAN).date(), locale="fa")  # type: ignore[no-untyped-call]
    return persian_digits(f"{day.strftime('%A')} {day.day} {day.strftime('%B')} {day.year}")


def plain_day(day: date) -> str:
    """The Jalali day with ASCII digits, so that columns stay in line: 1405/09/01."""
    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]
    return f"{jalali.year}/{jalali.month:02}/{jalali.day:02}"


def plain_minute(at: datetime) -> str:
    """Jalali day and minute in Tehran with ASCII digits: 1405/09/01 03:48."""
    there = at.astimezone(TEHRAN)
    return f"{plain_day(there.date())} {there:%H:%M}"


def clock(at: datetime) -> str:
    """Hour and minute in Tehran: «۰۳:۴۸»."""
    return persian_digits(at.astimezone(TEHRAN).strftime("%H:%M"))


def clock_with_seconds(at: datetime) -> str:
    """Hour, minute and second in Tehran: «۰۳:۴۸:۰۹»."""
    return persian_digits(at.astimezone(TEHRAN).strftime("%H:%M:%S"))


def duration(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: «۲:۰۵», «۱:۰۲:۰۵»."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return persian_digits(text)


def day_began_at(now: datetime) -> datetime:
    """The instant (UTC) at which the present day in Tehran began."""
    midnight = now.astimezone(TEHRAN).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return midnight.astimezone(UTC)
