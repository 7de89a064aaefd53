"""Charts as data for the template: lengths in percent of the longest bar, nothing drawn yet."""

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.report_page import words
from ivr.reports.figures import Figure


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `length` from 0 to 100. A hidden one has no length and says so."""

    label: str
    text: str
    length: float


def bars(figures: Iterable[tuple[str, Figure]]) -> tuple[Bar, ...]:
    """Bars of (label, figure), on one scale that begins at zero."""
    listed = list(figures)
    longest = max((figure.now.number or 0 for _, figure in listed), default=0)
    return tuple(
        Bar(
            label=label,
            text=words.value(figure, figure.now),
            length=round(100 * (figure.now.number or 0) / longest, 2) if longest else 0,
        )
        for label, figure in listed
    )
