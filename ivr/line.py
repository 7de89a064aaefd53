"""Waiting calls, so kept that the next one for a counsellor is found without asking all of them.

A call stands with the circle of counsellors that its step has reached. Calls of one circle that
differ in nothing but the time of joining are one queue, whose order never changes: the first of
each queue are enough to know who is next.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import NamedTuple

from ivr.model import CallId, CounsellorId
from ivr.order import Key, Rank, Standing, micros
from ivr.waiting import FloorCall

_Entry = tuple[int, int, FloorCall]  # instant of joining and number, which tell all apart
_EMPTY_CIRCLES = 1024  # kept at least, for the next calls; after a change of duty nobody needs them

Permits = Callable[[FloorCall], bool]


class Seeker(NamedTuple):
    """A counsellor to find a call for."""

    counsellor: CounsellorId
    only_expected: bool  # an ordinary telephone: only for calls for which duty expects them
    only_danger: bool


@dataclass(slots=True, eq=False)
class Circle:
    """Counsellors who may be rung for the same calls; `expected` are those whom duty expects."""

    people: frozenset[CounsellorId]
    expected: frozenset[CounsellorId]
    queues: dict[Standing, list[_Entry]] = field(default_factory=dict)
    able: CounsellorId | None = None  # somebody who could serve, when last looked

    def __iter__(self) -> Iterator[FloorCall]:
        """Its calls, in no particular order."""
        return (call for queue in self.queues.values() for _, _, call in queue)

    def add(self, call: FloorCall) -> None:
        queue = self.queues.setdefault(_standing(call), [])
        insort(queue, _entry(call))

    def remove(self, call: FloorCall) -> None:
        standing = _standing(call)
        queue = self.queues[standing]
        del queue[bisect_left(queue, _entry(call))]
        if not queue:
            del self.queues[standing]

    def could_be_served(self, could_serve: Callable[[CounsellorId, bool], bool]) -> bool:
        """Whether anybody of the circle is there; who was found last time is asked first."""
        if self.able is None or not could_serve(self.able, self.able in self.expected):
            able = (name for name in self.people if could_serve(name, name in self.expected))
            self.able = next(able, None)
        return self.able is not None


@dataclass(slots=True)
class Line:
    """Waiting calls, each in the queue of its circle."""

    _calls: dict[CallId, FloorCall] = field(default_factory=dict)
    _circles: dict[tuple[frozenset[CounsellorId], frozenset[CounsellorId]], Circle] = field(
        default_factory=dict
    )
    _of: dict[CounsellorId, list[Circle]] = field(default_factory=dict)
    _fresh: dict[CallId, FloorCall] = field(default_factory=dict)
    _by_all: dict[frozenset[CounsellorId], Circle] = field(default_factory=dict)
    _sharing: dict[frozenset[CounsellorId], tuple[Circle, ...]] = field(default_factory=dict)
    _joined: int = 0
    _crowded_at: int = _EMPTY_CIRCLES

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call: CallId) -> bool:
        return call in self._calls

    def __iter__(self) -> Iterator[FloorCall]:
        """All of them, in no particular order."""
        return iter(tuple(self._calls.values()))

    def in_order(self, now: datetime) -> Iterator[FloorCall]:
        """As they would be served at `now`, were everybody eligible for all."""
        circles = (circle for circle in self._circles.values() if circle.queues)
        return _merged(circles, micros(now))

    def next_number(self) -> int:
        self._joined += 1
        return self._joined

    def enter(self, call: FloorCall) -> None:
        """Take the place that the call has, in the circle of its step."""
        self._calls[call.id] = call
        self._stand(call)
        self._all_of(call).add(call)

    def _stand(self, call: FloorCall) -> None:
        self._fresh[call.id] = call
        call.circle = self._circle(call)
        call.circle.add(call)

    def leave(self, call: FloorCall) -> None:
        if self._calls.pop(call.id, None) is not None:
            assert call.circle is not None, "a waiting call stands in a circle"
            self._fresh.pop(call.id, None)
            call.circle.remove(call)
            call.circle = None
            self._all_of(call).remove(call)

    def step_opened(self, call: FloorCall) -> None:
        """Of a plan that is the same: who may be rung in the end are those they were."""
        if call.circle is not None:
            call.circle.remove(call)
            self._stand(call)

    def take_fresh(self) -> list[FloorCall]:
        """Calls that wait since the last time, or wait for more people."""
        fresh = list(self._fresh.values())
        self._fresh.clear()
        return fresh

    def circles_of(self, counsellor: CounsellorId) -> Iterator[Circle]:
        """Those in which somebody waits."""
        return (circle for circle in self._of.get(counsellor, ()) if circle.queues)

    def ahead(self, call: FloorCall, now: datetime) -> int:
        """How many would be served before it who wait, sooner or later, for one of the same people.

        Each at the last step of their plans.
        """
        now_us = micros(now)
        mine = _key(call, now_us)
        return sum(
            bisect_left(queue, mine, key=lambda entry: _key(entry[2], now_us))
            for circle in self._sharing_people(_everybody(call))
            for queue in circle.queues.values()
        )

    def next_for(self, seeker: Seeker, now: datetime, permits: Permits) -> FloorCall | None:
        """The first in line of those that `permits` lets the counsellor be rung for."""
        now_us = micros(now)
        best: tuple[Key, FloorCall] | None = None
        for _, _, call in self._firsts(seeker, permits):
            key = _key(call, now_us)
            if best is None or key < best[0]:
                best = key, call
        return best[1] if best is not None else None

    def earliest_for(self, seeker: Seeker, permits: Permits) -> FloorCall | None:
        """Of the same calls the one that joined first."""
        earliest = min(self._firsts(seeker, permits), default=None)
        return earliest[2] if earliest is not None else None

    def _firsts(self, seeker: Seeker, permits: Permits) -> Iterator[_Entry]:
        """The first permitted of each queue that may be for the counsellor."""
        for circle in self._of.get(seeker.counsellor, ()):
            if seeker.only_expected and seeker.counsellor not in circle.expected:
                continue
            for standing, queue in circle.queues.items():
                if seeker.only_danger and standing.rank > Rank.DANGER:
                    continue
                first = next((entry for entry in queue if permits(entry[2])), None)
                if first is not None:
                    yield first

    def _all_of(self, call: FloorCall) -> Circle:
        """All who wait for the same people in the end."""
        people = _everybody(call)
        known = self._by_all.get(people)
        if known is None:
            known = self._by_all[people] = Circle(people, frozenset())
            self._sharing.clear()
        return known

    def _sharing_people(self, people: frozenset[CounsellorId]) -> tuple[Circle, ...]:
        """Circles of those who wait for one of these people in the end."""
        known = self._sharing.get(people)
        if known is None:
            sharing = (one for one in self._by_all.values() if not people.isdisjoint(one.people))
            known = self._sharing[people] = tuple(sharing)
        return known

    def _circle(self, call: FloorCall) -> Circle:
        key = (call.eligible, call.expected)
        circle = self._circles.get(key)
        return circle if circle is not None else self._new_circle(*key)

    def _new_circle(
        self, people: frozenset[CounsellorId], expected: frozenset[CounsellorId]
    ) -> Circle:
        self._forget_empty_circles()
        circle = self._circles[(people, expected)] = Circle(people, expected)
        self._note(circle)
        return circle

    def _forget_empty_circles(self) -> None:
        """Each time that twice as many circles are known as the last time were in use."""
        if len(self._circles) < self._crowded_at:
            return
        self._circles = {key: circle for key, circle in self._circles.items() if circle.queues}
        self._crowded_at = 2 * len(self._circles) + _EMPTY_CIRCLES
        self._by_all = {people: circle for people, circle in self._by_all.items() if circle.queues}
        self._sharing = {}
        self._of = {}
        for circle in self._circles.values():
            self._note(circle)

    def _note(self, circle: Circle) -> None:
        for name in circle.people:
            self._of.setdefault(name, []).append(circle)


def _everybody(call: FloorCall) -> frozenset[CounsellorId]:
    circles = call.plan.circles
    return circles[-1] if circles else frozenset()


def _standing(call: FloorCall) -> Standing:
    assert call.place is not None, "a call in line has a place"
    return call.place.standing


def _entry(call: FloorCall) -> _Entry:
    assert call.place is not None, "a call in line has a place"
    return call.place.joined_us, call.place.number, call


def _key(call: FloorCall, now_us: int) -> Key:
    assert call.place is not None, "a call in line has a place"
    return call.place.key(now_us)


def _merged(circles: Iterator[Circle], now_us: int) -> Iterator[FloorCall]:
    queues = [queue for circle in circles for queue in circle.queues.values()]
    in_order = merge(*queues, key=lambda entry: _key(entry[2], now_us))
    return (call for _, _, call in in_order)
