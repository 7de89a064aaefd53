"""Two runs of the same calls beside each other: what changes, for which calls, for which counties.

A county gets worse where a figure falls by more than a threshold, and where of its calls, compared
one by one, more get worse than better by more than chance alone would have it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.dry_run.figures import NEAR, Figures, answered_where, figures_of
from ivr.dry_run.replay import Served
from ivr.model import CountyId
from ivr.model.plan import RoutePlan

LEAST_CALLS = 30  # of a county, before anything is said of its longest waits
FEW_CALLS = 100  # of all: a share is right to ten points at best
LONGER_S = 5.0
LESS_NEAR = 0.05
MORE_ABANDONED = 0.02
_SAME_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One call by both sets of rules.

    `plan`: the rules treat it differently; else others were free, because other calls differ.
    """

    old: Served
    new: Served
    plan: bool

    @property
    def rung_first(self) -> bool:
        return self.old.rung_first != self.new.rung_first

    @property
    def fate(self) -> bool:
        """Connected by one set of rules, given up by the other."""
        return self.old.is_connected != self.new.is_connected

    @property
    def longer_s(self) -> float:
        """By how much the caller waits longer; negative where shorter."""
        return self.new.wait_s - self.old.wait_s

    @property
    def counts(self) -> bool:
        waits = abs(self.longer_s) >= _SAME_S
        return self.plan or self.rung_first or self.fate or waits or self._answered

    @property
    def _answered(self) -> bool:
        return self.old.record.counsellor != self.new.record.counsellor

    @property
    def size(self) -> tuple[bool, float, bool, bool]:
        """How much it changes; the greatest first."""
        return self.fate, abs(self.longer_s), self.rung_first, self.plan


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls got worse, and how many better, in one respect."""

    worse: int
    better: int

    @property
    def beyond_chance(self) -> bool:
        """If each were as likely to be worse as better, one case in forty would seem so."""
        return self.worse - self.better > 2 * math.sqrt(self.worse + self.better)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyFigures:
    """`county` None stands for callers whose county is not known.

    `waits`: by `LONGER_S` or more; `near`: answered by the own or a supporting county;
    `connected`: at all.
    """

    county: CountyId | None
    old: Figures
    new: Figures
    waits: Tally
    near: Tally
    connected: Tally

    @property
    def waits_longer(self) -> bool:
        enough = self.old.calls >= LEAST_CALLS
        return self._long_waits and enough and self.waits.beyond_chance

    @property
    def less_near(self) -> bool:
        return self._far and self.near.beyond_chance

    @property
    def more_abandoned(self) -> bool:
        return self._lost and self.connected.beyond_chance

    @property
    def gets_worse(self) -> bool:
        return self.waits_longer or self.less_near or self.more_abandoned

    @property
    def seems_worse(self) -> bool:
        """By the figures alone."""
        return self._long_waits or self._far or self._lost

    @property
    def _long_waits(self) -> bool:
        before, after = self.old.wait_p95_s, self.new.wait_p95_s
        return before is not None and after is not None and after - before >= LONGER_S

    @property
    def _far(self) -> bool:
        before, after = self.old.near, self.new.near
        return before is not None and before - (after or 0.0) >= LESS_NEAR

    @property
    def _lost(self) -> bool:
        return (self.new.abandoned - self.old.abandoned) / self.old.calls >= MORE_ABANDONED


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`changes`: the calls that go differently, those that change most first."""

    old: Figures
    new: Figures
    counties: tuple[CountyFigures, ...]
    changes: tuple[Change, ...]

    @property
    def worse(self) -> tuple[CountyFigures, ...]:
        return tuple(one for one in self.counties if one.gets_worse)

    @property
    def perhaps_worse(self) -> tuple[CountyFigures, ...]:
        """It may be chance: the calls are too few to say."""
        return tuple(one for one in self.counties if one.seems_worse and not one.gets_worse)

    @property
    def is_small(self) -> bool:
        return self.old.calls < FEW_CALLS


def compare(old: Sequence[Served], new: Sequence[Served]) -> Comparison:
    """Both of the same calls in the same order."""
    changes = [
        Change(old=before, new=after, plan=not same_plan(before.plan, after.plan))
        for before, after in zip(old, new, strict=True)
    ]
    differing = (change for change in changes if change.counts)
    return Comparison(
        old=figures_of(old),
        new=figures_of(new),
        counties=tuple(_counties(changes)),
        changes=tuple(sorted(differing, key=lambda change: change.size, reverse=True)),
    )


def _counties(changes: Iterable[Change]) -> Iterable[CountyFigures]:
    """Those with calls, most first; whose county is not known last."""
    found: dict[CountyId | None, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.old.call.facts.county].append(change)
    ordered = sorted(
        found.items(), key=lambda item: (item[0] is None, -len(item[1]), item[0] or "")
    )
    for county, calls in ordered:
        yield CountyFigures(
            county=county,
            old=figures_of([change.old for change in calls]),
            new=figures_of([change.new for change in calls]),
            waits=_tally(change.longer_s / LONGER_S for change in calls),
            near=_tally(_near(change.old) - _near(change.new) for change in calls),
            connected=_tally(change.old.is_connected - change.new.is_connected for change in calls),
        )


def _tally(worse_by: Iterable[float]) -> Tally:
    """Of calls that are worse (or, where negative, better) by a whole unit at least."""
    kept = [value for value in worse_by if abs(value) >= 1]
    worse = sum(value > 0 for value in kept)
    return Tally(worse, len(kept) - worse)


def _near(served: Served) -> bool:
    return answered_where(served) in NEAR


def same_plan(old: RoutePlan, new: RoutePlan) -> bool:
    """Whether the call may go to the same people at the same time, whatever the reasons are."""
    return _effect(old) == _effect(new)


def _effect(plan: RoutePlan) -> tuple[object, ...]:
    rung = [
        (step.after_s, frozenset(step.counsellors), frozenset(step.on_duty))
        for step in plan.steps
        if step.counsellors
    ]
    return rung, frozenset(plan.skilled), plan.all_at_once
