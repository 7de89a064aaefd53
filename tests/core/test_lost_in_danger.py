"""Callers lost in danger before their place was known: an alarm until somebody takes it up."""

from dataclasses import replace

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.model import CallFacts, CallId, CountyId, DeviceState, EndedBy, Lane
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.record import CallRecord
from ivr.notices import Alarm, AlarmCode
from tests.core.floor_kit import LIMITS, MARKAZI, START, Kit, counsellor, plan_of

ALI = plan_of((None, ("ali",)))
CALL = CallId("c1")


@pytest.fixture
def kit() -> Kit:
    return Kit().staff(counsellor("ali", "markazi-saveh"))


def call_in(kit: Kit, *, lane: Lane = Lane.DANGER, county: str | None = None) -> None:
    kit.arrive(CALL)
    facts = CallFacts(province=MARKAZI, lane=lane, county=CountyId(county) if county else None)
    kit.post(ev.CallJoined(call=CALL, facts=facts, plan=ALI, joined_at=kit.now))


def lost(kit: Kit) -> list[Alarm]:
    return [alarm for alarm in kit.floor.alarms if alarm.code is AlarmCode.LOST_IN_DANGER]


def test_who_hangs_up_in_danger_before_anybody_answered(kit: Kit) -> None:
    call_in(kit)
    kit.pass_s(3)
    kit.hang_up(CALL)
    (alarm,) = lost(kit)
    assert (alarm.subject, alarm.since_at) == (CALL, kit.now)
    raised = kit.only(do.RaiseAlarm)
    assert (raised.code, raised.subject) == (AlarmCode.LOST_IN_DANGER, CALL)
    assert kit.records[CALL].lost_at == kit.now


def test_not_where_the_county_is_known(kit: Kit) -> None:
    call_in(kit, county="markazi-saveh")
    kit.hang_up(CALL)
    assert not lost(kit)
    assert kit.records[CALL].lost_at is None


@pytest.mark.parametrize("lane", [Lane.SILENCE, Lane.ORDINARY])
def test_not_in_other_lanes(kit: Kit, lane: Lane) -> None:
    call_in(kit, lane=lane)
    kit.hang_up(CALL)
    assert not lost(kit)


@pytest.mark.parametrize(("talk_s", "is_lost"), [(5, True), (LIMITS.lost_talk_s, False)])
def test_a_talk_too_short_to_say_where(kit: Kit, talk_s: float, is_lost: bool) -> None:
    kit.on_duty("ali")
    call_in(kit)
    kit.talk(kit.offer())
    kit.pass_s(talk_s)
    kit.hang_up(CALL)
    assert bool(lost(kit)) is is_lost


def test_whom_the_counsellor_has_let_go_is_not_lost(kit: Kit) -> None:
    kit.on_duty("ali")
    call_in(kit)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    kit.hang_up(CALL)
    assert not lost(kit)


def test_whose_talk_broke_off_and_who_then_left_is_lost(kit: Kit) -> None:
    kit.on_duty("ali")
    call_in(kit)
    offer = kit.offer()
    kit.talk(offer)
    kit.pass_s(LIMITS.lost_talk_s)
    kit.device("ali", DeviceState.UNREACHABLE)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    kit.hang_up(CALL)
    assert lost(kit)


def test_who_was_lost_in_the_fallback(kit: Kit) -> None:
    call_in(kit)
    kit.post(ev.CallDetached(call=CALL))
    kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
    assert lost(kit)


def test_it_stands_above_every_other_alarm(kit: Kit) -> None:
    older = Alarm(code=AlarmCode.DESK_EMPTY, subject="markazi-saveh", since_at=START)
    kit.post(ev.NoticesChanged(alarms=(older,)))
    kit.pass_s(60)
    call_in(kit)
    kit.hang_up(CALL)
    first, _ = kit.floor.alarms
    assert first.code is AlarmCode.LOST_IN_DANGER


def test_it_stands_until_somebody_takes_it_up_and_the_record_says_who(kit: Kit) -> None:
    call_in(kit)
    kit.hang_up(CALL)
    kit.pass_s(3600)
    assert lost(kit)
    kit.post(ev.SupervisorAcknowledged(call=CALL, by="boss"))
    assert not lost(kit)
    assert kit.only(do.LiftAlarm).subject == CALL
    record = kit.records[CALL]
    assert (record.acknowledged_by, record.acknowledged_at) == ("boss", kit.now)
    assert record.ended_at is not None


def test_taking_it_up_twice_changes_nothing(kit: Kit) -> None:
    call_in(kit)
    kit.hang_up(CALL)
    for by, effects in (("boss", 2), ("another", 0)):
        assert len(kit.post(ev.SupervisorAcknowledged(call=CALL, by=by))) == effects


def test_a_new_controller_goes_on_with_it(kit: Kit) -> None:
    call_in(kit)
    kit.hang_up(CALL)
    record = kit.records[CALL]
    later = Kit()
    later.pass_s(600)
    later.post(ev.CallsRestored(records=(), lost=(record,)))
    (alarm,) = lost(later)
    assert alarm.since_at == record.lost_at


def test_whom_an_earlier_controller_left_behind_and_who_has_gone_is_lost() -> None:
    facts = CallFacts(province=MARKAZI, lane=Lane.DANGER)
    kit = Kit()
    kit.arrive(CALL)
    waiting: CallRecord = replace(kit.records[CALL], facts=facts, joined_at=START)
    later = Kit()
    later.post(ev.CallsRestored(records=(waiting,)))
    later.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
    assert lost(later)
