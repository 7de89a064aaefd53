"""A call on the floor, and how a plan's steps open while it waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr.heard import Heard
from ivr.model import CallId, CallPhase, CounsellorId, Lane, Offer, OfferId
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord
from ivr.order import Place, Rank

if TYPE_CHECKING:
    from ivr.line import Circle


@dataclass(slots=True, eq=False)
class FloorCall:
    """A call's state; `record` is what is kept of it, the rest is the floor's own."""

    record: CallRecord
    attached: bool = True  # a conversation of ours holds the caller's channel
    place: Place | None = None
    circle: "Circle | None" = None  # while it waits
    planned_from_at: datetime | None = None  # from then on its steps count
    offers: dict[OfferId, Offer] = field(default_factory=dict)  # one alone, once it is accepted
    promised_until_at: datetime | None = None  # a phone was stopped for this call
    back_to: CounsellorId | None = None  # whose talk with this caller broke off …
    back_until_at: datetime | None = None  # … and who is to have them again until then
    step: int = 0
    step_due_at: datetime | None = None  # when the next one opens for reasons of time alone
    left_open_at: datetime | None = None  # when a talk ended after which nobody has hung up
    looked_after: bool = False  # … and it has stood in line for that
    fallback_since_at: datetime | None = None
    heard: Heard | None = None  # in this wait; None before the first

    @property
    def id(self) -> CallId:
        return self.record.call

    @property
    def phase(self) -> CallPhase:
        return self.record.phase

    @property
    def in_danger(self) -> bool:
        danger = self.record.facts is not None and self.record.facts.lane is Lane.DANGER
        return danger and not self.stands_last

    @property
    def stands_last(self) -> bool:
        """Behind everybody: after the talk nobody hung up."""
        return self.place is not None and self.place.standing.rank is Rank.LEFT_OPEN

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
        self.planned_from_at = joined_at
        last = len(self.plan.steps) - 1
        self._open(last if self.plan.all_at_once else 0, joined_at)

    def open_steps(self, now: datetime, could_serve: Callable[[CounsellorId, bool], bool]) -> bool:
        """Open each step whose time has come; a step that nobody could serve lasts no time.

        `could_serve` is told whether duty expects them. Returns whether any was opened.
        """
        before = self.step
        while self.step_due_at is not None:
            expected = self.expected
            if not any(could_serve(name, name in expected) for name in self.eligible):
                self._open(self.step + 1, now)
            elif self.step_due_at <= now:
                self._open(self.step + 1, self.step_due_at)
            else:
                break
        return self.step != before

    def _open(self, step: int, at: datetime) -> None:
        self.step, self.step_due_at = step, None
        if step + 1 < len(self.plan.steps):
            lasts_s = self.plan.steps[step].lasts_s
            self.step_due_at = at + timedelta(seconds=lasts_s or 0.0)
