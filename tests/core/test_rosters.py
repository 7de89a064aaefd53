"""Copies of weeks, swaps, who would be on duty twice, and people's rest."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ivr.calendar import TEHRAN, plain_minute
from ivr.duty import DutyKind, PlannedDuty, RosterEntry
from ivr.errors import BadInput
from ivr.jalali import JalaliWeek, in_tehran, parse_day, week_of
from ivr.model import CounsellorId
from ivr.rosters import (
    NewEntry,
    RestCode,
    clashes,
    copied,
    exchanged,
    rest_warnings,
    stretches,
    taken_out,
    unfit_person,
    unfit_times,
)
from ivr.rosters import (
    given as given_to,
)
from tests.core.duty_kit import ARAK, SAVEH, WEEK, entry, hour

NOW = hour(0)
HOUR = timedelta(hours=1)


def new(who: str, begins: float, ends: float, desk: str = SAVEH, source: str = "") -> NewEntry:
    asked = NewEntry.like(entry(who, begins, ends, desk))
    return NewEntry(**{name: getattr(asked, name) for name in _FIELDS}, source=source)


_FIELDS = ("desk", "counsellor", "kind", "from_at", "until_at")


@st.composite
def weeks(draw: st.DrawFn) -> tuple[JalaliWeek, tuple[RosterEntry, ...]]:
    """A week since 1402 (no summer time) and entries that begin in it, also over midnight."""
    week = week_of(parse_day("1402-01-01") + timedelta(days=draw(st.integers(0, 4000))))
    found = []
    for number in range(draw(st.integers(0, 12))):
        minutes = draw(st.integers(0, 24 * 60 - 1))
        begins = in_tehran(week.day(draw(st.integers(0, 6))), minutes)
        found.append(
            RosterEntry(
                id=number,
                desk=draw(st.sampled_from([SAVEH, ARAK])),
                counsellor=CounsellorId(draw(st.sampled_from("abc"))),
                kind=draw(st.sampled_from(DutyKind)),
                from_at=begins,
                until_at=begins + timedelta(minutes=draw(st.integers(1, 24 * 60))),
            )
        )
    return week, tuple(found)


def _hours(duties: Iterable[PlannedDuty]) -> dict[str, timedelta]:
    found: dict[str, timedelta] = defaultdict(timedelta)
    for duty in duties:
        found[duty.counsellor] += duty.until_at - duty.from_at
    return found


def _clock(at: datetime) -> tuple[int, time]:
    there = at.astimezone(TEHRAN)
    return there.weekday(), there.time()


@given(weeks(), st.integers(-120, 120))
def test_a_copy_keeps_everybodys_hours_and_days_of_week(
    made: tuple[JalaliWeek, tuple[RosterEntry, ...]], weeks_later: int
) -> None:
    source, entries = made
    target = week_of(source.first_day + timedelta(weeks=weeks_later))
    assume(target.year >= 1402)
    copy = copied(entries, source=source, target=target)
    assert _hours(copy) == _hours(entries)
    assert all(target.holds(one.from_at) for one in copy)
    for was, now in zip(entries, copy, strict=True):
        assert (now.desk, now.counsellor, now.kind) == (was.desk, was.counsellor, was.kind)
        assert _clock(now.from_at) == _clock(was.from_at)
        assert _clock(now.until_at) == _clock(was.until_at)


def test_a_week_is_copied_over_the_leap_day_and_nowruz() -> None:
    source, target = JalaliWeek(1403, 52), JalaliWeek(1404, 1)
    thursday_night = RosterEntry(
        id=1,
        desk=SAVEH,
        counsellor=CounsellorId("a"),
        kind=DutyKind.DESK,
        from_at=in_tehran(source.day(5), 22 * 60),
        until_at=in_tehran(source.day(5), 31 * 60),
    )
    (copy,) = copied([thursday_night], source=source, target=target)
    assert plain_minute(copy.from_at) == "1403/12/30 22:00"
    assert plain_minute(copy.until_at) == "1404/01/01 07:00"


def test_the_hours_on_the_clock_stay_when_summer_time_begins() -> None:
    source, target = week_of(parse_day("1400-12-21")), week_of(parse_day("1401-01-06"))
    monday = in_tehran(source.day(2), 7 * 60)
    duty = RosterEntry(
        id=1,
        desk=SAVEH,
        counsellor=CounsellorId("a"),
        kind=DutyKind.DESK,
        from_at=monday,
        until_at=monday + 7 * HOUR,
    )
    (copy,) = copied([duty], source=source, target=target)
    assert _clock(copy.from_at) == (0, time(7))
    assert copy.from_at - monday == timedelta(days=14) - HOUR


def test_only_what_begins_in_the_week_is_copied_and_not_of_those_left_out() -> None:
    before, within, over = entry("a", -2, 6), entry("a", 8, 16), entry("b", 7 * 24 - 2, 7 * 24 + 6)
    target = JalaliWeek(1405, 38)
    copy = copied([before, within, over], source=WEEK, target=target)
    assert [one.counsellor for one in copy] == ["a", "b"]
    assert copied([within, over], source=WEEK, target=target, without={"a"}) == copy[1:]


@given(st.integers(1, 47), st.integers(-60, 60), st.sampled_from([SAVEH, ARAK]))
def test_a_swap_conserves_the_hours_of_each_desk(half_hours: int, moment: int, desk: str) -> None:
    one, other = entry("a", 0, half_hours / 2), entry("b", 10, 18, desk)
    now = hour(moment / 2)
    assume(now < one.until_at)
    assume(now < other.until_at)
    swapped = exchanged(one, other, now)
    assert _by_desk(swapped) == _by_desk([one, other])
    assert all(duty.until_at > duty.from_at for duty in swapped)
    coming = [duty for duty in swapped if duty.until_at > now]
    assert [(duty.counsellor, duty.from_at) for duty in coming] == [
        ("b", max(one.from_at, now)),
        ("a", max(other.from_at, now)),
    ]


def _by_desk(duties: Iterable[PlannedDuty]) -> dict[str, timedelta]:
    found: dict[str, timedelta] = defaultdict(timedelta)
    for duty in duties:
        found[duty.desk] += duty.until_at - duty.from_at
    return found


def _lines(duties: Iterable[PlannedDuty]) -> list[tuple[str, str, float, float]]:
    return [
        (one.counsellor, one.desk, (one.from_at - NOW) / HOUR, (one.until_at - NOW) / HOUR)
        for one in duties
    ]


def test_a_swap_in_the_middle_of_a_shift_leaves_what_has_passed() -> None:
    running, coming = entry("a", 7, 14), entry("b", 14, 22, ARAK)
    assert _lines(exchanged(running, coming, hour(10))) == [
        ("a", SAVEH, 7, 10),
        ("b", SAVEH, 10, 14),
        ("a", ARAK, 14, 22),
    ]


def test_a_duty_is_given_to_somebody_else() -> None:
    assert _lines(given_to(entry("a", 7, 14), CounsellorId("b"), hour(0))) == [("b", SAVEH, 7, 14)]


def test_what_is_taken_out_in_its_middle_stays_up_to_now() -> None:
    assert taken_out(entry("a", 7, 14), hour(7)) == ()
    assert _lines(taken_out(entry("a", 7, 14), hour(9))) == [("a", SAVEH, 7, 9)]


def test_what_is_over_and_what_would_change_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="is over"):
        taken_out(entry("a", 7, 14, number=5), hour(14))
    with pytest.raises(BadInput, match="is a's already"):
        given_to(entry("a", 7, 14), CounsellorId("a"), NOW)
    with pytest.raises(BadInput, match="are both a's"):
        exchanged(entry("a", 7, 14), entry("a", 15, 16), NOW)


def test_nobody_is_on_duty_twice_at_once() -> None:
    kept = entry("a", 7, 14, ARAK, number=12)
    asked = [new("a", 13, 20, source="week.yaml:7"), new("b", 13, 20), new("b", 19, 21)]
    with_kept, with_each_other = clashes(asked, [kept])
    assert with_kept == (
        "week.yaml:7: a would be on duty twice at once: markazi-saveh 1405/08/30 13:00-20:00 and "
        "markazi-arak 1405/08/30 07:00-14:00 (entry 12)"
    )
    assert with_each_other == (
        "b would be on duty twice at once: markazi-saveh 1405/08/30 19:00-21:00 and markazi-saveh "
        "1405/08/30 13:00-20:00"
    )


def test_shifts_that_touch_do_not_clash() -> None:
    assert not list(clashes([new("a", 14, 22)], [entry("a", 7, 14), entry("a", 22, 30)]))


def test_somebody_may_be_on_call_for_two_desks_but_not_while_at_one() -> None:
    on_call = entry("a", 0, 24, ARAK, DutyKind.ON_CALL)
    second = NewEntry.like(entry("a", 0, 24, SAVEH, DutyKind.ON_CALL))
    again = NewEntry.like(entry("a", 5, 6, ARAK, DutyKind.ON_CALL))
    assert not list(clashes([second], [on_call]))
    assert len(list(clashes([again], [on_call]))) == 1
    assert len(list(clashes([new("a", 7, 14)], [on_call]))) == 1


@pytest.mark.parametrize(
    ("begins", "ends", "wrong"),
    [
        (7, 14, None),
        (22, 31, None),
        (0, 24, None),
        (-100, -90, None),
        (7, 7, "ends before it begins"),
        (14, 7, "ends before it begins"),
        (0, 25, "more than 24 hours"),
        (401 * 24, 401 * 24 + 7, "more than a year ahead"),
        (-200, -190, "more than 7 days ago"),
    ],
)
def test_times_that_can_only_be_mistakes_are_refused(
    begins: float, ends: float, wrong: str | None
) -> None:
    said = unfit_times(new("a", begins, ends), NOW)
    assert (wrong in said) if said and wrong else said is wrong


def test_being_on_call_may_last_a_week() -> None:
    whole = NewEntry.like(entry("a", 0, 7 * 24, kind=DutyKind.ON_CALL))
    longer = NewEntry.like(entry("a", 0, 7 * 24 + 1, kind=DutyKind.ON_CALL))
    assert unfit_times(whole, NOW) is None
    assert "more than 168 hours" in str(unfit_times(longer, NOW))


def test_only_people_who_can_sign_in_are_expected() -> None:
    people = {CounsellorId("a"): True, CounsellorId("b"): False}
    assert unfit_person(CounsellorId("a"), people) is None
    assert unfit_person(CounsellorId("b"), people) == "b is disabled and cannot sign in"
    assert unfit_person(CounsellorId("c"), people) == "c is not among the people"


def _codes(*duties: PlannedDuty, before: tuple[PlannedDuty, ...] = ()) -> list[RestCode]:
    return [warning.code for warning in rest_warnings(before, (*before, *duties))]


def test_eight_hours_between_shifts_are_enough_and_less_are_not() -> None:
    assert _codes(entry("a", 7, 14), entry("a", 22, 30)) == []
    assert _codes(entry("a", 7, 14), entry("a", 21.9, 30)) == [RestCode.LITTLE_REST]


def test_twelve_hours_at_a_stretch_are_borne_and_more_are_not_at_any_desks() -> None:
    assert _codes(entry("a", 7, 14), entry("a", 14, 19, ARAK)) == []
    assert _codes(entry("a", 7, 14), entry("a", 14, 19.5, ARAK)) == [RestCode.LONG_STRETCH]


def test_being_on_call_at_home_is_rest() -> None:
    assert _codes(entry("a", 7, 14), entry("a", 14, 31, kind=DutyKind.ON_CALL)) == []


def test_only_what_the_decision_makes_worse_is_told_with_its_hours() -> None:
    short = (entry("a", 7, 14), entry("a", 20, 26))
    assert _codes(entry("a", 80, 88), before=short) == []
    (warning,) = rest_warnings(short[:1], short)
    assert str(warning) == "a has only 6:00 h of rest from 1405/08/30 14:00 (less than 8 h)"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=8))
def test_stretches_cover_what_the_shifts_cover(spans: list[tuple[int, int]]) -> None:
    duties = [entry("a", begins, begins + hours) for begins, hours in spans]
    found = stretches(duties)
    for at in (hour(number + 0.5) for number in range(50)):
        covered = any(duty.in_force(at) for duty in duties)
        assert any(begin <= at < end for begin, end in found) == covered
    assert all(one[1] < other[0] for one, other in pairwise(found))
