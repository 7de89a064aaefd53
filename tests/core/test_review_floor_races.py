"""Events late, twice or never: a caller is neither lost nor rung for wrongly."""

from dataclasses import replace
from datetime import timedelta

from ivr import effects as do
from ivr import events as ev
from ivr.limits import Limits
from ivr.model import (
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    Device,
    DeviceId,
    DeviceState,
    OfferId,
    OfferResult,
)
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from tests.core.floor_kit import MARKAZI, START, Kit, counsellor, plan_of

ALI = plan_of((None, ("ali",)))
CALL = CallId("c1")


def floor_with_ali() -> Kit:
    return Kit().staff(counsellor("ali", "markazi-saveh")).on_duty("ali")


def in_room(offer: OfferId, *, legs: frozenset[OfferId] = frozenset()) -> ev.ExchangeSeen:
    live = LiveCall(
        call=CALL,
        line="086123",
        province=MARKAZI,
        arrived_at=START,
        facts=None,
        joined_at=START,
        offer=offer,
        counsellor=CounsellorId("ali"),
    )
    devices = ((DeviceId("ali-phone"), DeviceState.IN_USE),)
    snapshot = ExchangeSnapshot(calls=(live,), legs=legs, devices=devices)
    return ev.ExchangeSeen(snapshot=snapshot)


def test_a_phone_that_rings_unanswered_for_weeks_does_not_end_the_floor() -> None:
    limits = Limits()
    assert limits.back_off(OfferResult.RONA, 100_000) == limits.back_off(OfferResult.RONA, 50)


def test_coming_back_before_the_end_of_the_talk_was_told_joins_the_line() -> None:
    """The link is down while the counsellor ends the talk; the caller presses key 1."""
    kit = floor_with_ali()
    kit.call("c1", ALI)
    offer = kit.offer()
    kit.talk(offer)
    kit.post(ev.ExchangeLost())
    kit.join("c1", ALI)
    assert kit.records["c1"].phase is CallPhase.WAITING
    kit.pass_s(10)
    assert kit.all(do.SendToFallback)
    kit.leg_ended(offer)
    assert not kit.all(do.CloseCall)


def test_a_caller_alone_in_a_room_whom_the_link_s_loss_kept_there_is_fetched() -> None:
    """The recall could not be sent, or the entering was never told: the snapshot shows it."""
    kit = floor_with_ali()
    kit.call("c1", ALI)
    offer = kit.offer()
    kit.accept(offer)
    kit.post(ev.ExchangeLost())
    kit.leg_ended(offer)
    for detached in (False, True):
        if detached:
            kit.post(ev.CallDetached(call=CALL))
        kit.post(in_room(offer.id))
        assert kit.only(do.RecallCaller).call == CALL


def test_a_talk_that_came_about_while_the_link_was_down_is_a_talk() -> None:
    kit = floor_with_ali()
    kit.call("c1", ALI)
    offer = kit.offer()
    kit.accept(offer)
    kit.post(ev.ExchangeLost())
    kit.pass_s(7)
    kit.post(ev.CallDetached(call=CALL))
    kit.post(in_room(offer.id, legs=frozenset({offer.id})))
    assert kit.records["c1"].phase is CallPhase.TALKING
    kit.leg_ended(offer)
    assert kit.records["c1"].phase is CallPhase.CLOSING


def test_a_counsellor_who_talks_at_one_device_is_not_rung_at_another() -> None:
    """A talk of the static queue, for example."""
    two = (Device(id=DeviceId("ali-phone")), Device(id=DeviceId("ali-desk")))
    kit = Kit().staff(replace(counsellor("ali", "markazi-saveh"), devices=two)).on_duty("ali")
    kit.post(ev.DeviceChanged(device=DeviceId("ali-desk"), state=DeviceState.IN_USE))
    kit.call("c1", ALI)
    assert not kit.all(do.OfferCall)
    (ali,) = kit.floor.staff
    assert ali.state() is CounsellorState.BUSY_ELSEWHERE
    kit.post(ev.DeviceChanged(device=DeviceId("ali-desk"), state=DeviceState.IDLE))
    assert kit.all(do.OfferCall)


def test_a_place_taken_by_a_clock_ahead_of_ours_is_now() -> None:
    """Asterisk's clock wrote it down; ours stood still while the machine was suspended."""
    kit = Kit().staff(counsellor("ali", "markazi-saveh"), counsellor("sara", "markazi-arak"))
    kit.on_duty("ali", "sara")
    kit.device("ali", DeviceState.IN_USE)
    kit.device("sara", DeviceState.IN_USE)
    kit.arrive("c1")
    plan = plan_of((20, ("ali",)), (None, ("sara",)))
    kit.join("c1", plan, joined_at=kit.now + timedelta(hours=1))
    kit.device("sara", DeviceState.IDLE)
    kit.pass_s(21)
    assert kit.offer().counsellor == "sara"
