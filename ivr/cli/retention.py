"""`ivr retention`: erase what was kept as long as each province's rules say."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption, acting
from ivr.cli.caller_holds import LOG_IN_USE
from ivr.cli.printing import print_json, print_rows
from ivr.current import current_in_force
from ivr.retention import Due, Erased, done, terms
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.retention import RetentionStore
from ivr.store.retention_runs import RetentionRun, RetentionRuns
from ivr.store.store import Store
from ivr.store.traces import compact as compact_files
from ivr.store.traces import empty_log

app = typer.Typer(no_args_is_help=True, help="Erase what was kept long enough.")


@app.command("run")
def run(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be erased.")
    ] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Then write SQLite's file anew (see below).")
    ] = False,
    who: WhoOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Erase what is older than the days of the rules (keeping.*_d), for ever.

    Open calls and what is under a hold stay. The line may go on meanwhile; a run that was broken
    off is gone on with by the next. Few traces may be left in unused parts of SQLite's file until
    --compact writes it anew, which keeps the line's records waiting: choose a quiet hour. With
    --json an object with the keys erased (false for a dry run), log_is_empty, and due: an array of
    objects with the keys kind, province (null: of no province), rows, oldest_at: what was erased,
    or would be.
    """
    due, log_is_empty = asyncio.run(_run(who, dry_run=dry_run, compact=compact))
    if as_json:
        print_json(
            {
                "erased": not dry_run,
                "log_is_empty": log_is_empty,
                "due": [asdict(one) for one in due],
            }
        )
        return
    headings = ("kind", "province", "would be erased" if dry_run else "erased", "oldest")
    print_rows(headings, _rows(due), "Nothing has been kept longer than the rules say.")
    if not log_is_empty:
        typer.echo(LOG_IN_USE)


def _rows(due: Iterable[Due]) -> Iterable[tuple[object, ...]]:
    return ((one.kind, one.province or "all", one.rows, one.oldest_at) for one in due)


async def _run(who: str | None, *, dry_run: bool, compact: bool) -> tuple[tuple[Due, ...], bool]:
    settings, now = load_settings(), datetime.now(UTC)
    wanted = terms((await current_in_force(settings, now)).rules, now)
    async with await Store.open(settings) as store:
        person = await acting(store, who, Action.RETENTION_RUN)
        records = RetentionStore(store)
        if dry_run:
            return await records.due(wanted), True
        async with RetentionRuns(store).one(by=person.id, at=now) as told:
            due, erased = await records.due(wanted), Erased()
            if due:
                await records.note(due, by=person.id, at=now)
                try:
                    await records.erase(wanted, erased)
                finally:
                    told.rows = erased.total()
            return done(due, erased), await (compact_files if compact else empty_log)(store)


@app.command("runs")
def runs(
    *,
    who: WhoOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """List the last 30 runs, the newest first, and how each ended.

    With --json an array of objects with the keys id, by, began_at, ended_at (null: it goes on, or
    was killed), rows, error.
    """

    async def load() -> tuple[RetentionRun, ...]:
        async with await Store.open(load_settings()) as store:
            await acting(store, who, Action.RETENTION_RUN)
            return await RetentionRuns(store).last()

    found = asyncio.run(load())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = ((one.began_at, one.by, one.ended_at, one.rows, _result(one)) for one in found)
    print_rows(("began", "by", "ended", "rows", "result"), rows, "It has never been run.")


def _result(run: RetentionRun) -> str:
    if run.ended_at is None:
        return "goes on, or was killed"
    return run.error or "done"
