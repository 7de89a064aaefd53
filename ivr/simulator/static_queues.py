"""Asterisk's own queues in the simulation: who is rung for whom, as app_queue of Asterisk 22 does.

Measured with strategy `rrordered`, `autofill`, `ringinuse = no` (docs/decisions/0005): members of
the lowest penalty first, in turn; whoever is passed over or refuses is followed at once by the
next, whoever rings in vain only in the caller's next round; a member whom a queue of a higher
weight needs is left to it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ivr.dialplan.static_lines import StaticLine, StaticMember, StaticQueue, fallback_queue
from ivr.simulator.channel import Channel
from ivr.simulator.devices import Device, Devices


class Exchange(Protocol):
    """What the queues need of the exchange around them."""

    devices: Devices


@dataclass(eq=False)
class Waiting:
    """A caller in one queue for one round; `raised` lifts the penalties below it."""

    channel: Channel
    priority: int
    raised: int
    ringing: bool = False


@dataclass(eq=False)
class Attempt:
    """One pass over the members of a queue; nobody is rung twice in it."""

    tried: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Queue:
    """A queue with its members in the order of the file."""

    made_of: StaticQueue
    waiting: list[Waiting] = field(default_factory=list)
    turn: int = 0  # whose turn it is: the place of a member

    @property
    def members(self) -> Sequence[StaticMember]:
        return self.made_of.members

    def enter(self, caller: Waiting) -> None:
        place = sum(1 for other in self.waiting if other.priority >= caller.priority)
        self.waiting.insert(place, caller)

    def in_order(self, raised: int, tried: set[int]) -> list[int]:
        """The places of the members not tried yet, first who is to be rung first."""

        def rank(place: int) -> tuple[int, bool, int]:
            return max(self.members[place].penalty, raised), place < self.turn, place

        return sorted(set(range(len(self.members))) - tried, key=rank)

    def end_attempt(self, raised: int, attempt: Attempt) -> None:
        """The next attempt begins with who would have been next in this one."""
        rest = self.in_order(raised, attempt.tried)
        self.turn = rest[0] if rest else 0


class StaticQueues:
    """All queues of the exchange, and whose devices they must not ring (AMI's QueuePause)."""

    def __init__(self, exchange: Exchange, lines: Iterable[StaticLine]) -> None:
        self._exchange = exchange
        self._queues: dict[str, Queue] = {}
        self._own: dict[str, Queue] = {}  # of provinces without any, see `of_province`
        self.paused: set[str] = set()  # members, as a queue names them
        self.lines: dict[str, StaticLine] = {}
        self.take(lines)

    def take(self, lines: Iterable[StaticLine]) -> None:
        """Read the queues anew: callers stay in theirs, also where it is gone."""
        self.lines = {line.province: line for line in lines}
        fresh = {queue.name: queue for line in self.lines.values() for queue in line.queues}
        kept = self._queues
        self._queues = {name: kept.get(name, Queue(queue)) for name, queue in fresh.items()}
        for name, queue in self._queues.items():
            queue.made_of = fresh[name]
        for name in kept.keys() - fresh.keys():
            kept[name].made_of = StaticQueue(name, ())

    def stage(self, province: str, at: float) -> int:
        """Which stage of the province's queues counts at `at` (Unix seconds)."""
        line = self.lines.get(province)
        changes = [stage.from_at for stage in line.stages[1:]] if line else []
        return sum(1 for change in changes if change is not None and change.timestamp() <= at)

    def find(self, name: str) -> Queue | None:
        return self._queues.get(name)

    def of_province(self, province: str) -> Queue:
        """The province's queue; of a province without a line, one of all devices."""
        known = self.find(fallback_queue(province))
        return known or self._own.setdefault(province, self._of_everybody(province))

    def _of_everybody(self, province: str) -> Queue:
        members = tuple(StaticMember(device.name) for device in self._exchange.devices)
        return Queue(StaticQueue(fallback_queue(province), members))

    def pause(self, interface: str, *, paused: bool) -> bool:
        """Whether any queue has such a member."""
        change: Callable[[str], None] = self.paused.add if paused else self.paused.discard
        change(interface)
        return any(interface in _interfaces(queue) for queue in self._queues.values())

    def wake(self, queue: Queue) -> None:
        self.paused -= _interfaces(queue)

    def choose(self, queue: Queue, caller: Waiting, attempt: Attempt) -> Device | None:
        """Whom to ring next for the caller in this attempt, if it is the caller's turn at all."""
        if not self._is_turn(queue, caller):
            return None
        for place in queue.in_order(caller.raised, attempt.tried):
            attempt.tried.add(place)
            device = self._free(queue.members[place])
            if device and not self._is_wanted_more(queue, queue.members[place]):
                return device
        return None

    def _is_turn(self, queue: Queue, caller: Waiting) -> bool:
        """With autofill as many callers are served at once as members are free."""
        idle = [other for other in queue.waiting if not other.ringing or other is caller]
        return idle.index(caller) < self._count_free(queue)

    def _is_wanted_more(self, queue: Queue, member: StaticMember) -> bool:
        """Whether a queue of a higher weight has callers for all of its free members."""
        return any(
            other.made_of.weight > queue.made_of.weight
            and member.dialled in _interfaces(other)
            and 0 < len(other.waiting) >= self._count_free(other)
            for other in self._queues.values()
        )

    def _count_free(self, queue: Queue) -> int:
        return sum(1 for member in queue.members if self._free(member))

    def _free(self, member: StaticMember) -> Device | None:
        device = self._exchange.devices.get(member.device)
        is_free = device is not None and device.idle and member.dialled not in self.paused
        return device if is_free else None


def _interfaces(queue: Queue) -> set[str]:
    return {member.dialled for member in queue.members}
