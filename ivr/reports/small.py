"""Small counts are hidden in what leaves the house: few people could be known by them.

A hidden part could be told from the whole and the other parts, so the next smallest are hidden with
it until enough are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ivr.errors import BadInput
from ivr.reports.catalogue import definition_of
from ivr.reports.figures import Figure, Report, Value

SMALL = 5  # counts from 1 to 4 are small

_HIDDEN = Value(None, 0, hidden=True)


def published(report: Report) -> Report:
    """The report without small counts, and without means of few; raises BadInput.

    Figures of one counsellor do not leave the house at all.
    """
    if report.scope.counsellor is not None:
        raise BadInput(
            "Figures of one counsellor do not leave the house. Leave out --publish to see them, or "
            "--counsellor to publish."
        )
    now = _to_hide({one.id: one.now for one in report.figures})
    then = _to_hide({one.id: one.before for one in report.figures})
    figures = tuple(
        Figure(
            one.id,
            _HIDDEN if one.id in now else one.now,
            _HIDDEN if one.id in then else one.before,
        )
        for one in report.figures
    )
    return replace(report, figures=figures, published=True)


def _to_hide(values: Mapping[str, Value]) -> set[str]:
    hidden = {figure for figure, value in values.items() if 0 < value.of < SMALL}
    for parts in _parts(values):
        hidden |= _with_them(parts, values, hidden)
    return hidden


def _parts(values: Mapping[str, Value]) -> list[list[str]]:
    """The figures that are parts of the same whole, in the same way."""
    found: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for figure in values:
        definition = definition_of(figure)
        if definition.part_of is not None:
            way = figure.rpartition(".")[0]
            found[definition.section, definition.part_of, way].append(figure)
    return list(found.values())


def _with_them(parts: Sequence[str], values: Mapping[str, Value], hidden: set[str]) -> set[str]:
    """What is hidden of the parts in the end: none, or at least two that are enough together."""
    chosen = {figure for figure in parts if figure in hidden}
    others = sorted(
        (figure for figure in parts if figure not in hidden and values[figure].of),
        key=lambda figure: values[figure].of,
    )
    while chosen and others and (len(chosen) < 2 or _sum(chosen, values) < SMALL):
        chosen.add(others.pop(0))
    return chosen


def _sum(figures: set[str], values: Mapping[str, Value]) -> int:
    return sum(values[figure].of for figure in figures)
