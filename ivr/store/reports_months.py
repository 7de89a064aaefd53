"""What is over is counted once, where there may be millions of calls (PostgreSQL).

What is kept counts until something of it is changed after all: triggers write down each such change
with its transaction, and a month or day counts as it was kept only if no transaction that its
counting could not see is among them. Nobody waits for anybody, and no count is ever out of date.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal_column, null, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import StoreError
from ivr.reports.figures import Scope
from ivr.reports.period import Period, by_day, by_month, month_of
from ivr.reports.tally import Tally, added_up
from ivr.store.report_tables import report_changes, report_months
from ivr.store.reports_by import By, only
from ivr.store.reports_count import Parts, count, count_by, is_nothing
from ivr.store.store import Store

log = structlog.get_logger()

COUNTING = 2  # raise it when anything is counted otherwise: what was kept before is of no use then
# Changes are written down from three days on (migration 0007); no transaction lasts a day.
_OVER_FOR = timedelta(days=4)
_KEPT_FOR = timedelta(days=30)
_RENEWED_AFTER = timedelta(days=20)  # by who keeps them beforehand: no reader finds one too old
_CHANGES_KEPT_FOR = timedelta(days=40)
_DAYS_FOR = timedelta(days=100)  # parts of earlier months are seldom asked for
_DAYS_AT_ONCE = 11  # a month in three: of all its parts it takes ten times a whole count
_HORIZON: ColumnElement[int] = literal_column("txid_snapshot_xmin(txid_current_snapshot())")
_NOT_YET: ColumnElement[int] = literal_column("txid_snapshot_xmax(txid_current_snapshot())")
# All that is counted lies in indexes: without this a month is joined with all forms there are. Its
# calls are to be sorted in memory, and code made for one statement costs more than it saves.
_AS_COUNTED = (
    text("SET LOCAL random_page_cost = 1.1"),
    text("SET LOCAL work_mem = '64MB'"),
    text("SET LOCAL jit = off"),
)
Key = tuple[str, datetime]
_MAY_ASK = func.has_function_privilege("pg_control_system()", "execute")
_CLUSTER: ColumnElement[int] = literal_column("system_identifier")


@dataclass(frozen=True, slots=True)
class _Present:
    """When and in which cluster: numbers of transactions mean nothing in another one.

    A dump that is put into another cluster brings what was kept with it.
    """

    now: datetime
    cluster: int

    def is_over(self, part: Period) -> bool:
        return part.until_at <= self.now - _OVER_FOR

    def key(self, scope: Scope, part: Period, by: By | None = None) -> Key:
        """Of the province's month or day, or of all parts of its month."""
        words: dict[str, Any] = {"counting": COUNTING, "cluster": self.cluster, "days": part.days}
        words |= {"province": scope.province, "by": by}
        return json.dumps(words), part.from_at


