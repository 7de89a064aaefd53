"""People in crisis centres, in the database."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.errors import NotThere
from ivr.model import ProvinceId
from ivr.outcome_form import PersonsServed
from ivr.store.answers import Act, first_answer, keep_answer
from ivr.store.call_there import check_call
from ivr.store.numbers import is_number
from ivr.store.outcome_tables import persons, visits
from ivr.store.person_rows import add_persons
from ivr.store.store import Store
from ivr.visits import (
    WARNED_BEFORE,
    CentreService,
    StayEnd,
    Visit,
    VisitKind,
    checked,
    ended,
    prolonged,
)


class VisitStore:
    """Raises StoreError where the database cannot be used. What is given back is on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, visit: Visit, served: Iterable[PersonsServed]) -> Visit:
        """A new visit or stay; its id is given. The same key again gives the first one.

        Raises BadInput for times that cannot be (`checked`), and where its call is not there.
        """
        visit = checked(visit)
        async with self._store.writing() as connection:
            found = await _one(connection, visits.c.key == visit.key)
            if found is not None:
                return found
            await check_call(connection, visit.call)
            result = await connection.execute(insert(visits).values(visit_to_row(visit)))
            (number,) = result.inserted_primary_key or (0,)
            await add_persons(connection, persons.c.visit, int(number), served)
            return replace(visit, id=int(number))

    async def end(
        self, number: int, how: StayEnd, at: datetime, *, key: str | None = None
    ) -> Visit:
        """A stay at its end. The same key again gives the first answer. Raises BadInput."""
        act = Act(table=visits, name="end", key=key)
        async with self._store.writing() as connection:
            visit = await _locked(connection, number)
            if earlier := await first_answer(connection, act, visit):
                return earlier
            over = ended(visit, how, at)
            changed = update(visits).where(visits.c.id == number).values(visit_to_row(over))
            await connection.execute(changed)
            await keep_answer(connection, act, over)
            return over

    async def one(self, name: str) -> Visit:
        """By its number, or by the key of its save; raises NotThere."""
        it = visits.c
        chosen = it.id == int(name) if is_number(name) else it.key == name
        rows = await self._store.rows(select(visits).where(chosen))
        if not rows:
            raise NotThere(f"There is no visit {name}; nothing was changed.")
        return _visit(rows[0])

    async def with_key(self, key: str) -> Visit | None:
        """What was written with this key before."""
        rows = await self._store.rows(select(visits).where(visits.c.key == key))
        return _visit(rows[0]) if rows else None

    async def prolong(
        self,
        number: int,
        until_at: datetime,
        *,
        by_court: bool,
        by: str,
        at: datetime,
        key: str | None = None,
    ) -> Visit:
        """A stay with another end, by somebody whom the trail names. Raises BadInput.

        The same key again gives the first answer.
        """
        act = Act(table=visits, name="prolong", key=key)
        async with self._store.writing() as connection:
            visit = await _locked(connection, number)
            if earlier := await first_answer(connection, act, visit):
                return earlier
            longer = prolonged(visit, until_at, by_court=by_court)
            changed = update(visits).where(visits.c.id == number).values(until_at=longer.until_at)
            await connection.execute(changed)
            await keep_answer(connection, act, longer)
            entry = AuditEntry(
                at=at,
                by=by,
                action="admission.prolong",
                subject=str(number),
                province=visit.province,
                detail={"until_at": until_at.isoformat(), "by_court": by_court},
            )
            await self._store.note_decision(connection, entry)
            return longer

    async def staying(self, provinces: Collection[ProvinceId]) -> tuple[Visit, ...]:
        """Stays that have not ended, those that must end first at the top."""
        statement = _open_stays(provinces).order_by(visits.c.until_at, visits.c.id)
        return tuple(map(_visit, await self._store.rows(statement)))

    async def due(self, provinces: Collection[ProvinceId], now: datetime) -> tuple[Visit, ...]:
        """Of these, those whose end is near or past (`ivr.visits.due`)."""
        statement = _open_stays(provinces).where(visits.c.until_at <= now + WARNED_BEFORE)
        rows = await self._store.rows(statement.order_by(visits.c.until_at, visits.c.id))
        return tuple(map(_visit, rows))


def _open_stays(provinces: Collection[ProvinceId]) -> Any:
    return select(visits).where(
        visits.c.province.in_(provinces),
        visits.c.kind == VisitKind.ADMISSION.value,
        visits.c.ended_at.is_(None),
    )


async def _locked(connection: AsyncConnection, number: int) -> Visit:
    visit = await _one(connection, visits.c.id == number, lock=True)
    if visit is None:
        raise NotThere(f"There is no visit {number}; nothing was changed.")
    return visit


async def _one(connection: AsyncConnection, condition: Any, *, lock: bool = False) -> Visit | None:
    statement = select(visits).where(condition)
    found = await connection.execute(statement.with_for_update() if lock else statement)
    row = found.mappings().one_or_none()
    return None if row is None else _visit(row)


def visit_to_row(visit: Visit) -> dict[str, Any]:
    row = {name: getattr(visit, name) for name in Visit.__slots__}  # asdict copies each value
    del row["id"]
    return row | {
        "kind": visit.kind.value,
        "services": [service.value for service in visit.services],
        "ended_how": visit.ended_how and visit.ended_how.value,
    }


def _visit(row: RowMapping) -> Visit:
    kinds = {
        "kind": VisitKind(row["kind"]),
        "services": tuple(CentreService(service) for service in row["services"]),
        "ended_how": StayEnd(row["ended_how"]) if row["ended_how"] else None,
    }
    return Visit(**{**row, **kinds})
