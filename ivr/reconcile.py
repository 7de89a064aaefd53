"""The floor compared with what Asterisk says is true, after each (re)connect. Asterisk wins."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ivr import offers, remembered
from ivr.events import LegEnded, TalkStarted
from ivr.model import CallFacts, CallPhase, EndedBy, Offer, OfferId, OfferResult
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from ivr.model.record import CallRecord
from ivr.presence import Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor


def reconcile(floor: "Floor", snapshot: ExchangeSnapshot) -> None:
    """Take in what Asterisk shows and we lack, end what it does not show.

    A call with a conversation of ours (attached) reports its own end and is not compared: it may
    have arrived after the snapshot was taken.
    """
    for live in snapshot.calls:
        call = floor.calls.get(live.call)
        if call is None:
            call = _adopt(floor, live)
        if not call.offers:
            _compare_room(floor, call, live, snapshot.legs)
    _end_calls_that_are_gone(floor, snapshot)
    _compare_legs(floor, snapshot)


def _end_calls_that_are_gone(floor: "Floor", snapshot: ExchangeSnapshot) -> None:
    alive = {live.call for live in snapshot.calls}
    for record in floor.restored.values():
        floor.end_call(floor.admit(record), _ended_by(record))
    floor.restored = {}
    for call in list(floor.calls.values()):
        if not call.attached and call.id not in alive:
            floor.end_call(call, EndedBy.UNKNOWN)


def _ended_by(record: CallRecord) -> EndedBy:
    """Of a call that ended while no controller was there, by what was last known of it.

    After the talk the counsellor has already gone, as `Floor.call_hung_up` has it.
    """
    let_go = record.phase in (CallPhase.CLOSING, CallPhase.LEFT_OPEN)
    return EndedBy.COUNSELLOR if let_go else EndedBy.UNKNOWN


def _compare_legs(floor: "Floor", snapshot: ExchangeSnapshot) -> None:
    for offer in [offer for offer in floor.offers if offer not in snapshot.legs]:
        offers.leg_ended(floor, LegEnded(offer=offer, ended_by=EndedBy.COUNSELLOR))
    in_talk = {live.offer for live in snapshot.calls}
    for leg in sorted(snapshot.legs - floor.offers.keys() - in_talk):
        floor.hang_up_leg(leg, OfferResult.WITHDRAWN)


def _compare_room(
    floor: "Floor", call: FloorCall, live: LiveCall, legs: frozenset[OfferId]
) -> None:
    """Who stands in a room that the floor does not know of: in a talk, or alone."""
    presence = floor.staff.get(live.counsellor)
    if live.offer is None:
        return
    if live.offer not in legs:
        floor.recall(call)  # whoever was to come has gone, and nobody was there to see it
    elif not call.attached and presence is not None and presence.offer is None:
        _adopt_talk(floor, call, live.offer, presence)


def _adopt(floor: "Floor", live: LiveCall) -> FloorCall:
    """A call that an earlier controller or the fallback has: a talk, or a wait that returns."""
    new = CallRecord(
        call=live.call,
        province=live.province,
        line=live.line,
        caller=None,
        arrived_at=live.arrived_at,
        phase=CallPhase.FALLBACK,
    )
    known = floor.restored.pop(live.call, new)
    if live.offer is None:
        remembered.talk_ended_unseen(floor, known)
    call = floor.admit(
        replace(
            known,
            phase=CallPhase.FALLBACK,
            facts=known.facts or live.facts,
            joined_at=known.joined_at or live.joined_at,
        )
    )
    call.attached = False
    if _hears_closing(known, live):
        ended_at = known.talk_ended_at or floor.now
        floor.change(call, phase=CallPhase.CLOSING, talk_ended_at=ended_at)
    else:
        call.fallback_since_at = floor.now
    return call


def _hears_closing(known: CallRecord, live: LiveCall) -> bool:
    """The talk is over, and the caller has not asked to come back, which is a new place in line."""
    talked = known.phase in (CallPhase.TALKING, CallPhase.CLOSING, CallPhase.LEFT_OPEN)
    if not talked or known.connected_at is None or live.offer is not None:
        return False
    return live.joined_at is None or live.joined_at <= known.connected_at


def _adopt_talk(floor: "Floor", call: FloorCall, offer_id: OfferId, presence: Presence) -> None:
    facts = call.record.facts or CallFacts(province=call.record.province)
    floor.change(call, facts=facts)
    call.fallback_since_at = None
    began_at = _began_at(call.record, floor.now)
    offer = Offer(
        id=offer_id,
        call=call.id,
        counsellor=presence.profile.id,
        device=presence.profile.devices[0],
        facts=facts,
        offered_at=began_at,
        deadline_at=began_at,
    )
    offers.start_offer(floor, call, offer, presence)
    offers.talk_started(floor, TalkStarted(offer=offer_id), began_at=began_at)


def _began_at(record: CallRecord, now: datetime) -> datetime:
    """Of the talk under way; where an earlier one broke off, it is known no more exactly."""
    known = [at for at in (record.connected_at, record.talk_ended_at) if at is not None]
    return min(max(known, default=now), now)
