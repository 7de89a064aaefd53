"""What other ways of queueing are compared on: the world of a dry run without our floor.

Callers, counsellors and chance are those of `ivr.dry_run.replay`, so that whoever is rung
first for a call treats it in the same way; who is rung for whom, each way says itself.
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from ivr.dry_run.calls import PastCall, chance
from ivr.dry_run.replay import WHISPER_S, Served, World
from ivr.model import CallEnd, CallPhase, CounsellorId, DeviceId, DeviceState
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord
from ivr.planner import Planner
from ivr.rules.schema import ProvinceRules
from ivr.simulator.day_people import reaction


@dataclass(slots=True, eq=False)
class Person:
    """A counsellor; `idle_since_at` is when they came, were done or were last rung in vain."""

    id: CounsellorId
    idle_since_at: datetime
    there: bool = False
    busy: bool = False  # rung, talking or in wrap-up

    @property
    def free(self) -> bool:
        return self.there and not self.busy


@dataclass(slots=True, eq=False)
class Caller:
    """A call in line until it ends; `attempt` tells the present ringing from earlier ones."""

    call: PastCall
    number: int
    plan: RoutePlan
    nobody_there: bool
    rung: Person | None = None  # or talking
    attempt: int = 0
    asked: int = 0  # how often somebody was rung
    first_offered_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """In line, and nobody is rung for the call."""
        return self.rung is None and self.ended_at is None


class QueueingLine(ABC):
    """One run. Everything that will happen stands in a heap by its instant."""

    def __init__(self, world: World, rules: ProvinceRules) -> None:
        self.limits = rules.limits
        self.now = world.began_at
        self.people = {one.id: Person(one.id, world.began_at) for one in world.people}
        self._world, self._rules = world, rules
        self._planner = Planner([rules], world.people, world.book)
        self._at_device = {
            device.id: self.people[one.id] for one in world.people for device in one.devices
        }
        self._coming: list[tuple[datetime, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()
        self._callers: list[Caller] = []

    def run(self) -> tuple[Served, ...]:
        """Every call, in the order in which they joined."""
        for at, device, state in self._world.changes:
            self._at(at, self._device_changes, device, state)
        for call in self._world.calls:
            self._at(call.joined_at, self._join, call)
        while self._coming:
            self.go_on()
        return tuple(self._served(caller) for caller in self._callers)

    def go_on(self) -> None:
        """To what happens next."""
        self.now, _, act, about = heapq.heappop(self._coming)
        act(*about)

    # -- what each way of queueing says

    @abstractmethod
    def joined(self, caller: Caller) -> None:
        """A call stands in line."""

    @abstractmethod
    def freed(self) -> None:
        """Somebody may be rung who could not be before."""

    @abstractmethod
    def in_vain(self, caller: Caller, kind: str) -> None:
        """The ringing for this call ended without a talk; `kind` is that of the reaction."""

    @abstractmethod
    def left(self, caller: Caller) -> None:
        """The call is in line no more: it is connected, or the caller gave up."""

    # -- what they may do

    def ring(self, caller: Caller, person: Person) -> None:
        caller.rung, person.busy = person, True
        caller.attempt += 1
        caller.first_offered_at = caller.first_offered_at or self.now
        caller.asked += 1
        does = reaction(chance(self._world.seed, f"offer {caller.call.id} {caller.asked}"))
        picks_up = does.kind in {"answered", "declined"}
        lasts_s = does.after_s + WHISPER_S if picks_up else does.after_s
        if does.kind == "rona":
            lasts_s = self.limits.ring_s
        act = self._connect if does.kind == "answered" else self._refuse
        self.after(lasts_s, act, caller, caller.attempt, does.kind)

    def after(self, seconds: float, act: Callable[..., None], *about: Any) -> None:
        self._at(self.now + timedelta(seconds=seconds), act, *about)

    # -- what happens

    def _at(self, at: datetime, act: Callable[..., None], *about: Any) -> None:
        heapq.heappush(self._coming, (at, next(self._number), act, about))

    def _device_changes(self, device: DeviceId, state: DeviceState) -> None:
        person = self._at_device[device]
        person.there = state is not DeviceState.UNREACHABLE
        person.idle_since_at = self.now
        if person.free:
            self.freed()

    def _join(self, call: PastCall) -> None:
        plan = self._planner.plan(call.facts, self.now)
        nobody_there = not any(self.people[name].there for name in plan.circles[-1])
        caller = Caller(call, len(self._callers), plan, nobody_there)
        self._callers.append(caller)
        self.after(call.patience_s, self._give_up, caller)
        self.joined(caller)

    def _give_up(self, caller: Caller) -> None:
        if caller.connected_at is None:
            person, caller.rung = caller.rung, None
            self._end(caller)
            self.left(caller)
            if person is not None:
                self._free(person)

    def _end(self, caller: Caller) -> None:
        caller.ended_at = self.now
        caller.attempt += 1

    def _free(self, person: Person) -> None:
        person.busy = False
        person.idle_since_at = self.now
        if person.free:
            self.freed()

    def _refuse(self, caller: Caller, attempt: int, kind: str) -> None:
        if caller.attempt == attempt and caller.rung is not None:
            person, caller.rung = caller.rung, None
            self.in_vain(caller, kind)
            self._free(person)

    def _connect(self, caller: Caller, attempt: int, _kind: str) -> None:
        if caller.attempt == attempt and caller.rung is not None:
            caller.connected_at = self.now
            self.left(caller)
            self.after(caller.call.talk_s, self._talked, caller, caller.rung)

    def _talked(self, caller: Caller, person: Person) -> None:
        self._end(caller)
        self.after(self.limits.wrap_up_s, self._free, person)

    def _served(self, caller: Caller) -> Served:
        call = caller.call
        assert caller.ended_at is not None, "who waits gives up in the end"
        person = caller.rung.id if caller.rung is not None else None
        record = CallRecord(
            call=call.id,
            province=self._rules.id,
            line=self._rules.lines[0],
            caller=None,
            arrived_at=call.joined_at,
            phase=CallPhase.ENDED,
            facts=call.facts,
            plan=caller.plan,
            joined_at=call.joined_at,
            first_offered_at=caller.first_offered_at,
            connected_at=caller.connected_at,
            ended_at=caller.ended_at,
            counsellor=person if caller.connected_at is not None else None,
            end=self._end_of(caller),
        )
        return Served(call=call, plan=caller.plan, nobody_there=caller.nobody_there, record=record)

    def _end_of(self, caller: Caller) -> CallEnd:
        if caller.connected_at is not None:
            return CallEnd.CONNECTED
        short = caller.call.patience_s < self.limits.short_abandonment_s
        return CallEnd.SHORT_ABANDONMENT if short else CallEnd.ABANDONED


def longest_idle(people: Iterable[Person]) -> Person | None:
    free = (person for person in people if person.free)
    return min(free, key=lambda one: (one.idle_since_at, one.id), default=None)