class Months:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tallies(self, scope: Scope, period: Period) -> list[Tally]:
        """Parts of the period that add up to it."""
        limits = tuple(only(scope))
        present = await self._present() if len(limits) <= 1 else None
        if present is None:
            return [(await self._counted(scope, part))[0] for part in self._pieces(period)]
        if limits:
            (of,) = limits
            kept = await self._kept_of(scope, period, present, *of)
        else:
            kept = await self._kept(scope, period, present)
        if not kept and await self._is_nothing(scope, period):
            return []  # such as the year before the first call
        found = [kept[part] for part in _parts(period, kept)]
        for part in _missing(period, kept):
            tally, horizon = await self._counted(scope, part)
            found.append(tally)
            if not limits and part.is_one_month and present.is_over(part):
                key = present.key(scope, part)
                await self._keep_if_allowed(part, {key: tally.as_json()}, horizon, present)
        return found

    async def keep(self, scope: Scope, period: Period) -> int:
        """Count its months and days that are over and not kept yet; returns how many."""
        present = await self._present()
        if present is None:
            return 0
        await self._forget(present)
        wanted = [*_kept_parts(period, present)]
        keys = {present.key(scope, part, by) for part in wanted for by in _ways(part)}
        kept = {key async for key, _ in self._believed(keys, present, _RENEWED_AFTER)}
        missing = [
            part
            for part in wanted
            if not kept.issuperset(present.key(scope, part, by) for by in _ways(part))
        ]
        for part in missing:
            if part.is_one_month:
                await self._keep_parts(scope, part, present)
            else:
                tally, horizon = await self._counted(scope, part)
                key = present.key(scope, part)
                await self._keep(part, {key: tally.as_json()}, horizon, present)
        return len(missing)

    async def _keep_parts(self, scope: Scope, month: Period, present: _Present) -> None:
        """All ways in which it is counted in parts; its days add up to the whole."""
        async with self._at_one_instant() as (connection, horizon):
            found = [await count_by(connection, scope, piece, tuple(By)) for piece in _short(month)]
        by = {way: _together([piece[way] for piece in found]) for way in By}
        tallies: dict[Key, Any] = {
            present.key(scope, month): added_up(by[By.DAY].values()).as_json()
        }
        for way, parts in by.items():
            told = {name: tally.as_json() for name, tally in parts.items()}
            tallies[present.key(scope, month, way)] = told
        await self._keep(month, tallies, horizon, present)

    def _pieces(self, period: Period) -> Iterator[Period]:
        """PostgreSQL counts month by month: no statement takes as long as a whole year's."""
        return by_month(period) if self._is_postgresql else iter([period])

    @property
    def _is_postgresql(self) -> bool:
        return self._store.engine.dialect.name == "postgresql"

    async def _present(self) -> _Present | None:
        """None where nothing can be kept: on SQLite, or where the cluster is not told."""
        if not self._is_postgresql:
            return None
        (row,) = await self._store.rows(select(_MAY_ASK.label("may_ask")))
        if not row["may_ask"]:
            return None
        columns: tuple[ColumnElement[Any], ...] = (func.now().label("now"), _CLUSTER)
        statement = select(*columns).select_from(func.pg_control_system())
        (row,) = await self._store.rows(statement)
        return _Present(row["now"], row["system_identifier"])

    async def _kept(
        self, scope: Scope, period: Period, present: _Present
    ) -> Mapping[Period, Tally]:
        """Of its whole months and its days."""
        parts = {present.key(scope, part): part for part in _kept_parts(period, present)}
        tally = report_months.c.tally
        found = {
            parts[key]: Tally.from_json(told)
            async for key, told in self._believed(parts, present, _KEPT_FOR, tally)
        }
        edges = [month for month in by_month(period) if not month.is_one_month]
        days = {present.key(scope, month_of(edge.first), By.DAY): edge for edge in edges}
        async for key, told in self._believed(days, present, _KEPT_FOR, tally):
            for day in by_day(days[key]):
                found.setdefault(day, _of_part(told.get(day.first.isoformat())))
        return found

    async def _kept_of(
        self, scope: Scope, period: Period, present: _Present, by: By, name: str
    ) -> Mapping[Period, Tally]:
        """What one county, category … has of its whole months."""
        months = [month for month in by_month(period) if month.is_one_month]
        keys = {present.key(scope, month, by): month for month in months}
        tally = report_months.c.tally[name]
        return {
            keys[key]: _of_part(told)
            async for key, told in self._believed(keys, present, _KEPT_FOR, tally)
        }

    async def _believed(
        self,
        keys: Collection[Key],
        present: _Present,
        for_at_most: timedelta,
        tally: ColumnElement[Any] | None = None,
    ) -> AsyncIterator[tuple[Key, Any]]:
        """Which of them are kept and still true; `tally` is what is read of them."""
        if not keys:
            return
        month, change = report_months.c, report_changes.c
        changed = exists().where(
            change.until_at >= month.from_at,
            change.from_at < month.until_at,
            change.transaction >= month.horizon,
        )
        told = (null() if tally is None else tally).label("told")
        statement = select(month.scope, month.from_at, told).where(
            month.scope.in_({scope for scope, _ in keys}),
            month.from_at.in_({at for _, at in keys}),
            month.counted_at > present.now - for_at_most,
            ~changed,
        )
        for row in await self._store.rows(statement):
            if (key := (row["scope"], row["from_at"])) in keys:
                yield key, row["told"]

    async def _is_nothing(self, scope: Scope, period: Period) -> bool:
        async with self._store.at_one_instant() as connection:
            return await is_nothing(connection, scope, period)

    async def _counted(self, scope: Scope, part: Period) -> tuple[Tally, int]:
        async with self._at_one_instant() as (connection, horizon):
            return await count(connection, scope, part), horizon

    @asynccontextmanager
    async def _at_one_instant(self) -> AsyncIterator[tuple[AsyncConnection, int]]:
        """With the first transaction that what is read may not have seen (0 on SQLite)."""
        async with self._store.at_one_instant() as connection:
            horizon = 0
            if self._is_postgresql:
                for setting in _AS_COUNTED:
                    await connection.execute(setting)
                horizon = (await connection.execute(select(_HORIZON))).scalar_one()
            yield connection, horizon

    async def _keep_if_allowed(
        self, part: Period, tallies: Mapping[Key, Any], horizon: int, present: _Present
    ) -> None:
        try:
            await self._keep(part, tallies, horizon, present)
        except StoreError as error:  # a reader without the right to write has the count as well
            log.warning("report_month_not_kept", month=str(part), reason=str(error))

    async def _keep(
        self, part: Period, tallies: Mapping[Key, Any], horizon: int, present: _Present
    ) -> None:
        """All of it or nothing."""
        values = {"until_at": part.until_at, "horizon": horizon, "counted_at": present.now}
        async with self._store.writing() as connection:
            for (scope, from_at), tally in tallies.items():
                told = {**values, "tally": tally}
                statement = insert(report_months).values(scope=scope, from_at=from_at, **told)
                await connection.execute(
                    statement.on_conflict_do_update(index_elements=["scope", "from_at"], set_=told)
                )

    async def _forget(self, present: _Present) -> None:
        """Changes outlive every month that was counted before them.

        One that is here and whose transaction is still to come was made in another cluster.
        """
        counted_at, change = report_months.c.counted_at, report_changes.c
        too_old = change.at < present.now - _CHANGES_KEPT_FOR
        async with self._store.writing() as connection:
            await connection.execute(
                delete(report_months).where(counted_at < present.now - _KEPT_FOR)
            )
            await connection.execute(
                delete(report_changes).where(too_old | (change.transaction >= _NOT_YET))
            )


