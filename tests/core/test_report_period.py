"""Periods of reports: whole days in Tehran, Jalali months, and the period before."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ivr.calendar import TEHRAN
from ivr.errors import BadInput
from ivr.reports.period import Period, before, by_month, clock_changes, month_of, parse_period


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_it_lasts_from_the_first_instant_of_the_first_day_to_the_last_of_the_last() -> None:
    period = parse_period("1400/01/01", "۱۴۰۰-۰۳-۳۱")
    assert period.from_at == utc(2021, 3, 20, 20, 30)  # Nowruz, before the clocks were turned
    assert period.until_at == utc(2021, 6, 21, 19, 30)  # with the clocks turned
    assert str(period) == "1400/01/01 to 1400/03/31"
    assert period.days == 93


def test_gregorian_days_are_days_too() -> None:
    assert parse_period("2021-03-21", "2021-06-21") == parse_period("1400/01/01", "1400/03/31")


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("1404-12-30", "1404-12-30", "--from: '1404-12-30': there is no such day"),
        ("1403/01/01", "1403/13/01", "--to: '1403/13/01': there is no such day"),
        ("1400/04/01", "1400/03/31", "--from 1400/04/01 is after --to 1400/03/31"),
        ("yesterday", "1400/03/31", "--from: 'yesterday' is no day"),
        ("0001/01/01", "1400/03/31", "too far"),
        ("1400/01/01", "9999-12-31", "too far"),
    ],
)
def test_a_wrong_day_is_refused_in_words(first: str, last: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_period(first, last)
    assert words in str(refused.value)


def test_esfand_has_thirty_days_in_leap_years_alone() -> None:
    leap = month_of(parse_period("1403/12/30", "1403/12/30").first)
    assert str(leap) == "1403/12/01 to 1403/12/30"
    other = month_of(parse_period("1404/12/29", "1404/12/29").first)
    assert str(other) == "1404/12/01 to 1404/12/29"
    assert leap.until_at == parse_period("1404/01/01", "1404/01/01").from_at


@pytest.mark.parametrize(
    ("first", "last", "earlier"),
    [
        ("1400/01/01", "1400/03/31", "1399/10/01 to 1399/12/30"),  # 1399 was a leap year
        ("1403/01/01", "1403/12/30", "1402/01/01 to 1402/12/29"),
        ("1405/01/01", "1405/01/31", "1404/12/01 to 1404/12/29"),
        ("1403/12/01", "1403/12/29", "1403/11/02 to 1403/11/30"),  # the thirtieth is missing
        ("1405/01/01", "1405/01/01", "1404/12/29 to 1404/12/29"),
        ("1405/08/25", "1405/09/03", "1405/08/16 to 1405/08/24"),
    ],
)
def test_the_period_before_has_the_same_length(first: str, last: str, earlier: str) -> None:
    assert str(before(parse_period(first, last))) == earlier


@pytest.mark.parametrize(
    ("first", "last"), [("1399/11/15", "1401/02/02"), ("1400/06/31", "1400/07/01")]
)
def test_months_share_a_period_out_without_gap_or_overlap(first: str, last: str) -> None:
    period = parse_period(first, last)
    parts = list(by_month(period))
    assert (parts[0].first, parts[-1].last) == (period.first, period.last)
    for part, after in pairwise(parts):
        assert after.from_at == part.until_at
        assert month_of(part.last).last == part.last


def test_the_clocks_of_tehran_are_known_to_the_second() -> None:
    changes = clock_changes(parse_period("1400/01/01", "1401/12/29"))
    assert [seconds for _, seconds in changes] == [12600, 16200, 12600, 16200, 12600]
    for at, seconds in changes:
        assert at.astimezone(TEHRAN).utcoffset() == timedelta(seconds=seconds)
        earlier = at - timedelta(microseconds=1)
        if at != changes[0][0]:
            assert earlier.astimezone(TEHRAN).utcoffset() != timedelta(seconds=seconds)
    assert len(clock_changes(parse_period("1402/01/01", "1405/12/29"))) == 1


def test_a_day_of_one_hour_more_belongs_whole_to_its_month() -> None:
    turned_back = parse_period("1400/06/30", "1400/06/30")
    assert turned_back.until_at - turned_back.from_at == timedelta(hours=25)
    assert Period(turned_back.first, turned_back.last).days == 1
