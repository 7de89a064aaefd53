"""Outcomes as they are saved, by this process or by another (`ivr outcome`)."""

from dataclasses import dataclass

from sqlalchemy import func, select

from ivr.model import CallId
from ivr.store.entered import call_id
from ivr.store.forms import Source
from ivr.store.store import Store
from ivr.store.tables import outcomes

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class OutcomeNews:
    """`ivr.steering.Outcomes` in the database; both raise StoreError."""

    store: Store

    async def newest(self) -> int:
        rows = await self.store.rows(select(func.max(outcomes.c.id).label("id")))
        return int(rows[0]["id"] or 0)

    async def saved_after(self, number: int) -> tuple[tuple[int, CallId], ...]:
        """In the order in which they were saved; no line waits for those of earlier records."""
        statement = (
            select(outcomes.c.id, outcomes.c.call)
            .where(
                outcomes.c.id > number, ~outcomes.c.call.startswith(call_id("", Source.IMPORTED))
            )
            .order_by(outcomes.c.id)
            .limit(AT_ONCE)
        )
        return tuple((row["id"], CallId(row["call"])) for row in await self.store.rows(statement))
