"""Between which numbers a hidden count must lie, for whoever knows the sums and what is printed."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ivr.reports.relations import WITH_CATEGORY, Numbers, Sum


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends are included."""

    low: float
    high: float

    def within(self, low: float, high: float) -> "Range":
        return Range(max(self.low, low), min(self.high, high))


def at_first(
    counts: Numbers, hidden: Collection[str], perhaps_none: Collection[str]
) -> dict[str, Range]:
    """Before any sum is looked at; a hidden count is at least 1 unless it may be none."""
    found = {figure: Range(number, number) for figure, number in counts.items()}
    found |= {figure: Range(0 if figure in perhaps_none else 1, math.inf) for figure in hidden}
    return {**found, WITH_CATEGORY: Range(0, math.inf)}


def narrowed(known: Mapping[str, Range], sums: Iterable[Sum]) -> dict[str, Range]:
    """By all sums together.

    They hang together as a tree, so that narrowing them one by one misses nothing.
    """
    found, listed = dict(known), tuple(sums)
    while sum(_narrow(each, found) for each in listed):
        pass
    return found


def implied(of: Sum, figure: str, known: Mapping[str, Range]) -> Range:
    """What one sum alone says of one of its figures, by what is known of the others."""
    low, high = of.rest
    parts = [known[part] for part in of.parts if part != figure]
    low += sum(part.low for part in parts)
    high += sum(part.high for part in parts)
    if figure == of.whole:
        return Range(low, high)
    whole = known[of.whole]
    return Range(whole.low - high, whole.high - low)


def _narrow(of: Sum, known: dict[str, Range]) -> bool:
    """Whether anything is known more narrowly now."""
    changed = False
    for figure in of.figures:
        said = implied(of, figure, known)
        narrower = known[figure].within(said.low, said.high)
        if narrower != known[figure]:
            known[figure], changed = narrower, True
    return changed
