"""What people owe, looked up for the alarms that a running line raises (`ivr.owed`)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select

from ivr.model import ProvinceId
from ivr.owed import OpenFollowUp, OpenStay, Owed, OwedOutcomes, RetentionState
from ivr.rules.schema import ProvinceRules
from ivr.store.deliveries import DeliveryStore
from ivr.store.outcome_tables import follow_ups
from ivr.store.pending import PendingStore
from ivr.store.retention_runs import RetentionRuns
from ivr.store.store import Store
from ivr.store.visits import VisitStore


class OwedStore:
    """Raises StoreError where the database cannot be used.

    `retention_within` is None where no retention runs by itself; it is asked for `since_at`.
    """

    def __init__(
        self, store: Store, retention_within: timedelta | None, since_at: datetime
    ) -> None:
        self._store = store
        self._retention_within = retention_within
        self._since_at = since_at

    async def look(self, rules: Iterable[ProvinceRules], now: datetime) -> Owed:
        hours = {one.id: one.keeping.outcome_overdue_h for one in rules}
        provinces = tuple(hours)
        stays = await VisitStore(self._store).due(provinces, now)
        return Owed(
            stays=tuple(
                OpenStay(centre=stay.centre, until_at=stay.until_at)
                for stay in stays
                if stay.until_at is not None
            ),
            follow_ups=await self._follow_ups(provinces, now),
            outcomes=tuple(
                [
                    one
                    for province, overdue_h in hours.items()
                    for one in await self._outcomes(province, now, overdue_h)
                ]
            ),
            untaken=await DeliveryStore(self._store).untaken(),
            retention=await self._retention(),
        )

    async def _follow_ups(
        self, provinces: Collection[ProvinceId], now: datetime
    ) -> tuple[OpenFollowUp, ...]:
        it = follow_ups.c
        statement = select(it.province, it.desk, it.kind, it.due_at, it.taken_at).where(
            it.province.in_(provinces), it.done_at.is_(None), it.due_at <= now
        )
        return tuple(
            OpenFollowUp(
                province=row["province"],
                desk=row["desk"],
                expected_back=row["kind"] == "expected_back",
                due_at=row["due_at"],
                taken_at=row["taken_at"],
            )
            for row in await self._store.rows(statement)
        )

    async def _outcomes(
        self, province: ProvinceId, now: datetime, overdue_h: int
    ) -> tuple[OwedOutcomes, ...]:
        overdue = timedelta(hours=overdue_h)
        return await PendingStore(self._store).counts_of_supervisor(province, now, overdue)

    async def _retention(self) -> RetentionState | None:
        if self._retention_within is None:
            return None
        done_at, error = await RetentionRuns(self._store).state()
        return RetentionState(
            done_at=done_at,
            error=error,
            within=self._retention_within,
            asked_since_at=self._since_at,
        )
