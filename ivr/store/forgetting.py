"""Erasure on request: everything about one call, or about all calls of one caller."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.callers import CallerLink, checked_reason, same_caller
from ivr.model import ProvinceId
from ivr.store.callers import CallerStore
from ivr.store.erasing import ERASE, delivery_call, delivery_has_body, erase_deliveries, is_over
from ivr.store.holds import HoldKind, is_held, lock_holds
from ivr.store.journal_callers import naming, take_out
from ivr.store.outcome_tables import caller_links, deliveries, holds
from ivr.store.store import Store
from ivr.store.tables import calls

BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What a request comes to: calls that can be erased, and those that cannot, and why."""

    kind: HoldKind  # of what is asked: one call, or a caller
    subject: str
    provinces: tuple[ProvinceId, ...]
    calls: int
    held: int
    not_over: int  # open, or with a trip, a stay or a follow-up that is


class ErasureStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self, kind: HoldKind, subject: str) -> Erasure:
        """What would be erased; nothing is."""
        named = await self._named(kind, subject)
        async with self._store.at_one_instant() as connection:
            held = await is_held(connection)
            places = (
                await connection.execute(select(calls.c.province).distinct().where(named))
            ).scalars()
            return Erasure(
                kind=kind,
                subject=subject,
                provinces=tuple(ProvinceId(place) for place in sorted(places)),
                calls=await _count(connection, named & ~held & is_over()),
                held=await _count(connection, named & held),
                not_over=await _count(connection, named & ~held & ~is_over()),
            )

    async def erase(self, wanted: Erasure, reason: str, *, by: str, at: datetime) -> None:
        """Erase what can be; asked again after it broke off it goes on. Raises BadInput.

        The journal first: afterwards nothing would lead to it.
        """
        detail = {
            "kind": wanted.kind.value,
            "reason": checked_reason(reason),
            "calls": wanted.calls,
        }
        async with self._store.writing() as connection:
            entry = AuditEntry(
                at=at, by=by, action="callers.erase", subject=wanted.subject, detail=detail
            )
            await self._store.note_decision(connection, entry)
        named = await self._named(wanted.kind, wanted.subject)
        rows = await self._store.rows(select(calls.c.call, calls.c.caller_pseudonym).where(named))
        of = [row["call"] for row in rows]
        callers = sorted({row["caller_pseudonym"] for row in rows} - {None})
        if callers:
            await self._erase_from_journal(of, callers)
        for start in range(0, len(of), BATCH):
            await self._erase(of[start : start + BATCH])
            await asyncio.sleep(0)
        await forget_unknown_callers(self._store)

    async def _named(self, kind: HoldKind, subject: str) -> ColumnElement[bool]:
        if kind is HoldKind.CALL:
            return calls.c.call == subject
        same = await CallerStore(self._store).same(subject)
        return calls.c.caller_pseudonym.in_(sorted(same))

    async def _erase_from_journal(self, of: Sequence[str], callers: Collection[str]) -> None:
        last = (-1, -1)
        while rows := await self._store.rows(naming(callers, last)):
            async with self._store.writing() as connection:
                await take_out(connection, rows, await _erasable(connection, of))
            last = (rows[-1]["epoch"], rows[-1]["seq"])

    async def _erase(self, of: Sequence[str]) -> None:
        async with self._store.writing() as connection:
            free = sorted(await _erasable(connection, of))
            told = delivery_call().in_(free)
            ids = await connection.execute(select(deliveries.c.id).where(told, delivery_has_body()))
            await erase_deliveries(connection, ids.scalars().all())
            for erase in ERASE.values():
                await erase(connection, free)


async def _count(connection: AsyncConnection, chosen: ColumnElement[bool]) -> int:
    found = await connection.execute(select(func.count()).select_from(calls).where(chosen))
    return int(found.scalar_one())


async def _erasable(connection: AsyncConnection, of: Sequence[str]) -> set[str]:
    """Which of these calls may be erased; nobody places a hold until the transaction ends."""
    await lock_holds(connection)
    free = ~await is_held(connection) & is_over()
    found: set[str] = set()
    for start in range(0, len(of), BATCH):
        some = calls.c.call.in_(of[start : start + BATCH])
        found |= set((await connection.execute(select(calls.c.call).where(some, free))).scalars())
    return found


async def forget_unknown_callers(store: Store) -> None:
    """Delete links and lifted holds of callers of whom no call is known any longer."""
    async with store.writing() as connection:
        await lock_holds(connection)
        rows = (await connection.execute(select(caller_links))).mappings().all()
        lifted = holds.c.lifted_at.is_not(None) & (holds.c.kind == HoldKind.CALLER.value)
        subjects = set((await connection.execute(select(holds.c.subject).where(lifted))).scalars())
        named = subjects | {row[name] for row in rows for name in ("pseudonym", "into")}
        known = await _known(connection, sorted(named))
        links = [CallerLink(**row) for row in rows]
        gone = [link.id for link in links if not same_as_ever(links, link.pseudonym) & known]
        if gone:
            await connection.execute(delete(caller_links).where(caller_links.c.id.in_(gone)))
        if subjects - known:
            forgotten = holds.c.subject.in_(sorted(subjects - known))
            await connection.execute(delete(holds).where(lifted, forgotten))


def same_as_ever(links: Sequence[CallerLink], pseudonym: str) -> frozenset[str]:
    """All who were ever said to be one with this one."""
    return same_caller((replace(link, undone_at=None) for link in links), pseudonym)


async def _known(connection: AsyncConnection, pseudonyms: Sequence[str]) -> set[Any]:
    found: set[Any] = set()
    for start in range(0, len(pseudonyms), BATCH):
        some = calls.c.caller_pseudonym.in_(pseudonyms[start : start + BATCH])
        chosen = select(calls.c.caller_pseudonym).distinct().where(some)
        found |= set((await connection.execute(chosen)).scalars())
    return found
