"""`ivr follow-up`: whom to ask again and who is expected back, for the next shift."""

import asyncio
import getpass
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ivr.cli.calls import find_call
from ivr.cli.places import provinces_asked
from ivr.cli.printing import as_plain, print_json, print_rows
from ivr.jalali import parse_instant
from ivr.settings import load_settings
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore
from ivr.store.store import Store

SOON = timedelta(hours=24)

app = typer.Typer(no_args_is_help=True, help="Follow-ups due, and callers expected back.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
ByOption = Annotated[
    str | None, typer.Option(help="Who says so (default: the user of this machine).")
]


@app.command("add")
def add(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    due: Annotated[str, typer.Argument(help="When: 1405-09-03, or 1405-09-03 10:00 in Tehran.")],
    *,
    expected_back: Annotated[
        bool, typer.Option("--expected-back", help="The caller said they would call again.")
    ] = False,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    by: ByOption = None,
) -> None:
    """Put a call on the list. "Saved" is printed once it is on disk."""
    due_at = parse_instant(due)
    kind = FollowUpKind.EXPECTED_BACK if expected_back else FollowUpKind.FOLLOW_UP
    saved = asyncio.run(_add(call, due_at, kind, note, by or getpass.getuser()))
    typer.echo(f"Saved: {kind} {saved.id} of {saved.call}")


async def _add(text: str, due_at: datetime, kind: FollowUpKind, note: str, by: str) -> FollowUp:
    async with await Store.open(load_settings()) as store:
        record = await find_call(store, text)
        new = FollowUp(
            id=0,
            key=uuid.uuid4().hex,
            call=record.call,
            province=record.province,
            desk=record.desk,
            kind=kind,
            due_at=due_at,
            note=note,
            by=by,
            at=datetime.now(UTC),
        )
        return await FollowUpStore(store).add(new)


@app.command("done")
def done(
    number: Annotated[int, typer.Argument(help="The follow-up's number.")],
    *,
    note: Annotated[str, typer.Option(help="What came of it; no names.")] = "",
    by: ByOption = None,
) -> None:
    """Take a follow-up off the list; whoever was first to say so stays named."""

    async def save() -> FollowUp:
        async with await Store.open(load_settings()) as store:
            now = datetime.now(UTC)
            who = by or getpass.getuser()
            return await FollowUpStore(store).done(number, by=who, at=now, note=note)

    saved = asyncio.run(save())
    typer.echo(f"Saved: follow-up {saved.id} done by {saved.done_by}")


@app.command("list")
def due_list(
    province: Annotated[str | None, typer.Option(help="Of this province alone.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Due until then, in Tehran (default: within 24 hours).")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List what is due and not done, the oldest first: the list that the next shift takes over."""
    until_at = parse_instant(until) if until else datetime.now(UTC) + SOON

    async def load() -> tuple[FollowUp, ...]:
        settings = load_settings()
        provinces = await provinces_asked(settings, province, datetime.now(UTC))
        async with await Store.open(settings) as store:
            return await FollowUpStore(store).open(provinces, until_at)

    found = asyncio.run(load())
    if as_json:
        print_json([as_plain(asdict(one)) for one in found])
        return
    rows = (
        (one.id, one.due_at, one.kind, one.call, one.desk or one.province, one.note)
        for one in found
    )
    print_rows(("no", "due", "kind", "call", "desk", "note"), rows, "Nothing is due by then.")
