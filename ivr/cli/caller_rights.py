"""Which caller or call is meant on the command line, and whether the person may."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.callers import Sight, sight
from ivr.cli.acting import sign_in
from ivr.cli.find_call import find_call
from ivr.errors import BadInput, NotAllowed
from ivr.model import ProvinceId
from ivr.people import Person
from ivr.rights import Action, may
from ivr.settings import load_settings
from ivr.store.callers import CallerStore
from ivr.store.holds import HoldKind
from ivr.store.store import Store

CallerArgument = Annotated[
    str | None, typer.Argument(help="The caller's pseudonym, or none where --call is given.")
]
CallOption = Annotated[str | None, typer.Option("--call", help="A call, by its id or beginning.")]
ReasonOption = Annotated[
    str, typer.Option(help="Why, in at least 10 letters; it stands in the audit trail.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


async def pseudonym_of(store: Store, call: str | None, person: Person) -> str:
    """Of who made a call of which the person may see that there was one; raises BadInput."""
    if call is None:
        raise BadInput("Say who: a pseudonym, or --call CALL. Nothing was done.")
    record = await find_call(store, call)
    if sight(person, record.province, datetime.now(UTC)) is Sight.NOTHING:
        raise not_allowed(person, Action.CALLER_HISTORY, [record.province])
    if record.caller is None:
        raise BadInput(f"Of call {record.call} no caller is known, so there are no contacts.")
    return record.caller.pseudonym


async def meant(store: Store, pseudonym: str | None, call: str | None) -> tuple[HoldKind, str]:
    if (pseudonym is None) == (call is None):
        raise BadInput("Say either a pseudonym or --call CALL. Nothing was done.")
    if call is not None:
        return HoldKind.CALL, (await find_call(store, call)).call
    return HoldKind.CALLER, str(pseudonym)


@asynccontextmanager
async def of_caller(
    who: str | None, action: Action, pseudonyms: Iterable[str]
) -> AsyncIterator[tuple[Store, Person, ProvinceId | None]]:
    """The store, who acts, and a province in which these have called and the person may."""
    async with await Store.open(load_settings()) as store:
        person = await sign_in(store, who)
        yield store, person, await allowed(store, person, action, pseudonyms)


async def allowed(
    store: Store, person: Person, action: Action, pseudonyms: Iterable[str]
) -> ProvinceId | None:
    """One in which the person may, for each of these; raises NotAllowed."""
    place = None
    for pseudonym in pseudonyms:
        place = await allowed_on(store, person, action, HoldKind.CALLER, pseudonym)
    return place


async def allowed_on(
    store: Store, person: Person, action: Action, kind: HoldKind, subject: str
) -> ProvinceId | None:
    found = await where_allowed(store, person, action, kind, subject)
    if not found:
        raise not_allowed(person, action, [])
    return found[0]


async def where_allowed(
    store: Store, person: Person, action: Action, kind: HoldKind, subject: str
) -> list[ProvinceId | None]:
    """Where the person may, of the provinces of the call or caller (of all where it has none)."""
    places: list[ProvinceId | None]
    if kind is HoldKind.CALL:
        places = [(await find_call(store, subject)).province]
    else:
        callers = CallerStore(store)
        places = [*sorted(await callers.provinces(await callers.same(subject)))] or [None]
    now = datetime.now(UTC)
    return [place for place in places if may(person, action, province=place, now=now)]


def not_allowed(person: Person, action: Action, places: Iterable[ProvinceId | None]) -> NotAllowed:
    where = ", ".join(place or "all provinces" for place in places) or "where they have called"
    return NotAllowed(
        f"{person.id} may not do this ({action}) for {where}. Nothing was changed. Ask somebody "
        "whose role it is (`ivr people list`)."
    )
