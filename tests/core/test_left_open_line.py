"""A line that nobody hangs up after the talk: never cut, looked after once, and told of."""

from dataclasses import replace

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.model import CallEnd, CallFacts, CallId, CallPhase, DeviceState, EndedBy, Lane, Precedence
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from ivr.notices import AlarmCode
from tests.core.floor_kit import LIMITS, MARKAZI, START, Kit, counsellor, plan_of

ALI = plan_of((None, ("ali",)))
CALL = CallId("c1")


@pytest.fixture
def kit() -> Kit:
    """Ali's talk with c1 is over, the closing sentence was heard, and c1 has not hung up."""
    kit = Kit().staff(counsellor("ali", "markazi-saveh")).on_duty("ali")
    kit.call(CALL, ALI)
    end_talk(kit)
    kit.post(ev.LineLeftOpen(call=CALL))
    return kit


def end_talk(kit: Kit) -> None:
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    kit.device("ali", DeviceState.IDLE)


def phase(kit: Kit) -> CallPhase:
    return kit.floor.calls[CALL].phase


def alarmed(kit: Kit) -> bool:
    return any(alarm.code is AlarmCode.HANDSET_OFF_HOOK for alarm in kit.floor.alarms)


def test_at_first_nobody_is_rung_nor_alarmed(kit: Kit) -> None:
    """Most callers hang up a moment later."""
    kit.pass_s(LIMITS.left_open_s - 0.1)
    assert (phase(kit), alarmed(kit)) == (CallPhase.LEFT_OPEN, False)
    assert not kit.all(do.OfferCall)


def test_who_hangs_up_then_was_let_go_by_the_counsellor(kit: Kit) -> None:
    kit.pass_s(5)
    kit.hang_up(CALL)
    record = kit.records[CALL]
    assert (record.end, record.ended_by) == (CallEnd.CONNECTED, EndedBy.COUNSELLOR)


def test_after_a_while_it_is_told_and_a_counsellor_looks_after_it(kit: Kit) -> None:
    kit.pass_s(LIMITS.left_open_s)
    alarm = kit.only(do.RaiseAlarm)
    assert (alarm.code, alarm.subject) == (AlarmCode.HANDSET_OFF_HOOK, CALL)
    assert kit.offer().call == CALL


def test_it_stands_behind_everybody_and_that_is_said(kit: Kit) -> None:
    kit.device("ali", DeviceState.IN_USE)
    kit.pass_s(LIMITS.left_open_s)
    kit.call("later", ALI)
    kit.device("ali", DeviceState.IDLE)
    offer = kit.offer()
    assert offer.call == "later"
    assert offer.overtook is not None
    assert (offer.overtook.reason, offer.overtook.over) == (Precedence.LEFT_OPEN, CALL)


def test_no_wait_lets_it_go_before_others(kit: Kit) -> None:
    kit.device("ali", DeviceState.IN_USE)
    kit.pass_s(LIMITS.left_open_s)
    kit.pass_s(10_000)
    kit.call("later", ALI)
    assert [call.id for call in kit.floor.line.in_order(kit.now)] == ["later", CALL]


def test_who_was_looked_after_once_is_not_rung_for_again(kit: Kit) -> None:
    kit.pass_s(LIMITS.left_open_s)
    end_talk(kit)
    kit.post(ev.LineLeftOpen(call=CALL))
    kit.pass_s(LIMITS.wrap_up_s)
    kit.pass_s(LIMITS.left_open_s)
    assert (phase(kit), alarmed(kit)) == (CallPhase.LEFT_OPEN, True)
    assert not kit.all(do.OfferCall)


@pytest.mark.parametrize("after_s", [1, LIMITS.left_open_s])
def test_who_presses_the_key_joins_the_line_as_before(kit: Kit, after_s: float) -> None:
    kit.device("ali", DeviceState.IN_USE)
    kit.pass_s(after_s)
    kit.join(CALL, ALI)
    assert (phase(kit), alarmed(kit)) == (CallPhase.WAITING, False)
    kit.call("later", ALI)
    assert [call.id for call in kit.floor.line.in_order(kit.now)] == [CALL, "later"]


def test_race_the_key_is_pressed_while_a_counsellor_is_rung(kit: Kit) -> None:
    kit.pass_s(LIMITS.left_open_s)
    offer = kit.offer()
    kit.join(CALL, ALI)
    assert kit.only(do.HangUpLeg).offer == offer.id
    assert kit.offer().call == CALL
    assert not alarmed(kit)


def test_race_they_hang_up_while_a_counsellor_is_rung(kit: Kit) -> None:
    kit.pass_s(LIMITS.left_open_s)
    kit.hang_up(CALL)
    assert kit.all(do.HangUpLeg)
    assert not alarmed(kit)
    assert kit.records[CALL].ended_by is EndedBy.COUNSELLOR


def test_the_static_queue_does_not_get_it(kit: Kit) -> None:
    kit.device("ali", DeviceState.IN_USE)
    kit.pass_s(LIMITS.left_open_s)
    kit.post(ev.ExchangeLost())
    kit.call("waits", ALI)
    kit.pass_s(LIMITS.exchange_down_s)
    assert [effect.call for effect in kit.all(do.SendToFallback)] == ["waits"]


