"""`ivr report`: what a province publishes, out of the records; never a caller's number."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from ivr.calendar import TEHRAN, plain_day
from ivr.cli import report_options as ask
from ivr.cli.own_words import rules_for_words
from ivr.cli.report_files import opened_csv, opened_json, report_csv, report_json
from ivr.cli.report_page import write_page
from ivr.cli.report_scope import check_scope
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


def command(
    *,
    province: ask.ProvinceOption = None,
    county: ask.CountyOption = None,
    category: ask.CategoryOption = None,
    desk: ask.DeskOption = None,
    counsellor: ask.CounsellorOption = None,
    first: ask.FirstOption = None,
    last: ask.LastOption = None,
    open_figure: ask.OpenOption = None,
    limit: ask.LimitOption = OPENED_AT_MOST,
    publish: ask.PublishOption = False,
    definitions: ask.DefinitionsOption = False,
    keep: ask.KeepOption = False,
    as_json: ask.JsonOption = False,
    as_csv: ask.CsvOption = False,
    html: ask.HtmlOption = None,
    pdf: ask.PdfOption = None,
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
    form = _Form(as_json=as_json, as_csv=as_csv, html=html, pdf=pdf)
    asked = _Asked(_scope(province, county, category, desk, counsellor), _period(first, last))
    form.check()
    if not open_figure:
        _count(asked, form, publish=publish)
    elif publish:
        raise BadInput("--open shows single calls, which do not leave the house.")
    else:
        _show_opened(asyncio.run(asked.open(open_figure, limit)), form)


async def _keep() -> int:
    async with await Store.open(load_settings()) as store:
        return await ReportStore(store).keep()


@dataclass(frozen=True, slots=True)
class _Asked:
    scope: Scope
    period: Period

    async def report(self) -> Report:
        async with self._store() as store:
            return await ReportStore(store).report(self.scope, self.period)

    async def open(self, figure: str, limit: int) -> OpenedFigure:
        async with self._store() as store:
            return await ReportStore(store).open(figure, self.scope, self.period, limit)

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        """Raises BadInput for a scope that never was."""
        settings = load_settings()
        async with await Store.open(settings) as store:
            await check_scope(settings, store, self.scope, datetime.now(UTC))
            yield store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What is printed, or which files are written."""

    as_json: bool
    as_csv: bool
    html: Path | None
    pdf: Path | None

    def check(self) -> None:
        if self.as_json and self.as_csv:
            raise BadInput("--json and --csv are two forms of the same; give one of them.")


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


def _count(asked: _Asked, form: _Form, *, publish: bool) -> None:
    report = asyncio.run(asked.report())
    report = published(report) if publish else report
    if form.html or form.pdf:
        write_page(report, rules_for_words(), form.html, form.pdf)
        typer.echo(f"Written: {', '.join(str(file) for file in (form.html, form.pdf) if file)}")
    else:
        _show(report, form)


def _show(report: Report, form: _Form) -> None:
    called = names(rules_for_words(), report.scope.province)
    if form.as_json:
        typer.echo(json.dumps(report_json(report, called), ensure_ascii=False, indent=2))
    elif form.as_csv:
        typer.echo(report_csv(report, called), nl=False)
    else:
        _print(list(report_lines(report, called)))


def _show_opened(figure: OpenedFigure, form: _Form) -> None:
    if form.as_json:
        rows = [opened_json(one) for one in figure.rows]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif form.as_csv:
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
