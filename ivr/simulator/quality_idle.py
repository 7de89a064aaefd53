"""Whether counsellors are kept from callers: who could be rung and is not, while somebody waits.

It makes sense where everybody may be rung for every call. An order of the line only moves waiting
from one caller to another; what is counted here is waiting that nobody else has gained.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ivr import effects as do
from ivr import events as ev
from ivr.deployment import Deployment
from ivr.dry_run.replay import World, replay
from ivr.limits import Limits
from ivr.model import CounsellorState, ProvinceId
from ivr.queues import Floor
from ivr.rules.schema import ProvinceRules
from ivr.simulator.quality_app_queue import AppQueues
from ivr.simulator.quality_world import Traffic, world_of


class Tally:
    """Seconds of counsellors who are there while somebody waits, and the idle ones among them.

    One waiting call keeps one counsellor idle at most. A state lasts from one `note` to the next
    of the same world.
    """

    def __init__(self) -> None:
        self.there_s = self.idle_s = 0.0
        self._since_at: datetime | None = None
        self._there = self._idle = 0

    def begin(self) -> None:
        """Of another world."""
        self._since_at = None

    def note(self, now: datetime, *, waiting: int, there: int, free: int) -> None:
        if self._since_at is not None:
            lasted_s = (now - self._since_at).total_seconds()
            self.there_s += self._there * lasted_s
            self.idle_s += self._idle * lasted_s
        self._since_at = now
        self._there = there if waiting else 0
        self._idle = min(waiting, free)

    @property
    def share(self) -> float:
        return self.idle_s / self.there_s if self.there_s else 0.0


class _WatchedFloor(Floor):
    """Held by a back-off counts as idle: app_queue has none."""

    def __init__(self, limits: Limits, tally: Tally) -> None:
        super().__init__(epoch=1, limits=limits)
        self._tally = tally

    def decide(self, event: ev.Event, now: datetime) -> list[do.Effect]:
        effects = super().decide(event, now)
        there = [one for one in self.staff if one.reachable]
        free = sum(one.state() is CounsellorState.AVAILABLE for one in there)
        self._tally.note(self.now, waiting=len(self.line), there=len(there), free=free)
        return effects


class _WatchedAppQueues(AppQueues):
    def __init__(self, world: World, rules: ProvinceRules, tally: Tally) -> None:
        super().__init__(world, rules)
        self._tally = tally

    def go_on(self) -> None:
        super().go_on()
        there = [one for one in self.people.values() if one.there]
        free = sum(one.free for one in there)
        waiting = sum(caller.waits for caller in self._in)
        self._tally.note(self.now, waiting=waiting, there=len(there), free=free)


def _by_us(world: World, rules: ProvinceRules, tally: Tally) -> None:
    replay(world, rules, _WatchedFloor(Limits(**rules.limits.model_dump()), tally))


def _by_app_queue(world: World, rules: ProvinceRules, tally: Tally) -> None:
    _WatchedAppQueues(world, rules, tally).run()


_WAYS = {"ours": _by_us, "app_queue": _by_app_queue}


def idle_in(worlds: Sequence[World], rules: ProvinceRules) -> dict[str, Tally]:
    """By each way of queueing."""
    tallies = {name: Tally() for name in _WAYS}
    for name, way in _WAYS.items():
        for world in worlds:
            tallies[name].begin()
            way(world, rules, tallies[name])
    return tallies


def idle_shares(
    deployment: Deployment, province: ProvinceId, traffic: Traffic, seeds: Sequence[int]
) -> Mapping[str, float]:
    """Of the time that counsellors are there while somebody waits, over all seeds."""
    worlds = [world_of(deployment, province, traffic, seed) for seed in seeds]
    tallies = idle_in(worlds, deployment.lines[province].rules)
    return {name: tally.share for name, tally in tallies.items()}
