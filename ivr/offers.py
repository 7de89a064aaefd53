"""An offer's life: ringing one counsellor for one call, from the first ring to the end of the talk.

Each offer has an id and a deadline; what is told of an id that is over changes nothing. The caller
keeps their place whatever becomes of it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr import announcing, breaks, matching, returning, several
from ivr import effects as do
from ivr import events as ev
from ivr.model import (
    CallPhase,
    Counsellor,
    DeskId,
    EndedBy,
    Offer,
    OfferId,
    OfferResult,
    Overtaking,
)
from ivr.model.record import OfferEntry
from ivr.presence import Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor


def make_offer(
    floor: "Floor",
    call: FloorCall,
    presence: Presence,
    *,
    overtook: Overtaking | None = None,
    back: bool = False,
) -> None:
    """Ring the counsellor, beside those who are being rung for the call already.

    `overtook`: whom the call goes before that joined earlier; `back`: whatever step is reached,
    because it was their talk that broke off.
    """
    expected = call.plan.expected[-1] if back else call.expected
    device = presence.idle_device(expected=presence.profile.id in expected)
    facts = call.record.facts
    assert device is not None, "a free counsellor has an idle device"
    assert facts is not None, "a call in line has facts"
    offer = Offer(
        id=floor.new_offer_id(),
        call=call.id,
        counsellor=presence.profile.id,
        device=device,
        facts=facts,
        offered_at=floor.now,
        deadline_at=floor.now + timedelta(seconds=floor.limits_of(call).ring_s),
        overtook=overtook,
        relief=floor.staff.relieve(presence, floor.now),
        sparing=None if back else floor.staff.pool.sparing(call, presence, floor.now),
        back=back,
    )
    floor.line.leave(call)
    start_offer(floor, call, offer, presence)
    first_at = call.record.first_offered_at or floor.now
    floor.change(call, phase=CallPhase.OFFERED, first_offered_at=first_at)
    several.note(floor, call)
    floor.wake(offer.deadline_at, "offer", offer.id)
    announcing.hush(floor, call)
    floor.act(do.OfferCall(offer=offer))


def start_offer(floor: "Floor", call: FloorCall, offer: Offer, presence: Presence) -> None:
    call.offers[offer.id] = offer
    floor.offers[offer.id] = floor.ringing[offer.counsellor] = call
    floor.staff.take(presence, offer.id, call.id, floor.now)


def offer_picked_up(floor: "Floor", event: ev.OfferPickedUp) -> None:
    """Not accepting yet: whoever else is being rung for the call rings on."""
    call = floor.offers.get(event.offer)
    if call is not None and call.phase is CallPhase.OFFERED:
        offer = call.offers[event.offer]
        if not offer.picked_up:
            _go_on(floor, call, offer, floor.limits_of(call).whisper_s)


def offer_accepted(floor: "Floor", event: ev.OfferAccepted) -> None:
    """The first wins. Should they drop before the talk, the others are free to be rung again."""
    call = floor.offers.get(event.offer)
    if call is None or call.phase is not CallPhase.OFFERED:
        return
    offer = call.offers[event.offer]
    _go_on(floor, call, offer, floor.limits_of(call).connect_s)
    floor.change(call, phase=CallPhase.CONNECTING)
    floor.act(do.Connect(call=call.id, offer=offer.id, counsellor=offer.counsellor))
    _stop_the_others(floor, call, offer)


def _go_on(floor: "Floor", call: FloorCall, offer: Offer, seconds: float) -> None:
    deadline_at = floor.now + timedelta(seconds=seconds)
    call.offers[offer.id] = replace(offer, picked_up=True, deadline_at=deadline_at)
    several.note(floor, call)
    floor.wake(deadline_at, "offer", offer.id)


def _stop_the_others(floor: "Floor", call: FloorCall, taken: Offer) -> None:
    for offer in [other for other in call.offers.values() if other.id != taken.id]:
        floor.hang_up_leg(offer.id, OfferResult.ANSWERED_ELSEWHERE)
        end_offer(floor, call, offer, OfferResult.ANSWERED_ELSEWHERE)


def offer_failed(floor: "Floor", event: ev.OfferFailed) -> None:
    call = floor.offers.get(event.offer)
    if call is not None and call.phase is not CallPhase.TALKING:
        came_to_nothing(floor, call, call.offers[event.offer], event.result)


def came_to_nothing(floor: "Floor", call: FloorCall, offer: Offer, result: OfferResult) -> None:
    """The caller keeps their place; one who was on the way into the room is fetched back."""
    was_connecting = call.phase is CallPhase.CONNECTING
    end_offer(floor, call, offer, result)
    if call.offers:
        return  # somebody else is still being rung
    floor.change(call, phase=CallPhase.WAITING)
    matching.enter_line(floor, call)
    if was_connecting:
        _fetch_back(floor, call)


def _fetch_back(floor: "Floor", call: FloorCall) -> None:
    floor.act(do.HoldCall(call=call.id))
    floor.recall(call)


def caller_entered(floor: "Floor", event: ev.CallerEntered) -> None:
    """The caller first: a counsellor who has gone meanwhile leaves nobody alone unnoticed."""
    call = floor.calls.get(event.call)
    if call is None:
        return
    if event.offer not in call.offers:
        floor.act(do.RecallCaller(call=call.id))
    elif call.phase is CallPhase.CONNECTING:
        floor.act(do.LetIn(offer=event.offer))


def talk_started(
    floor: "Floor", event: ev.TalkStarted, *, began_at: datetime | None = None
) -> None:
    """`began_at`: of a talk that an earlier controller began; None: it begins now."""
    call = floor.offers.get(event.offer)
    if call is None or call.phase is CallPhase.TALKING:
        return
    offer = call.offers[event.offer]
    presence = floor.staff.get(offer.counsellor)
    assert presence is not None, "who has an offer is on the floor"
    del floor.ringing[offer.counsellor]
    floor.staff.start_talk(presence, floor.limits_of(call), floor.now, began_at=began_at)
    floor.change(
        call,
        phase=CallPhase.TALKING,
        connected_at=call.record.connected_at or floor.now,
        counsellor=offer.counsellor,
        desk=desk_for(presence.profile, call),
    )
    _stop_the_others(floor, call, offer)


def leg_ended(floor: "Floor", event: ev.LegEnded) -> None:
    call = floor.offers.get(event.offer)
    if call is None:
        return
    offer = call.offers[event.offer]
    if call.phase is not CallPhase.TALKING:
        result = OfferResult.DECLINED if offer.picked_up else OfferResult.FAILED
        came_to_nothing(floor, call, offer, result)
    elif event.ended_by is EndedBy.DEVICE_LOST:
        _talk_broke_off(floor, call, offer)
    else:
        end_offer(floor, call, offer, OfferResult.CONNECTED)
        floor.change(call, phase=CallPhase.CLOSING, talk_ended_at=floor.now)
        if call.attached:
            floor.act(do.CloseCall(call=call.id))


def _talk_broke_off(floor: "Floor", call: FloorCall, offer: Offer) -> None:
    """The counsellor's device was lost: the caller is first of their lane."""
    end_offer(floor, call, offer, OfferResult.CONNECTED)
    floor.staff.hold_lost(offer.counsellor, offer.device.id, floor.limits_of(call), floor.now)
    phase = CallPhase.WAITING if call.attached else CallPhase.FALLBACK
    floor.change(call, phase=phase, talk_ended_at=floor.now)
    if call.attached:
        floor.join_line(call, call.record.joined_at or floor.now, broken_off=True)
        returning.expect_back(floor, call, offer.counsellor)
        _fetch_back(floor, call)


