"""Routing quality in virtual time: our floor beside app_queue and beside one pooled queue.

Each seed is a world of its own that all ways of queueing meet alike: the same calls at the same
instants, as patient and as long, the same people there, and the same reaction of a counsellor each
time that a call is offered to them.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ivr.deployment import Deployment
from ivr.dry_run.figures import NEAR, answered_where, figures_of
from ivr.dry_run.replay import Served, replay
from ivr.errors import BadInput
from ivr.model import CallFacts, Lane, ProvinceId
from ivr.model.plan import ReasonCode, RoutePlan
from ivr.planner import Planner
from ivr.rules.priority import Urgency
from ivr.rules.routing import Ring
from ivr.rules.schema import ProvinceRules
from ivr.simulator.day_people import LOADS
from ivr.simulator.quality_app_queue import AppQueues
from ivr.simulator.quality_pooled import PooledQueue
from ivr.simulator.quality_statistics import Interval, interval, nearest_rank, paired
from ivr.simulator.quality_world import BEGAN_AT, TRAFFIC, Traffic, world_of

TOLERANCE = 1.15  # of the pooled queue's p95
GRACE_S = 2.0  # beyond the own desk's budget
LANES = tuple(lane.name.lower() for lane in Lane)
URGENCIES = tuple(Urgency)
_NEAR_DESKS = frozenset(
    {ReasonCode.OWN_DESK, ReasonCode.CENTRAL_ANSWERING, ReasonCode.SUPPORTING_COUNTY}
)


class Budgets(StrEnum):
    """How long a call is for its own and its supporting county alone."""

    NONE = "0"
    SHIPPED = "as shipped"
    ANY = "any"  # everybody is in the first circle: budgets change nothing


class Verdict(StrEnum):
    """Where the 95 % interval lies: wholly on one side of the bar, or on both."""

    MET = "met"
    MET_PERHAPS = "met, within chance"
    MISSED_PERHAPS = "missed, within chance"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One seed by one way of queueing.

    Waits of all calls, from joining until connected or until the caller gave up; `first_ring` is
    until a counsellor was rung first. `near`: share of those connected that the own or a supporting
    county answered, where there is such a desk.
    """

    p95_s: float
    mean_s: float
    first_ring_p95_s: float
    abandoned: float
    lane_p95s: Mapping[str, float]  # by LANES, of those in which there was a call
    urgency_means: Mapping[str, float]  # mean waits of ordinary calls, where there were any
    near: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One province at one load and budget; samples in the order of the seeds."""

    province: str
    traffic: str
    budgets: Budgets
    own_desk_s: float
    calls: int  # of all seeds
    ours: tuple[Sample, ...]
    app_queue: tuple[Sample, ...]
    pooled: tuple[Sample, ...]

    @property
    def bar_s(self) -> float:
        """What our p95 is to keep below."""
        return max(self._pooled_bar_s, self._budget_bar_s)

    @property
    def ratio(self) -> float:
        """Our p95 to the pooled queue's."""
        return TOLERANCE * statistics.fmean(p95s(self.ours)) / self._pooled_bar_s

    @property
    def above_bar(self) -> Interval:
        """Seed by seed where the bar is the pooled queue's."""
        if self._budget_bar_s > self._pooled_bar_s:
            return interval([one - self._budget_bar_s for one in p95s(self.ours)])
        return paired(p95s(self.ours), [TOLERANCE * one for one in p95s(self.pooled)])

    @property
    def verdict(self) -> Verdict:
        above = self.above_bar
        if above.mean <= 0:
            return Verdict.MET if above.high <= 0 else Verdict.MET_PERHAPS
        return Verdict.MISSED if above.low > 0 else Verdict.MISSED_PERHAPS

    @property
    def beyond_app_queue(self) -> dict[str, Interval]:
        """By how much ours is above app_queue's, seed by seed; what is below is better."""
        return {
            "p95": paired(p95s(self.ours), p95s(self.app_queue)),
            "mean": paired(*([one.mean_s for one in them] for them in (self.ours, self.app_queue))),
            "abandoned": paired(
                *([one.abandoned for one in them] for them in (self.ours, self.app_queue))
            ),
        }

    @property
    def lanes_beyond_app_queue(self) -> dict[str, Interval]:
        """The same of the p95 in each lane."""
        return lanes_beyond(self.ours, self.app_queue)

    @property
    def worse_lanes(self) -> tuple[str, ...]:
        """In which lanes the whole interval of the p95 says that app_queue is better."""
        return tuple(lane for lane, by in self.lanes_beyond_app_queue.items() if by.low > 0)

    @property
    def wholly_worse(self) -> tuple[str, ...]:
        """In which respects the whole interval says that app_queue is better."""
        return tuple(name for name, by in self.beyond_app_queue.items() if by.low > 0)

    @property
    def is_worse(self) -> bool:
        """Than app_queue, in the p95 of the wait."""
        return "p95" in self.wholly_worse

    @property
    def _pooled_bar_s(self) -> float:
        return TOLERANCE * statistics.fmean(p95s(self.pooled))

    @property
    def _budget_bar_s(self) -> float:
        return self.own_desk_s + GRACE_S if self.budgets is Budgets.SHIPPED else 0.0


def p95s(samples: Sequence[Sample]) -> list[float]:
    return [one.p95_s for one in samples]


def lanes_beyond(ours: Sequence[Sample], theirs: Sequence[Sample]) -> dict[str, Interval]:
    """By how much the p95 in each lane is above theirs, over the seeds that have such calls."""
    return _beyond([one.lane_p95s for one in ours], [one.lane_p95s for one in theirs], LANES)


