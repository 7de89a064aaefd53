"""`ivr follow-up`: whom to ask again and who is expected back, for the next shift."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ivr.cli.acting import WhoOption
from ivr.cli.places import provinces_asked
from ivr.cli.printing import as_plain, print_json, print_rows
from ivr.cli.recording import do, keep, readable, signed_in, told
from ivr.jalali import parse_instant
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.deeds import AddFollowUp, EndFollowUp, TakeFollowUp
from ivr.store.follow_ups import FollowUp, FollowUpKind, FollowUpStore

SOON = timedelta(hours=24)

app = typer.Typer(no_args_is_help=True, help="Follow-ups due, and callers expected back.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("add")
def add(
    call: Annotated[str, typer.Argument(help="A call's id, or its beginning.")],
    due: Annotated[str, typer.Argument(help="When: 1405-09-03, or 1405-09-03 10:00 in Tehran.")],
    *,
    expected_back: Annotated[
        bool, typer.Option("--expected-back", help="The caller said they would call again.")
    ] = False,
    note: Annotated[str, typer.Option(help="A remark; no names or numbers of callers.")] = "",
    who: WhoOption = None,
) -> None:
    """Put a call on the list. "Saved" is printed once it is on disk."""
    due_at = parse_instant(due)
    kind = FollowUpKind.EXPECTED_BACK if expected_back else FollowUpKind.FOLLOW_UP
    kept = asyncio.run(do(who, AddFollowUp(kind=kind, due_at=due_at, note=note), call=call))
    name = kept.done.id if isinstance(kept.done, FollowUp) else ""
    typer.echo(told(kept, f"{kind} {name} of {kept.save.call}"))


@app.command("done")
def done(
    number: Annotated[str, typer.Argument(help="The follow-up's number; while none, its key.")],
    *,
    note: Annotated[str, typer.Option(help="What came of it; no names.")] = "",
    who: WhoOption = None,
) -> None:
    """Take a follow-up off the list; whoever was first to say so stays named."""
    kept = asyncio.run(do(who, EndFollowUp(follow_up=number, note=note)))
    saved = kept.done if isinstance(kept.done, FollowUp) else None
    typer.echo(told(kept, f"follow-up {saved.id} done by {saved.done_by}" if saved else ""))


@app.command("take")
def take(
    numbers: Annotated[list[str], typer.Argument(help="Their numbers, from `ivr follow-up list`.")],
    who: WhoOption = None,
) -> None:
    """Take follow-ups over from an earlier shift: they are yours, and it is on record since when.

    Until your own shift ends they are no alarm. Once more changes nothing.
    """

    async def save() -> None:
        async with signed_in(who, Action.REFERRAL_WRITE) as (store, person):
            for number in numbers:
                kept = await keep(store, person, deed=TakeFollowUp(follow_up=number))
                saved = kept.done if isinstance(kept.done, FollowUp) else None
                typer.echo(
                    told(kept, f"follow-up {saved.id} is {saved.taken_by}'s" if saved else "")
                )

    asyncio.run(save())


@app.command("list")
def due_list(
    province: Annotated[str | None, typer.Option(help="Of this province alone.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Due until then, in Tehran (default: within 24 hours).")
    ] = None,
    *,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is due and not done, the oldest first: the list that the next shift takes over.

    As far as it is yours to see.
    """
    until_at = parse_instant(until) if until else datetime.now(UTC) + SOON

    async def load() -> list[FollowUp]:
        settings = load_settings()
        provinces = await provinces_asked(settings, province, datetime.now(UTC))
        async with signed_in(who, Action.REFERRAL_READ) as (store, person):
            found = await FollowUpStore(store).open(provinces, until_at)
            placed = ((one, one.province, one.desk) for one in found)
            return readable(person, Action.REFERRAL_READ, placed, province)

    found = asyncio.run(load())
    if as_json:
        print_json([as_plain(asdict(one)) for one in found])
        return
    rows = (
        (
            *(one.id, one.due_at, one.kind, one.call, one.desk or one.province),
            *(one.taken_by, one.taken_at, one.note),
        )
        for one in found
    )
    headings = ("no", "due", "kind", "call", "desk", "taken by", "at", "note")
    print_rows(headings, rows, "Nothing is due by then.")
