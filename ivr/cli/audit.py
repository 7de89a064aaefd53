"""`ivr audit`: what people decided, and whether anybody has changed that afterwards."""

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from ivr.audit import SealedEntry, Tampering
from ivr.calendar import plain_minute
from ivr.cli.acting import WhoOption, acting, machines_owner
from ivr.errors import BadInput
from ivr.jalali import parse_instant
from ivr.model import ProvinceId
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.people import PeopleStore
from ivr.store.row_check import RowsChecked, verify_rows
from ivr.store.store import Store
from ivr.store.trail_reading import TrailSearch, find_entries, verify

app = typer.Typer(no_args_is_help=True, help="What people decided, chained against tampering.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
_INSTANT = "in Tehran, such as 1405-09-01 or '1405-09-01 07:00'"


@app.command("list")
def list_entries(
    *,
    by: Annotated[str | None, typer.Option(help="Only what this person decided.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this action (duty.close) or group of actions (duty).")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was decided on this.")] = None,
    province: Annotated[str | None, typer.Option(help="Only what concerns this province.")] = None,
    since: Annotated[str | None, typer.Option(help=f"From this instant on, {_INSTANT}.")] = None,
    until: Annotated[str | None, typer.Option(help=f"Before this instant, {_INSTANT}.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest ones.")] = 100,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the audit trail, newest first; it takes the right to read it.

    With --json an array of objects with the keys seq, at (ISO 8601, UTC), by, action, subject,
    province, desk, detail, seal.
    """
    search = TrailSearch(
        by=_text("--by", by),
        action=_text("--action", action),
        subject=_text("--subject", subject),
        province=ProvinceId(_text("--province", province) or "") or None,
        since_at=_instant("--since", since),
        until_at=_instant("--until", until),
    )
    found = asyncio.run(_find(search, limit, who))
    if as_json:
        _print_json([_entry_json(item) for item in found])
        return
    for item in found:
        typer.echo(_row(item))


@app.command("verify")
def verify_trail(*, as_json: JsonOption = False) -> None:
    """Recompute every seal, compare the end with its head, and the tables with what was decided.

    Accounts, rosters, closures and versions must be as the newest decision on each has left them;
    rows of decisions from before the trail kept marks of them are not covered. Exit status 1 where
    anything was changed, taken out, put in or cut off. With --json an object with the keys ok,
    entries, rows (that fit), not_covered (rows), findings (kind, first, last, message).
    """

    async def work() -> tuple[int, tuple[Tampering, ...], RowsChecked]:
        async with await Store.open(load_settings()) as store:
            return *(await verify(store)), await verify_rows(store)

    count, chain, rows = asyncio.run(work())
    found = (*chain, *rows.findings)
    if as_json:
        _print_json(_verdict_json(count, found, rows))
    else:
        _print_verdict(count, found, rows)
    if found:
        raise typer.Exit(1)


def _verdict_json(count: int, found: Iterable[Tampering], rows: RowsChecked) -> dict[str, Any]:
    findings = [
        {"kind": it.kind, "first": it.first, "last": it.last, "message": it.message} for it in found
    ]
    return {
        "ok": not findings,
        "entries": count,
        "rows": rows.fitting,
        "not_covered": list(rows.not_covered),
        "findings": findings,
    }


def _print_verdict(count: int, found: Sequence[Tampering], rows: RowsChecked) -> None:
    for finding in found:
        typer.echo(f"{finding.kind}: {finding.message}")
    if rows.not_covered:
        names = ", ".join(rows.not_covered)
        typer.echo(f"Not covered, decided before the trail kept marks of rows: {names}")
    if found:
        typer.echo(
            "The trail or what was decided is not as it was written. Keep the database and "
            "IVR_HOME/secrets as they are, compare them with a copy, and ask who can write to the "
            "database."
        )
    else:
        typer.echo(f"{count} entries, all as they were written; {rows.fitting} rows as decided")


async def _find(search: TrailSearch, limit: int, who: str | None) -> tuple[SealedEntry, ...]:
    async with await Store.open(load_settings()) as store:
        named = who or os.environ.get("IVR_USER")
        if named or await PeopleStore(store).somebody_manages():
            await acting(store, who, Action.AUDIT_READ, province=search.province)
        else:
            machines_owner(store.home)
        return await find_entries(store, search, limit)


def _text(option: str, value: str | None) -> str | None:
    try:
        return value.encode().decode() if value is not None else None
    except UnicodeEncodeError:
        raise BadInput(f"{option} {value!a}: is not UTF-8. Type it again.") from None


def _instant(option: str, text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text is not None else None
    except BadInput as error:
        raise BadInput(f"{option}: {error}") from None


def _entry_json(item: SealedEntry) -> dict[str, Any]:
    """All null but number and seal where somebody made the entry unreadable."""
    entry = item.entry
    return {
        "seq": item.seq,
        "at": entry.at.isoformat() if entry else None,
        "by": entry.by if entry else None,
        "action": entry.action if entry else None,
        "subject": entry.subject if entry else None,
        "province": entry.province if entry else None,
        "desk": entry.desk if entry else None,
        "detail": dict(entry.detail) if entry else None,
        "seal": item.seal,
    }


def _row(item: SealedEntry) -> str:
    entry = item.entry
    if entry is None:
        return f"{item.seq:>6} cannot be read: see `ivr audit verify`"
    where = entry.desk or entry.province or "-"
    detail = json.dumps(dict(entry.detail), ensure_ascii=False)
    what = f"{entry.action} {entry.subject}"
    return f"{item.seq:>6} {plain_minute(entry.at)} {entry.by:<20} {where:<18} {what:<40} {detail}"


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
