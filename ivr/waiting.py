"""A call on the floor, the order of the line, and how a plan's steps open while it waits."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ivr.heard import Heard
from ivr.model import CallId, CallPhase, CallRecord, CounsellorId, Offer, OfferId, RoutePlan


class Place(NamedTuple):
    """Where a call stands: by lane, then by time of joining; `behind` is 0 for the first."""

    lane: int
    behind: int
    joined_at: datetime
    number: int


@dataclass(slots=True)
class FloorCall:
    """A call's state; `record` is what is kept of it, the rest is the floor's own."""

    record: CallRecord
    attached: bool = True  # a conversation of ours holds the caller's channel
    place: Place | None = None
    offers: dict[OfferId, Offer] = field(default_factory=dict)  # one alone, once it is accepted
    step: int = 0
    step_opened_at: datetime | None = None
    fallback_since_at: datetime | None = None
    heard: Heard | None = None  # in this wait; None before the first

    @property
    def id(self) -> CallId:
        return self.record.call

    @property
    def phase(self) -> CallPhase:
        return self.record.phase

    @property
    def plan(self) -> RoutePlan:
        assert self.record.plan is not None, "a call in line has a plan"
        return self.record.plan

    @property
    def eligible(self) -> frozenset[CounsellorId]:
        """Who may be rung at the step that the call has reached."""
        circles = self.plan.circles
        return circles[self.step] if circles else frozenset()

    @property
    def expected(self) -> frozenset[CounsellorId]:
        """Whom duty expects at that step: they alone are rung on ordinary telephones."""
        circles = self.plan.expected
        return circles[self.step] if circles else frozenset()

    def start_plan(self, joined_at: datetime) -> None:
        self.step, self.step_opened_at = 0, joined_at
        while self.plan.all_at_once and self._has_next_step:
            self._open_next(joined_at)

    def open_steps(self, now: datetime, could_serve: Callable[[CounsellorId, bool], bool]) -> bool:
        """Open each step whose time has come; a step that nobody could serve lasts no time.

        `could_serve` is told whether duty expects them. Returns whether any was opened.
        """
        before = self.step
        while (due_at := self.step_due_at()) is not None:
            expected = self.expected
            if not any(could_serve(name, name in expected) for name in self.eligible):
                self._open_next(now)
            elif due_at <= now:
                self._open_next(due_at)
            else:
                break
        return self.step != before

    def step_due_at(self) -> datetime | None:
        """When the next step opens for reasons of time alone; None when all are open."""
        if not self._has_next_step or self.step_opened_at is None:
            return None
        lasts_s = self.plan.steps[self.step].lasts_s
        return self.step_opened_at + timedelta(seconds=lasts_s or 0.0)

    @property
    def _has_next_step(self) -> bool:
        return self.step + 1 < len(self.plan.steps)

    def _open_next(self, at: datetime) -> None:
        self.step += 1
        self.step_opened_at = at


@dataclass(slots=True)
class Line:
    """Waiting calls in the order in which they are served."""

    _places: list[tuple[Place, CallId]] = field(default_factory=list)
    _calls: dict[CallId, FloorCall] = field(default_factory=dict)
    _joined: int = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, call: CallId) -> bool:
        return call in self._calls

    def __iter__(self) -> Iterator[FloorCall]:
        return (self._calls[call] for _, call in tuple(self._places))

    def join(self, call: FloorCall, joined_at: datetime, *, first: bool = False) -> None:
        """Take a place: by lane, then by time of joining; `first` is ahead of its lane."""
        assert call.record.facts is not None
        self._joined += 1
        call.place = Place(call.record.facts.lane, 0 if first else 1, joined_at, self._joined)
        self.return_to_place(call)

    def return_to_place(self, call: FloorCall) -> None:
        """Back where the call stood before an offer that came to nothing."""
        assert call.place is not None
        self._calls[call.id] = call
        insort(self._places, (call.place, call.id))

    def leave(self, call: FloorCall) -> None:
        if self._calls.pop(call.id, None) is not None and call.place is not None:
            del self._places[bisect_left(self._places, (call.place, call.id))]
