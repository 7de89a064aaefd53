"""The dispatch step: after every event, whoever waits is offered to whoever is free, in order.

Only what has changed is looked at: calls that wait anew or for more people, and counsellors who
have become free. A call and a counsellor of whom neither has changed were no match before.
"""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from ivr import offers
from ivr.model import CallId, Overtaking
from ivr.order import Key, micros, overtaking
from ivr.presence import Presence
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

_Candidate = tuple[Key, int, FloorCall, Presence | None]


def enter_line(floor: "Floor", call: FloorCall) -> None:
    """Where its place is, with all steps open that are to be."""
    widen(floor, call)
    floor.line.enter(call)


def widen(floor: "Floor", call: FloorCall) -> None:
    """Open the steps whose time has come or that nobody could serve, of a call not in line."""
    call.open_steps(floor.now, floor.staff.could_serve)
    floor.wake(call.step_due_at, "step", call.id)


def step_due(floor: "Floor", call_id: CallId) -> None:
    """One that is being rung for looks when it is back in line."""
    if call_id in floor.line:
        _open_steps(floor, floor.calls[call_id])


def _open_steps(floor: "Floor", call: FloorCall) -> None:
    if call.open_steps(floor.now, floor.staff.could_serve):
        floor.line.step_opened(call)
        floor.wake(call.step_due_at, "step", call.id)


def leave_steps_to_nobody(floor: "Floor") -> None:
    """Calls that wait for people of whom the last has gone widen at once."""
    for counsellor in floor.staff.take_unable():
        for circle in floor.line.circles_of(counsellor):
            if not circle.could_be_served(floor.staff.could_serve):
                for call in tuple(circle):
                    _open_steps(floor, call)


def match(floor: "Floor") -> None:
    """Make offers until no waiting call has anybody who may be rung for it."""
    waiting, free = floor.line.take_fresh(), floor.staff.pool.take_fresh()
    if not waiting and not free:
        return
    candidates = _Candidates(floor)
    for call in waiting:
        candidates.add(call)
    for presence in free:
        candidates.add_next_for(presence)
    for call, of in candidates.in_order():
        if call.id in floor.line:
            _offer(floor, call)
        if of is not None and call.id not in floor.line:
            candidates.add_next_for(of)


def _offer(floor: "Floor", call: FloorCall) -> None:
    best = floor.staff.pool.best(call, floor.now)
    if best is not None:
        offers.make_offer(floor, call, best, overtook=_overtaking(floor, call, best))


class _Candidates:
    """The next call of everybody who has become free, and calls that wait anew."""

    def __init__(self, floor: "Floor") -> None:
        self._floor = floor
        self._now_us = micros(floor.now)
        self._numbers = count()
        self._heap: list[_Candidate] = []

    def add(self, call: FloorCall, of: Presence | None = None) -> None:
        assert call.place is not None, "a call in line has a place"
        key = call.place.key(self._now_us)
        heapq.heappush(self._heap, (key, next(self._numbers), call, of))

    def add_next_for(self, presence: Presence) -> None:
        """Nothing where the counsellor was rung meanwhile, or nobody waits for them."""
        call = _next_for(self._floor, presence)
        if call is not None:
            self.add(call, presence)

    def in_order(self) -> Iterator[tuple[FloorCall, Presence | None]]:
        while self._heap:
            _, _, call, presence = heapq.heappop(self._heap)
            yield call, presence


def _next_for(floor: "Floor", presence: Presence) -> FloorCall | None:
    seeker = floor.staff.pool.seeker(presence)
    if seeker is None:
        return None
    may_ring = floor.staff.pool.may_ring
    return floor.line.next_for(seeker, floor.now, lambda call: may_ring(presence, call))


def _overtaking(floor: "Floor", call: FloorCall, presence: Presence) -> Overtaking | None:
    """Whether somebody who joined earlier and could have had the counsellor is passed over."""
    seeker = floor.staff.pool.seeker(presence)
    assert seeker is not None, "who is to be rung may be rung"
    may_ring = floor.staff.pool.may_ring
    other = floor.line.earliest_for(seeker, lambda one: may_ring(presence, one))
    if other is None or other is call:
        return None
    assert call.place is not None, "a call in line has a place"
    assert other.place is not None, "a call in line has a place"
    return overtaking(call.place, other.id, other.place, micros(floor.now))
