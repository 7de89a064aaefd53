"""When a centre answers: the week, holidays and exceptions, over midnight and in Tehran's time."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from ivr.calendar import TEHRAN
from ivr.rules.hours import (
    WEEK,
    Calendar,
    DatedException,
    DayHours,
    Holiday,
    Opening,
    Segment,
    Span,
    Timetable,
    Weekday,
    calendar_alarm,
    gregorian,
    is_open,
    next_change_at,
    openings_on,
    segments,
    weekday,
)

SATURDAY = date(2026, 11, 21)  # 30 Aban 1405
QUARTER = timedelta(minutes=15)
WORKDAYS = tuple(day for day in WEEK if day is not Weekday.FRIDAY)
OFFICE = Timetable(
    id="office",
    name_fa="ساعت اداری",
    weekly=(Opening(days=WORKDAYS, starts="07:30", ends="14:00"),),
)
NIGHTS = Timetable(
    id="nights", name_fa="شب‌ها", weekly=(Opening(days=WEEK, starts="20:00", ends="08:00"),)
)
NO_CALENDAR = Calendar()


def tehran(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=TEHRAN)


def jalali(day: date) -> str:
    return JalaliDate(day).isoformat()


def with_holidays(*days: date) -> Calendar:
    return Calendar(
        until="1499-12-29",
        days=tuple(Holiday(day=jalali(day), name_fa="تعطیل", kind="jalali") for day in days),
    )


def after(days: int) -> date:
    return SATURDAY + timedelta(days=days)


def with_exception(timetable: Timetable, day: date, openings: object) -> Timetable:
    one = DatedException.model_validate(
        {"day": jalali(day), "openings": openings, "reason": "آزمون"}
    )
    return timetable.model_copy(update={"exceptions": (one,)})


def open_hours(timetable: Timetable, calendar: Calendar, day: date) -> list[str]:
    """The full hours of the day at which it is open."""
    clocks = (f"{hour:02}:00" for hour in range(24))
    return [clock for clock in clocks if is_open(timetable, calendar, tehran(day, clock))]


def test_the_week_of_iran_begins_on_saturday() -> None:
    assert [weekday(after(number)) for number in range(8)] == [*WEEK, Weekday.SATURDAY]
    assert weekday(date(2026, 11, 27)) is Weekday.FRIDAY


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("07:29:59.999", False),
        ("07:30", True),
        ("13:59:59", True),
        ("14:00", False),
        ("00:00", False),
    ],
)
def test_it_opens_with_its_first_minute_and_shuts_with_its_last(clock: str, expected: bool) -> None:
    assert is_open(OFFICE, NO_CALENDAR, tehran(SATURDAY, clock)) is expected
    assert not is_open(OFFICE, NO_CALENDAR, tehran(after(6), clock))  # Friday


def test_the_hours_are_tehrans_whatever_the_instant_is_written_in() -> None:
    assert is_open(OFFICE, NO_CALENDAR, datetime(2026, 11, 21, 4, 0, tzinfo=UTC))  # 07:30 there
    assert not is_open(OFFICE, NO_CALENDAR, datetime(2026, 11, 21, 3, 59, tzinfo=UTC))
    summer = datetime(2026, 7, 4, 4, 0, tzinfo=UTC)  # no summer time since 2022
    assert is_open(OFFICE, NO_CALENDAR, summer)


def test_the_same_hour_twice_is_a_whole_day() -> None:
    fridays = Timetable(
        id="fridays",
        name_fa="جمعه‌ها",
        weekly=(Opening(days=(Weekday.FRIDAY,), starts="07:00", ends="07:00"),),
    )
    assert segments(fridays, NO_CALENDAR, tehran(SATURDAY, "08:00"), tehran(after(7), "12:00")) == (
        Segment(tehran(SATURDAY, "08:00"), tehran(after(6), "07:00"), open=False),
        Segment(tehran(after(6), "07:00"), tehran(after(7), "07:00"), open=True),
        Segment(tehran(after(7), "07:00"), tehran(after(7), "12:00"), open=False),
    )


def test_openings_that_touch_are_one() -> None:
    spans = tuple(
        Opening(days=(Weekday.SATURDAY,), starts=starts, ends=ends)
        for starts, ends in (("10:00", "12:00"), ("08:00", "10:00"), ("08:30", "09:00"))
    )
    timetable = Timetable(id="touch", name_fa="پیوسته", weekly=spans)
    found = segments(timetable, NO_CALENDAR, tehran(SATURDAY, "08:00"), tehran(SATURDAY, "12:00"))
    assert found == (Segment(tehran(SATURDAY, "08:00"), tehran(SATURDAY, "12:00"), open=True),)


def test_an_empty_stretch_has_no_segments() -> None:
    at = tehran(SATURDAY, "08:00")
    assert segments(NIGHTS, NO_CALENDAR, at, at) == ()
    assert segments(NIGHTS, NO_CALENDAR, at, at - QUARTER) == ()


@pytest.mark.parametrize(
    ("on_holidays", "expected"),
    [
        ("as_usual", ["08:00", "09:00", "10:00", "11:00", "12:00", "13:00"]),
        ("closed", []),
        ([{"starts": "09:00", "ends": "11:00"}], ["09:00", "10:00"]),
    ],
)
def test_what_a_holiday_means_is_each_timetables_own(
    on_holidays: object, expected: list[str]
) -> None:
    timetable = Timetable.model_validate(OFFICE.model_dump() | {"on_holidays": on_holidays})
    calendar = with_holidays(SATURDAY)
    assert open_hours(timetable, calendar, SATURDAY) == expected
    assert len(open_hours(timetable, calendar, after(1))) == 6


NIGHTS_NOT_ON_HOLIDAYS = NIGHTS.model_copy(update={"on_holidays": ()})


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (1, "23:00", True),  # the eve: begun before the holiday
        (2, "00:00", True),
        (2, "07:59", True),  # so it goes on into the holiday
        (2, "08:00", False),
        (2, "20:00", False),  # would begin on the holiday
        (3, "00:00", False),  # and hence does not reach into the day after
        (3, "07:59", False),
        (3, "20:00", True),
    ],
)
def test_an_opening_over_midnight_belongs_to_the_day_on_which_it_starts(
    day: int, clock: str, expected: bool
) -> None:
    calendar = with_holidays(after(2))
    at = tehran(after(day), clock)
    assert is_open(NIGHTS_NOT_ON_HOLIDAYS, calendar, at) is expected
    closed = with_exception(NIGHTS, after(2), "closed")
    assert is_open(closed, NO_CALENDAR, at) is expected


def test_a_holidays_opening_goes_on_into_the_day_after() -> None:
    late = (Span(starts="22:00", ends="02:00"),)
    timetable = OFFICE.model_copy(update={"on_holidays": late})
    calendar = with_holidays(SATURDAY)
    assert open_hours(timetable, calendar, SATURDAY) == ["22:00", "23:00"]
    assert open_hours(timetable, calendar, after(1))[:3] == ["00:00", "01:00", "08:00"]


@pytest.mark.parametrize(
    ("openings", "expected"),
    [
        ("closed", 0),
        ("as_usual", 6),
        ([{"starts": "00:00", "ends": "00:00"}], 24),
    ],
)
def test_an_exception_goes_before_holidays_and_the_week(openings: object, expected: int) -> None:
    shut_on_holidays = OFFICE.model_copy(update={"on_holidays": ()})
    timetable = with_exception(shut_on_holidays, SATURDAY, openings)
    for calendar in (NO_CALENDAR, with_holidays(SATURDAY)):
        assert len(open_hours(timetable, calendar, SATURDAY)) == expected


def test_an_exception_may_hold_for_several_days() -> None:
    winter = DatedException(
        day=jalali(after(1)), until=jalali(after(3)), openings="closed", reason="زمستان"
    )
    timetable = OFFICE.model_copy(update={"exceptions": (winter,)})
    found = [bool(openings_on(timetable, NO_CALENDAR, after(number))) for number in range(6)]
    assert found == [True, False, False, False, True, True]


def test_days_are_written_in_digits_of_any_kind() -> None:
    one = DatedException(day="۱۴۰۵-۰۸-۳۰", openings="closed", reason="آزمون")
    assert one.holds_on(SATURDAY)
    assert gregorian("1405-12-29") == date(2027, 3, 20)
    assert gregorian("1405-12-30") is None
    assert gregorian("1403-12-30") == date(2025, 3, 20)


def test_rules_that_were_stored_are_read_as_they_were() -> None:
    for openings in ("closed", "as_usual", [{"starts": "20:00", "ends": "08:00"}]):
        timetable = with_exception(OFFICE, SATURDAY, openings)
        special = Timetable.model_validate(timetable.model_dump() | {"on_holidays": openings})
        assert Timetable.model_validate_json(special.model_dump_json()) == special
        assert Timetable.model_validate(special.model_dump(mode="json")) == special


def test_what_never_opens_or_always_is_open_has_no_next_change() -> None:
    never = Timetable(id="never", name_fa="هرگز")
    always = Timetable(
        id="always", name_fa="همیشه", weekly=(Opening(days=WEEK, starts="00:00", ends="00:00"),)
    )
    at = tehran(SATURDAY, "12:34")
    assert next_change_at(never, NO_CALENDAR, at) is None
    assert next_change_at(always, NO_CALENDAR, at) is None
    assert is_open(always, NO_CALENDAR, at)


def test_a_change_is_looked_for_during_fourteen_days() -> None:
    at = tehran(SATURDAY, "12:00")
    never = Timetable(id="never", name_fa="هرگز")
    soon = with_exception(never, after(13), [{"starts": "12:00", "ends": "13:00"}])
    late = with_exception(never, after(14), [{"starts": "12:00", "ends": "13:00"}])
    assert next_change_at(soon, NO_CALENDAR, at) == tehran(after(13), "12:00")
    assert next_change_at(late, NO_CALENDAR, at) is None


def test_a_change_is_after_the_instant_never_at_it() -> None:
    opens_at = tehran(SATURDAY, "07:30")
    assert next_change_at(OFFICE, NO_CALENDAR, opens_at) == tehran(SATURDAY, "14:00")
    before = opens_at - timedelta(microseconds=1)
    assert next_change_at(OFFICE, NO_CALENDAR, before) == opens_at


@pytest.mark.parametrize(
    ("days_before", "expected"), [(31, None), (30, 30), (1, 1), (0, 0), (-1, -1), (-400, -400)]
)
def test_the_alarm_comes_before_the_calendar_runs_out(
    days_before: int, expected: int | None
) -> None:
    calendar = Calendar(until="1405-12-29")
    today = date(2027, 3, 20) - timedelta(days=days_before)
    assert calendar_alarm(calendar, today) == expected


def test_a_calendar_without_an_end_alarms_nobody() -> None:
    assert calendar_alarm(NO_CALENDAR, SATURDAY) is None


# A week around the days for which holidays and exceptions are drawn; all hours are full quarters.

CLOCKS = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
SPANS = st.builds(Span, starts=CLOCKS, ends=CLOCKS)
OPENINGS = st.builds(
    Opening,
    days=st.sets(st.sampled_from(WEEK), min_size=1).map(tuple),
    starts=CLOCKS,
    ends=CLOCKS,
)
SPECIAL = st.just("as_usual") | st.just("closed") | st.lists(SPANS, min_size=1, max_size=2)
NEAR = st.integers(-1, 4).map(after)
EXCEPTIONS = st.builds(
    DatedException, day=NEAR.map(jalali), openings=SPECIAL, reason=st.just("آزمون")
)
TIMETABLES = st.builds(
    Timetable,
    id=st.just("drawn"),
    name_fa=st.just("آزمون"),
    weekly=st.lists(OPENINGS, max_size=4).map(tuple),
    on_holidays=SPECIAL,
    exceptions=st.lists(EXCEPTIONS, max_size=2).map(tuple),
)
CALENDARS = st.sets(NEAR, max_size=2).map(lambda days: with_holidays(*days))


def naively_open(timetable: Timetable, calendar: Calendar, at: datetime) -> bool:
    """By the words of the rules alone: is there a day with an opening that holds this minute?"""
    there = at.astimezone(TEHRAN).replace(tzinfo=None)
    for day in (there.date() - timedelta(days=1), there.date()):
        named = [item.openings for item in timetable.exceptions if item.day == jalali(day)]
        holiday = jalali(day) in {item.day for item in calendar.days}
        hours: DayHours = named[0] if named else timetable.on_holidays if holiday else None
        usual = [item for item in timetable.weekly if weekday(day) in item.days]
        for item in usual if hours is None else hours:
            starts = datetime.fromisoformat(f"{day}T{item.starts}")
            ends = datetime.fromisoformat(f"{day}T{item.ends}")
            if starts <= there < (ends if ends > starts else ends + timedelta(days=1)):
                return True
    return False


@settings(deadline=None)
@given(timetable=TIMETABLES, calendar=CALENDARS, minutes=st.integers(0, 2000))
def test_segments_are_what_a_clock_would_show_minute_by_minute(
    timetable: Timetable, calendar: Calendar, minutes: int
) -> None:
    from_at = tehran(SATURDAY, "00:00") + timedelta(minutes=minutes)
    until_at = from_at + timedelta(days=2)
    found = segments(timetable, calendar, from_at, until_at)
    assert [item.from_at for item in found] == [from_at, *(item.until_at for item in found[:-1])]
    assert found[-1].until_at == until_at
    assert all(one.open != other.open for one, other in pairwise(found))
    for item in found:
        at = item.from_at
        while at < item.until_at:
            assert is_open(timetable, calendar, at) is item.open
            assert naively_open(timetable, calendar, at) is item.open
            at += timedelta(minutes=5) - timedelta(minutes=at.minute % 5)
        assert naively_open(timetable, calendar, at - timedelta(minutes=1)) is item.open


@settings(deadline=None)
@given(timetable=TIMETABLES, calendar=CALENDARS, minutes=st.integers(0, 7200))
def test_the_next_change_is_the_first(
    timetable: Timetable, calendar: Calendar, minutes: int
) -> None:
    at = tehran(SATURDAY, "00:00") + timedelta(minutes=minutes)
    before = is_open(timetable, calendar, at)
    quarter = at - timedelta(minutes=at.minute % 15) + QUARTER
    expected = None
    while quarter < at + timedelta(days=14) and expected is None:
        if is_open(timetable, calendar, quarter) is not before:
            expected = quarter
        quarter += QUARTER
    assert next_change_at(timetable, calendar, at) == expected
