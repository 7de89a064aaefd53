"""What is over is counted once, where there may be millions of calls (PostgreSQL).

What is kept counts until something of it is changed after all: triggers write down each such change
with its transaction, and a month or day counts as it was kept only if no transaction that its
counting could not see is among them. Nobody waits for anybody, and no count is ever out of date.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert

from ivr.errors import StoreError
from ivr.reports.figures import Scope
from ivr.reports.period import Period, by_day, by_month
from ivr.reports.tally import Tally
from ivr.store.report_tables import report_changes, report_months
from ivr.store.reports_count import count, is_nothing
from ivr.store.store import Store

log = structlog.get_logger()

COUNTING = 1  # raise it when anything is counted otherwise: what was kept before is of no use then
# Changes are written down from three days on (migration 0007); no transaction lasts a day.
_OVER_FOR = timedelta(days=4)
_KEPT_FOR = timedelta(days=30)
_RENEWED_AFTER = timedelta(days=20)  # by who keeps them beforehand: no reader finds one too old
_CHANGES_KEPT_FOR = timedelta(days=40)
_DAYS_FOR = timedelta(days=100)  # parts of earlier months are seldom asked for
_HORIZON: ColumnElement[int] = literal_column("txid_snapshot_xmin(txid_current_snapshot())")
_NOT_YET: ColumnElement[int] = literal_column("txid_snapshot_xmax(txid_current_snapshot())")
# All that is counted lies in indexes: without this a month is joined with all forms there are.
_BY_INDEX = text("SET LOCAL random_page_cost = 1.1")
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

    def key(self, scope: Scope, part: Period) -> str:
        words: dict[str, Any] = {"counting": COUNTING, "cluster": self.cluster, "days": part.days}
        return json.dumps({**words, "province": scope.province, "county": scope.county})


class Months:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tallies(self, scope: Scope, period: Period) -> list[Tally]:
        """Parts of the period that add up to it."""
        present = await self._present() if _can_be_kept(scope) else None
        if present is None:
            return [(await self._counted(scope, part))[0] for part in self._pieces(period)]
        kept = await self._kept(scope, period, present, _KEPT_FOR)
        if not kept and await self._is_nothing(scope, period):
            return []  # such as the year before the first call
        found = [kept[part] for part in _parts(period, kept)]
        for part in _missing(period, kept):
            tally, horizon = await self._counted(scope, part)
            found.append(tally)
            if part.is_one_month and present.is_over(part):
                await self._keep_if_allowed(scope, part, tally, horizon, present)
        return found

    async def keep(self, scope: Scope, period: Period) -> int:
        """Count its months and days that are over and not kept yet; returns how many."""
        present = await self._present()
        if present is None:
            return 0
        await self._forget(present)
        kept = await self._kept(scope, period, present, _RENEWED_AFTER)
        wanted = [part for part in _kept_parts(period, present) if part not in kept]
        for part in wanted:
            tally, horizon = await self._counted(scope, part)
            await self._keep(scope, part, tally, horizon, present)
        return len(wanted)

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
        self, scope: Scope, period: Period, present: _Present, for_at_most: timedelta
    ) -> Mapping[Period, Tally]:
        month, change = report_months.c, report_changes.c
        changed = exists().where(
            change.until_at >= month.from_at,
            change.from_at < month.until_at,
            change.transaction >= month.horizon,
        )
        by_key = {
            (present.key(scope, part), part.from_at): part for part in _kept_parts(period, present)
        }
        statement = select(month.scope, month.from_at, month.tally).where(
            month.scope.in_({key for key, _ in by_key}),
            month.from_at >= period.from_at,
            month.until_at <= period.until_at,
            month.counted_at > present.now - for_at_most,
            ~changed,
        )
        rows = await self._store.rows(statement)
        found = {by_key.get((row["scope"], row["from_at"])): row["tally"] for row in rows}
        return {part: Tally.from_json(tally) for part, tally in found.items() if part is not None}

    async def _is_nothing(self, scope: Scope, period: Period) -> bool:
        async with self._store.at_one_instant() as connection:
            return await is_nothing(connection, scope, period)

    async def _counted(self, scope: Scope, part: Period) -> tuple[Tally, int]:
        """With the first transaction that the count may not have seen (0 on SQLite)."""
        async with self._store.at_one_instant() as connection:
            horizon = 0
            if self._is_postgresql:
                await connection.execute(_BY_INDEX)
                horizon = (await connection.execute(select(_HORIZON))).scalar_one()
            return await count(connection, scope, part), horizon

    async def _keep_if_allowed(
        self, scope: Scope, part: Period, tally: Tally, horizon: int, present: _Present
    ) -> None:
        try:
            await self._keep(scope, part, tally, horizon, present)
        except StoreError as error:  # a reader without the right to write has the count as well
            log.warning("report_month_not_kept", month=str(part), reason=str(error))

    async def _keep(
        self, scope: Scope, part: Period, tally: Tally, horizon: int, present: _Present
    ) -> None:
        values = {
            "until_at": part.until_at,
            "horizon": horizon,
            "counted_at": present.now,
            "tally": tally.as_json(),
        }
        keys = {"scope": present.key(scope, part), "from_at": part.from_at}
        statement = insert(report_months).values(**keys, **values)
        async with self._store.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[*keys], set_=values)
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


def _can_be_kept(scope: Scope) -> bool:
    """A trip's category, desk and counsellor are its call's, which may be of another month."""
    return scope.category is None and scope.desk is None and scope.counsellor is None
