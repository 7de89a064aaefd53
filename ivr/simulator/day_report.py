"""Simulated days as a table: for a terminal, for a script, for docs/simulated-day.md."""

from collections.abc import Callable, Sequence

from ivr.simulator.day import DayReport

COLUMNS: dict[str, Callable[[DayReport], str]] = {
    "province": lambda day: day.province,
    "load": lambda day: f"{day.load:g}x",
    "seed": lambda day: str(day.seed),
    "counsellors": lambda day: str(day.counsellors),
    "calls": lambda day: str(day.calls),
    "connected": lambda day: str(day.connected),
    "abandoned": lambda day: str(day.abandoned),
    "left in menu": lambda day: str(day.left_in_menu),
    "silent": lambda day: str(day.silent),
    "danger": lambda day: str(day.danger),
    "offers": lambda day: str(day.offers),
    "wait median": lambda day: f"{day.wait_median_s:.0f} s",
    "p95": lambda day: f"{day.wait_p95_s:.0f} s",
    "longest": lambda day: f"{day.wait_longest_s:.0f} s",
    "promises broken": lambda day: str(sum(day.broken.values())),
    "history": lambda day: day.history,
    "took": lambda day: f"{day.real_s:.1f} s",
}


def markdown(days: Sequence[DayReport]) -> str:
    """One row a day."""
    rows = [list(COLUMNS), ["---"] * len(COLUMNS)]
    rows += [[text(day) for text in COLUMNS.values()] for day in days]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def for_people(day: DayReport) -> str:
    """A day as lines, with what was broken by name."""
    lines = [f"{name:>16}  {text(day)}" for name, text in COLUMNS.items()]
    lines += [f"{'BROKEN':>16}  {promise}: {count}" for promise, count in day.broken.items()]
    return "\n".join(lines)
