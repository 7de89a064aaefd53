"""What the counts of a report say of each other: wholes and their parts, over all its tables.

Somebody who reads a published report knows these sums as well as we do.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ivr.reports.catalogue import DEFINITIONS, definition_of
from ivr.reports.definitions import Definition, Section, Unit

# Never printed: the calls that have a category, those related and those not recorded yet.
WITH_CATEGORY = "calls with a category"
_HAVE_CATEGORY = ("calls_related", "calls_pending")
# Closing a call by one touch writes both.
_TWINS = {f"calls_{name}": f"outcome.{name}" for name in ("unrelated", "silent", "prank", "test")}
_NOT_LIVE = ("calls_paper", "calls_imported")
_DISPATCHES = ("dispatches.without_call",)

Numbers = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sum:
    """whole = parts + some number of `rest`, whose bounds are included."""

    whole: str
    parts: tuple[str, ...]
    rest: tuple[float, float]

    @property
    def figures(self) -> tuple[str, ...]:
        return (self.whole, *self.parts)


def sums(counts: Numbers) -> tuple[Sum, ...]:
    """All of a report whose counts these are, by figure.

    Parts that do not make up their whole exactly (a call may have several outcomes, or a kind may
    be left unsaid) leave a rest of which the sign is known.
    """
    numbers = {**counts, WITH_CATEGORY: _total(counts, _HAVE_CATEGORY)}
    return tuple(_sum(numbers, whole, parts) for whole, parts in _groups(counts))


def _groups(counts: Numbers) -> Iterator[tuple[str, Sequence[str]]]:
    by_whole: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for figure in counts:
        definition = definition_of(figure)
        if definition.part_of is not None:
            way = figure.rpartition(".")[0]
            by_whole[definition.section, definition.part_of, way].append(figure)
    for (section, whole, _way), parts in by_whole.items():
        if section is Section.CALLS:
            others = [part for part in parts if part not in _HAVE_CATEGORY]
            yield str(whole), (WITH_CATEGORY, *others)
            yield WITH_CATEGORY, _HAVE_CATEGORY
        else:
            yield (WITH_CATEGORY if section is Section.CATEGORIES else str(whole)), parts
    yield from ((call, (outcome,)) for call, outcome in _TWINS.items())
    yield "calls", _NOT_LIVE
    yield "dispatches", _DISPATCHES
    yield from (("calls", (one.id,)) for one in DEFINITIONS if _is_some_of_calls(one))


def _is_some_of_calls(definition: Definition) -> bool:
    """Whether it is a count of calls that stands alone."""
    alone = definition.part_of is None and definition.id not in {*_TWINS.values(), *_NOT_LIVE}
    return alone and definition.unit is Unit.CALLS and definition.id != "calls"


def _sum(numbers: Numbers, whole: str, parts: Sequence[str]) -> Sum:
    missing = numbers[whole] - _total(numbers, parts)
    rest = (0.0 if missing >= 0 else -math.inf, 0.0 if missing <= 0 else math.inf)
    return Sum(whole, tuple(parts), rest)


def _total(numbers: Numbers, figures: Sequence[str]) -> int:
    return sum(numbers[figure] for figure in figures)
