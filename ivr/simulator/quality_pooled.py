"""One pooled queue for a whole province: as little waiting as any order of calls can bring.

First come, first served, danger before the rest; everybody there may be rung for everybody, the
longest idle first, without any delay, and again at once where they did not answer.
"""

import heapq

from ivr.dry_run.replay import World
from ivr.model import Lane
from ivr.rules.schema import ProvinceRules
from ivr.simulator.quality_line import Caller, QueueingLine, longest_idle


class PooledQueue(QueueingLine):
    """See above. Neither counties nor skills nor urgency besides danger are looked at."""

    def __init__(self, world: World, rules: ProvinceRules) -> None:
        super().__init__(world, rules)
        self._waiting: list[tuple[bool, int, Caller]] = []

    def joined(self, caller: Caller) -> None:
        after_danger = caller.call.facts.lane is not Lane.DANGER
        heapq.heappush(self._waiting, (after_danger, caller.number, caller))
        self.freed()

    def freed(self) -> None:
        while self._waiting and (person := longest_idle(self.people.values())) is not None:
            _, _, caller = heapq.heappop(self._waiting)
            if caller.waits:
                self.ring(caller, person)

    def in_vain(self, caller: Caller, _kind: str) -> None:
        self.joined(caller)

    def left(self, _caller: Caller) -> None:
        """Who gave up is passed over when their turn comes."""
