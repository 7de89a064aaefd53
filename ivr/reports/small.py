"""Small counts are hidden in what leaves the house: few people could be known by them.

First what is small itself, then as much else as keeps anybody from working that out: from wholes
and their parts over all tables of the report, and from means and shares of what is hidden.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ivr.errors import BadInput
from ivr.reports.bounds import Range, at_first, implied, narrowed
from ivr.reports.catalogue import definition_of, is_counted
from ivr.reports.definitions import Unit
from ivr.reports.figures import Figure, Report, Value
from ivr.reports.relations import WITH_CATEGORY, Numbers, Sum, sums

SMALL = 5  # counts from 1 to 4 are small

_HIDDEN = Value(None, 0, hidden=True)
_CONNECTED, _LEVEL = ("connected",), ("connected", "abandoned")
# Of which counts a mean, a share or a longest time is; AHT is the sum of two means.
_OF = {
    **dict.fromkeys(("asa", "wait_p95", "talk_mean", "wrap_up_mean", "aht"), _CONNECTED),
    **dict.fromkeys(("service_level_15", "service_level_20"), _LEVEL),
    **dict.fromkeys(("wait_longest", "menu_mean", "menu_p95"), ("calls",)),
}
_SHORTER, _LONGER = "service_level_15", "service_level_20"


def published(report: Report) -> Report:
    """The report without what is small and what would tell it; raises BadInput.

    Figures of one counsellor do not leave the house at all. Hidden categories and counties come
    last: their place among the others would tell of them.
    """
    if report.scope.counsellor is not None:
        raise BadInput(
            "Figures of one counsellor do not leave the house. Leave out --publish to see them, or "
            "--counsellor to publish."
        )
    now = to_hide({one.id: one.now for one in report.figures})
    then = to_hide({one.id: one.before for one in report.figures})
    figures = [
        Figure(
            one.id,
            _HIDDEN if one.id in now else one.now,
            _HIDDEN if one.id in then else one.before,
        )
        for one in report.figures
    ]
    return replace(report, figures=tuple(_in_order(figures)), published=True)


def _in_order(figures: Iterable[Figure]) -> Iterable[Figure]:
    """Families by what is seen of them alone; sections stay where they are."""
    places = {figure.section: place for place, figure in enumerate(figures)}

    def place(figure: Figure) -> tuple[object, ...]:
        if definition_of(figure.id).id not in {"category.*", "county.*"}:
            return places[figure.section], 0, ""
        return places[figure.section], -(figure.now.number or 0), figure.id

    return sorted(figures, key=place)


def to_hide(values: Mapping[str, Value]) -> frozenset[str]:
    """The figures of one period that are not shown."""
    counts = {figure: value.of for figure, value in values.items() if is_counted(figure)}
    hidden = _Hiding(counts).hidden()
    return hidden | _measured_to_hide(values, hidden)


class _Hiding:
    """Hides the small counts of one period, and then others, until none can be worked out."""

    def __init__(self, counts: Numbers) -> None:
        self._counts = counts
        self._sums = sums(counts)
        self._small = {figure for figure, number in counts.items() if 0 < number < SMALL}
        self._of_small = set(self._of_small_wholes())
        self._hidden = self._small | self._of_small

    def hidden(self) -> frozenset[str]:
        while figure := self._next():
            self._hidden.add(figure)
        return frozenset(self._hidden)

    def _of_small_wholes(self) -> Iterable[str]:
        """A table of fewer than five is hidden with its zeros: how many parts it has tells much."""
        categorised = sum(self._counts[it] for it in ("calls_related", "calls_pending"))
        numbers = {**self._counts, WITH_CATEGORY: categorised}
        wholes = [figure for figure, number in numbers.items() if 0 < number < SMALL]
        seen = set(wholes)
        while wholes:
            whole = wholes.pop()
            parts = {part for each in self._sums if each.whole == whole for part in each.parts}
            yield from parts - {WITH_CATEGORY}
            wholes += parts - seen
            seen |= parts

    def _next(self) -> str | None:
        """What to hide beside a figure that is told: first by one sum alone, then by all."""
        known = at_first(self._counts, self._hidden, self._of_small)
        for figure in sorted(self._hidden):
            sums = [it for it in self._with(figure) if self._tells(it, figure, known)]
            if other := self._beside(figure, sums):
                return other
        known = narrowed(known, self._sums)
        for figure in sorted(self._hidden):
            if not self._is_safe(figure, known[figure]):
                sums = [it for it in self._with(figure) if self._tells(it, figure, known)]
                if other := self._beside(figure, sums or self._with(figure)):
                    return other
        return None

    def _with(self, *figures: str) -> list[Sum]:
        return [it for it in self._sums if not set(figures).isdisjoint(it.figures)]

    def _is_safe(self, figure: str, known: Range) -> bool:
        """A small count might be any from 1 to 4, another has two values at the least."""
        if figure in self._small:
            return known.low <= 1 and known.high >= SMALL - 1
        return known.low < known.high

    def _beside(self, figure: str, sums: list[Sum]) -> str | None:
        """The smallest part that is shown yet, else a whole; else the nearest beyond them."""
        seen = {figure}
        while sums:
            near = {(one == it.whole, one) for it in sums for one in it.figures}
            choice = [(whole, self._counts[one], one) for whole, one in near if self._is_shown(one)]
            if choice:
                return min(choice)[2]
            beyond = {one for _, one in near} - seen
            seen |= beyond
            sums = self._with(*beyond)
        return None

    def _tells(self, of: Sum, figure: str, known: Mapping[str, Range]) -> bool:
        said = implied(of, figure, known)
        least = 0 if figure in self._of_small else 1
        return not self._is_safe(figure, said.within(least, said.high))

    def _is_shown(self, figure: str) -> bool:
        """Nothing is won by hiding a zero."""
        return figure not in self._hidden and self._counts.get(figure, 0) > 0


def _measured_to_hide(values: Mapping[str, Value], hidden: frozenset[str]) -> frozenset[str]:
    found = {
        figure
        for figure, counts in _OF.items()
        if 0 < values[figure].of < SMALL
        or (values[figure].number is not None and hidden.intersection(counts))
        or (definition_of(figure).unit is Unit.SHARE and _is_of_few(values[figure]))
    }
    shares = [values[_SHORTER], values[_LONGER]]
    if not found & {_SHORTER, _LONGER} and 0 < _calls(shares[1]) - _calls(shares[0]) < SMALL:
        found.add(_SHORTER)
    if found & {"talk_mean", "wrap_up_mean"}:
        found.add("aht")
    return frozenset(found)


def _is_of_few(share: Value) -> bool:
    """Whether fewer than five are in it, or out of it."""
    inside = _calls(share)
    return 0 < inside < SMALL or 0 < share.of - inside < SMALL


def _calls(share: Value) -> int:
    return round((share.number or 0) * share.of)
