"""A talk that broke off with a device goes back to its counsellor if they are back in time.

The caller is first in line and others are rung at once: nobody waits for a device. The counsellor
is rung beside them the moment a device of theirs is idle again, and the first to accept has the
call (docs/decisions/0006).
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from ivr import offers
from ivr.line import Seeker
from ivr.model import CallPhase, CounsellorId
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

_NOBODY_HAS_IT = (CallPhase.WAITING, CallPhase.OFFERED)


def expect_back(floor: "Floor", call: FloorCall, counsellor: CounsellorId) -> None:
    call.back_to = counsellor
    call.back_until_at = floor.now + timedelta(seconds=floor.limits_of(call).device_back_s)
    floor.broken_off[call.id] = call


def bring_back(floor: "Floor") -> None:
    for call in list(floor.broken_off.values()):
        in_time = call.back_until_at is not None and floor.now < call.back_until_at
        if not in_time or call.id not in floor.calls:
            _forget(floor, call)
        elif call.phase in _NOBODY_HAS_IT:
            _ring_again(floor, call)


def _ring_again(floor: "Floor", call: FloorCall) -> None:
    presence = floor.staff.get(call.back_to)
    if presence is None or not presence.may_return or _danger_waits_for(floor, call.back_to):
        return
    floor.staff.go_on(presence)
    _forget(floor, call)
    offers.make_offer(floor, call, presence)


def _danger_waits_for(floor: "Floor", counsellor: CounsellorId | None) -> bool:
    assert counsellor is not None, "it is known whose talk it was"
    seeker = Seeker(counsellor=counsellor, only_expected=False, only_danger=True)
    return floor.line.next_for(seeker, floor.now, lambda _call: True) is not None


def _forget(floor: "Floor", call: FloorCall) -> None:
    """Once is enough: should they not answer now, they are one of all."""
    call.back_to = call.back_until_at = None
    floor.broken_off.pop(call.id, None)