def urgencies_beyond(ours: Sequence[Sample], theirs: Sequence[Sample]) -> dict[str, Interval]:
    """The same of the mean waits of ordinary calls of each urgency."""
    return _beyond(
        [one.urgency_means for one in ours], [one.urgency_means for one in theirs], URGENCIES
    )


def _beyond(
    ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]], of: Sequence[str]
) -> dict[str, Interval]:
    found: dict[str, Interval] = {}
    for name in of:
        pairs = [
            (one[name], other[name]) for one, other in zip(ours, theirs, strict=True) if name in one
        ]
        if len(pairs) > 1:
            found[name] = paired(*map(list, zip(*pairs, strict=True)))
    return found


def trials(
    deployment: Deployment,
    provinces: Sequence[str],
    seeds: Sequence[int],
    traffic: Sequence[Traffic] = TRAFFIC,
) -> Iterator[Trial]:
    """Row by row. Raises BadInput for a province without rules or load, or a single seed."""
    if unknown := set(provinces) - (LOADS.keys() & set(deployment.lines)):
        raise BadInput(f"There is no load or there are no rules for {min(unknown)!r}.")
    if len(set(seeds)) < 2:
        raise BadInput("One seed has no interval; give two at least.")
    for province in map(ProvinceId, provinces):
        for one in traffic:
            yield from _trials(deployment, province, one, seeds)


def _trials(
    deployment: Deployment, province: ProvinceId, traffic: Traffic, seeds: Sequence[int]
) -> Iterator[Trial]:
    rules = deployment.lines[province].rules
    kinds = {Budgets.ANY: rules}
    if budgets_matter(rules, deployment):
        kinds = {Budgets.NONE: without_budgets(rules), Budgets.SHIPPED: rules}
    ours: dict[Budgets, list[Sample]] = {kind: [] for kind in kinds}
    app_queue: dict[Budgets, list[Sample]] = {kind: [] for kind in kinds}
    pooled: list[Sample] = []
    calls = 0
    for seed in seeds:
        world = world_of(deployment, province, traffic, seed)
        calls += len(world.calls)
        pooled.append(sample(PooledQueue(world, rules).run(), rules))
        for kind, theirs in kinds.items():
            ours[kind].append(sample(replay(world, theirs), theirs))
            app_queue[kind].append(sample(AppQueues(world, theirs).run(), theirs))
    for kind in kinds:
        yield Trial(
            province=province,
            traffic=traffic.name,
            budgets=kind,
            own_desk_s=own_desk_s(rules),
            calls=calls,
            ours=tuple(ours[kind]),
            app_queue=tuple(app_queue[kind]),
            pooled=tuple(pooled),
        )


def sample(served: Sequence[Served], rules: ProvinceRules) -> Sample:
    figures = figures_of(served)
    waits = [one.wait_s for one in served]
    urgency_of = {category.id: category.urgency for category in rules.categories}
    lanes: dict[str, list[float]] = {}
    urgencies: dict[str, list[float]] = {}
    for one in served:
        facts = one.call.facts
        lanes.setdefault(LANES[facts.lane], []).append(one.wait_s)
        if facts.lane is Lane.ORDINARY:
            urgency = urgency_of.get(facts.category, rules.priority.unknown)
            urgencies.setdefault(urgency, []).append(one.wait_s)
    near = [
        answered_where(one) in NEAR
        for one in served
        if one.is_connected and has_near_desk(one.plan)
    ]
    return Sample(
        p95_s=nearest_rank(waits, 0.95),
        mean_s=statistics.fmean(waits),
        first_ring_p95_s=nearest_rank([first_ring_s(one) for one in served], 0.95),
        abandoned=figures.abandoned / figures.calls,
        lane_p95s={lane: nearest_rank(of, 0.95) for lane, of in lanes.items()},
        urgency_means={urgency: statistics.fmean(of) for urgency, of in urgencies.items()},
        near=statistics.fmean(near) if near else None,
    )


def first_ring_s(served: Served) -> float:
    rung_at = served.record.first_offered_at
    if rung_at is None:
        return served.wait_s
    return (rung_at - served.call.joined_at).total_seconds()


def has_near_desk(plan: RoutePlan) -> bool:
    """Whether somebody of the own or a supporting county could answer at all."""
    return any(
        step.counsellors and any(reason.code in _NEAR_DESKS for reason in step.reasons)
        for step in plan.steps
    )


# ----------------------------------------------------------------------------- budgets


def own_desk_s(rules: ProvinceRules) -> float:
    return next((step.lasts_s for step in rules.steps if step.ring is Ring.OWN), 0.0)


def without_budgets(rules: ProvinceRules) -> ProvinceRules:
    """Nobody waits for the own county, nor for the supporting one that stands in its place."""
    steps = tuple(
        step.model_copy(update={"lasts_s": 0.0})
        if step.ring in {Ring.OWN, Ring.SUPPORTING}
        else step
        for step in rules.steps
    )
    return rules.model_copy(update={"steps": steps})


def budgets_matter(rules: ProvinceRules, deployment: Deployment) -> bool:
    """Whether any call can be for some people first and for more of them later."""
    planner = Planner([rules], deployment.people)
    for county in (None, *(county.id for county in rules.counties)):
        plan = planner.plan(CallFacts(province=rules.id, county=county), BEGAN_AT)
        if len({circle for circle in plan.circles if circle}) > 1:
            return True
    return False
