"""What a running line goes by, and whether anything of it was decided anew."""

from datetime import datetime

from sqlalchemy import func, select

from ivr.in_force import InForce
from ivr.store.floor_acts import GROUP
from ivr.store.in_force import STEERS, load_in_force
from ivr.store.store import Store
from ivr.store.tables import audit


class Decisions:
    """`ivr.steering.Source` in the database; both raise StoreError.

    Acts on the floor stand in the trail too, many a day, and change nothing that is in force.
    """

    def __init__(self, store: Store, seen: int) -> None:
        """`seen` is the revision that the line goes by already."""
        self._store = store
        self._counts = self._seen = seen

    async def revision(self) -> int:
        """The newest entry of the trail that changed what is in force."""
        rows = await self._store.rows(select(func.max(audit.c.seq).label("seq")))
        newest = int(rows[0]["seq"] or 0)
        if newest == self._seen:
            return self._counts
        if newest < self._seen or await self._decided_after(self._seen):
            self._counts = newest
        self._seen = newest
        return self._counts

    async def _decided_after(self, seen: int) -> bool:
        others = STEERS & ~audit.c.action.startswith(f"{GROUP}.", autoescape=True)
        statement = select(audit.c.seq).where(audit.c.seq > seen, others).limit(1)
        return bool(await self._store.rows(statement))

    async def load(self, at: datetime) -> InForce:
        found = await load_in_force(self._store, at)
        self._counts = self._seen = found.revision
        return found
