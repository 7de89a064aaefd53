"""Two tallies as a report: this period beside the one before."""

from collections.abc import Iterator

from ivr.reports.catalogue import DEFINITIONS
from ivr.reports.definitions import COUNTED, Definition
from ivr.reports.figures import Figure, Report, Scope, Value
from ivr.reports.period import Period, before
from ivr.reports.tally import Tally, measured

_HOURS = tuple(f"hour.{hour:02}" for hour in range(24))


def make_report(scope: Scope, period: Period, now: Tally, then: Tally) -> Report:
    """The report of what was counted in the period, and (`then`) in the one before."""
    both = _Both(now, then)
    figures = (
        both.figure(figure, counted=definition.unit in COUNTED)
        for definition in DEFINITIONS
        for figure in both.ids(definition)
    )
    return Report(scope=scope, period=period, previous=before(period), figures=tuple(figures))


class _Both:
    def __init__(self, now: Tally, then: Tally) -> None:
        self._tallies = (now, then)
        self._measured = (measured(now), measured(then))

    def ids(self, definition: Definition) -> Iterator[str]:
        """Of a family every member that was counted in either period, the largest first."""
        if not definition.id.endswith(".*"):
            yield definition.id
        elif definition.id == "hour.*":
            yield from _HOURS
        else:
            start = definition.id.removesuffix("*")
            now, then = (tally.counts for tally in self._tallies)
            found = {name for name in (*now, *then) if name.startswith(start)}
            yield from sorted(found, key=lambda name: (-now.get(name, 0), name))

    def figure(self, figure: str, *, counted: bool) -> Figure:
        values = [self._value(figure, which, counted=counted) for which in (0, 1)]
        return Figure(figure, *values)

    def _value(self, figure: str, which: int, *, counted: bool) -> Value:
        if counted:
            number = self._tallies[which].counts.get(figure, 0)
            return Value(number, number)
        return Value(*self._measured[which][figure])
