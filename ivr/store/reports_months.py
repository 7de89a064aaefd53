"""Months that are over are counted once, where there may be millions of calls (PostgreSQL).

What is kept counts until something of the month is changed after all: triggers write down each such
change with its transaction, and a month counts as it was kept only if no transaction that its
counting could not see is among them. Nobody waits for anybody, and no count is ever out of date.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import StoreError
from ivr.reports.figures import Scope
from ivr.reports.period import Period, by_month
from ivr.reports.tally import Tally
from ivr.store.report_tables import report_changes, report_months
from ivr.store.reports_count import count
from ivr.store.store import Store

log = structlog.get_logger()

COUNTING = 1  # raise it when anything is counted otherwise: what was kept before is of no use then
# Changes are written down from three days on (migration 0007); no transaction lasts a day.
_OVER_FOR = timedelta(days=4)
_KEPT_FOR = timedelta(days=30)
_CHANGES_KEPT_FOR = timedelta(days=40)
_HORIZON: ColumnElement[int] = literal_column("txid_snapshot_xmin(txid_current_snapshot())")


class Months:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tallies(self, scope: Scope, period: Period) -> list[Tally]:
        """Parts of the period that add up to it."""
        if self._store.engine.dialect.name != "postgresql" or not _can_be_kept(scope):
            async with self._store.at_one_instant() as connection:
                return [await count(connection, scope, period)]
        (row,) = await self._store.rows(select(func.now().label("now")))
        now = row["now"]
        kept = await self._kept(scope, period, now)
        return [
            kept[part.from_at] if part.from_at in kept else await self._count(scope, part, now)
            for part in by_month(period)
        ]

    async def _kept(self, scope: Scope, period: Period, now: datetime) -> Mapping[datetime, Tally]:
        month, change = report_months.c, report_changes.c
        changed = exists().where(
            change.until_at >= month.from_at,
            change.from_at < month.until_at,
            change.transaction >= month.horizon,
        )
        statement = select(month.from_at, month.tally).where(
            month.scope == _key(scope),
            month.from_at >= period.from_at,
            month.until_at <= period.until_at,
            month.counted_at > now - _KEPT_FOR,
            ~changed,
        )
        rows = await self._store.rows(statement)
        return {row["from_at"]: Tally.from_json(row["tally"]) for row in rows}

    async def _count(self, scope: Scope, part: Period, now: datetime) -> Tally:
        async with self._store.at_one_instant() as connection:
            horizon = (await connection.execute(select(_HORIZON))).scalar_one()
            tally = await count(connection, scope, part)
        if _is_over(part, now):
            try:
                await self._keep(scope, part, tally, horizon, now)
            except StoreError as error:  # a reader without the right to write has the count as well
                log.warning("report_month_not_kept", month=str(part), reason=str(error))
        return tally

    async def _keep(
        self, scope: Scope, part: Period, tally: Tally, horizon: int, now: datetime
    ) -> None:
        values = {
            "until_at": part.until_at,
            "horizon": horizon,
            "counted_at": now,
            "tally": tally.as_json(),
        }
        keys = {"scope": _key(scope), "from_at": part.from_at}
        statement = insert(report_months).values(**keys, **values)
        async with self._store.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[*keys], set_=values)
            )
            await _forget_old_ones(connection, now)


async def _forget_old_ones(connection: AsyncConnection, now: datetime) -> None:
    """Changes outlive every month that was counted before them."""
    counted_at, changed_at = report_months.c.counted_at, report_changes.c.at
    await connection.execute(delete(report_months).where(counted_at < now - _KEPT_FOR))
    await connection.execute(delete(report_changes).where(changed_at < now - _CHANGES_KEPT_FOR))


def _can_be_kept(scope: Scope) -> bool:
    """A trip's category, desk and counsellor are its call's, which may be of another month."""
    return scope.category is None and scope.desk is None and scope.counsellor is None


def _is_over(part: Period, now: datetime) -> bool:
    return part.is_whole_months and part.until_at <= now - _OVER_FOR


def _key(scope: Scope) -> str:
    words: dict[str, Any] = {"counting": COUNTING, "province": scope.province}
    return json.dumps({**words, "county": scope.county})
