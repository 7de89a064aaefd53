"""Why our floor loses where it does: the same worlds again without rules of its own."""

from collections.abc import Callable, Mapping, Sequence

from ivr.deployment import Deployment
from ivr.dry_run.replay import replay
from ivr.model import ProvinceId
from ivr.rules.schema import ProvinceRules
from ivr.simulator.quality import Budgets, Trial, p95s, sample, without_budgets
from ivr.simulator.quality_statistics import Interval, paired
from ivr.simulator.quality_world import Traffic, world_of

_AT_ONCE_S = 0.001


def without_back_offs(rules: ProvinceRules) -> ProvinceRules:
    """Whoever did not take a call may be rung again at once, as by the other two."""
    held = ("rona_s", "rona_most_s", "rejected_s", "busy_s", "declined_s")
    limits = rules.limits.model_copy(update=dict.fromkeys(held, _AT_ONCE_S))
    return rules.model_copy(update={"limits": limits})


def without_urgency(rules: ProvinceRules) -> ProvinceRules:
    """Danger and silence go first all the same."""
    flat = dict.fromkeys(("p1", "p2", "p3"), rules.priority.p4)
    return rules.model_copy(update={"priority": rules.priority.model_copy(update=flat)})


def without_both(rules: ProvinceRules) -> ProvinceRules:
    return without_urgency(without_back_offs(rules))


CHANGES: Mapping[str, Callable[[ProvinceRules], ProvinceRules]] = {
    "without back-offs": without_back_offs,
    "without urgency": without_urgency,
    "without both": without_both,
}


def causes(
    deployment: Deployment, trial: Trial, traffic: Traffic, seeds: Sequence[int]
) -> dict[str, Interval]:
    """By how much our p95 would be above app_queue's, by name of the change.

    `traffic` and `seeds` are those of the trial.
    """
    rules = deployment.lines[ProvinceId(trial.province)].rules
    if trial.budgets is Budgets.NONE:
        rules = without_budgets(rules)
    changed = {name: change(rules) for name, change in CHANGES.items()}
    found: dict[str, list[float]] = {name: [] for name in changed}
    for seed in seeds:
        world = world_of(deployment, rules.id, traffic, seed)
        for name, other in changed.items():
            found[name].append(sample(replay(world, other)).p95_s)
    return {name: paired(ours, p95s(trial.app_queue)) for name, ours in found.items()}
