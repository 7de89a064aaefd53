from datetime import UTC, datetime

import pytest

from ivr.calendar import (
    clock,
    clock_with_seconds,
    day_began_at,
    duration,
    jalali_date,
    persian_digits,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (utc(2026, 11, 22, 9), "یکشنبه ۱ آذر ۱۴۰۵"),
        (utc(2026, 11, 21, 20, 29), "شنبه ۳۰ آبان ۱۴۰۵"),
        (utc(2026, 11, 21, 20, 30), "یکشنبه ۱ آذر ۱۴۰۵"),  # midnight in Tehran
        (utc(2025, 3, 20, 12), "پنجشنبه ۳۰ اسفند ۱۴۰۳"),  # the last day of a leap year
        (utc(2025, 3, 21, 12), "جمعه ۱ فروردین ۱۴۰۴"),
    ],
)
def test_the_day_is_a_jalali_day_in_tehran(at: datetime, words: str) -> None:
    assert jalali_date(at) == words


def test_the_clock_is_tehrans() -> None:
    assert clock(utc(2026, 11, 22, 0, 18, 5)) == "۰۳:۴۸"
    assert clock_with_seconds(utc(2026, 11, 22, 0, 18, 5)) == "۰۳:۴۸:۰۵"
    assert clock(utc(2021, 7, 1, 0, 0)) == "۰۴:۳۰"  # summer time, as long as Iran had it


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "۰:۰۰"), (59.9, "۰:۵۹"), (125, "۲:۰۵"), (3725, "۱:۰۲:۰۵"), (-3, "۰:۰۰")],
)
def test_a_duration_reads_as_minutes_and_seconds(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_digits_become_persian_and_nothing_else_does() -> None:
    assert persian_digits("گام 10, a") == "گام ۱۰, a"
    assert persian_digits(1405) == "۱۴۰۵"


def test_the_day_begins_at_midnight_in_tehran() -> None:
    began_at = utc(2026, 11, 21, 20, 30)
    assert day_began_at(utc(2026, 11, 21, 20, 30)) == began_at
    assert day_began_at(utc(2026, 11, 22, 20, 29)) == began_at
