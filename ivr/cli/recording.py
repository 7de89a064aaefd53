"""What all commands have in common that record something: who acts, and where it was kept."""

import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from ivr.cli.acting import sign_in
from ivr.cli.find_call import find_call
from ivr.errors import StoreError, ValueRefused
from ivr.model import CallId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.people import Person
from ivr.rights import Action, may_of, may_of_call, not_allowed, reach
from ivr.settings import load_settings
from ivr.store.deeds import AddFollowUp, BeginVisit, Deed, RequestTrip, Save
from ivr.store.known_people import KnownPeople
from ivr.store.numbers import is_number
from ivr.store.saving import Kept, Saving
from ivr.store.store import Store

T = TypeVar("T")


@asynccontextmanager
async def signed_in(who: str | None, action: Action) -> AsyncIterator[tuple[Store, Person]]:
    """The store and who acts, who may do this somewhere; by the copy while the database is away.

    Raises BadInput for nobody that is known, NotAllowed.
    """
    async with Store(load_settings()) as store:
        person = await sign_in(store, who, KnownPeople(store).check_password)
        if not reach(person, action, datetime.now(UTC)):
            raise not_allowed(person, action)
        yield store, person


async def call_meant(store: Store, text: str) -> tuple[CallId, CallRecord | None]:
    """The call of this id or beginning; no record while the database is away.

    Raises BadInput where there is none or there are several.
    """
    try:
        record = await find_call(store, text)
    except ValueRefused:
        raise
    except StoreError:
        return CallId(text), None
    return record.call, record


def check_call(person: Person, action: Action, call: CallRecord) -> None:
    """Raises NotAllowed."""
    if not may_of_call(person, action, call, datetime.now(UTC)):
        raise not_allowed(person, action, call.desk or call.province)


async def keep(store: Store, person: Person, key: str | None = None, **what: Any) -> Kept:
    """Save this in the database, or in the spool; on disk when this returns."""
    save = Save(key=key or uuid.uuid4().hex, by=person.id, at=datetime.now(UTC), **what)
    return await Saving(store, store.home).save(save, person)


async def do(
    who: str | None, deed: Deed, *, call: str | None = None, key: str | None = None
) -> Kept:
    """A deed of who acts, of a call or of none."""
    action = Save(key="", by="", at=datetime.now(UTC), deed=deed).action
    async with signed_in(who, action) as (store, person):
        of = (await call_meant(store, call))[0] if call else None
        return await keep(store, person, key, deed=deed, call=of)


def told(kept: Kept, done: str) -> str:
    """What somebody is told who saved: `done` where it is in the database."""
    if kept.done is not None:
        return f"Saved: {done}"
    where = "Saved in the spool on this disk (the database is away; it follows by itself)"
    of = f" of {kept.save.call}" if kept.save.call else ""
    is_new = isinstance(kept.save.deed, RequestTrip | BeginVisit | AddFollowUp)
    name = f"; its key is {kept.save.key}" if is_new and not is_number(kept.save.key) else ""
    return f"{where}: {kept.save.what.replace('_', ' ')}{of}{name}"


def readable(
    person: Person,
    action: Action,
    rows: Iterable[tuple[T, ProvinceId, DeskId | None]],
    province: str | None = None,
) -> list[T]:
    """What the person may see of these; raises NotAllowed where they see nothing of a province."""
    now = datetime.now(UTC)
    if province is not None and not reach(person, action, now).within(ProvinceId(province)):
        raise not_allowed(person, action, province)
    return [row for row, of, desk in rows if may_of(person, action, of, desk, now=now)]
