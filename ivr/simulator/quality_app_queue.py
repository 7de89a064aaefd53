"""Asterisk's app_queue as somebody who knows it well would set it up for the same steps.

Each place has a queue with everybody of its plan as members, the number of the step as penalty; a
queue rule (`penaltychange`) lets the next penalty be rung when the next step's time has come.
Danger has one queue of weight 2 in which all are equal, silence queues of weight 1. What app_queue
does then (app_queue.c of Asterisk 22; the measured part is in docs/decisions/0005):

- a caller who waits looks once a second (RECHECK, and `retry` of 1 s, the least there is), so that
  up to a second passes between a counsellor who is free and the next ring (0.73 to 0.99 s were
  measured of callers who had all joined at the same fraction of a second; here 0 to 1 s);
- with `autofill` a caller may try if fewer callers of the queue wait before them than members of
  any penalty are free (is_our_turn, num_available_members);
- members of the lowest penalty first, in turn (`rrmemory`), nobody twice in one attempt; who is
  busy or refuses is followed at once by the next, who lets it ring or puts down ends the attempt,
  and nothing keeps them from being rung again (`autopause=no`);
- `ringinuse=no` and `shared_lastcall=yes`: one call and one wrap-up for a member of many queues;
- a member who is in a queue of a higher weight is left to it while it has as many callers as free
  members, whether those callers may ring the member or not (compare_weight);
- nothing orders callers of different queues of the same weight: whoever looks first rings.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.dry_run.replay import World
from ivr.model import CounsellorId, Lane
from ivr.model.plan import RoutePlan
from ivr.rules.schema import ProvinceRules
from ivr.simulator.quality_line import Caller, Person, QueueingLine

LOOKS_EVERY_S = 1.0
WEIGHTS = {Lane.DANGER: 2, Lane.SILENCE: 1, Lane.ORDINARY: 0}
_NEXT_AT_ONCE = frozenset({"busy", "rejected"})

_Key = tuple[Lane, tuple[tuple[float, tuple[CounsellorId, ...]], ...]]


@dataclass(slots=True, eq=False)
class Member:
    person: Person
    penalty: int


@dataclass(slots=True, eq=False)
class Queue:
    """`opens_s`: after which wait each penalty may be rung; `turn`: the place of who is next."""

    weight: int
    members: list[Member]
    opens_s: list[float]
    callers: list[Caller] = field(default_factory=list)  # those being rung for as well
    turn: int = 0

    def available(self) -> int:
        return sum(member.person.free for member in self.members)

    def is_turn(self, caller: Caller) -> bool:
        before = self.callers[: self.callers.index(caller)]
        return sum(other.waits for other in before) < self.available()

    def in_order(self, waited_s: float) -> list[int]:
        """The places of the members who may be rung after this wait, first who is rung first."""
        most = sum(opens_s <= waited_s for opens_s in self.opens_s)
        places = (place for place, one in enumerate(self.members) if one.penalty < most)
        return sorted(places, key=lambda at: (self.members[at].penalty, at < self.turn, at))


class AppQueues(QueueingLine):
    """See above."""

    def __init__(self, world: World, rules: ProvinceRules) -> None:
        super().__init__(world, rules)
        self._queues: dict[_Key, Queue] = {}
        self._of: dict[CounsellorId, list[Queue]] = {name: [] for name in self.people}
        self._in: dict[Caller, Queue] = {}
        self._tried: dict[Caller, set[int]] = {}  # in the present attempt

    def joined(self, caller: Caller) -> None:
        queue = self._in[caller] = self._queue(caller)
        queue.callers.append(caller)
        self._look(caller)

    def freed(self) -> None:
        """Nobody is told: callers see it when they look."""

    def in_vain(self, caller: Caller, kind: str) -> None:
        if kind not in _NEXT_AT_ONCE or not self._try(caller):
            self._look_later(caller)

    def left(self, caller: Caller) -> None:
        self._in.pop(caller).callers.remove(caller)
        del self._tried[caller]

    def _look_later(self, caller: Caller) -> None:
        self._tried[caller] = set()
        self.after(LOOKS_EVERY_S, self._look, caller)

    def _look(self, caller: Caller) -> None:
        if caller.ended_at is None:
            self._tried[caller] = set()
            if not (self._in[caller].is_turn(caller) and self._try(caller)):
                self._look_later(caller)

    def _try(self, caller: Caller) -> bool:
        """Ring the next of this attempt; whether there is anybody."""
        queue, tried = self._in[caller], self._tried[caller]
        waited_s = (self.now - caller.call.joined_at).total_seconds()
        for place in queue.in_order(waited_s):
            member = queue.members[place]
            if place not in tried and member.person.free and not self._wanted_more(queue, member):
                tried.add(place)
                queue.turn = (place + 1) % len(queue.members)
                self.ring(caller, member.person)
                return True
        return False

    def _wanted_more(self, queue: Queue, member: Member) -> bool:
        return any(
            other.weight > queue.weight and 0 < len(other.callers) >= other.available()
            for other in self._of[member.person.id]
        )

    def _queue(self, caller: Caller) -> Queue:
        lane, plan = caller.call.facts.lane, caller.plan
        key = lane, tuple((step.after_s, step.counsellors) for step in plan.steps)
        if key not in self._queues:
            queue = self._queues[key] = self._new_queue(WEIGHTS[lane], plan)
            for member in queue.members:
                self._of[member.person.id].append(queue)
        return self._queues[key]

    def _new_queue(self, weight: int, plan: RoutePlan) -> Queue:
        """A step that adds nobody has no penalty; in danger all are equal."""
        queue = Queue(weight, [], [])
        known: set[CounsellorId] = set()
        for step in plan.steps:
            new = [name for name in step.counsellors if name not in known]
            known.update(new)
            if new and (not queue.opens_s or not plan.all_at_once):
                queue.opens_s.append(step.after_s)
            queue.members += self._members(new, len(queue.opens_s) - 1)
        return queue

    def _members(self, names: Iterable[CounsellorId], penalty: int) -> list[Member]:
        return [Member(self.people[name], penalty) for name in names]
