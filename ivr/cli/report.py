"""`ivr report`: what a province publishes, out of the records; never a caller's number."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ivr.calendar import TEHRAN, plain_day
from ivr.cli.own_words import rules_for_words
from ivr.cli.report_files import opened_csv, opened_json, report_csv, report_json
from ivr.cli.report_page import write_page
from ivr.cli.report_tables import WIDTH, definition_lines, opened_table, report_lines
from ivr.errors import BadInput
from ivr.model import CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.report_names import names
from ivr.reports.catalogue import DEFINITIONS
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period, month_of, parse_period
from ivr.reports.small import published
from ivr.rules.counties import gazetteer
from ivr.settings import load_settings
from ivr.store.reports import OPENED_AT_MOST, OpenedFigure, ReportStore
from ivr.store.store import Store

_DAY = "such as 1400/01/01 or 2021-03-21, in Tehran"


def command(
    *,
    province: Annotated[
        str | None, typer.Option(help="Only this province, such as south-khorasan.")
    ] = None,
    county: Annotated[
        str | None, typer.Option(help="Only this county: of the event, else of the call.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Only this category: as found, else as heard.")
    ] = None,
    desk: Annotated[str | None, typer.Option(help="Only calls that this desk answered.")] = None,
    counsellor: Annotated[
        str | None, typer.Option(help="Only calls that this counsellor answered.")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", help=f"The first day, {_DAY} (default: of the present month)."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help=f"The last day, {_DAY} (default: today).")
    ] = None,
    open_figure: Annotated[
        str | None,
        typer.Option("--open", help="List what this figure counts, such as outcome.mobile_team."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="At most so many, with --open.")
    ] = OPENED_AT_MOST,
    publish: Annotated[
        bool, typer.Option("--publish", help="Hide small counts: for what leaves the house.")
    ] = False,
    definitions: Annotated[
        bool, typer.Option("--definitions", help="Only say what each figure counts.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Only count what is over beforehand (PostgreSQL).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a Persian page with charts to this file.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the page as PDF (by Chromium).")] = None,
) -> None:
    """Count calls, outcomes, persons, dispatches and visits of a period, beside the one before.

    With --json one object with the keys period, previous (from, to: Jalali days; from_at, until_at:
    ISO 8601, UTC), scope, published, figures (by id: value, previous, change, unit, hidden,
    previous_hidden, label, label_fa, definition) and definitions. Values that are null tell of
    nothing, or are hidden.
    """
    if definitions:
        _print(list(definition_lines(it.id for it in DEFINITIONS)))
        return
    if keep:
        typer.echo(f"Counted beforehand: {asyncio.run(_keep())} months and days.")
        return
    scope = _scope(province, county, category, desk, counsellor)
    asked = _Asked(scope, _period(first, last))
    if as_json and as_csv:
        raise BadInput("--json and --csv are two forms of the same; give one of them.")
    if open_figure:
        if publish:
            raise BadInput("--open shows single calls, which do not leave the house.")
        _show_opened(asyncio.run(asked.open(open_figure, limit)), as_json=as_json, as_csv=as_csv)
        return
    report = asyncio.run(asked.report())
    report = published(report) if publish else report
    if html or pdf:
        write_page(report, rules_for_words(), html, pdf)
        typer.echo(f"Written: {', '.join(str(file) for file in (html, pdf) if file)}")
        return
    _show(report, as_json=as_json, as_csv=as_csv)


async def _keep() -> int:
    async with await Store.open(load_settings()) as store:
        return await ReportStore(store).keep()


@dataclass(frozen=True, slots=True)
class _Asked:
    scope: Scope
    period: Period

    async def report(self) -> Report:
        async with await Store.open(load_settings()) as store:
            return await ReportStore(store).report(self.scope, self.period)

    async def open(self, figure: str, limit: int) -> OpenedFigure:
        async with await Store.open(load_settings()) as store:
            return await ReportStore(store).open(figure, self.scope, self.period, limit)


def _scope(
    province: str | None,
    county: str | None,
    category: str | None,
    desk: str | None,
    counsellor: str | None,
) -> Scope:
    """Counties and categories that present rules no longer know still have their calls."""
    known = gazetteer().provinces
    if province is not None and province not in known:
        raise BadInput(f"--province: there is no {province!r}; there are: {', '.join(known)}.")
    return Scope(
        province=ProvinceId(province) if province else None,
        county=CountyId(county) if county else None,
        category=CategoryId(category) if category else None,
        desk=DeskId(desk) if desk else None,
        counsellor=CounsellorId(counsellor) if counsellor else None,
    )


def _period(first: str | None, last: str | None) -> Period:
    today = datetime.now(UTC).astimezone(TEHRAN).date()
    if first is None and last is not None:
        raise BadInput("--to needs --from: from which day on?")
    return parse_period(first or plain_day(month_of(today).first), last or plain_day(today))


def _show(report: Report, *, as_json: bool, as_csv: bool) -> None:
    called = names(rules_for_words(), report.scope.province)
    if as_json:
        typer.echo(json.dumps(report_json(report, called), ensure_ascii=False, indent=2))
    elif as_csv:
        typer.echo(report_csv(report, called), nl=False)
    else:
        _print(list(report_lines(report, called)))


def _show_opened(figure: OpenedFigure, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        rows = [opened_json(one) for one in figure.rows]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif as_csv:
        typer.echo(opened_csv(figure.rows), nl=False)
    else:
        _print([opened_table(figure.rows), f"{len(figure.rows):,}"])
    if figure.more:
        said = f"ivr: these are the first {len(figure.rows):,}; there are more (--limit)."
        typer.echo(said, err=True)


def _print(parts: Sequence[Table | str]) -> None:
    """Within 80 columns; a table of calls may be wider, nothing of it is cut."""
    console = Console(width=WIDTH, highlight=False, soft_wrap=False, file=sys.stdout)
    for part in parts:
        if isinstance(part, str):
            console.print(part, markup=False)
        elif part.width is None:
            Console(width=200, file=sys.stdout).print(part)
        else:
            console.print(part)
