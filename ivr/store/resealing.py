"""Everything that is sealed, sealed again with the current key: in batches, while the line goes on.

How far it has come is in the records themselves, for each names its key; so a run that was killed
is gone on with by the next, whatever it was at. Pseudonyms stay as they are.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Update,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import StoreError
from ivr.model import CallId
from ivr.store.sealed import PLACES, Place, sealed_again
from ivr.store.store import Store
from ivr.store.tables import calls
from ivr.store.vault import Vault

BATCH = 200
PAUSE_S = 0.02  # after each batch: the line's own records come between
TRIED = 20  # rows that tell whether a key file is the right one

Sealed = Counter[tuple[str, str]]  # how many rows of a place are sealed with a key
OTHERS = "?"  # keys that the file does not hold


class Resealing:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store, *, pause_s: float = PAUSE_S) -> None:
        self._store = store
        self._pause_s = pause_s

    async def state(self, keys: Collection[str]) -> Sealed:
        """By place and key; what none of these keys has sealed stands under OTHERS."""
        found: Sealed = Counter()
        async with self._store.at_one_instant() as connection:
            for place in PLACES:
                for key in keys:
                    found[place.name, key] = await _count(connection, place, place.under(key))
                found[place.name, OTHERS] = await _count(connection, place, place.strange(keys))
        return +found

    async def check_fits(self, vault: Vault) -> None:
        """Raises StoreError for a key file that opens nothing of what its keys are to have sealed.

        Another copy's file has keys of the same names.
        """
        async with self._store.at_one_instant() as connection:
            for place in PLACES:
                chosen = select(*place.read).where(place.under_any(vault.keys)).limit(TRIED)
                rows = (await connection.execute(chosen)).mappings().all()
                if rows and all(sealed_again(place, vault, row) is None for row in rows):
                    raise StoreError(
                        f"The key file opens none of {len(rows)} {place.name} that its keys are "
                        "to have sealed: it is another copy's. Nothing was changed. Restore the "
                        "right one."
                    )

    async def run(self, vault: Vault) -> Counter[str]:
        """How many rows of each place were sealed with another key, and are with the current one.

        What cannot be opened stays as it is (`state` counts it).
        """
        done: Counter[str] = Counter()
        old = [key for key in vault.keys if key != vault.current]
        for place in PLACES if old else ():
            last: tuple[Any, ...] | None = None
            while rows := await self._next(place, old, last):
                done[place.name] += await self._batch(place, old, vault, rows)
                last = rows[-1]
                await asyncio.sleep(self._pause_s)
        return done

    async def _next(
        self, place: Place, old: Sequence[str], last: tuple[Any, ...] | None
    ) -> list[tuple[Any, ...]]:
        """Looked up outside of the transaction that writes: this may take long."""
        statement = select(*place.order).where(place.under_any(old))
        if last is not None:
            statement = statement.where(_after(place.order, last))
        statement = statement.order_by(*place.order).limit(BATCH)
        return [tuple(row.values()) for row in await self._store.rows(statement)]

    async def _batch(
        self, place: Place, old: Sequence[str], vault: Vault, keys: Sequence[tuple[Any, ...]]
    ) -> int:
        """On disk, all of it or nothing, when this returns; erased meanwhile stays erased."""
        async with self._store.writing() as connection:
            here = or_(*map(place.row, keys))
            chosen = select(*place.read).where(here, place.under_any(old)).with_for_update()
            rows = (await connection.execute(chosen)).mappings().all()
            sealed = [(row, sealed_again(place, vault, row)) for row in rows]
            new = [(place.row(row), text) for row, text in sealed if text is not None]
            if new:
                await connection.execute(_all_at_once(place, new))
        return len(new)

    async def open_since_before(self, at: Any) -> tuple[CallId, ...]:
        """Calls that a line may write again as they were sealed when they came."""
        chosen = select(calls.c.call).where(calls.c.ended_at.is_(None), calls.c.arrived_at < at)
        return tuple(row["call"] for row in await self._store.rows(chosen))


def _all_at_once(place: Place, new: Sequence[tuple[ColumnElement[bool], Any]]) -> Update:
    """One statement: what watches the table for reports writes a line for each."""
    column = place.column
    value = case(*((row, literal(text, column.type)) for row, text in new), else_=column)
    return update(place.table).where(or_(*(row for row, _ in new))).values({column.name: value})


async def _count(connection: AsyncConnection, place: Place, what: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(place.table).where(what)
    return int((await connection.execute(statement)).scalar_one())


def _after(order: Sequence[Column[Any]], last: Sequence[Any]) -> ColumnElement[bool]:
    first, value = order[0], last[0]
    if len(order) == 1:
        later: ColumnElement[bool] = first > value
        return later
    # The first half is for the index: it bounds where the search begins.
    return and_(first >= value, or_(first > value, _after(order[1:], last[1:])))
