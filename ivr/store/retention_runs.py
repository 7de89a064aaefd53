"""Each run of the retention: who began it when, and how it ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, insert, select, update

from ivr.store.outcome_tables import retention_runs
from ivr.store.store import Store

ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """`rows`: how many were erased. Without an end it goes on, or was killed."""

    id: int
    by: str
    began_at: datetime
    ended_at: datetime | None
    rows: int | None
    error: str | None


@dataclass(slots=True)
class Erased:
    """What a run under way has to tell of itself."""

    rows: int = field(default=0)


class RetentionRuns:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @asynccontextmanager
    async def one(self, *, by: str, at: datetime) -> AsyncIterator[Erased]:
        """A run: what is raised inside it failed of. Where that cannot be noted, it has no end."""
        async with self._store.writing() as connection:
            new = await connection.execute(insert(retention_runs).values(by=by, began_at=at))
            (number,) = new.inserted_primary_key or (0,)
        erased = Erased()
        try:
            yield erased
        except Exception as error:
            await self._end(number, erased, str(error)[:ERROR_LENGTH] or type(error).__name__)
            raise
        await self._end(number, erased, None)

    async def _end(self, number: int, erased: Erased, error: str | None) -> None:
        ended = {"ended_at": datetime.now(UTC), "rows": erased.rows, "error": error}
        changed = update(retention_runs).where(retention_runs.c.id == number).values(ended)
        async with self._store.writing() as connection:
            await connection.execute(changed)

    async def last(self, limit: int = 30) -> tuple[RetentionRun, ...]:
        """The newest first."""
        newest = select(retention_runs).order_by(retention_runs.c.id.desc()).limit(limit)
        return tuple(RetentionRun(**row) for row in await self._store.rows(newest))

    async def state(self) -> tuple[datetime | None, str]:
        """When one last ended well (None: never did one), and what the newest one failed of."""
        it = retention_runs.c
        (row,) = await self._store.rows(
            select(func.max(it.ended_at).label("at")).where(it.error.is_(None))
        )
        newest = await self.last(1)
        return row["at"], (newest[0].error or "") if newest else ""
