"""Reports out of the database, and the calls behind each of their figures."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Table, func, select

from ivr.errors import StoreError
from ivr.model import ProvinceId
from ivr.reports.compare import make_report
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period, before, day_of, month_of
from ivr.reports.tally import Tally, added_up
from ivr.store.outcome_tables import dispatches, visits
from ivr.store.reports_months import Months
from ivr.store.reports_open import Opened, from_row, opened
from ivr.store.store import Store
from ivr.store.tables import calls

OPENED_AT_MOST = 100_000


@dataclass(frozen=True, slots=True)
class OpenedFigure:
    """`more`: the figure counts more than these."""

    rows: tuple[Opened, ...]
    more: bool


class ReportStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def report(self, scope: Scope, period: Period) -> Report:
        """The figures of the period, beside those of the one before it."""
        try:
            async with asyncio.TaskGroup() as both:
                now = both.create_task(self.tally(scope, period))
                then = both.create_task(self.tally(scope, before(period)))
        except ExceptionGroup as group:
            if not isinstance(group.exceptions[0], StoreError):
                raise
            raise group.exceptions[0] from None  # the database is away for both alike
        return make_report(scope, period, now.result(), then.result())

    async def tally(self, scope: Scope, period: Period) -> Tally:
        """What is counted of the period."""
        months = Months(self._store)
        found: list[Tally] = []
        async for part in self._by_province(scope):
            found += await months.tallies(part, period)
        return added_up(found)

    async def open(
        self, figure: str, scope: Scope, period: Period, limit: int = OPENED_AT_MOST
    ) -> OpenedFigure:
        """What the figure counts, in the order of time; raises BadInput where there is none such.

        Of a mean it is what it is the mean of, the longest first; of a share all that it is of.
        """
        statement = opened(figure, scope, period).limit(limit + 1)
        rows = [one for row in await self._store.rows(statement) for one in from_row(row)]
        return OpenedFigure(tuple(rows[:limit]), more=len(rows) > limit)

    async def keep(self) -> int:
        """Count beforehand what is over, so that no reader waits for it; returns how many parts.

        Months and late days of each province (PostgreSQL alone; elsewhere there is nothing to do).
        """
        if self._store.engine.dialect.name != "postgresql":
            return 0
        months, kept = Months(self._store), 0
        async for scope in self._by_province(Scope()):
            first = await self._first_at(scope)
            if first is not None:
                today, began = day_of(datetime.now(UTC)), month_of(day_of(first)).first
                kept += await months.keep(scope, Period(began, max(began, today)))
        return kept

    async def _first_at(self, scope: Scope) -> datetime | None:
        found = [
            (await self._store.rows(select(func.min(at).label("at")).where(of)))[0]["at"]
            for at, of in (
                (calls.c.arrived_at, calls.c.province == scope.province),
                (dispatches.c.sent_at, dispatches.c.province == scope.province),
                (visits.c.from_at, visits.c.province == scope.province),
            )
        ]
        return min((at for at in found if at is not None), default=None)

    async def _by_province(self, scope: Scope) -> AsyncIterator[Scope]:
        """Each call, trip and visit is one province's, and every index begins with it."""
        if scope.province is not None:
            yield scope
            return
        provinces = {
            name for table in (calls, dispatches, visits) async for name in self._of(table)
        }
        for province in sorted(provinces):
            yield replace(scope, province=ProvinceId(province))

    async def _of(self, table: Table) -> AsyncIterator[str]:
        """The provinces of a table, from one to the next: reading every row takes far longer."""
        last = ""
        while last is not None:
            smallest = func.min(table.c.province).label("province")
            (row,) = await self._store.rows(select(smallest).where(table.c.province > last))
            last = row["province"]
            if last is not None:
                yield last