def test_a_new_controller_takes_it_over(kit: Kit) -> None:
    live = LiveCall(
        call=CALL,
        line="086123",
        province=MARKAZI,
        arrived_at=START,
        facts=CallFacts(province=MARKAZI),
        joined_at=START,
        offer=None,
        counsellor=None,
    )
    later = Kit().staff(counsellor("ali", "markazi-saveh"))
    later.post(ev.CallsRestored(records=(kit.records[CALL],)))
    later.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(live,))))
    later.on_duty("ali")
    assert phase(later) is CallPhase.CLOSING
    later.arrive(CALL)
    later.post(ev.LineLeftOpen(call=CALL))
    later.pass_s(LIMITS.left_open_s)
    assert alarmed(later)
    assert later.offer().call == CALL


def test_a_call_that_nobody_of_ours_holds_is_told_of_and_rung_for_when_it_is_back(
    kit: Kit,
) -> None:
    """Its conversation broke, and Asterisk keeps the line: nobody could send it into a room."""
    kit.post(ev.CallDetached(call=CALL))
    kit.pass_s(LIMITS.left_open_s)
    assert (phase(kit), alarmed(kit)) == (CallPhase.LEFT_OPEN, True)
    assert not kit.all(do.OfferCall)
    kit.arrive(CALL)
    kit.post(ev.LineLeftOpen(call=CALL))
    assert kit.offer().call == CALL


def test_whose_conversation_breaks_while_a_counsellor_is_rung_is_still_left_open(kit: Kit) -> None:
    kit.pass_s(LIMITS.left_open_s)
    kit.post(ev.CallDetached(call=CALL))
    assert (phase(kit), alarmed(kit)) == (CallPhase.LEFT_OPEN, True)
    assert kit.all(do.HangUpLeg)


@pytest.mark.parametrize("ended", ["told", "told late"])
def test_race_they_hang_up_as_the_line_is_taken_up_again(ended: str) -> None:
    """Before it is said that the line stays open: the counsellor had ended the talk already."""
    kit = Kit().staff(counsellor("ali", "markazi-saveh")).on_duty("ali")
    kit.call(CALL, ALI)
    offer = kit.offer()
    kit.talk(offer)
    if ended == "told":
        kit.leg_ended(offer)
    kit.arrive(CALL)
    kit.hang_up(CALL)
    record = kit.records[CALL]
    assert (record.ended_by, record.talk_ended_at) == (EndedBy.COUNSELLOR, kit.now)


@pytest.mark.parametrize("known_as", [CallPhase.TALKING, CallPhase.CLOSING, CallPhase.LEFT_OPEN])
def test_race_they_hang_up_as_a_new_controller_takes_the_line_up(
    kit: Kit, known_as: CallPhase
) -> None:
    later = Kit().staff(counsellor("ali", "markazi-saveh"))
    later.post(ev.CallsRestored(records=(replace(kit.records[CALL], phase=known_as),)))
    later.arrive(CALL)
    later.hang_up(CALL)
    assert later.records[CALL].ended_by is EndedBy.COUNSELLOR


def test_a_device_lost_while_somebody_listens_in_makes_the_caller_first(kit: Kit) -> None:
    """Nobody knows whether somebody was there: in doubt they were."""
    kit.pass_s(LIMITS.left_open_s)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    call = kit.floor.calls[CALL]
    assert (call.stands_last, alarmed(kit)) == (False, False)


class TestAfterDanger:
    @pytest.fixture
    def kit(self) -> Kit:
        kit = Kit().staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-saveh"))
        kit.on_duty("ali")
        kit.call(CALL, plan_of((None, ("ali", "sara"))), lane=Lane.DANGER)
        end_talk(kit)
        return kit

    def test_it_is_told_at_once_and_whoever_is_free_looks_after_it(self, kit: Kit) -> None:
        kit.on_duty("sara")
        kit.post(ev.LineLeftOpen(call=CALL))
        alarm = kit.only(do.RaiseAlarm)
        assert (alarm.code, alarm.subject) == (AlarmCode.LEFT_OPEN_IN_DANGER, CALL)
        assert (kit.offer().call, kit.offer().counsellor) == (CALL, "sara")

    def test_it_stands_behind_everybody(self, kit: Kit) -> None:
        kit.post(ev.LineLeftOpen(call=CALL))
        kit.call("later", ALI)
        assert [call.id for call in kit.floor.line.in_order(kit.now)] == ["later", CALL]

    def test_it_calls_nobody_out_of_a_wrap_up(self, kit: Kit) -> None:
        """As danger itself would: the talk was had."""
        kit.on_duty("sara")
        kit.call("other", plan_of((None, ("sara",))))
        end_talk(kit)
        kit.post(ev.LineLeftOpen(call=CALL))
        kit.pass_s(LIMITS.wrap_up_least_s + 1)
        assert phase(kit) is CallPhase.WAITING
        assert not kit.all(do.OfferCall)

    def test_who_hangs_up_then_is_not_lost(self, kit: Kit) -> None:
        kit.post(ev.LineLeftOpen(call=CALL))
        kit.hang_up(CALL)
        assert kit.records[CALL].lost_at is None
        assert not list(kit.floor.alarms)


def test_what_is_told_late_changes_nothing(kit: Kit) -> None:
    kit.join(CALL, ALI)
    waiting = phase(kit)
    kit.post(ev.LineLeftOpen(call=CALL))
    kit.post(ev.LineLeftOpen(call=CallId("gone")))
    assert phase(kit) is waiting
