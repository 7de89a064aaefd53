"""Erases what was kept long enough: little by little, so that a running line is not held up.

Each batch is a transaction of its own and looks for what is left, so whatever ends a run in the
middle (kill -9 too), the next one goes on. A batch looks at the holds again with all of them
locked: once somebody was told that a hold stands, nothing under it is erased.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.retention import Due, Erased, Kind, Term
from ivr.store.erasing import (
    ERASE,
    HAS,
    answer_call,
    delete_answers,
    delivery_call,
    delivery_has_body,
    erase_deliveries,
    erase_text,
    has_text,
)
from ivr.store.forgetting import forget_unknown_callers
from ivr.store.holds import is_held, lock_holds
from ivr.store.journal_callers import delete_entries, is_nobodys
from ivr.store.outcome_tables import answers, deliveries, dispatches, follow_ups, visits
from ivr.store.store import Store
from ivr.store.tables import calls, journal

BATCH = 100  # rows: some milliseconds of the database's one writer
PAUSE_S = 0.02  # between batches, for those who write meanwhile

_OVER_AT = {  # of what has no call
    dispatches: func.coalesce(dispatches.c.closed_at, dispatches.c.cancelled_at),
    visits: case((visits.c.kind == "admission", visits.c.ended_at), else_=visits.c.from_at),
    follow_ups: follow_ups.c.done_at,
}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a term finds what it erases: by which columns in order, when it was, and how."""

    order: tuple[Column[Any], ...]  # together they name a row; the last one alone, where it can
    at: ColumnElement[datetime]
    chosen: Callable[[ColumnElement[bool]], ColumnElement[bool]]  # given which calls are held
    erase: Callable[[AsyncConnection, Sequence[Any]], Awaitable[None]]  # these places in order


class RetentionStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store, *, pause_s: float = PAUSE_S) -> None:
        self._store = store
        self._pause_s = pause_s

    async def due(self, terms: Iterable[Term]) -> tuple[Due, ...]:
        """What these terms have come for, with none that have come for nothing."""
        found = []
        async with self._store.at_one_instant() as connection:
            held = await is_held(connection)
            for term in terms:
                counts = [await _count(connection, one, held) for one in _sources(term)]
                rows = sum(number for number, _ in counts)
                oldest_at = min((at for _, at in counts if at is not None), default=None)
                found.append(
                    Due(kind=term.kind, province=term.province, rows=rows, oldest_at=oldest_at)
                )
        return tuple(one for one in found if one.rows)

    async def note(self, due: Iterable[Due], *, by: str, at: datetime) -> None:
        """Say in the audit trail what is going to be erased."""
        erased = [{**asdict(one), "oldest_at": str(one.oldest_at)} for one in due]
        entry = AuditEntry(
            at=at, by=by, action="retention.run", subject="records", detail={"due": erased}
        )
        async with self._store.writing() as connection:
            await self._store.note_decision(connection, entry)

    async def erase(self, terms: Iterable[Term], erased: Erased | None = None) -> Erased:
        """Erase what these terms have come for; it is on disk when this returns.

        What was erased is counted in `erased` as it goes, for whatever may end it in the middle.
        """
        counted = Erased() if erased is None else erased
        for term in terms:
            for source in _sources(term):
                async for rows in self._erase(source):
                    counted[term.kind, term.province] += rows
            if term.kind is Kind.PSEUDONYMS:
                await forget_unknown_callers(self._store)
        return counted

    async def _erase(self, source: _Source) -> AsyncIterator[int]:
        """How many rows each batch has erased."""
        last: tuple[Any, ...] | None = None
        while rows := await self._next(source, last):
            async with self._store.writing() as connection:
                await lock_holds(connection)
                held = await is_held(connection)
                again = select(*source.order).where(_among(source, rows), source.chosen(held))
                left = (await connection.execute(again)).all()
                if left:
                    await source.erase(connection, [tuple(row) for row in left])
            yield len(left)
            last = rows[-1]
            await asyncio.sleep(self._pause_s)

    async def _next(self, source: _Source, last: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
        """Looked up outside of the transaction that erases: this may take long."""
        async with self._store.at_one_instant() as connection:
            held = await is_held(connection)
            statement = select(*source.order).where(source.chosen(held))
            if last is not None:
                statement = statement.where(_after(source.order, last))
            rows = await connection.execute(statement.order_by(*source.order).limit(BATCH))
            return [tuple(row) for row in rows]


async def _count(
    connection: AsyncConnection, source: _Source, held: ColumnElement[bool]
) -> tuple[int, datetime | None]:
    statement = select(func.count(), func.min(source.at)).where(source.chosen(held))
    number, oldest_at = (await connection.execute(statement)).one()
    return number, oldest_at


def _after(order: Sequence[Column[Any]], last: Sequence[Any]) -> ColumnElement[bool]:
    first, value = order[0], last[0]
    later: ColumnElement[bool] = first > value
    if len(order) == 1:
        return later
    # The first half is for the index: it bounds where the search begins.
    return and_(first >= value, or_(later, _after(order[1:], last[1:])))


def _among(source: _Source, rows: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    """The key of `journal` has two columns; of all others the last one is the key."""
    if source.order[0].table is journal:
        return or_(*(and_(journal.c.epoch == epoch, journal.c.seq == seq) for epoch, seq in rows))
    return source.order[-1].in_([row[-1] for row in rows])


def _sources(term: Term) -> tuple[_Source, ...]:
    if term.kind is Kind.JOURNAL:
        return (_journal(term),)
    if term.kind is Kind.DELIVERIES:
        return (_deliveries(term),)
    if term.kind is Kind.ANSWERS:
        return (_answers(term),)
    loose = map(partial(_loose, term), _OVER_AT) if term.kind is Kind.NOTES else ()
    return (_of_calls(term), *loose)


def _of_calls(term: Term) -> _Source:
    def chosen(held: ColumnElement[bool]) -> ColumnElement[bool]:
        old = and_(calls.c.province == term.province, calls.c.ended_at < term.until_at)
        return and_(old, HAS[term.kind](), ~held)

    async def erase(connection: AsyncConnection, rows: Sequence[Any]) -> None:
        await ERASE[term.kind](connection, [call for _, call in rows])

    return _Source((calls.c.ended_at, calls.c.call), calls.c.ended_at, chosen, erase)


def _loose(term: Term, table: Any) -> _Source:
    """Trips, stays and follow-ups that no call caused."""
    over_at = _OVER_AT[table]

    def chosen(_held: ColumnElement[bool]) -> ColumnElement[bool]:
        here = and_(table.c.call.is_(None), table.c.province == term.province)
        ended = over_at < literal(term.until_at, table.c.at.type)
        return and_(here, ended, has_text(table))

    async def erase(connection: AsyncConnection, rows: Sequence[Any]) -> None:
        await erase_text(connection, table, [number for (number,) in rows])

    return _Source((table.c.id,), over_at, chosen, erase)


def _journal(term: Term) -> _Source:
    def chosen(held: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(journal.c.at < term.until_at, is_nobodys(held))

    return _Source((journal.c.epoch, journal.c.seq), journal.c.at, chosen, delete_entries)


def _deliveries(term: Term) -> _Source:
    def chosen(held: ColumnElement[bool]) -> ColumnElement[bool]:
        of_kept = _of_kept(delivery_call(), held)
        return and_(deliveries.c.at < term.until_at, delivery_has_body(), ~of_kept)

    async def erase(connection: AsyncConnection, rows: Sequence[Any]) -> None:
        await erase_deliveries(connection, [number for (number,) in rows])

    return _Source((deliveries.c.id,), deliveries.c.at, chosen, erase)


def _answers(term: Term) -> _Source:
    def chosen(held: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(answers.c.at < term.until_at, ~_of_kept(answer_call(), held))

    async def erase(connection: AsyncConnection, rows: Sequence[Any]) -> None:
        await delete_answers(connection, [key for _, key in rows])

    return _Source((answers.c.at, answers.c.key), answers.c.at, chosen, erase)


def _of_kept(call: ColumnElement[str], held: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row tells of a call that is open or held."""
    return exists().where(calls.c.call == call, calls.c.ended_at.is_(None) | held)
