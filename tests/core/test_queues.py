"""The floor's decisions, one rule a test."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.model import (
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeviceId,
    DeviceState,
    EndedBy,
    Lane,
    OfferId,
    OfferResult,
)
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, MARKAZI, START, Kit, counsellor, plan_of

EVERYBODY = plan_of((None, ("ali", "sara")))


@pytest.fixture
def kit() -> Kit:
    return Kit().staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))


def test_a_free_counsellor_is_rung_at_once(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    assert (offer.call, offer.counsellor) == ("c1", "ali")
    assert offer.deadline_at == kit.now + timedelta(seconds=LIMITS.ring_s)


def test_first_come_first_served(kit: Kit) -> None:
    for call in ("c1", "c2", "c3"):
        kit.call(call, EVERYBODY)
        kit.pass_s(1)
    kit.device("ali", DeviceState.IDLE)
    assert kit.offer().call == "c1"
    kit.device("sara", DeviceState.IDLE)
    assert kit.offer().call == "c2"


def test_danger_then_silence_then_the_others(kit: Kit) -> None:
    kit.call("ordinary", EVERYBODY)
    kit.call("silent", EVERYBODY, lane=Lane.SILENCE)
    kit.call("danger", EVERYBODY, lane=Lane.DANGER)
    kit.device("ali", DeviceState.IDLE)
    assert kit.offer().call == "danger"
    kit.device("sara", DeviceState.IDLE)
    assert kit.offer().call == "silent"


def test_the_longest_idle_is_rung_first(kit: Kit) -> None:
    kit.on_duty("sara", "ali").call("c1", EVERYBODY)
    assert kit.offer().counsellor == "sara"


def test_a_step_widens_after_its_time(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c0", plan_of((None, ("ali",))))
    assert kit.call("c1", plan_of((20, ("ali",)), (None, ("sara",)))) != []
    assert not kit.all(do.OfferCall)
    assert not kit.pass_s(19.9) or not kit.all(do.OfferCall)
    assert kit.floor.next_deadline() is not None
    kit.pass_s(0.1)
    assert [effect.offer.counsellor for effect in kit.all(do.OfferCall)] == ["sara"]


def test_a_step_that_nobody_could_serve_lasts_no_time(kit: Kit) -> None:
    kit.on_duty("sara").call("c1", plan_of((20, ("ali",)), (None, ("sara",))))
    assert kit.offer().counsellor == "sara"


def test_a_step_whose_only_counsellor_pauses_is_over_at_once(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c0", plan_of((None, ("ali",))))
    kit.call("c1", plan_of((20, ("ali",)), (None, ("sara",))))
    kit.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="break"))
    assert {effect.offer.call for effect in kit.all(do.OfferCall)} <= {"c0", "c1"}
    assert kit.only(do.OfferCall).offer.counsellor == "sara"


def test_danger_opens_all_steps_at_once(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c0", plan_of((None, ("ali",))))
    kit.call("c1", plan_of((20, ("ali",)), (None, ("sara",)), at_once=True), lane=Lane.DANGER)
    assert kit.offer().counsellor == "sara"


def test_a_talk_from_offer_to_record(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.accept(offer)
    assert kit.only(do.Connect).offer == offer.id
    kit.enter(offer)
    assert kit.only(do.LetIn).offer == offer.id
    kit.pass_s(1)
    kit.talk(offer)
    kit.pass_s(60)
    kit.leg_ended(offer)
    assert kit.only(do.CloseCall).call == "c1"
    kit.post(ev.CallFinished(call=CallId("c1")))
    record = kit.records["c1"]
    assert record.end is CallEnd.CONNECTED
    assert record.ended_by is EndedBy.COUNSELLOR
    assert record.counsellor == "ali"
    assert record.connected_at == START + timedelta(seconds=1, milliseconds=1)
    assert [entry.result for entry in record.offers] == [OfferResult.CONNECTED]
    assert not kit.floor.calls


def test_wrap_up_keeps_the_counsellor_and_ends_by_itself(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.hang_up("c1")
    assert kit.only(do.HangUpLeg).offer == offer.id
    kit.device("ali", DeviceState.IDLE)
    kit.call("c2", EVERYBODY)
    assert not kit.all(do.OfferCall)
    kit.pass_s(LIMITS.wrap_up_s)
    assert kit.offer().call == "c2"


def test_a_wrap_up_may_be_ended_early(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    kit.talk(kit.offer())
    kit.hang_up("c1")
    kit.device("ali", DeviceState.IDLE)
    kit.call("c2", EVERYBODY)
    kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
    assert kit.offer().call == "c2"


@pytest.mark.parametrize(
    ("result", "hold_s"),
    [
        (OfferResult.REJECTED, LIMITS.rejected_s),
        (OfferResult.BUSY, LIMITS.busy_s),
        (OfferResult.UNREACHABLE, LIMITS.unreachable_s),
        (OfferResult.FAILED, LIMITS.failed_s),
    ],
)
def test_a_failed_offer_holds_its_counsellor_and_keeps_the_callers_place(
    kit: Kit, result: OfferResult, hold_s: float
) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    kit.call("c2", EVERYBODY)
    (first,) = kit.floor.calls[CallId("c1")].offers.values()
    kit.fail(first, result)
    assert not kit.all(do.OfferCall)
    kit.pass_s(hold_s)
    assert kit.offer().call == "c1"


def test_rona_goes_to_the_next_counsellor_at_once(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.pass_s(LIMITS.ring_s)
    assert kit.only(do.HangUpLeg).offer == offer.id
    assert kit.offer().counsellor == "sara"
    assert kit.records["c1"].offers[0].result is OfferResult.RONA


def test_rona_holds_longer_each_time_and_raises_an_alarm() -> None:
    kit = Kit(floor=Floor(epoch=7, limits=replace(LIMITS, back_off_least_s=600)))
    kit.staff(counsellor("ali", "markazi-arak")).on_duty("ali").call("c1", EVERYBODY)
    for hold_s in (10, 20):
        kit.pass_s(LIMITS.ring_s)
        assert not kit.all(do.RaiseAlarm)
        assert not kit.pass_s(hold_s - 0.1) or not kit.all(do.OfferCall)
        kit.pass_s(0.1)
        assert kit.offer().counsellor == "ali"
    kit.pass_s(LIMITS.ring_s)
    assert kit.only(do.RaiseAlarm).subject == "ali"


def test_a_caller_who_leaves_while_ringing_withdraws_the_offer(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.pass_s(6)
    kit.hang_up("c1")
    assert kit.only(do.HangUpLeg).offer == offer.id
    record = kit.records["c1"]
    assert record.end is CallEnd.ABANDONED
    assert record.offers[0].result is OfferResult.WITHDRAWN
    kit.call("c2", EVERYBODY)
    assert kit.offer().counsellor == "ali", "no back-off for what was not their doing"


def test_short_abandonments_are_told_apart(kit: Kit) -> None:
    kit.call("c1", EVERYBODY)
    kit.pass_s(4)
    kit.hang_up("c1")
    assert kit.records["c1"].end is CallEnd.SHORT_ABANDONMENT


def test_who_leaves_in_the_menu_never_stood_in_line(kit: Kit) -> None:
    kit.arrive("c1")
    kit.hang_up("c1")
    assert kit.records["c1"].end is CallEnd.IN_MENU
    assert kit.records["c1"].joined_at is None


def test_late_events_of_an_old_offer_change_nothing(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c1", EVERYBODY)
    old = kit.offer()
    kit.pass_s(LIMITS.ring_s)
    new = kit.offer()
    for event in (
        ev.OfferPickedUp(offer=old.id),
        ev.OfferAccepted(offer=old.id),
        ev.TalkStarted(offer=old.id),
        ev.OfferFailed(offer=old.id, result=OfferResult.RONA),
        ev.LegEnded(offer=old.id, ended_by=EndedBy.COUNSELLOR),
    ):
        assert kit.post(event) == []
    assert kit.floor.calls[CallId("c1")].offers == {new.id: new}


def test_counsellor_leaves_in_the_instant_of_acceptance(kit: Kit) -> None:
    """The caller is on the way into a room that nobody will come to: held and fetched back."""
    kit.on_duty("ali", "sara").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.accept(offer)
    kit.leg_ended(offer)
    assert kit.only(do.HoldCall).call == "c1"
    assert kit.only(do.RecallCaller).call == "c1"
    assert kit.offer().counsellor == "sara"


def test_caller_enters_a_room_whose_counsellor_has_gone(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.accept(offer)
    kit.leg_ended(offer)
    kit.enter(offer)
    assert kit.only(do.RecallCaller).call == "c1"
    assert not kit.all(do.LetIn)


def test_caller_leaves_in_the_instant_of_acceptance(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.accept(offer)
    kit.hang_up("c1")
    assert kit.only(do.HangUpLeg).offer == offer.id
    assert kit.post(ev.TalkStarted(offer=offer.id)) == []
    assert kit.records["c1"].end is not CallEnd.CONNECTED


def test_a_talk_that_does_not_come_about_is_fetched_back(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.accept(offer)
    kit.pass_s(LIMITS.connect_s)
    assert kit.only(do.HangUpLeg).offer == offer.id
    assert kit.only(do.RecallCaller).call == "c1"
    assert kit.floor.calls[CallId("c1")].phase is CallPhase.WAITING


def test_a_lost_device_puts_the_caller_first_in_line(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.call("c2", EVERYBODY)
    kit.post(ev.DeviceChanged(device=offer.device.id, state=DeviceState.UNREACHABLE))
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    assert kit.only(do.HoldCall).call == "c1"
    kit.device("sara", DeviceState.IDLE)
    assert kit.offer().call == "c1"


def test_a_lost_device_is_not_rung_at_once_though_it_looks_idle(kit: Kit) -> None:
    """With no wrap-up the caller would wait for a dead phone while the next one is served."""
    kit = Kit(floor=Floor(epoch=7, limits=replace(LIMITS, wrap_up_s=0)))
    kit.staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    kit.device("ali", DeviceState.IDLE)
    assert not kit.all(do.OfferCall)
    kit.device("sara", DeviceState.IDLE)
    assert kit.offer().call == "c1"
    kit.pass_s(LIMITS.device_lost_s)
    kit.call("c2", EVERYBODY)
    assert kit.offer().counsellor == "ali"


def test_a_lost_device_that_registers_again_is_rung_at_once(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer, EndedBy.DEVICE_LOST)
    kit.device("ali", DeviceState.UNREACHABLE)
    kit.post(ev.WrapUpEnded(counsellor=CounsellorId("ali")))
    kit.device("ali", DeviceState.IDLE)
    assert kit.offer().counsellor == "ali"


def test_pausing_while_offered_withdraws_the_offer(kit: Kit) -> None:
    kit.on_duty("ali").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="break"))
    assert kit.only(do.HangUpLeg).offer == offer.id
    assert kit.floor.calls[CallId("c1")].phase is CallPhase.WAITING
    kit.post(ev.CounsellorResumed(counsellor=CounsellorId("ali")))
    assert kit.offer().call == "c1"


def test_a_device_in_a_call_of_its_own_is_not_rung(kit: Kit) -> None:
    kit.on_duty("ali").device("ali", DeviceState.IN_USE)
    kit.call("c1", EVERYBODY)
    assert not kit.all(do.OfferCall)
    presence = kit.floor.staff.get(CounsellorId("ali"))
    assert presence is not None
    assert presence.state() is CounsellorState.BUSY_ELSEWHERE


def test_a_caller_back_from_the_fallback_keeps_the_place(kit: Kit) -> None:
    joined_at = kit.now
    kit.call("c1", EVERYBODY)
    kit.pass_s(5)
    kit.call("c2", EVERYBODY)
    kit.post(ev.CallDetached(call=CallId("c1")))
    kit.pass_s(10)
    kit.arrive("c1")
    kit.join("c1", EVERYBODY, joined_at=joined_at)
    kit.device("ali", DeviceState.IDLE)
    assert kit.offer().call == "c1"
    assert kit.records["c1"].fallback_s == pytest.approx(10)


def test_coming_back_after_the_closing_joins_the_line_again(kit: Kit) -> None:
    kit.on_duty("ali", "sara").call("c1", EVERYBODY)
    offer = kit.offer()
    kit.talk(offer)
    kit.leg_ended(offer)
    kit.join("c1", EVERYBODY)
    assert kit.offer().counsellor == "sara"


class TestExchange:
    def test_nobody_is_rung_while_the_link_is_down(self, kit: Kit) -> None:
        kit.on_duty("ali").post(ev.ExchangeLost())
        kit.call("c1", EVERYBODY)
        assert not kit.all(do.OfferCall)

    def test_callers_in_line_go_to_the_fallback_when_the_link_stays_down(self, kit: Kit) -> None:
        kit.post(ev.ExchangeLost())
        kit.call("c1", EVERYBODY)
        assert not kit.all(do.SendToFallback)
        kit.pass_s(LIMITS.exchange_down_s)
        assert kit.only(do.SendToFallback).call == "c1"

    def test_the_first_in_line_is_the_first_in_the_fallback(self, kit: Kit) -> None:
        for call in ("c1", "c2"):
            kit.call(call, EVERYBODY)
        kit.call("c3", EVERYBODY, lane=Lane.DANGER)
        kit.post(ev.ExchangeLost())
        kit.pass_s(LIMITS.exchange_down_s)
        assert [effect.call for effect in kit.all(do.SendToFallback)] == ["c3", "c1", "c2"]

    def test_a_call_that_asterisk_no_longer_shows_is_over(self, kit: Kit) -> None:
        kit.call("c1", EVERYBODY)
        kit.post(ev.CallDetached(call=CallId("c1")))
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        assert kit.records["c1"].ended_by is EndedBy.UNKNOWN
        assert kit.records["c1"].end is CallEnd.FALLBACK_ABANDONED

    def test_a_conversation_of_ours_is_not_ended_by_an_older_snapshot(self, kit: Kit) -> None:
        kit.call("c1", EVERYBODY)
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        assert kit.floor.calls[CallId("c1")].phase is CallPhase.WAITING

    def test_a_new_controller_adopts_a_talk(self, kit: Kit) -> None:
        kit.post(ev.ExchangeSeen(snapshot=_snapshot_of_a_talk()))
        presence = kit.floor.staff.get(CounsellorId("ali"))
        assert presence is not None
        assert presence.state() is CounsellorState.TALKING
        kit.post(ev.LegEnded(offer=OfferId("6-1"), ended_by=EndedBy.COUNSELLOR))
        assert presence.state() is CounsellorState.WRAP_UP
        kit.arrive("c1")
        kit.post(ev.CallFinished(call=CallId("c1")))
        assert kit.records["c1"].end is CallEnd.CONNECTED

    def test_a_talk_of_somebody_we_do_not_know_is_left_alone(self, kit: Kit) -> None:
        live = replace(_snapshot_of_a_talk().calls[0], counsellor=CounsellorId("gone"), facts=None)
        legs = frozenset({OfferId("6-1")})
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(live,), legs=legs)))
        assert not kit.all(do.HangUpLeg)

    def test_legs_that_nobody_knows_are_hung_up(self, kit: Kit) -> None:
        stale = frozenset({OfferId("6-9")})
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(), legs=stale)))
        assert kit.only(do.HangUpLeg).offer == "6-9"

    def test_a_leg_that_ended_while_nobody_looked_ends_the_talk(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", EVERYBODY)
        kit.talk(kit.offer())
        kit.post(ev.ExchangeLost())
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        assert kit.only(do.CloseCall).call == "c1"

    def test_open_records_of_calls_that_are_gone_are_closed_once(self, kit: Kit) -> None:
        kit.call("c1", EVERYBODY)
        record = kit.records["c1"]
        later = Kit().staff(counsellor("ali", "markazi-saveh"))
        later.post(ev.CallsRestored(records=(record,)))
        later.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        assert later.records["c1"].ended_at is not None
        assert later.records["c1"].joined_at == record.joined_at


def _snapshot_of_a_talk() -> ExchangeSnapshot:
    live = LiveCall(
        call=CallId("c1"),
        line="086123",
        province=MARKAZI,
        arrived_at=START,
        facts=CallFacts(province=MARKAZI),
        joined_at=START,
        offer=OfferId("6-1"),
        counsellor=CounsellorId("ali"),
    )
    return ExchangeSnapshot(
        calls=(live,),
        legs=frozenset({OfferId("6-1")}),
        devices=((DeviceId("ali-phone"), DeviceState.IN_USE),),
    )