def end_offer(floor: "Floor", call: FloorCall, offer: Offer, result: OfferResult) -> None:
    del call.offers[offer.id]
    del floor.offers[offer.id]
    floor.ringing.pop(offer.counsellor, None)
    entry = OfferEntry(
        offer=offer.id,
        counsellor=offer.counsellor,
        offered_at=offer.offered_at,
        ended_at=floor.now,
        result=result,
        overtook=offer.overtook,
        relief=offer.relief,
        sparing=offer.sparing,
    )
    floor.change(call, offers=(*call.record.offers, entry))
    several.note(floor, call)
    presence = floor.staff.get(offer.counsellor)
    assert presence is not None, "who has an offer is on the floor"
    floor.staff.release(presence, result, call, floor.limits_of(call), floor.now)
    if result is OfferResult.RONA:
        breaks.not_answered(floor, call, presence)


def withdraw(floor: "Floor", call: FloorCall, offer: Offer, why: OfferResult) -> None:
    floor.hang_up_leg(offer.id, why)
    came_to_nothing(floor, call, offer, why)


def offer_due(floor: "Floor", offer_id: OfferId) -> None:
    call = floor.offers.get(offer_id)
    if call is None or call.phase is CallPhase.TALKING:
        return
    offer = call.offers[offer_id]
    if offer.deadline_at <= floor.now:
        why = OfferResult.DECLINED if offer.picked_up else OfferResult.RONA
        withdraw(floor, call, offer, why)


def desk_for(profile: Counsellor, call: FloorCall) -> DeskId | None:
    """Where this counsellor served the call: the first desk of the plan that they sit at."""
    steps = call.record.plan.steps if call.record.plan is not None else ()
    planned = (desk for step in steps for desk in step.desks if desk in profile.desks)
    return next(planned, profile.desks[0] if profile.desks else None)