def _kept_parts(period: Period, present: _Present) -> Iterator[Period]:
    """Its whole months and its late days that are over."""
    for month in by_month(period):
        if month.is_one_month and present.is_over(month):
            yield month
        if month.until_at > present.now - _DAYS_FOR:
            yield from (day for day in by_day(month) if present.is_over(day))


def _parts(period: Period, kept: Iterable[Period]) -> Iterator[Period]:
    """What is kept of it, the months before their days."""
    known = frozenset(kept)
    for month in by_month(period):
        yield from [month] if month in known else (day for day in by_day(month) if day in known)


def _missing(period: Period, kept: Iterable[Period]) -> Iterator[Period]:
    """What is not, in pieces as long as may be; a month that may be kept is one piece."""
    known = frozenset(kept)
    for month in by_month(period):
        if month in known:
            continue
        first = month.first
        for part in (*(day for day in by_day(month) if day in known), None):
            last = month.last if part is None else part.first - timedelta(days=1)
            if first <= last:
                yield Period(first, last)
            if part is not None:
                first = part.last + timedelta(days=1)


def _short(month: Period) -> Iterator[Period]:
    """So long as a statement may take at the most, on a machine that has much else to do."""
    first = month.first
    while first <= month.last:
        last = min(first + timedelta(days=_DAYS_AT_ONCE - 1), month.last)
        yield Period(first, last)
        first = last + timedelta(days=1)


def _together(pieces: Sequence[Parts]) -> Parts:
    names = {name for piece in pieces for name in piece}
    return {name: added_up(piece[name] for piece in pieces if name in piece) for name in names}


def _ways(part: Period) -> tuple[By | None, ...]:
    """In which it is kept: months as a whole and in parts, days as a whole."""
    return (None, *By) if part.is_one_month else (None,)


def _of_part(told: Mapping[str, Any] | None) -> Tally:
    """What is kept of a month's part; the month has no other parts."""
    return Tally() if told is None else Tally.from_json(told)
