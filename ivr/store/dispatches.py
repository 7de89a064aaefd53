"""Trips of mobile teams in the database, with or without a call."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.dispatching import AskedBy, CoverKind, Dispatch, TripStep, stepped
from ivr.errors import NotThere
from ivr.model import CallId, ProvinceId
from ivr.outcome_form import PersonsServed
from ivr.store.answers import Act, first_answer, keep_answer
from ivr.store.call_there import check_call
from ivr.store.numbers import is_number
from ivr.store.outcome_tables import dispatches, persons
from ivr.store.person_rows import add_persons
from ivr.store.store import Store
from ivr.store.webhook_rows import tell_webhooks
from ivr.webhooks import HookEvent


class DispatchStore:
    """Raises StoreError where the database cannot be used. What is given back is on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def request(self, trip: Dispatch) -> Dispatch:
        """A new trip; its id is given. The same key again gives what was written the first time.

        Raises BadInput where its call is not there.
        """
        async with self._store.writing() as connection:
            found = await _one(connection, dispatches.c.key == trip.key)
            if found is not None:
                return found
            await check_call(connection, trip.call)
            result = await connection.execute(insert(dispatches).values(trip_to_row(trip)))
            (number,) = result.inserted_primary_key or (0,)
            requested = replace(trip, id=int(number))
            await _tell(connection, requested, "requested", trip.requested_at)
            return requested

    async def step(
        self,
        number: int,
        step: TripStep,
        at: datetime,
        *,
        vehicle: str | None = None,
        result: str | None = None,
        served: Iterable[PersonsServed] = (),
        key: str | None = None,
    ) -> Dispatch:
        """The trip one step on (`stepped`), with what is known by then. Raises BadInput.

        The same key again gives what was answered first.
        """
        act = Act(table=dispatches, name="step", key=key)
        async with self._store.writing() as connection:
            trip = await _one(connection, dispatches.c.id == number, lock=True)
            if trip is None:
                raise NotThere(f"There is no dispatch {number}; nothing was changed.")
            if earlier := await first_answer(connection, act, trip):
                return earlier
            went_on = stepped(trip, step, at)
            new = replace(went_on, vehicle=vehicle or trip.vehicle, result=result or trip.result)
            changed = update(dispatches).where(dispatches.c.id == number).values(trip_to_row(new))
            await connection.execute(changed)
            await _served(connection, number, tuple(served))
            if went_on != trip:
                await _tell(connection, new, step.value, at)
            await keep_answer(connection, act, new)
            return new

    async def one(self, name: str) -> Dispatch:
        """By its number, or by the key of its save; raises NotThere."""
        it = dispatches.c
        chosen = it.id == int(name) if is_number(name) else it.key == name
        rows = await self._store.rows(select(dispatches).where(chosen))
        if not rows:
            raise NotThere(f"There is no dispatch {name}; nothing was changed.")
        return _trip(rows[0])

    async def with_key(self, key: str) -> Dispatch | None:
        """What was written with this key before."""
        rows = await self._store.rows(select(dispatches).where(dispatches.c.key == key))
        return _trip(rows[0]) if rows else None

    async def under_way(self, provinces: Collection[ProvinceId]) -> tuple[Dispatch, ...]:
        """Trips that are neither closed nor cancelled, the oldest first."""
        open_ones = dispatches.c.closed_at.is_(None) & dispatches.c.cancelled_at.is_(None)
        statement = select(dispatches).where(dispatches.c.province.in_(provinces), open_ones)
        rows = await self._store.rows(statement.order_by(dispatches.c.requested_at))
        return tuple(map(_trip, rows))

    async def of_call(self, call: CallId) -> tuple[Dispatch, ...]:
        statement = select(dispatches).where(dispatches.c.call == call).order_by(dispatches.c.id)
        return tuple(map(_trip, await self._store.rows(statement)))


async def _served(
    connection: AsyncConnection, number: int, people: tuple[PersonsServed, ...]
) -> None:
    """The newest word on whom the trip served counts, none is counted twice."""
    if people:
        await connection.execute(delete(persons).where(persons.c.dispatch == number))
        await add_persons(connection, persons.c.dispatch, number, people)


async def _tell(connection: AsyncConnection, trip: Dispatch, step: str, at: datetime) -> None:
    """Nothing that somebody wrote leaves the house by itself."""
    body = {
        "dispatch": trip.id,
        "call": trip.call,
        "province": trip.province,
        "county": trip.county,
        "team": trip.team,
        "cover": trip.cover.value,
        "step": step,
        "by": trip.by,
    }
    kind, event = HookEvent.DISPATCH_CHANGED, f"dispatch-{trip.id}-{step}"
    await tell_webhooks(connection, kind, event, body, province=trip.province, at=at)


async def _one(
    connection: AsyncConnection, condition: Any, *, lock: bool = False
) -> Dispatch | None:
    statement = select(dispatches).where(condition)
    found = await connection.execute(statement.with_for_update() if lock else statement)
    row = found.mappings().one_or_none()
    return None if row is None else _trip(row)


def trip_to_row(trip: Dispatch) -> dict[str, Any]:
    row = {name: getattr(trip, name) for name in Dispatch.__slots__}  # asdict copies each value
    del row["id"]
    return row | {"cover": trip.cover.value, "asked_by": trip.asked_by.value}


def _trip(row: RowMapping) -> Dispatch:
    kinds = {"cover": CoverKind(row["cover"]), "asked_by": AskedBy(row["asked_by"])}
    return Dispatch(**{**row, **kinds})
