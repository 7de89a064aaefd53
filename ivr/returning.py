"""A talk that broke off with a device goes back to its counsellor if they are back in time.

The caller is first in line and others are rung at once: nobody waits for a device. The counsellor
is free for the line the moment a device of theirs is idle again, since their talk is not over; for
their own caller they are rung beside the others, and the first to accept has the call
(docs/decisions/0009).
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from ivr import offers
from ivr.model import CallPhase, CounsellorId
from ivr.presence import Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

_NOBODY_HAS_IT = (CallPhase.WAITING, CallPhase.OFFERED)


def expect_back(floor: "Floor", call: FloorCall, counsellor: CounsellorId) -> None:
    call.back_to = counsellor
    call.back_until_at = floor.now + timedelta(seconds=floor.limits_of(call).device_back_s)
    floor.broken_off[call.id] = call


def free_the_returned(floor: "Floor") -> None:
    """Whose device is back: their talk is to go on, so there is nothing to wrap up yet."""
    for call in list(floor.broken_off.values()):
        in_time = call.back_until_at is not None and floor.now < call.back_until_at
        if not in_time or call.id not in floor.calls:
            _forget(floor, call)
            continue
        presence = floor.staff.get(call.back_to)
        if (
            presence is not None
            and call.phase in _NOBODY_HAS_IT
            and presence.may_return_to(call.id)
        ):
            floor.staff.end_wrap_up(presence.profile.id, floor.now)


def ring_the_returned(floor: "Floor") -> None:
    """Beside those who are being rung, once nobody waits who would be rung for before."""
    for call in list(floor.broken_off.values()):
        presence = floor.staff.get(call.back_to)
        if presence is not None and presence.offer is not None:
            if presence.offer in call.offers:
                _forget(floor, call)
        elif presence is not None and call.phase in _NOBODY_HAS_IT and _may_ring(call, presence):
            _forget(floor, call)
            offers.make_offer(floor, call, presence, back=True)


def _may_ring(call: FloorCall, presence: Presence) -> bool:
    """Whatever step the call has reached by now, as long as the plan has them at all."""
    name = presence.profile.id
    device = presence.idle_device(expected=name in call.plan.expected[-1])
    return presence.free and name in call.plan.circles[-1] and device is not None


def _forget(floor: "Floor", call: FloorCall) -> None:
    """Once is enough: should they not answer now, they are one of all."""
    call.back_to = call.back_until_at = None
    floor.broken_off.pop(call.id, None)
