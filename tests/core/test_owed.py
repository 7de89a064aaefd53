"""What people owe, as alarms with a number for each place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ivr.calendar import TEHRAN
from ivr.model import DeskId, ProvinceId
from ivr.notices import Alarm, AlarmCode
from ivr.owed import (
    OpenFollowUp,
    OpenStay,
    Owed,
    OwedOutcomes,
    RetentionState,
    left_over_at,
    owed_alarms,
)
from ivr.rules.load import load_rules
from ivr.settings import PROJECT
from ivr.webhooks import Untaken

RULES = load_rules(PROJECT / "deploy" / "provinces" / "qazvin.yaml")  # shifts at 7, 14 and 21
QAZVIN, DESK = ProvinceId("qazvin"), DeskId("qazvin-avaj")
NOON = datetime(2026, 11, 22, 12, tzinfo=TEHRAN)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def seen(owed: Owed, at: datetime = NOON) -> dict[str, Alarm]:
    found = owed_alarms(owed, [RULES], at)
    assert len({alarm.key for alarm in found}) == len(found)
    return {alarm.key: alarm for alarm in found}


def stay(until_at: datetime, centre: str = "crisis-qazvin") -> OpenStay:
    return OpenStay(centre=centre, until_at=until_at)


def test_a_stay_is_warned_of_three_days_before_its_end_and_again_when_it_is_over() -> None:
    owed = Owed(stays=(stay(NOON),))
    assert seen(owed, NOON - 3 * DAY - HOUR) == {}
    (alarm,) = seen(owed, NOON - 3 * DAY).values()
    assert (alarm.code, alarm.subject, alarm.count) == (AlarmCode.STAYS_END, "crisis-qazvin", 1)
    assert (alarm.since_at, alarm.due_at) == (NOON - 3 * DAY, NOON)
    (alarm,) = seen(owed, NOON).values()
    assert (alarm.code, alarm.since_at, alarm.due_at) == (AlarmCode.STAYS_OVER, NOON, None)


def test_stays_are_counted_centre_by_centre() -> None:
    ends = (NOON + DAY, NOON + 2 * DAY, NOON - DAY, NOON + 9 * DAY)
    found = seen(Owed(stays=(*map(stay, ends), stay(NOON + HOUR, "crisis-avaj"))))
    counts = {key: (alarm.count, alarm.due_at) for key, alarm in found.items()}
    assert counts == {
        "stays_over:crisis-qazvin": (1, None),
        "stays_end:crisis-qazvin": (2, NOON + DAY),
        "stays_end:crisis-avaj": (1, NOON + HOUR),
    }


def at_hour(hour: float, day: int = 22) -> datetime:
    return datetime(2026, 11, day, tzinfo=TEHRAN) + timedelta(hours=hour)


@pytest.mark.parametrize(
    ("due_at", "left_over"),
    [
        (at_hour(10), at_hour(14)),
        (at_hour(14), at_hour(21)),
        (at_hour(20.99), at_hour(21)),
        (at_hour(22), at_hour(7, day=23)),
        (at_hour(3), at_hour(7)),
        (at_hour(0), at_hour(7, day=23)),  # due on that day, at no hour: at its end
    ],
)
def test_what_is_not_done_when_its_shift_ends_is_left_over(
    due_at: datetime, left_over: datetime
) -> None:
    assert left_over_at(due_at, RULES.shifts) == left_over


def test_without_the_hours_of_shifts_a_day_is_one() -> None:
    assert left_over_at(at_hour(10), None) == at_hour(0, day=23)
    assert left_over_at(at_hour(0), None) == at_hour(0, day=24)


def follow_up(due_at: datetime, *, back: bool = False, desk: DeskId | None = DESK) -> OpenFollowUp:
    return OpenFollowUp(province=QAZVIN, desk=desk, expected_back=back, due_at=due_at)


def test_what_the_next_shift_took_over_is_late_when_that_one_ends() -> None:
    def since(taken_at: datetime | None, at: datetime) -> list[datetime]:
        owed = Owed(follow_ups=(replace(follow_up(at_hour(10)), taken_at=taken_at),))
        return [alarm.since_at for alarm in owed_alarms(owed, [RULES], at)]

    assert since(None, at_hour(15)) == [at_hour(14)]
    assert since(at_hour(14.5), at_hour(15)) == []
    assert since(at_hour(14.5), at_hour(22)) == [at_hour(21)]
    assert since(at_hour(0, day=23), at_hour(2, day=23)) == []
    assert since(at_hour(0, day=23), at_hour(8, day=23)) == [at_hour(7, day=23)]
    assert since(at_hour(9), at_hour(15)) == [at_hour(14)]  # taken before it was left over


def test_what_a_shift_leaves_over_is_one_alarm_a_desk_and_kind() -> None:
    owed = Owed(
        follow_ups=(
            follow_up(at_hour(3)),
            follow_up(at_hour(5)),
            follow_up(at_hour(10)),
            follow_up(at_hour(6), desk=None),
            follow_up(at_hour(4), back=True),
        )
    )
    found = {key: (alarm.count, alarm.since_at) for key, alarm in seen(owed).items()}
    assert found == {
        "follow_ups_late:qazvin:qazvin-avaj": (2, at_hour(7)),
        "follow_ups_late:qazvin": (1, at_hour(7)),
        "callers_not_back:qazvin:qazvin-avaj": (1, at_hour(7)),
    }
    later = seen(owed, at_hour(14))
    assert later["follow_ups_late:qazvin:qazvin-avaj"].count == 3


def test_calls_without_an_outcome_are_one_alarm_a_desk() -> None:
    one = OwedOutcomes(province=QAZVIN, desk=DESK, count=7, since_at=NOON)
    of_nobody = replace(one, desk=None, count=2)
    found = seen(Owed(outcomes=(one, of_nobody)))
    assert {key: alarm.count for key, alarm in found.items()} == {
        "outcomes_owed:qazvin:qazvin-avaj": 7,
        "outcomes_owed:qazvin": 2,
    }


@pytest.mark.parametrize(
    ("hours", "given_up", "fails"), [(0.9, 0, False), (1, 0, True), (0.1, 1, True)]
)
def test_a_program_that_takes_nothing_for_an_hour_fails(
    hours: float, given_up: int, fails: bool
) -> None:
    since_at = NOON - hours * HOUR
    untaken = Untaken(
        webhook=4, count=9, given_up=given_up, since_at=since_at, error="answered 500"
    )
    found = seen(Owed(untaken=(untaken,)))
    assert list(found) == (["webhook_fails:4"] if fails else [])
    for alarm in found.values():
        assert (alarm.count, alarm.detail, alarm.since_at) == (9, "answered 500", since_at)


WITHIN = RetentionState(done_at=NOON - 2 * DAY, error="", within=2 * DAY, asked_since_at=NOON)
CHANGES: list[tuple[Callable[[RetentionState], RetentionState], datetime | None]] = [
    (lambda state: state, NOON),
    (lambda state: replace(state, within=3 * DAY), None),
    (lambda state: replace(state, done_at=None, asked_since_at=NOON - HOUR), NOON - HOUR),
]


@pytest.mark.parametrize(("change", "since_at"), CHANGES)
def test_erasing_that_did_not_happen_in_time_is_told(
    change: Callable[[RetentionState], RetentionState], since_at: datetime | None
) -> None:
    found = seen(Owed(retention=change(WITHIN)))
    assert [alarm.since_at for alarm in found.values()] == ([since_at] if since_at else [])


def test_where_nothing_is_owed_nothing_is_told() -> None:
    assert seen(Owed()) == {}
