"""Who has signed out at a phone, kept over the controller's restarts.

Counsellors say so themselves, many times a day: the journal has it, the audit trail has not.
"""

from datetime import datetime

from sqlalchemy import select, update

from ivr.model import CounsellorId
from ivr.store.store import Store
from ivr.store.tables import people


class SignInStore:
    """Part of `store`; raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep_signed_out(self, counsellor: CounsellorId, since_at: datetime | None) -> None:
        """On disk when this returns; None: is in again."""
        row = people.c.id == counsellor
        async with self._store.writing() as connection:
            await connection.execute(update(people).where(row).values(signed_out_at=since_at))

    async def signed_out(self) -> tuple[CounsellorId, ...]:
        statement = select(people.c.id).where(people.c.signed_out_at.is_not(None))
        rows = await self._store.rows(statement.order_by(people.c.id))
        return tuple(CounsellorId(row["id"]) for row in rows)
