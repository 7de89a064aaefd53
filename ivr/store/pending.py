"""Calls that somebody has talked in and nobody has recorded: whose list each stands on.

After the talk it is its counsellor's; once it is overdue, or where nobody knows who had it (the
fallback), it is the supervisor's as well. It leaves the lists with its first saved form.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, exists, func, or_, select

from ivr.model import CallId, CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.owed import OwedOutcomes
from ivr.store.outcome_tables import drafts, forms
from ivr.store.store import Store
from ivr.store.tables import calls

COUNTED = timedelta(days=90)  # so that a look costs the same after ten years

_SINCE_AT = func.coalesce(calls.c.talk_ended_at, calls.c.ended_at)
_COLUMNS = (
    *(calls.c[name] for name in ("call", "province", "desk", "counsellor", "county", "category")),
    calls.c.connected_at,
    _SINCE_AT.label("talk_ended_at"),
    exists().where(drafts.c.call == calls.c.call).label("has_draft"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCall:
    """A call whose form is owed since its talk ended."""

    call: CallId
    province: ProvinceId
    desk: DeskId | None
    counsellor: CounsellorId | None
    county: CountyId | None
    category: CategoryId | None
    connected_at: datetime
    talk_ended_at: datetime
    has_draft: bool


class PendingStore:
    """Raises StoreError where the database cannot be used. Lists begin with the oldest call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_counsellor(
        self, counsellor: CounsellorId, limit: int = 1000
    ) -> tuple[PendingCall, ...]:
        return await self._select(calls.c.counsellor == counsellor, limit)

    async def of_supervisor(
        self,
        provinces: Collection[ProvinceId],
        now: datetime,
        overdue_after: timedelta,
        limit: int = 1000,
    ) -> tuple[PendingCall, ...]:
        """What is owed for longer than `overdue_after`, or by nobody that is known."""
        late = _is_late(now - overdue_after)
        return await self._select(calls.c.province.in_(provinces) & late, limit)

    async def counts_of_supervisor(
        self, province: ProvinceId, now: datetime, overdue_after: timedelta
    ) -> tuple[OwedOutcomes, ...]:
        """How long the supervisor's list is, desk by desk; of calls of the last COUNTED days."""
        it = calls.c
        here = (it.province == province) & (it.arrived_at >= now - COUNTED)
        statement = (
            select(it.desk, func.count().label("count"), func.min(_SINCE_AT).label("since_at"))
            .where(here, _is_owed(), _is_late(now - overdue_after))
            .group_by(it.desk)
            .order_by(it.desk)
        )
        rows = await self._store.rows(statement)
        return tuple(OwedOutcomes(province=province, **row) for row in rows)

    async def _select(self, condition: ColumnElement[bool], limit: int) -> tuple[PendingCall, ...]:
        rows = await self._store.rows(_pending().where(condition).limit(limit))
        return tuple(_call(row) for row in rows)


def _is_owed() -> ColumnElement[bool]:
    """Of `calls`: somebody talked in it, and nobody has recorded what came of it."""
    talked = calls.c.connected_at.is_not(None) & _SINCE_AT.is_not(None)
    return talked & ~exists().where(forms.c.call == calls.c.call)


def _is_late(late_at: datetime) -> ColumnElement[bool]:
    return or_(calls.c.counsellor.is_(None), late_at >= _SINCE_AT)


def _pending() -> Select[Any]:
    return select(*_COLUMNS).where(_is_owed()).order_by(_SINCE_AT, calls.c.call)


def _call(row: RowMapping) -> PendingCall:
    return PendingCall(**{**row, "has_draft": bool(row["has_draft"])})
