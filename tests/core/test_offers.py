"""Offers to one counsellor and to several: who wins, who is told what, whose fault it was."""

from dataclasses import replace

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.limits import Hold, Limits
from ivr.model import (
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeviceState,
    EndedBy,
    Lane,
    Offer,
    OfferResult,
    Relief,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.notices import AlarmCode
from ivr.presence import NOT_ANSWERING, Presence
from ivr.queues import Floor
from tests.core.floor_kit import LIMITS, Kit, counsellor, plan_of

ALL = plan_of((None, ("ali", "sara", "mina")))
ALI = plan_of((None, ("ali",)))


def floor_of(limits: Limits) -> Kit:
    kit = Kit(floor=Floor(epoch=7, limits=limits))
    return kit.staff(*(counsellor(name, "markazi-saveh") for name in ("ali", "sara", "mina")))


@pytest.fixture
def kit() -> Kit:
    """Two are rung at once."""
    return floor_of(replace(LIMITS, ring_at_once=2))


def offers(kit: Kit) -> list[Offer]:
    """Those of the last event."""
    return [effect.offer for effect in kit.all(do.OfferCall)]


def rung(kit: Kit) -> list[str]:
    return [offer.counsellor for offer in offers(kit)]


def of(kit: Kit, name: str) -> Presence:
    presence = kit.floor.staff.get(CounsellorId(name))
    assert presence is not None
    return presence


def results(kit: Kit, call: str) -> list[tuple[str, str]]:
    return [(entry.counsellor, entry.result) for entry in kit.records[call].offers]


class TestSeveralAtOnce:
    def test_one_is_rung_where_nothing_else_is_said(self) -> None:
        kit = floor_of(LIMITS).on_duty("ali", "sara")
        kit.call("c1", ALL)
        assert rung(kit) == ["ali"]

    def test_as_many_are_rung_as_the_limits_say(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara", "mina").call("c1", ALL)
        assert rung(kit) == ["ali", "sara"]
        assert kit.records["c1"].phase is CallPhase.OFFERED

    def test_danger_has_its_own_number(self) -> None:
        kit = floor_of(replace(LIMITS, ring_at_once_danger=3)).on_duty("ali", "sara", "mina")
        kit.call("c1", ALL, lane=Lane.DANGER)
        assert rung(kit) == ["ali", "sara", "mina"]

    def test_who_becomes_free_is_rung_as_well(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", ALL)
        kit.on_duty("sara")
        assert rung(kit) == ["sara"]

    def test_everybody_who_waits_is_served_before_a_second_phone_rings(self, kit: Kit) -> None:
        kit.call("c1", ALL)
        kit.call("c2", ALL)
        kit.post(ev.ExchangeLost())
        devices = tuple(
            (counsellor(name, "").devices[0].id, DeviceState.IDLE)
            for name in ("ali", "sara", "mina")
        )
        kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(), devices=devices)))
        assert [offer.call for offer in offers(kit)] == ["c1", "c2", "c1"]

    def test_the_first_to_accept_wins_and_the_others_are_told_why_it_stopped(
        self, kit: Kit
    ) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.accept(sara)
        assert kit.only(do.Connect).offer == sara.id
        stopped = kit.only(do.HangUpLeg)
        assert (stopped.offer, stopped.why) == (ali.id, OfferResult.ANSWERED_ELSEWHERE)
        assert results(kit, "c1") == [("ali", "answered_elsewhere")]
        assert of(kit, "ali").hold is None
        assert of(kit, "ali").missed_in_a_row == 0
        kit.call("c2", ALL)
        assert rung(kit) == ["ali"], "it was no fault of theirs"

    def test_picking_up_is_not_accepting(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.post(ev.OfferPickedUp(offer=ali.id))
        assert not kit.all(do.HangUpLeg)
        kit.accept(sara)
        assert kit.only(do.Connect).counsellor == "sara"
        assert kit.only(do.HangUpLeg).offer == ali.id

    def test_nobody_else_is_rung_once_somebody_has_picked_up(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", ALL)
        kit.post(ev.OfferPickedUp(offer=kit.offer().id))
        kit.on_duty("sara")
        assert not kit.all(do.OfferCall)

    def test_two_accept_in_the_same_instant(self, kit: Kit) -> None:
        """app_queue #176: both were connected to the one caller."""
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.accept(ali)
        for event in (
            ev.OfferPickedUp(offer=sara.id),
            ev.OfferAccepted(offer=sara.id),
            ev.TalkStarted(offer=sara.id),
            ev.LegEnded(offer=sara.id, ended_by=EndedBy.COUNSELLOR),
        ):
            assert kit.post(event) == []
        kit.enter(ali)
        assert kit.only(do.LetIn).offer == ali.id

    def test_the_first_accepts_then_drops(self, kit: Kit) -> None:
        """app_queue #1557: everybody else's phone had stopped, and the caller was left alone."""
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, _ = offers(kit)
        kit.accept(ali)
        kit.leg_ended(ali)
        assert kit.only(do.HoldCall).call == "c1"
        assert rung(kit) == ["sara"], "their chance is not over"
        assert of(kit, "ali").hold is Hold.DECLINED

    def test_the_first_accepts_then_drops_while_the_others_phones_still_stop(
        self, kit: Kit
    ) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, _ = offers(kit)
        kit.device("sara", DeviceState.RINGING)
        kit.accept(ali)
        kit.leg_ended(ali)
        assert not kit.all(do.OfferCall)
        kit.device("sara", DeviceState.IDLE)
        assert rung(kit) == ["sara"]

    def test_one_does_not_answer_while_another_still_rings(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", ALL)
        kit.pass_s(5)
        kit.on_duty("sara")
        kit.pass_s(LIMITS.ring_s - 5)
        assert kit.only(do.HangUpLeg).why is OfferResult.RONA
        assert results(kit, "c1") == [("ali", "rona")]
        assert kit.records["c1"].phase is CallPhase.OFFERED
        assert of(kit, "sara").state() is CounsellorState.OFFERED

    def test_the_caller_leaves_while_several_ring(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        kit.hang_up("c1")
        assert {effect.why for effect in kit.all(do.HangUpLeg)} == {OfferResult.WITHDRAWN}
        assert len(kit.all(do.HangUpLeg)) == 2
        assert of(kit, "ali").free
        assert of(kit, "sara").free

    def test_one_pauses_while_several_ring(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="break"))
        assert kit.only(do.HangUpLeg).offer == ali.id
        assert list(kit.floor.calls[CallId("c1")].offers) == [sara.id]

    def test_a_caller_for_whom_nobody_is_rung_gets_the_second_phone_of_another(
        self, kit: Kit
    ) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        _, sara = offers(kit)
        for name in ("ali", "sara"):
            kit.device(name, DeviceState.RINGING)
        kit.call("c2", ALL)
        stopped = kit.only(do.HangUpLeg)
        assert (stopped.offer, stopped.why) == (sara.id, OfferResult.WITHDRAWN)
        kit.device("sara", DeviceState.IDLE)
        assert [(one.counsellor, one.call) for one in offers(kit)] == [("sara", "c2")]

    def test_a_phone_that_another_caller_waits_for_stops_once_it_is_not_the_only_one(
        self, kit: Kit
    ) -> None:
        kit.on_duty("ali").call("c1", ALL)
        ali = kit.offer()
        kit.call("c2", ALI)
        assert not kit.all(do.HangUpLeg)
        kit.on_duty("sara")
        stopped = kit.only(do.HangUpLeg)
        assert (stopped.offer, stopped.why) == (ali.id, OfferResult.WITHDRAWN)
        assert [(one.counsellor, one.call) for one in offers(kit)] == [
            ("sara", "c1"),
            ("ali", "c2"),
        ]

    def test_one_phone_is_stopped_for_a_caller_and_not_all(self) -> None:
        kit = floor_of(replace(LIMITS, ring_at_once=3)).on_duty("ali", "sara", "mina")
        kit.call("c1", ALL)
        for name in ("ali", "sara", "mina"):
            kit.device(name, DeviceState.RINGING)
        kit.call("c2", ALL)
        assert len(kit.all(do.HangUpLeg)) == 1
        kit.pass_s(1)
        assert not kit.all(do.HangUpLeg)
        kit.pass_s(2)
        assert len(kit.all(do.HangUpLeg)) == 1, "the first phone does not seem to stop"

    def test_a_picked_up_phone_is_not_stopped_for_another_caller(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.post(ev.OfferPickedUp(offer=ali.id))
        kit.post(ev.OfferPickedUp(offer=sara.id))
        kit.call("c2", ALL)
        assert not kit.all(do.HangUpLeg)

    def test_the_link_is_lost_while_several_ring(self, kit: Kit) -> None:
        kit.on_duty("ali", "sara").call("c1", ALL)
        ali, sara = offers(kit)
        kit.post(ev.ExchangeLost())
        devices = ((ali.device.id, DeviceState.IDLE), (sara.device.id, DeviceState.RINGING))
        snapshot = ExchangeSnapshot(calls=(), legs=frozenset({sara.id}), devices=devices)
        kit.post(ev.ExchangeSeen(snapshot=snapshot))
        assert sara.id in kit.floor.calls[CallId("c1")].offers
        assert ali.id not in kit.floor.calls[CallId("c1")].offers


class TestResults:
    @pytest.mark.parametrize(
        ("result", "hold", "hold_s"),
        [
            (OfferResult.REJECTED, Hold.REJECTED, LIMITS.rejected_s),
            (OfferResult.BUSY, Hold.BUSY, LIMITS.busy_s),
            (OfferResult.UNREACHABLE, Hold.UNREACHABLE, LIMITS.unreachable_s),
            (OfferResult.NO_SUCH_NUMBER, Hold.NO_SUCH_NUMBER, LIMITS.no_such_number_s),
            (OfferResult.DECLINED, Hold.DECLINED, LIMITS.declined_s),
            (OfferResult.FAILED, Hold.FAILED, LIMITS.failed_s),
            (OfferResult.RONA, Hold.NOT_ANSWERED, LIMITS.rona_s),
        ],
    )
    def test_each_has_a_hold_of_its_own(
        self, result: OfferResult, hold: Hold, hold_s: float
    ) -> None:
        kit = floor_of(replace(LIMITS, back_off_least_s=600)).on_duty("ali")
        kit.call("c1", ALI)
        kit.fail(kit.offer(), result)
        assert of(kit, "ali").hold is hold
        kit.pass_s(hold_s - 0.1)
        assert not kit.all(do.OfferCall)
        kit.pass_s(0.1)
        assert rung(kit) == ["ali"]

    @pytest.mark.parametrize("result", [OfferResult.WITHDRAWN, OfferResult.ANSWERED_ELSEWHERE])
    def test_what_was_nobodys_fault_holds_nobody(self, result: OfferResult) -> None:
        assert LIMITS.back_off(result, 1) is None


LEAST_S = LIMITS.back_off_least_s
UNWILLING = (OfferResult.RONA, OfferResult.REJECTED, OfferResult.DECLINED)


class TestBackOffYields:
    @pytest.mark.parametrize("result", UNWILLING)
    def test_where_nobody_else_is_free(self, result: OfferResult) -> None:
        """app_queue rings them again after its `retry`, of which 1 s is the least."""
        kit = floor_of(LIMITS).on_duty("ali")
        kit.call("c1", ALI)
        kit.fail(kit.offer(), result)
        kit.pass_s(LEAST_S - 0.1)
        assert not kit.all(do.OfferCall)
        kit.pass_s(0.1)
        assert (kit.offer().counsellor, kit.offer().relief) == ("ali", Relief.NOBODY_ELSE)
        assert of(kit, "ali").hold is None

    @pytest.mark.parametrize("result", [OfferResult.BUSY, OfferResult.UNREACHABLE])
    def test_not_where_it_was_the_phone(self, result: OfferResult) -> None:
        kit = floor_of(LIMITS).on_duty("ali")
        kit.call("c1", ALI)
        kit.fail(kit.offer(), result)
        kit.pass_s(LEAST_S)
        assert not kit.all(do.OfferCall)

    def test_not_while_somebody_else_is_free(self) -> None:
        kit = floor_of(LIMITS).on_duty("ali", "sara")
        kit.call("c1", ALL)
        kit.fail(kit.offer(), OfferResult.REJECTED)
        assert rung(kit) == ["sara"]
        kit.talk(kit.offer())
        kit.on_duty("mina").pass_s(LEAST_S)
        kit.call("c2", ALL)
        assert rung(kit) == ["mina"]
        kit.call("c3", ALL)
        assert rung(kit) == ["ali"]
        assert kit.offer().relief is Relief.NOBODY_ELSE

    def test_to_nobody_as_a_second_phone(self, kit: Kit) -> None:
        kit.on_duty("ali").call("c1", ALL)
        kit.fail(kit.offer(), OfferResult.REJECTED)
        kit.on_duty("sara").pass_s(LEAST_S)
        assert of(kit, "ali").offer is None
        assert of(kit, "sara").offer is not None

    def test_to_danger_as_well_that_brought_it_about(self) -> None:
        kit = floor_of(LIMITS).on_duty("ali")
        kit.call("c1", ALI, lane=Lane.DANGER)
        kit.fail(kit.offer(), OfferResult.DECLINED)
        assert not kit.all(do.OfferCall)
        kit.pass_s(LEAST_S)
        assert rung(kit) == ["ali"]

    def test_to_the_first_in_line(self) -> None:
        kit = floor_of(LIMITS).on_duty("ali")
        kit.call("c1", ALI)
        first = kit.offer()
        kit.call("c2", ALI)
        kit.call("danger", ALI, lane=Lane.DANGER)
        kit.fail(first, OfferResult.RONA)
        assert kit.offer().call == "danger", "which does not wait for the least time"
        kit.hang_up("danger")
        assert kit.offer().call == "c1"

    def test_and_counts_on_to_the_pause_after_several_in_a_row(self) -> None:
        kit = floor_of(replace(LIMITS, rona_pause_after=2)).on_duty("ali")
        kit.call("c1", ALI)
        kit.pass_s(LIMITS.ring_s)
        kit.on_duty("sara").call("c2", ALL)
        kit.talk(kit.offer())
        kit.call("c3", ALL)
        kit.pass_s(LEAST_S)
        assert rung(kit) == ["ali"]
        kit.hang_up("c1")
        assert rung(kit) == ["ali"], "the other call for which nobody is free"
        kit.pass_s(LIMITS.ring_s)
        assert of(kit, "ali").pause_reason == NOT_ANSWERING
        kit.pass_s(LEAST_S)
        assert not kit.all(do.OfferCall)


class TestNotAnswering:
    def miss(self, kit: Kit, times: int) -> None:
        """Ali does not answer, as soon as they are rung."""
        for _ in range(times):
            while of(kit, "ali").offer is None:
                assert of(kit, "ali").hold is not None, "they are rung as soon as they may be"
                kit.pass_s(1)
            offer_id = of(kit, "ali").offer
            assert offer_id is not None
            kit.post(ev.OfferFailed(offer=offer_id, result=OfferResult.RONA))

    def test_too_often_in_a_row_is_a_pause_where_others_are_there(self) -> None:
        kit = floor_of(replace(LIMITS, rona_pause_after=3)).on_duty("ali")
        kit.call("c1", ALL)
        self.miss(kit, 2)
        kit.on_duty("sara")
        sara = kit.offer()
        kit.talk(sara)
        kit.call("c2", ALL)
        self.miss(kit, 1)
        assert of(kit, "ali").state() is CounsellorState.PAUSED
        assert of(kit, "ali").pause_reason == NOT_ANSWERING
        assert [alarm.code for alarm in kit.floor.alarms] == [AlarmCode.NOT_ANSWERING]
        kit.pass_s(LIMITS.rona_most_s)
        assert not kit.all(do.OfferCall)
        kit.post(ev.CounsellorResumed(counsellor=CounsellorId("ali")))
        assert rung(kit) == ["ali"]

    def test_the_last_one_there_is_never_paused(self) -> None:
        kit = floor_of(replace(LIMITS, rona_pause_after=2)).on_duty("ali")
        kit.call("c1", ALL)
        self.miss(kit, 4)
        assert of(kit, "ali").state() is CounsellorState.AVAILABLE
        kit.pass_s(LIMITS.rona_most_s)
        assert rung(kit) == ["ali"]

    def test_the_last_one_left_is_called_back_from_the_pause(self) -> None:
        kit = floor_of(replace(LIMITS, rona_pause_after=2)).on_duty("ali")
        kit.call("c1", ALL)
        self.miss(kit, 1)
        kit.on_duty("sara")
        kit.talk(kit.offer())
        kit.call("c2", ALL)
        self.miss(kit, 1)
        assert of(kit, "ali").state() is CounsellorState.PAUSED
        kit.post(ev.CounsellorSignedOut(counsellor=CounsellorId("sara")))
        kit.hang_up("c1")
        kit.pass_s(LIMITS.rona_most_s)
        assert of(kit, "ali").state() is CounsellorState.OFFERED

    def test_a_new_caller_calls_the_last_one_back(self) -> None:
        kit = floor_of(replace(LIMITS, rona_pause_after=1)).on_duty("ali", "sara")
        kit.call("c1", ALL)
        self.miss(kit, 1)
        kit.hang_up("c1")
        kit.device("sara", DeviceState.UNREACHABLE)
        assert of(kit, "ali").state() is CounsellorState.PAUSED, "nobody waits"
        kit.pass_s(LIMITS.rona_s)
        kit.call("c2", ALL)
        assert rung(kit) == ["ali"]
