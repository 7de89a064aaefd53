"""`ivr calls import`: earlier records out of a file, all of them or none."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ivr.audit import AuditEntry
from ivr.calls_import import ImportSetting
from ivr.cli.acting import WhoOption, sign_in
from ivr.cli.printing import print_json, print_rows
from ivr.current import current_in_force
from ivr.errors import BadInput, NotAllowed
from ivr.import_check import PROBLEMS_TOLD, Findings, ImportFile, told
from ivr.import_columns import COLUMNS
from ivr.people import Person
from ivr.rights import Action, may
from ivr.settings import load_settings
from ivr.store.calls_import import ImportCounts, ImportStore
from ivr.store.store import Store


def import_calls(
    file: Annotated[
        Path | None, typer.Argument(help="CSV or JSON lines, UTF-8; see --schema.")
    ] = None,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Only say which columns a file may have.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file; save nothing.")
    ] = False,
    who: WhoOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Import earlier records: calls with what came of them, trips of teams, visits to centres.

    Every line is checked first; each that is wrong is named with the mend, and then nothing is
    saved. The same records again are no second ones. It takes the admin role in every province of
    the file. With --json one object with the keys saved, lines, calls, dispatches, visits, known
    (imported before) and sha256, or with problems (line, column, what) and more; exit status 2.
    """
    if schema:
        _print_schema(as_json=as_json)
        return
    if file is None:
        raise BadInput("Which file? `ivr calls import FILE`; --schema says what it may hold.")
    found, counts, sha256 = asyncio.run(_import(file, who, dry_run=dry_run))
    if found.problems:
        _refuse(file, found, as_json=as_json)
    if as_json:
        numbers = {"lines": found.lines, **asdict(counts), "sha256": sha256}
        print_json({"saved": not dry_run, **numbers})
    else:
        typer.echo(f"{'Checked, nothing saved' if dry_run else 'Saved'}: {_words(counts)}")


async def _import(
    file: Path, who: str | None, *, dry_run: bool
) -> tuple[Findings, ImportCounts, str]:
    settings, now = load_settings(), datetime.now(UTC)
    async with await Store.open(settings) as store:
        person = await sign_in(store, who)
        rules = {one.id: one for one in (await current_in_force(settings, now)).rules}
        imports = ImportStore(store)
        source = ImportFile(file, ImportSetting(rules=rules, by=person.id, now=now), imports)
        found = await source.check()
        _check_right(person, found, now)
        if found.problems or dry_run:
            return found, found.counts, source.sha256
        counts = await imports.save(
            source.batches(),
            lambda counts: _entry(person, found, counts, source.sha256, now),
            by=person.id,
            at=now,
        )
        return found, counts, source.sha256


def _check_right(person: Person, found: Findings, now: datetime) -> None:
    for province in sorted(found.provinces):
        if not may(person, Action.CALLS_IMPORT, province=province, now=now):
            raise NotAllowed(
                f"{person.id} may not import records of {province}; nothing was saved. It takes "
                "the admin role there (`ivr people list`)."
            )


def _entry(
    person: Person, found: Findings, counts: ImportCounts, sha256: str, now: datetime
) -> AuditEntry:
    """How many and out of which file, nothing of what it says."""
    only = next(iter(found.provinces)) if len(found.provinces) == 1 else None
    return AuditEntry(
        at=now,
        by=person.id,
        action=Action.CALLS_IMPORT.value,
        subject=f"sha256:{sha256}",
        province=only,
        detail=asdict(counts) | {"lines": found.lines, "provinces": sorted(found.provinces)},
    )


def _refuse(file: Path, found: Findings, *, as_json: bool) -> None:
    """Raises BadInput, or ends with its status where a script has been told."""
    if as_json:
        print_json({"saved": False, **told(found)})
        raise typer.Exit(BadInput.exit_status)
    lines = [str(problem) for problem in found.problems]
    if found.more:
        lines.append(f"and {found.more} more; these are the first {PROBLEMS_TOLD}")
    raise BadInput("\n".join([f"{file}: nothing was saved.", *lines]))


def _words(counts: ImportCounts) -> str:
    words = (
        f"{counts.calls} calls, {counts.dispatches} dispatches and {counts.visits} visits are new"
    )
    return f"{words}; {counts.known} records were imported before."


def _print_schema(*, as_json: bool) -> None:
    if as_json:
        print_json([_plain(column) for column in map(asdict, COLUMNS)])
        return
    typer.echo(
        "One record a line: CSV whose first line names the columns, or JSON lines with these keys. "
        "UTF-8;\ndigits and letters of either keyboard; times Jalali or Gregorian, in Tehran.\n"
    )
    rows = (
        (one.name, ", ".join(one.required), ", ".join(one.of), one.example, one.meaning)
        for one in COLUMNS
    )
    print_rows(("column", "needed by", "of", "example", "meaning"), rows, "")


def _plain(column: dict[str, Any]) -> dict[str, Any]:
    return column | {"of": list(column["of"]), "required": list(column["required"])}
