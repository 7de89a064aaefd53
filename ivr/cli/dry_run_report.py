"""A dry run as tables for people and as JSON for scripts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import fill

import typer
from rich.table import Table

from ivr.calendar import plain_day
from ivr.cli.dry_run_words import (
    UNKNOWN,
    change_words,
    few_words,
    percent,
    seconds,
    warnings,
    why,
    worse_words,
)
from ivr.cli.version_tables import print_table
from ivr.dry_run.compare import Change, Comparison, CountyFigures
from ivr.dry_run.figures import SERVICE_S, Figures, Where, answered_where
from ivr.dry_run.replay import Served
from ivr.dry_run.run import DryRun, Period
from ivr.duty import DutyBook
from ivr.rules.schema import ProvinceRules
from ivr.store.codec import Json

_WHERE = {
    Where.OWN: "own desk",
    Where.SUPPORTING: "supporting county",
    Where.TAKES_OVER: "taking over",
    Where.NEIGHBOUR: "neighbour",
    Where.PROVINCIAL: "provincial desk",
    Where.PROVINCE: "province",
    Where.OTHER: "other desk",
    Where.ON_CALL: "on call",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsUsed:
    """Which calls were replayed. `simulated_from`: the source of the load; None: recorded ones.

    `menu`: recorded calls that ended before joining the line, which no rule routes.
    """

    number: int
    recorded: int
    menu: int = 0
    simulated_from: str | None = None
    factor: float = 1.0
    seed: int = 0
    asked_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    old: ProvinceRules
    new: ProvinceRules
    new_name: str
    period: Period
    calls: CallsUsed
    book: DutyBook
    run: DryRun

    @property
    def comparison(self) -> Comparison:
        return self.run.comparison


# --------------------------------------------------------------------- what it rests on


def _assumptions(report: Report) -> Iterator[str]:
    yield _calls_words(report.calls, report.period)
    people, assumed = len(report.run.people), len(report.run.presence.assumed)
    if people > assumed:
        yield f"Of {people} counsellors {people - assumed} are there as the roster has them."
    if assumed:
        yield (
            f"No roster speaks of {assumed} of {people} counsellors for all of this time: each is "
            "taken to be there in two of three shifts, and duty to expect whoever sits at a desk."
        )
    closures = sum(
        one.from_at < report.period.until_at and one.until_at > report.period.from_at
        for one in report.book.closures
    )
    yield f"Closures of this time that both runs go by: {closures}."
    ours = {*report.old.all_desks, *report.new.all_desks}
    shared = sum(not ours.issuperset(person.desks) for person in report.run.people)
    if shared:
        yield f"{shared} of the counsellors also answer elsewhere; those calls are left out."
    yield (
        "The same by chance for both: how long callers wait and talk, and what becomes of an "
        "offer. Menus are not replayed: each call joins with the same county and subject."
    )


def _calls_words(used: CallsUsed, period: Period) -> str:
    days = f"in {period.days} days"
    if used.simulated_from is None:
        return (
            f"{used.number} recorded calls {days}; {used.menu} more ended before they joined the "
            "line. How long who was connected would have waited at most is drawn."
        )
    why = "as asked for" if used.asked_for else f"too few are recorded {days}: {used.recorded}"
    return (
        f"{used.number} SIMULATED calls {days} ({why}); {used.factor:g} times the load of the "
        f"source ({used.simulated_from}), seed {used.seed}."
    )


# ----------------------------------------------------------------------------- for people


def print_report(report: Report, most: int) -> None:
    """Within 80 columns, but for long names."""
    comparison, period = report.comparison, report.period
    first, last = plain_day(period.first_day), plain_day(period.last_day)
    typer.echo(f"{report.new.id}: dry run of {period.days} days, {first} to {last}")
    typer.echo(f"old: in force, {report.old.version}")
    typer.echo(f"new: {report.new_name}, {report.new.version}")
    _print_list(_assumptions(report))
    _print_list((f"WARNING: {warning}" for warning in warnings(comparison)), mark="")
    typer.echo("")
    print_table(_figures_table(comparison))
    typer.echo("")
    print_table(_county_table(report))
    typer.echo("\n" + _changed_words(comparison))
    if comparison.changes[:most]:
        typer.echo("Those that change most:")
    for number, change in enumerate(comparison.changes[:most], start=1):
        _print_list(change_words(change), mark=f"{number:3}. ")
    _print_worse(comparison)


def _print_list(lines: Iterable[str], mark: str = "- ") -> None:
    """The mark stands before the first line of a numbered item, and before each of the others."""
    for line in lines:
        rest = " " * len(mark)
        typer.echo(
            fill(line, 80, initial_indent=mark, subsequent_indent=rest, break_on_hyphens=False)
        )
        mark = mark if mark == "- " else " " * len(mark)


def _print_worse(comparison: Comparison) -> None:
    if comparison.worse:
        typer.echo("\nCounties that get worse:")
        _print_list(map(worse_words, comparison.worse))
    elif not comparison.changes:
        typer.echo("\nNo call goes differently.")
    else:
        typer.echo("\nNo county gets worse beyond chance.")
    if comparison.perhaps_worse:
        _print_list([few_words(comparison.perhaps_worse)], mark="")


def _changed_words(comparison: Comparison) -> str:
    changes = comparison.changes
    if not changes:
        return f"0 of {comparison.old.calls} calls go differently."
    plans = sum(change.plan for change in changes)
    first = sum(change.rung_first for change in changes)
    return (
        f"{len(changes)} of {comparison.old.calls} calls go differently: {plans} are planned "
        "differently, the\nothers meet other people free. For "
        f"{first} somebody else is rung first."
    )


def _figures_table(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("old", "new"):
        table.add_column(name, justify="right", no_wrap=True)
    columns = [list(_rows(figures)) for figures in (comparison.old, comparison.new)]
    for (name, before), (_, after) in zip(*columns, strict=True):
        if {before, after} != {"-"}:
            table.add_row(name, before, after)
    return table


def _rows(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "calls", str(figures.calls)
    yield "connected", str(figures.connected)
    yield "gave up", str(figures.abandoned)
    yield "gave up within the short threshold", str(figures.short_abandoned)
    yield "came when nobody was there", str(figures.nobody_on_duty)
    yield "wait, mean", seconds(figures.wait_mean_s)
    yield "wait, median", seconds(figures.wait_median_s)
    yield "wait of 95 in 100, at most", seconds(figures.wait_p95_s)
    yield "wait, longest", seconds(figures.wait_longest_s)
    for within_s in SERVICE_S:
        yield f"service level, {within_s:g} s", percent(figures.service_level[within_s])
    for where, words in _WHERE.items():
        yield f"answered by: {words}", str(figures.answered[where] or "-")


def _county_table(report: Report) -> Table:
    """Old -> new in each cell."""
    table = Table(box=None, pad_edge=False)
    table.add_column("county", overflow="fold")
    for name in ("calls", "gave up", "wait p95", "in 20 s", "own or supp."):
        table.add_column(name, justify="right", no_wrap=True)
    for one in report.comparison.counties:
        name = (one.county or UNKNOWN).removeprefix(f"{report.new.id}-")
        table.add_row(name, str(one.old.calls), *_cells(one))
    return table


def _cells(one: CountyFigures) -> Iterator[str]:
    old, new = one.old, one.new
    yield _pair(str(old.abandoned), str(new.abandoned))
    yield _pair(seconds(old.wait_p95_s), seconds(new.wait_p95_s))
    yield _pair(percent(old.service_level[20.0]), percent(new.service_level[20.0]))
    yield _pair(percent(old.near), percent(new.near))


def _pair(old: str, new: str) -> str:
    unit = old[-2:] if old[-2:] == new[-2:] and old[-2:] in {" s", " %"} else ""
    return old if old == new else f"{old.removesuffix(unit)} -> {new}"


# ---------------------------------------------------------------------------- for scripts


def report_json(report: Report, most: int) -> dict[str, Json]:
    """The keys are a promise. Instants are ISO 8601, UTC; what has no calls to count is null."""
    comparison, used = report.comparison, report.calls
    changes = comparison.changes
    return {
        "province": report.new.id,
        "old": {"name": "in force", "version": report.old.version},
        "new": {"name": report.new_name, "version": report.new.version},
        "calls": {
            "kind": "recorded" if used.simulated_from is None else "simulated",
            "number": used.number,
            "recorded": used.recorded,
            "left_in_menu": used.menu,
            "load": used.factor,
            "source": used.simulated_from,
            "seed": used.seed,
            "from_at": report.period.from_at.isoformat(),
            "until_at": report.period.until_at.isoformat(),
            "days": report.period.days,
        },
        "people": {
            "number": len(report.run.people),
            "presence_assumed": list[Json](sorted(report.run.presence.assumed)),
        },
        "assumptions": list(_assumptions(report)),
        "warnings": list(warnings(comparison)),
        "before": _figures_json(comparison.old),
        "after": _figures_json(comparison.new),
        "counties": [_county_json(one) for one in comparison.counties],
        "changed": {
            "calls": len(changes),
            "plans": sum(change.plan for change in changes),
            "rung_first": sum(change.rung_first for change in changes),
            "connected_or_not": sum(change.fate for change in changes),
        },
        "calls_that_change_most": [_change_json(change) for change in changes[:most]],
        "worse": [_worse_json(one) for one in comparison.worse],
        "perhaps_worse": [one.county for one in comparison.perhaps_worse],
    }


def _figures_json(figures: Figures) -> dict[str, Json]:
    return {
        "calls": figures.calls,
        "connected": figures.connected,
        "abandoned": figures.abandoned,
        "short_abandoned": figures.short_abandoned,
        "nobody_on_duty": figures.nobody_on_duty,
        "wait_mean_s": figures.wait_mean_s,
        "wait_median_s": figures.wait_median_s,
        "wait_p95_s": figures.wait_p95_s,
        "wait_longest_s": figures.wait_longest_s,
        "service_level": {f"{within:g}": share for within, share in figures.service_level.items()},
        "answered": {where.value: number for where, number in figures.answered.items()},
        "near": figures.near,
    }


def _county_json(one: CountyFigures) -> dict[str, Json]:
    return {
        "county": one.county,
        "before": _figures_json(one.old),
        "after": _figures_json(one.new),
        "calls_worse_and_better": {
            "wait": [one.waits.worse, one.waits.better],
            "near": [one.near.worse, one.near.better],
            "connected": [one.connected.worse, one.connected.better],
        },
    }


def _worse_json(one: CountyFigures) -> dict[str, Json]:
    return {
        "county": one.county,
        "waits_longer": one.waits_longer,
        "less_near": one.less_near,
        "more_abandoned": one.more_abandoned,
        "text": worse_words(one),
    }


def _change_json(change: Change) -> dict[str, Json]:
    call = change.old.call
    return {
        "call": call.id,
        "joined_at": call.joined_at.isoformat(),
        "county": call.facts.county,
        "category": call.facts.category,
        "lane": call.facts.lane.name.lower(),
        "plan_changed": change.plan,
        "longer_s": change.longer_s,
        "before": _served_json(change.old),
        "after": _served_json(change.new),
    }


def _served_json(served: Served) -> dict[str, Json]:
    where = answered_where(served)
    return {
        "rung": [offer.counsellor for offer in served.record.offers],
        "rung_first": served.rung_first,
        "connected": served.is_connected,
        "wait_s": served.wait_s,
        "counsellor": served.record.counsellor if served.is_connected else None,
        "answered": where.value if where else None,
        "reasons": list(why(served)),
    }
