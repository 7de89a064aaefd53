"""Days, instants, spans and weeks as people type them."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from ivr.calendar import TEHRAN, plain_day, plain_minute
from ivr.errors import BadInput
from ivr.jalali import (
    JalaliWeek,
    in_tehran,
    moved_by_days,
    parse_day,
    parse_end,
    parse_instant,
    parse_span,
    parse_week,
    week_at,
    week_of,
)

SEVEN = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)  # 07:00 in Tehran, 1 Azar 1405
DAYS = st.dates(date(1950, 1, 1), date(2090, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "1405-09-01 07:00",
        "1405/9/1 7:00",
        "۱۴۰۵/۰۹/۰۱ ۰۷:۰۰",
        "١٤٠٥-٠٩-٠١T٠٧:٠٠",
        " 1405-09-01T07:00 ",
        "2026-11-22T07:00+03:30",
        "2026-11-22 07:00",
        "2026-11-22T03:30:00Z",
        "1405-09-01T03:30:00+00:00",
    ],
)
def test_one_instant_is_written_in_many_ways(text: str) -> None:
    assert parse_instant(text) == SEVEN
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("07:01", SEVEN + timedelta(minutes=1)),
        ("۷:۰۱", SEVEN + timedelta(minutes=1)),
        ("07:00", SEVEN + timedelta(days=1)),
        ("6:30", SEVEN + timedelta(hours=23, minutes=30)),
        ("1405-09-01 08:00", SEVEN + timedelta(hours=1)),
    ],
)
def test_an_end_may_be_the_next_time_that_a_clock_shows_an_hour(text: str, at: datetime) -> None:
    assert parse_end(text, SEVEN) == at


def test_a_day_alone_is_its_first_instant_and_twenty_four_its_last() -> None:
    assert parse_instant("1405-09-01") == datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
    assert parse_instant("1405-09-01 24:00") == parse_instant("1405-09-02")
    assert parse_instant("1403-12-30 24:00") == parse_instant("1404-01-01")


def test_the_summer_time_of_former_years_is_known() -> None:
    assert parse_instant("1400-05-01 12:00") == datetime(2021, 7, 23, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["1403-12-30", "1399/12/30", "1408-12-30", "2024-02-29"])
def test_leap_days_exist(text: str) -> None:
    assert isinstance(parse_day(text), date)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1405", "1405-09", "1405-13-01", "1404-12-30", "1405-07-31", "2025-02-29"),
        *("0000-01-01", "1405-09-01x", "1405-09-01 07:00", "1405--9-1"),
    ],
)
def test_what_is_no_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="1405-09-01"):
        parse_day(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "07:00", "1405-09-01 24:01", "1405-09-01 25:00", "1405-09-01 7", "1405-09-01 07:60"),
        *("9999-12-31 24:00", "1405-09-01 07:00 Tehran"),
        *("2026-11-22T07:00+99:00", "9999-12-31T23:00-12:00"),
    ],
)
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="1405-09-01 07:00"):
        parse_instant(text)


@given(DAYS)
def test_a_day_reads_back_as_it_is_shown(day: date) -> None:
    assert parse_day(plain_day(day)) == day
    assert parse_day(day.isoformat()) == day


@given(st.text(alphabet="0123456789۰۹-/T: +Zx٠\u200c\n", max_size=24))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    for parse in (parse_day, parse_instant, parse_span, parse_week):
        with suppress(BadInput):
            parse(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2h", timedelta(hours=2)),
        ("۹۰m", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("1d 2h30m", timedelta(days=1, hours=2, minutes=30)),
    ],
)
def test_a_span_is_days_hours_and_minutes(text: str, span: timedelta) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "0h", "2", "2 hours", "-2h", "2h1d", "99999h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write 2h"):
        parse_span(text)


def test_the_week_of_nowruz_is_the_first_of_the_new_year() -> None:
    last_of_1403, first_of_1404 = parse_day("1403-12-30"), parse_day("1404-01-01")
    assert last_of_1403 + timedelta(days=1) == first_of_1404
    assert week_of(last_of_1403) == week_of(first_of_1404) == JalaliWeek(1404, 1)
    assert plain_day(JalaliWeek(1404, 1).first_day) == "1403/12/25"
    assert week_of(parse_day("1403-12-24")) == JalaliWeek(1403, 52)


def test_a_year_that_begins_on_saturday_begins_with_its_week() -> None:
    assert JalaliWeek(1405, 1).first_day == parse_day("1405-01-01")
    assert week_of(parse_day("1404-12-29")) == JalaliWeek(1404, 53)


@given(DAYS)
def test_each_day_lies_in_the_one_week_of_its_name(day: date) -> None:
    week = week_of(day)
    assert week.first_day.weekday() == 5
    assert 0 <= (day - week.first_day).days < 7
    assert parse_week(str(week)) == week == parse_week(day.isoformat())
    assert week_of(day + timedelta(weeks=1)) > week


@given(DAYS)
def test_numbers_agree_with_those_of_the_calendar_within_a_year(day: date) -> None:
    theirs = JalaliDate(day)
    week = week_of(day)
    if week.year == theirs.year:
        assert week.number == theirs.week_of_year()
    else:
        assert (week.year, week.number) == (theirs.year + 1, 1)


@pytest.mark.parametrize("text", ["1405/36", "1405-36", "1405-w36", "۱۴۰۵/۳۶", "1405-09-01"])
def test_a_week_is_named_by_number_or_day(text: str) -> None:
    week = parse_week(text)
    assert str(week) == "1405/36"
    assert [plain_day(week.day(index)) for index in (0, 6)] == ["1405/08/30", "1405/09/06"]


@pytest.mark.parametrize("text", ["", "36", "1405/0", "1405/53", "1405/99", "2026/36", "0000/1"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="week"):
        parse_week(text)


def test_a_week_lasts_from_saturday_to_saturday_in_tehran() -> None:
    week = JalaliWeek(1405, 36)
    assert plain_minute(week.begins_at) == "1405/08/30 00:00"
    assert week.holds(week.begins_at)
    assert not week.holds(week.ends_at)
    assert week_at(week.ends_at) == JalaliWeek(1405, 37)
    assert week_at(week.ends_at - timedelta(microseconds=1)) == week


def test_hours_lead_over_midnight() -> None:
    day = parse_day("1403-12-30")
    assert plain_minute(in_tehran(day, 22 * 60)) == "1403/12/30 22:00"
    assert plain_minute(in_tehran(day, 31 * 60)) == "1404/01/01 07:00"


@given(st.dates(date(2005, 1, 1), date(2035, 1, 1)), st.times(), st.integers(-800, 800))
def test_days_later_the_clocks_show_the_same(day: date, clock: time, days: int) -> None:
    at = datetime.combine(day, clock, TEHRAN).astimezone(UTC)
    moved = moved_by_days(at, days).astimezone(TEHRAN)
    wanted = at.astimezone(TEHRAN).replace(tzinfo=None) + timedelta(days=days)
    skipped = wanted.replace(tzinfo=TEHRAN).astimezone(UTC).astimezone(TEHRAN)
    if skipped.replace(tzinfo=None) == wanted:  # an hour that summer time left out has no same
        assert moved.replace(tzinfo=None) == wanted
