"""Shifts of mobile teams in Tehran's time."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.calendar import TEHRAN
from ivr.model import CountyId
from ivr.rules.units import Hours, MobileTeam, Shift, Shifts, on_shift

HOURS = Shifts(
    morning=Hours(starts="07:00", ends="14:00"),
    evening=Hours(starts="14:00", ends="21:00"),
    night=Hours(starts="21:00", ends="07:00"),
)
AVAJ = CountyId("qazvin-avaj")


def team(*shifts: Shift) -> MobileTeam:
    return MobileTeam(id="team", county=AVAJ, shifts=shifts or None)


def tehran(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{clock}").replace(tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("clock", "shift"),
    [
        ("00:00", Shift.NIGHT),
        ("03:00", Shift.NIGHT),
        ("06:59:59.999", Shift.NIGHT),
        ("07:00", Shift.MORNING),
        ("13:59:59", Shift.MORNING),
        ("14:00", Shift.EVENING),
        ("20:59:59", Shift.EVENING),
        ("21:00", Shift.NIGHT),
        ("23:59:59", Shift.NIGHT),
    ],
)
def test_each_instant_belongs_to_one_shift(clock: str, shift: Shift) -> None:
    assert HOURS.at(tehran(clock)) == {shift}
    assert [one for one in Shift if on_shift(team(one), HOURS, tehran(clock))] == [shift]


def test_every_minute_of_the_day_has_one_shift() -> None:
    start = tehran("00:00")
    minutes = (start + timedelta(minutes=minute) for minute in range(24 * 60))
    assert {len(HOURS.at(minute)) for minute in minutes} == {1}


def test_the_hours_are_tehrans_whatever_the_instant_is_written_in() -> None:
    three_in_the_morning = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert on_shift(team(Shift.NIGHT), HOURS, three_in_the_morning) is True
    assert on_shift(team(Shift.MORNING, Shift.EVENING), HOURS, three_in_the_morning) is False


def test_before_2022_iran_had_summer_time() -> None:
    at = datetime(2021, 7, 1, 2, 45, tzinfo=UTC)  # 07:15 then, 06:15 without summer time
    assert HOURS.at(at) == {Shift.MORNING}


def test_what_nobody_knows_is_neither_yes_nor_no() -> None:
    assert on_shift(team(), HOURS, tehran("10:00")) is None
    assert on_shift(team(Shift.NIGHT), None, tehran("10:00")) is None
