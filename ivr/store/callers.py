"""Callers in the database: merged and split by people, and a number shown to who may ask."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.callers import CallerLink, check_merge, checked_reason, same_caller
from ivr.errors import BadInput
from ivr.model import CallId, ProvinceId
from ivr.model.record import CallRecord
from ivr.store.database import lock_table
from ivr.store.holds import standing_links
from ivr.store.outcome_tables import caller_links
from ivr.store.store import Store
from ivr.store.tables import calls
from ivr.store.vault import Vault

ERASED = ""  # what stands in place of a number that was erased before its pseudonym


class CallerStore:
    """Raises StoreError where the database cannot be used; all is on disk when it returns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def same(self, pseudonym: str) -> frozenset[str]:
        """All pseudonyms of this caller, as merged until now."""
        async with self._store.at_one_instant() as connection:
            return same_caller(await standing_links(connection), pseudonym)

    async def provinces(self, pseudonyms: Iterable[str]) -> frozenset[ProvinceId]:
        """Where these have called."""
        statement = select(calls.c.province).distinct()
        rows = await self._store.rows(
            statement.where(calls.c.caller_pseudonym.in_(sorted(pseudonyms)))
        )
        return frozenset(ProvinceId(row["province"]) for row in rows)

    async def links(self, pseudonym: str) -> tuple[CallerLink, ...]:
        """The links that make this caller one, and those undone that name a pseudonym of theirs."""
        of = sorted(await self.same(pseudonym))
        named = caller_links.c.pseudonym.in_(of) | caller_links.c.into.in_(of)
        rows = await self._store.rows(select(caller_links).where(named).order_by(caller_links.c.id))
        return tuple(CallerLink(**row) for row in rows)

    async def link(self, number: int) -> CallerLink:
        """The link of this number that stands; raises BadInput."""
        rows = await self._store.rows(_standing(number))
        if not rows:
            raise _no_such_link(number)
        return CallerLink(**rows[0])

    async def merge(
        self,
        pseudonym: str,
        into: str,
        reason: str,
        *,
        by: str,
        at: datetime,
        province: ProvinceId | None = None,
    ) -> CallerLink:
        """Say that two are one caller. Raises BadInput where they are already, or one is unknown.

        Nothing is overwritten: calls keep the pseudonym that they came with.
        """
        reason = checked_reason(reason)
        values: dict[str, Any] = {"pseudonym": pseudonym, "into": into, "reason": reason}
        async with self._store.writing() as connection:
            await lock_table(connection, caller_links)
            for one in (pseudonym, into):
                await _check_known(connection, one)
            check_merge(await standing_links(connection), pseudonym, into)
            values |= {"by": by, "at": at}
            result = await connection.execute(insert(caller_links).values(values))
            (number,) = result.inserted_primary_key or (0,)
            entry = AuditEntry(
                at=at,
                by=by,
                action="callers.merge",
                subject=pseudonym,
                province=province,
                detail={"into": into, "reason": reason, "link": int(number)},
            )
            await self._store.note_decision(connection, entry)
        return CallerLink(id=int(number), **values)

    async def split(
        self, number: int, *, by: str, at: datetime, province: ProvinceId | None = None
    ) -> CallerLink:
        """Undo a link: its two sides are two callers again. Raises BadInput where none stands."""
        async with self._store.writing() as connection:
            await lock_table(connection, caller_links)
            row = (await connection.execute(_standing(number))).mappings().one_or_none()
            if row is None:
                raise _no_such_link(number)
            undone = {"undone_by": by, "undone_at": at}
            changed = update(caller_links).where(caller_links.c.id == number).values(undone)
            await connection.execute(changed)
            entry = AuditEntry(
                at=at,
                by=by,
                action="callers.split",
                subject=row["pseudonym"],
                province=province,
                detail={"from": row["into"], "link": number},
            )
            await self._store.note_decision(connection, entry)
        return CallerLink(**{**row, **undone})

    async def reveal(
        self, vault: Vault, call: CallId, reason: str, *, by: str, at: datetime
    ) -> str:
        """The caller's number; that it was asked for is on disk before it is unsealed.

        Raises BadInput for a reason that is too short and where no number is kept, StoreError where
        our keys do not fit.
        """
        reason = checked_reason(reason)
        record = await self._store.load_call(call)
        if record is None or record.caller is None or record.caller.ciphertext == ERASED:
            raise _no_number(call, record)
        async with self._store.writing() as connection:
            entry = AuditEntry(
                at=at,
                by=by,
                action="callers.reveal",
                subject=call,
                province=record.province,
                desk=record.desk,
                detail={"reason": reason},
            )
            await self._store.note_decision(connection, entry)
        return vault.reveal(record.caller)


def _standing(number: int) -> Any:
    return select(caller_links).where(
        caller_links.c.id == number, caller_links.c.undone_at.is_(None)
    )


def _no_such_link(number: int) -> BadInput:
    return BadInput(
        f"No link {number} stands; nothing was changed. `ivr callers links PSEUDONYM` lists them."
    )


def _no_number(call: CallId, record: CallRecord | None) -> BadInput:
    if record is None:
        return BadInput(f"There is no call {call!r}; `ivr calls list` shows them.")
    why = "it was erased" if record.caller else "the caller sent none, or all of it was erased"
    return BadInput(f"No number is kept of call {call}: {why}. Nobody can bring it back.")


async def _check_known(connection: AsyncConnection, pseudonym: str) -> None:
    chosen = select(calls.c.call).where(calls.c.caller_pseudonym == pseudonym).limit(1)
    if (await connection.execute(chosen)).one_or_none() is None:
        raise BadInput(
            f"Nobody has called under the pseudonym {pseudonym!r}; nothing was changed. `ivr "
            "callers contacts --call CALL` shows that of a call."
        )
