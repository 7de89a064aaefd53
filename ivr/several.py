"""Several counsellors rung for one call: who is rung as well, and for whom their phone stops again.

A second telephone rings only while nobody waits whom its owner could answer.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from ivr import offers
from ivr.line import Seeker
from ivr.model import CallPhase, DeviceKind, Offer, OfferResult
from ivr.order import Key, micros
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

# Until a phone that was stopped says that it is idle: milliseconds on a network that works. No
# further one is stopped for the same caller meanwhile.
STOPPED_S = 2.0


def ring_more(floor: "Floor") -> None:
    """Beside those who are being rung already, as many as the limits say, the first call first."""
    for call in sorted(floor.wanting.values(), key=lambda one: _key(floor, one)):
        while _wants_more(floor, call):
            best = floor.staff.pool.best_free(call, floor.now)
            if best is None:
                break
            offers.make_offer(floor, call, best)
        if not _wants_more(floor, call):
            floor.wanting.pop(call.id, None)


def note(floor: "Floor", call: FloorCall) -> None:
    """After any change of a call's offers."""
    if _wants_more(floor, call):
        floor.wanting[call.id] = call
    else:
        floor.wanting.pop(call.id, None)
    if len(call.offers) > 1:
        floor.several[call.id] = call
    else:
        floor.several.pop(call.id, None)


def _wants_more(floor: "Floor", call: FloorCall) -> bool:
    """Not where somebody has picked up: they are about to hear who is calling."""
    limits = floor.limits_of(call)
    at_once = limits.ring_at_once_danger if call.in_danger else limits.ring_at_once
    return (
        call.phase is CallPhase.OFFERED
        and 0 < len(call.offers) < at_once
        and not any(offer.picked_up for offer in call.offers.values())
    )


def stop_for_others(floor: "Floor") -> bool:
    """Whoever waits with nobody being rung gets the second telephone of another call.

    Returns whether any was stopped: its owner may be free at once.
    """
    stopped = False
    for call in sorted(floor.several.values(), key=lambda one: _key(floor, one), reverse=True):
        for offer in reversed(list(call.offers.values())):
            other = _waits_for(floor, offer) if len(call.offers) > 1 else None
            if other is not None:
                _promise(floor, other)
                offers.withdraw(floor, call, offer, OfferResult.WITHDRAWN)
                stopped = True
    return stopped


def _waits_for(floor: "Floor", offer: Offer) -> FloorCall | None:
    if offer.picked_up:
        return None
    telephone = offer.device.kind is DeviceKind.TELEPHONE
    seeker = Seeker(counsellor=offer.counsellor, only_expected=telephone, only_danger=False)
    return floor.line.next_for(seeker, floor.now, lambda call: not is_promised(floor, call))


def is_promised(floor: "Floor", call: FloorCall) -> bool:
    return call.promised_until_at is not None and floor.now < call.promised_until_at


def _promise(floor: "Floor", call: FloorCall) -> None:
    call.promised_until_at = floor.now + timedelta(seconds=STOPPED_S)
    floor.wake(call.promised_until_at, "promise", call.id)


def _key(floor: "Floor", call: FloorCall) -> Key:
    assert call.place is not None, "a call that is being rung for has a place"
    return call.place.key(micros(floor.now))
