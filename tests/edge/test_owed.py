"""What is owed by the records becomes alarms of the running line, and they go when it is done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from ivr.calendar import TEHRAN
from ivr.errors import StoreError
from ivr.model import CallId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.notices import Alarm
from ivr.outcomes import OutcomeId
from ivr.owed import Owed
from ivr.owed_watch import OwedWatch
from ivr.rules.load import load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore
from ivr.store.owed import OwedStore
from ivr.store.retention_runs import RetentionRuns
from ivr.store.store import Store
from ivr.store.visits import VisitStore
from ivr.visits import StayEnd, Visit, VisitKind
from tests.edge.store_examples import add_outcome, call

QAZVIN, DESK = ProvinceId("qazvin"), DeskId("qazvin-avaj")
RULES = load_rules(PROJECT / "deploy" / "provinces" / "qazvin.yaml")
NOON = datetime(2026, 11, 22, 12, tzinfo=TEHRAN)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass
class Line:
    """A running line, as far as it looks for what is owed; the clock is the test's."""

    store: Store
    now: datetime = NOON
    within: timedelta | None = None
    told: tuple[Alarm, ...] = ()

    async def alarms(self) -> dict[str, int]:
        watch = OwedWatch(
            OwedStore(self.store, self.within, NOON), lambda: (RULES,), self.hear, lambda: self.now
        )
        await watch.look()
        return {alarm.key: alarm.count for alarm in self.told}

    def hear(self, alarms: tuple[Alarm, ...]) -> None:
        self.told = alarms


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


def stay(key: str, from_at: datetime, province: ProvinceId = QAZVIN) -> Visit:
    return Visit(
        id=0,
        key=key,
        call=None,
        province=province,
        county=CountyId("qazvin-avaj"),
        centre="crisis-qazvin",
        kind=VisitKind.ADMISSION,
        services=(),
        from_at=from_at,
        by="sara",
        at=from_at,
    )


async def test_a_stay_is_told_before_its_21_days_are_over_until_it_is_closed(line: Line) -> None:
    visits = VisitStore(line.store)
    first = await visits.begin(stay("a", NOON), ())
    await visits.begin(stay("b", NOON + DAY), ())
    await visits.begin(stay("elsewhere", NOON, ProvinceId("ilam")), ())
    line.now = NOON + 18 * DAY - HOUR
    assert await line.alarms() == {}
    line.now = NOON + 18 * DAY
    assert await line.alarms() == {"stays_end:crisis-qazvin": 1}
    line.now = NOON + 21 * DAY
    assert await line.alarms() == {"stays_over:crisis-qazvin": 1, "stays_end:crisis-qazvin": 1}
    await visits.prolong(first.id, NOON + 40 * DAY, by_court=True, by="sara", at=line.now)
    assert await line.alarms() == {"stays_end:crisis-qazvin": 1}
    line.now = NOON + 41 * DAY
    assert await line.alarms() == {"stays_over:crisis-qazvin": 2}
    await visits.end(first.id, StayEnd.HOME, line.now)
    assert await line.alarms() == {"stays_over:crisis-qazvin": 1}


async def test_what_the_shift_before_left_over_is_told_until_it_is_done(line: Line) -> None:
    follow_ups = FollowUpStore(line.store)
    made = [
        await follow_ups.add(
            FollowUp(
                id=0,
                key=f"k{number}",
                call=None,
                province=QAZVIN,
                desk=DESK,
                kind=kind,
                due_at=NOON - HOUR,
                note="",
                by="sara",
                at=NOON - DAY,
            )
        )
        for number, kind in enumerate((*FollowUpKind, FollowUpKind.FOLLOW_UP))
    ]
    assert await line.alarms() == {}
    line.now = NOON + 2 * HOUR  # the evening shift
    late, back = "follow_ups_late:qazvin:qazvin-avaj", "callers_not_back:qazvin:qazvin-avaj"
    assert await line.alarms() == {late: 2, back: 1}
    for one in made[:2]:
        await follow_ups.done(one.id, by="ali", at=line.now)
    assert await line.alarms() == {late: 1}


async def test_calls_without_an_outcome_are_one_number_a_desk(line: Line) -> None:
    talked = {
        "province": QAZVIN,
        "counsellor": CounsellorId("avaj-1"),
        "desk": DESK,
        "arrived_at": NOON - HOUR,
        "connected_at": NOON - HOUR,
        "talk_ended_at": NOON,
        "ended_at": NOON,
    }
    names = [f"c{number}" for number in range(5)]
    await line.store.save_calls([call(name, **talked) for name in names])
    nobodys = talked | {"counsellor": None, "desk": None}
    await line.store.save_calls([call("f1", **nobodys)])
    assert await line.alarms() == {"outcomes_owed:qazvin": 1}, "of nobody: at once"
    line.now = NOON + timedelta(hours=RULES.keeping.outcome_overdue_h)
    owed = "outcomes_owed:qazvin:qazvin-avaj"
    assert await line.alarms() == {"outcomes_owed:qazvin": 1, owed: 5}
    for name in (*names[:3], "f1"):
        await add_outcome(
            line.store, CallId(name), OutcomeId.PHONE_RESOLVED, by="sara", at=line.now
        )
    assert await line.alarms() == {owed: 2}
    (alarm,) = line.told
    assert alarm.since_at == NOON


async def test_each_run_of_the_retention_leaves_its_result(line: Line) -> None:
    runs = RetentionRuns(line.store)
    assert await line.alarms() == {}, "it is not set up to run by itself"
    line.within = 2 * DAY
    assert await line.alarms() == {"retention_late:": 0}
    async with runs.one(by="admin", at=NOON) as erased:
        erased.rows = 12
    (run,) = await runs.last()
    assert (run.by, run.began_at, run.rows, run.error) == ("admin", NOON, 12, None)
    assert run.ended_at is not None
    line.now = run.ended_at + DAY
    assert await line.alarms() == {}
    with pytest.raises(StoreError):
        async with runs.one(by="admin", at=NOON + DAY):
            raise StoreError("the disk is full")
    line.now = run.ended_at + 3 * DAY
    assert await line.alarms() == {"retention_late:": 0}
    assert line.told[0].detail == "the disk is full"


async def test_a_run_that_was_killed_has_no_end(line: Line) -> None:
    runs = RetentionRuns(line.store)
    with pytest.raises(KeyboardInterrupt):
        async with runs.one(by="admin", at=NOON):
            raise KeyboardInterrupt
    (run,) = await runs.last()
    assert (run.ended_at, run.error) == (None, None)
    assert await runs.state() == (None, "")


@dataclass
class Away:
    """Records that cannot be looked into; `looked` counts."""

    looked: list[datetime] = field(default_factory=list)

    async def look(self, _rules: Iterable[ProvinceRules], now: datetime) -> Owed:
        self.looked.append(now)
        raise StoreError("away")


async def test_while_the_database_is_away_what_stood_goes_on_standing() -> None:
    told: list[tuple[Alarm, ...]] = []
    watch = OwedWatch(Away(), lambda: (RULES,), told.append, lambda: NOON)
    with pytest.raises(StoreError):
        await watch.look()
    assert told == []
