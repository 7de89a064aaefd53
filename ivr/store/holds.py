"""What nobody erases while it stands: holds on a call or on a caller, and what they cover."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.callers import CallerLink, same_caller
from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.store.database import lock_table
from ivr.store.outcome_tables import caller_links, holds
from ivr.store.store import Store
from ivr.store.tables import audit, calls

_PLACED = "callers.hold"  # as the audit trail names it


class HoldKind(StrEnum):
    CALL = "call"
    CALLER = "caller"  # by any pseudonym of theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`province` is where it was placed, by whose admin it is released; None: nationally."""

    id: int
    kind: HoldKind
    subject: str  # a call's id, or a pseudonym
    reason: str
    by: str
    at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    province: ProvinceId | None = None


class HoldStore:
    """Raises StoreError where the database cannot be used; all is on disk when it returns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hold(
        self,
        kind: HoldKind,
        subject: str,
        reason: str,
        *,
        by: str,
        at: datetime,
        province: ProvinceId | None = None,
        national: bool = False,
    ) -> Hold:
        """`national`: who placed it for one province may not release it.

        Raises BadInput where there is no such call or caller.
        """
        values: dict[str, Any] = {"subject": subject, "reason": reason, "by": by, "at": at}
        async with self._store.writing() as connection:
            await _check_there(connection, kind, subject)
            result = await connection.execute(insert(holds).values(kind=kind.value, **values))
            (number,) = result.inserted_primary_key or (0,)
            detail = {"kind": kind.value, "reason": reason, "hold": int(number)}
            detail |= {"national": True} if national else {}
            entry = AuditEntry(
                at=at,
                by=by,
                action=_PLACED,
                subject=subject,
                province=province,
                detail=detail,
            )
            await self._store.note_decision(connection, entry)
        placed_in = None if national else province
        return Hold(id=int(number), kind=kind, province=placed_in, **values)

    async def release(
        self, number: int, *, by: str, at: datetime, province: ProvinceId | None = None
    ) -> Hold:
        """Raises BadInput where no such hold stands."""
        async with self._store.writing() as connection:
            chosen = (holds.c.id == number) & holds.c.lifted_at.is_(None)
            found = await connection.execute(select(holds).where(chosen).with_for_update())
            row = found.mappings().one_or_none()
            if row is None:
                raise _no_such_hold(number)
            lifted = {"lifted_by": by, "lifted_at": at}
            await connection.execute(update(holds).where(holds.c.id == number).values(lifted))
            entry = AuditEntry(
                at=at,
                by=by,
                action="callers.release",
                subject=row["subject"],
                province=province,
                detail={"hold": number},
            )
            await self._store.note_decision(connection, entry)
        return _hold({**row, **lifted})

    async def standing(self) -> tuple[Hold, ...]:
        """The holds that stand, in the order in which they were placed."""
        statement = select(holds).where(holds.c.lifted_at.is_(None)).order_by(holds.c.id)
        found = [_hold(row) for row in await self._store.rows(statement)]
        placed_in = await self._provinces()
        return tuple(replace(one, province=placed_in.get(one.id)) for one in found)

    async def _provinces(self) -> dict[int, ProvinceId | None]:
        """Where each was placed, as the audit trail has it."""
        rows = await self._store.rows(
            select(audit.c.province, audit.c.detail).where(audit.c.action == _PLACED)
        )
        return {
            row["detail"]["hold"]: None
            if row["province"] is None or row["detail"].get("national")
            else ProvinceId(row["province"])
            for row in rows
        }

    async def one(self, number: int) -> Hold:
        """The hold of this number, if it stands; raises BadInput."""
        for hold in await self.standing():
            if hold.id == number:
                return hold
        raise _no_such_hold(number)


def _no_such_hold(number: int) -> BadInput:
    return BadInput(
        f"No hold {number} stands; nothing was changed. `ivr callers holds` lists those that do."
    )


async def _check_there(connection: AsyncConnection, kind: HoldKind, subject: str) -> None:
    column = calls.c.call if kind is HoldKind.CALL else calls.c.caller_pseudonym
    found = await connection.execute(select(calls.c.call).where(column == subject).limit(1))
    if found.one_or_none() is None:
        raise BadInput(f"There is no {kind} {subject!r}; nothing was changed.")


def _hold(row: RowMapping | Mapping[str, Any]) -> Hold:
    return Hold(**{**row, "kind": HoldKind(row["kind"])})


async def lock_holds(connection: AsyncConnection) -> None:
    """Nobody places a hold, or widens one by merging callers, until the transaction ends."""
    await lock_table(connection, caller_links)
    await lock_table(connection, holds)


async def is_held(connection: AsyncConnection) -> ColumnElement[bool]:
    """Of `calls`: whether a hold covers the call, as the transaction sees the holds."""
    stand = holds.c.lifted_at.is_(None)
    by_call = select(holds.c.subject).where(stand, holds.c.kind == HoldKind.CALL.value)
    by_caller = select(holds.c.subject).where(stand, holds.c.kind == HoldKind.CALLER.value)
    subjects = (await connection.execute(by_caller)).scalars().all()
    callers = same_caller(await standing_links(connection), *subjects) if subjects else ()
    pseudonym = func.coalesce(calls.c.caller_pseudonym, "")  # null would make all of it null
    return calls.c.call.in_(by_call) | pseudonym.in_(sorted(callers))


async def standing_links(connection: AsyncConnection) -> tuple[CallerLink, ...]:
    statement = select(caller_links).where(caller_links.c.undone_at.is_(None))
    rows = (await connection.execute(statement.order_by(caller_links.c.id))).mappings()
    return tuple(CallerLink(**row) for row in rows)
