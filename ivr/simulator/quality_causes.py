"""What rules of our own cost and gain beside app_queue: the same worlds again by other rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ivr.deployment import Deployment
from ivr.dry_run.replay import replay
from ivr.model import ProvinceId
from ivr.rules.priority import Level
from ivr.rules.schema import ProvinceRules
from ivr.simulator.quality import (
    Budgets,
    Sample,
    Trial,
    lanes_beyond,
    p95s,
    sample,
    urgencies_beyond,
    without_budgets,
)
from ivr.simulator.quality_statistics import Interval, paired
from ivr.simulator.quality_world import Traffic, world_of

_AT_ONCE_S = 0.001
_EARLIER_CAP_S = 300.0
_NEVER_S = 1e6
_MORE_URGENCY = {
    "p1": Level(head_start_s=120, rate=2),
    "p2": Level(head_start_s=60, rate=1.5),
    "p3": Level(head_start_s=20, rate=1.2),
}


@dataclass(frozen=True, slots=True)
class Beyond:
    """By how much our p95 is above app_queue's: of all calls, and of those in each lane.

    And the mean waits of ordinary calls by urgency.
    """

    total: Interval
    lanes: Mapping[str, Interval]
    urgencies: Mapping[str, Interval]  # of the mean waits


def without_back_offs(rules: ProvinceRules) -> ProvinceRules:
    """Whoever did not take a call may be rung again at once, even if others are free."""
    held = ("rona_s", "rona_most_s", "rejected_s", "busy_s", "declined_s")
    limits = rules.limits.model_copy(update=dict.fromkeys(held, _AT_ONCE_S))
    return rules.model_copy(update={"limits": limits})


def with_full_back_offs(rules: ProvinceRules) -> ProvinceRules:
    """They yield to nobody but danger."""
    limits = rules.limits.model_copy(update={"back_off_least_s": _NEVER_S})
    return rules.model_copy(update={"limits": limits})


def without_urgency(rules: ProvinceRules) -> ProvinceRules:
    """Danger and silence go first all the same."""
    return _with_priority(rules, **dict.fromkeys(("p1", "p2", "p3"), rules.priority.p4))


def with_more_urgency(rules: ProvinceRules) -> ProvinceRules:
    return _with_priority(rules, **_MORE_URGENCY)


def with_earlier_cap(rules: ProvinceRules) -> ProvinceRules:
    return _with_priority(rules, cap_s=_EARLIER_CAP_S)


def without_cap(rules: ProvinceRules) -> ProvinceRules:
    return _with_priority(rules, cap_s=_NEVER_S)


def _with_priority(rules: ProvinceRules, **values: object) -> ProvinceRules:
    return rules.model_copy(update={"priority": rules.priority.model_copy(update=values)})


CHANGES: Mapping[str, Callable[[ProvinceRules], ProvinceRules]] = {
    "full back-offs": with_full_back_offs,
    "no back-offs": without_back_offs,
    "no urgency": without_urgency,
    "more urgency": with_more_urgency,
    f"a cap of {_EARLIER_CAP_S:.0f} s": with_earlier_cap,
    "no cap": without_cap,
}


def causes(
    deployment: Deployment, trial: Trial, traffic: Traffic, seeds: Sequence[int]
) -> dict[str, Beyond]:
    """By name of the change; `traffic` and `seeds` are those of the trial."""
    rules = deployment.lines[ProvinceId(trial.province)].rules
    if trial.budgets is Budgets.NONE:
        rules = without_budgets(rules)
    found = {"as it is": _beyond(trial, trial.ours)}
    worlds = [world_of(deployment, rules.id, traffic, seed) for seed in seeds]
    for name, change in CHANGES.items():
        ours = [sample(replay(world, change(rules)), rules) for world in worlds]
        found[name] = _beyond(trial, ours)
    return found


def _beyond(trial: Trial, ours: Sequence[Sample]) -> Beyond:
    total = paired(p95s(ours), p95s(trial.app_queue))
    return Beyond(
        total, lanes_beyond(ours, trial.app_queue), urgencies_beyond(ours, trial.app_queue)
    )
