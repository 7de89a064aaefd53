"""What the next shift takes over: people to be asked again, callers who are expected back."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.errors import BadInput, NotThere
from ivr.model import CallId, DeskId, ProvinceId
from ivr.store.answers import Act, first_answer, keep_answer
from ivr.store.call_there import check_call
from ivr.store.numbers import is_number
from ivr.store.outcome_tables import follow_ups
from ivr.store.store import Store


class FollowUpKind(StrEnum):
    FOLLOW_UP = "follow_up"  # we ask again
    EXPECTED_BACK = "expected_back"  # they said that they would call again


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """`desk` None: of the whole province."""

    id: int
    key: str
    call: CallId | None
    province: ProvinceId
    desk: DeskId | None
    kind: FollowUpKind
    due_at: datetime
    note: str
    by: str
    at: datetime
    done_by: str | None = None
    done_at: datetime | None = None
    done_note: str | None = None
    taken_by: str | None = None  # who took it over from those who left it, last
    taken_at: datetime | None = None


class FollowUpStore:
    """Raises StoreError where the database cannot be used. What is given back is on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, new: FollowUp) -> FollowUp:
        """On the list; the same key again gives what was written first. Raises BadInput."""
        row = {name: getattr(new, name) for name in FollowUp.__slots__ if name != "id"}
        async with self._store.writing() as connection:
            found = await connection.execute(select(follow_ups).where(follow_ups.c.key == new.key))
            there = found.mappings().one_or_none()
            if there is not None:
                return _follow_up(there)
            await check_call(connection, new.call)
            values = row | {"kind": new.kind.value}
            result = await connection.execute(insert(follow_ups).values(values))
            (number,) = result.inserted_primary_key or (0,)
        return FollowUp(**row, id=int(number))

    async def done(
        self, number: int, *, by: str, at: datetime, note: str = "", key: str | None = None
    ) -> FollowUp:
        """Off the list; the first word on it stays. Raises BadInput."""
        act = Act(table=follow_ups, name="done", key=key)
        async with self._store.writing() as connection:
            found = await _locked(connection, number)
            if earlier := await first_answer(connection, act, found):
                return earlier
            if found.done_at is None:
                found = replace(found, done_by=by, done_at=at, done_note=note)
                await _set(connection, found, "done_by", "done_at", "done_note")
            await keep_answer(connection, act, found)
            return found

    async def take(self, number: int, *, by: str, at: datetime, key: str | None = None) -> FollowUp:
        """Taken over by whoever is there now, also from who took it over before.

        Who has it already has it since the first time. The trail names each. Raises BadInput where
        it is done.
        """
        act = Act(table=follow_ups, name="take", key=key)
        async with self._store.writing() as connection:
            found = await _locked(connection, number)
            if earlier := await first_answer(connection, act, found):
                return earlier
            if found.done_at is not None:
                raise BadInput(
                    f"Follow-up {number} was done by {found.done_by}; there is nothing to take "
                    "over."
                )
            taken = found if found.taken_by == by else replace(found, taken_by=by, taken_at=at)
            await keep_answer(connection, act, taken)
            if taken != found:
                await _set(connection, taken, "taken_by", "taken_at")
                await self._store.note_decision(connection, _taking(found, by, at))
            return taken

    async def one(self, name: str) -> FollowUp:
        """By its number, or by the key of its save; raises NotThere."""
        it = follow_ups.c
        chosen = it.id == int(name) if is_number(name) else it.key == name
        rows = await self._store.rows(select(follow_ups).where(chosen))
        if not rows:
            raise NotThere(f"There is no follow-up {name}; nothing was changed.")
        return _follow_up(rows[0])

    async def open(
        self, provinces: Collection[ProvinceId], until_at: datetime
    ) -> tuple[FollowUp, ...]:
        """What is due by then and not done, the oldest first."""
        statement = select(follow_ups).where(
            follow_ups.c.province.in_(provinces),
            follow_ups.c.done_at.is_(None),
            follow_ups.c.due_at <= until_at,
        )
        rows = await self._store.rows(statement.order_by(follow_ups.c.due_at, follow_ups.c.id))
        return tuple(map(_follow_up, rows))


async def _locked(connection: AsyncConnection, number: int) -> FollowUp:
    statement = select(follow_ups).where(follow_ups.c.id == number).with_for_update()
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise NotThere(f"There is no follow-up {number}; nothing was changed.")
    return _follow_up(row)


async def _set(connection: AsyncConnection, changed: FollowUp, *names: str) -> None:
    values = {name: getattr(changed, name) for name in names}
    await connection.execute(update(follow_ups).where(follow_ups.c.id == changed.id).values(values))


def _taking(before: FollowUp, by: str, at: datetime) -> AuditEntry:
    return AuditEntry(
        at=at,
        by=by,
        action="follow_up.take",
        subject=str(before.id),
        province=before.province,
        desk=before.desk,
        detail={"from": before.taken_by or before.by},
    )


def _follow_up(row: RowMapping) -> FollowUp:
    return FollowUp(**{**row, "kind": FollowUpKind(row["kind"])})
