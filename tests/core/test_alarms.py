"""Rostered and not there, rosters that end: what a supervisor is shown."""

from datetime import datetime

import pytest

from ivr.alarms import DutyAlarm, DutyAlarmCode, alarms
from ivr.duty import Closure, ClosureKind, DutyBook, RosterEntry, duty_at
from ivr.model import CounsellorId
from tests.core.duty_kit import ARAK, SAVEH, closure, entry, hour, person

PEOPLE = [person("a", SAVEH), person("b", SAVEH), person("c", ARAK)]
LATER = entry("b", 400, 408)  # so that the roster does not end soon
MINUTE = 1 / 60


def seen(
    roster: tuple[RosterEntry, ...],
    at: float,
    *present: str,
    away: dict[str, datetime] | None = None,
    closures: tuple[Closure, ...] = (),
) -> list[tuple[DutyAlarmCode, str | None, datetime]]:
    book = DutyBook(roster, closures)
    found: tuple[DutyAlarm, ...] = alarms(
        book,
        duty_at(PEOPLE, hour(at), book),
        frozenset(map(CounsellorId, present)),
        hour(at),
        absent_since={CounsellorId(name): since for name, since in (away or {}).items()},
    )
    return [(alarm.code, alarm.counsellor, alarm.at) for alarm in found]


ABSENT, EMPTY = DutyAlarmCode.ABSENT, DutyAlarmCode.DESK_EMPTY
SHIFT = (entry("a", 7, 14), LATER)


@pytest.mark.parametrize(("minutes", "alarm"), [(0, False), (5, False), (6, True), (400, True)])
def test_somebody_may_be_five_minutes_late(minutes: int, alarm: bool) -> None:
    found = seen(SHIFT, 7 + minutes * MINUTE, "b")
    assert found == ([(ABSENT, "a", hour(7))] if alarm else [])


def test_whoever_leaves_in_the_middle_is_missed_after_five_minutes() -> None:
    left = {"a": hour(10)}
    assert seen(SHIFT, 10 + 5 * MINUTE, "b", away=left) == []
    assert seen(SHIFT, 10 + 6 * MINUTE, "b", away=left) == [(ABSENT, "a", hour(10))]


def test_whoever_was_away_long_before_is_late_from_the_beginning_of_the_shift() -> None:
    assert seen(SHIFT, 7.5, "b", away={"a": hour(-50)}) == [(ABSENT, "a", hour(7))]


def test_a_second_shift_does_not_begin_the_five_minutes_anew() -> None:
    roster = (entry("a", 7, 14), entry("a", 14, 20), LATER)
    found = seen(roster, 14 + MINUTE, "b", away={"a": hour(13)})
    assert found == [(ABSENT, "a", hour(13))]


def test_a_desk_without_anybody_is_told_at_once() -> None:
    assert seen(SHIFT, 7) == [(EMPTY, None, hour(7))]
    assert seen(SHIFT, 9, away={"a": hour(9)}) == [(EMPTY, None, hour(9))]
    assert seen(SHIFT, 9) == [(EMPTY, None, hour(7)), (ABSENT, "a", hour(7))]


def test_a_desk_is_empty_since_its_last_one_left() -> None:
    roster = (entry("a", 7, 14), entry("b", 7, 14), LATER)
    found = seen(roster, 9, away={"a": hour(8), "b": hour(8.95)})
    assert found == [(EMPTY, None, hour(8.95)), (ABSENT, "a", hour(8))]


def test_a_desk_is_empty_since_whoever_helped_out_there_left() -> None:
    found = seen(SHIFT, 9, away={"a": hour(7.5), "b": hour(8.95)})
    assert found == [(EMPTY, None, hour(8.95)), (ABSENT, "a", hour(7.5))]


def test_who_is_logged_in_without_a_roster_is_no_alarm_and_fills_the_desk() -> None:
    assert seen(SHIFT, 7, "b") == []
    assert seen(SHIFT, 8, "a", "b", "c") == []


def test_an_evacuated_desk_misses_nobody_but_a_short_one_does() -> None:
    gone, short = closure(0, 20), closure(0, 20, ClosureKind.SHORT_STAFFED)
    assert seen(SHIFT, 9, closures=(gone,)) == []
    assert [code for code, *_ in seen(SHIFT, 9, closures=(short,))] == [EMPTY, ABSENT]
    assert [code for code, *_ in seen(SHIFT, 21, closures=(gone,))] == [
        DutyAlarmCode.NOBODY_ROSTERED
    ]


def test_a_gap_in_the_roster_is_told_since_the_last_shift() -> None:
    found = seen((entry("a", 7, 14), LATER), 15, "a", "b")
    assert found == [(DutyAlarmCode.NOBODY_ROSTERED, None, hour(14))]


def test_somebody_in_the_roster_whom_nobody_knows_is_missed() -> None:
    found = seen((entry("gone", 7, 14), LATER), 8, "a")
    assert found == [(ABSENT, "gone", hour(7))]


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (-8, None),
        (-7, DutyAlarmCode.ROSTER_RUNS_OUT),
        (-1 / 24, DutyAlarmCode.ROSTER_RUNS_OUT),
        (0, DutyAlarmCode.ROSTER_RAN_OUT),
        (30, DutyAlarmCode.ROSTER_RAN_OUT),
        (31, None),
    ],
)
def test_a_roster_that_ends_is_told_a_week_before_and_a_month_after(
    days: float, code: DutyAlarmCode | None
) -> None:
    found = seen((entry("a", -1000, 0),), days * 24, "a", "b")
    assert found == ([(code, None, hour(0))] if code else [])


def test_a_desk_that_never_had_a_roster_raises_nothing() -> None:
    assert seen((), 9) == []
