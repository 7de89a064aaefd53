"""`ivr callers`: earlier contacts of a caller, who is the same, numbers, holds and erasing."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.callers import CallerLink, Contact, Sight, checked_reason
from ivr.cli import caller_holds
from ivr.cli.acting import WhoOption, acting, sign_in
from ivr.cli.caller_rights import (
    CallerArgument,
    CallOption,
    JsonOption,
    ReasonOption,
    allowed,
    of_caller,
    pseudonym_of,
)
from ivr.cli.find_call import find_call
from ivr.cli.own_words import rules_for_words
from ivr.cli.printing import print_json, print_rows
from ivr.report_names import OutcomeLabels, outcome_label, outcome_labels
from ivr.rights import Action
from ivr.settings import load_settings
from ivr.store.callers import CallerStore
from ivr.store.contacts import ContactStore
from ivr.store.store import Store
from ivr.store.vault import Vault

app = typer.Typer(no_args_is_help=True, help="Callers by pseudonym; numbers with a reason alone.")


@app.command("contacts")
def contacts(
    pseudonym: CallerArgument = None,
    *,
    call: CallOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest ones.")] = 20,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show when somebody has called, newest first, as far as your role goes.

    Contacts of your own province are shown in full, of those elsewhere that there was one, when,
    and whether it was in danger or in silence. With --json an object with the keys pseudonym and
    contacts, an array of objects with the keys arrived_at, danger, silence, sight (full, brief),
    call, province, county, desk, category, end, form, trips, follow_ups.
    """

    async def load() -> tuple[str, tuple[Contact, ...]]:
        async with await Store.open(load_settings()) as store:
            person = await sign_in(store, who)
            caller = pseudonym or await pseudonym_of(store, call, person)
            found = await ContactStore(store).contacts(
                caller, for_person=person, now=datetime.now(UTC), limit=limit
            )
            return caller, found

    caller, found = asyncio.run(load())
    if as_json:
        print_json({"pseudonym": caller, "contacts": [asdict(one) for one in found]})
        return
    typer.echo(f"Caller {caller}")
    words = outcome_labels(rules_for_words())
    headings = ("arrived", "call", "where", "category", "marks", "outcomes")
    rows = (_contact_row(one, words) for one in found)
    print_rows(headings, rows, "No contact that you may see.")


def _contact_row(one: Contact, words: OutcomeLabels) -> tuple[object, ...]:
    marks = [name for name in ("danger", "silence") if getattr(one, name)]
    if one.sight is Sight.BRIEF or one.province is None:
        return (one.arrived_at, "elsewhere", None, None, ", ".join(marks), None)
    trips = [f"{trip.team} {'went' if trip.went_at else 'asked'}" for trip in one.trips]
    due = [one.kind for one in one.follow_ups if one.done_at is None]
    outcomes = one.form.outcomes if one.form else ()
    said = "، ".join(outcome_label(words, one.province, outcome) for outcome in outcomes)
    place = one.county or one.province
    return (one.arrived_at, one.call, place, one.category, ", ".join(marks + trips + due), said)


@app.command("links")
def links(pseudonym: str, *, who: WhoOption = None, as_json: JsonOption = False) -> None:
    """List what was merged into this caller, and what was split again."""

    async def load() -> tuple[CallerLink, ...]:
        async with of_caller(who, Action.CALLER_HISTORY, [pseudonym]) as (store, _, _):
            return await CallerStore(store).links(pseudonym)

    found = asyncio.run(load())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows = ((one.id, one.pseudonym, one.into, one.by, one.at, one.undone_at) for one in found)
    headings = ("no", "caller", "is", "said by", "at", "undone")
    print_rows(headings, rows, "Nobody was merged with this caller.")


@app.command("merge")
def merge(pseudonym: str, into: str, *, reason: ReasonOption, who: WhoOption = None) -> None:
    """Say that two pseudonyms are one person; `ivr callers split` undoes it."""

    async def save() -> CallerLink:
        wanted = [pseudonym, into]
        async with of_caller(who, Action.CALLER_MERGE, wanted) as (store, person, place):
            return await CallerStore(store).merge(
                pseudonym, into, reason, by=person.id, at=datetime.now(UTC), province=place
            )

    saved = asyncio.run(save())
    typer.echo(f"Saved: link {saved.id}, {saved.pseudonym} is {saved.into}")


@app.command("split")
def split(
    link: Annotated[int, typer.Argument(help="The link's number (`ivr callers links`).")],
    *,
    who: WhoOption = None,
) -> None:
    """Undo a merge: its two sides are two callers again."""

    async def save() -> CallerLink:
        async with await Store.open(load_settings()) as store:
            callers = CallerStore(store)
            person = await sign_in(store, who)
            known = await callers.link(link)
            place = await allowed(store, person, Action.CALLER_MERGE, [known.pseudonym, known.into])
            return await callers.split(link, by=person.id, at=datetime.now(UTC), province=place)

    saved = asyncio.run(save())
    typer.echo(f"Saved: {saved.pseudonym} and {saved.into} are two callers")


@app.command("reveal")
def reveal(
    call: Annotated[str, typer.Argument(help="The call, by its id or beginning.")],
    *,
    reason: ReasonOption,
    who: WhoOption = None,
) -> None:
    """Print the number that a call came from. First it is put on record who asked, and why."""
    checked_reason(reason)

    async def ask() -> str:
        settings = load_settings()
        async with await Store.open(settings) as store:
            record = await find_call(store, call)
            person = await acting(store, who, Action.CALLER_REVEAL, province=record.province)
            return await CallerStore(store).reveal(
                Vault.open(settings), record.call, reason, by=person.id, at=datetime.now(UTC)
            )

    typer.echo(asyncio.run(ask()))


for _command in (caller_holds.hold, caller_holds.release, caller_holds.holds, caller_holds.erase):
    app.command()(_command)
