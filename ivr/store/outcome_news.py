"""Forms as they are saved, by this process or by another (`ivr outcome`)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from ivr.model import CallId
from ivr.store.outcome_tables import forms
from ivr.store.store import Store


@dataclass(frozen=True, slots=True)
class OutcomeNews:
    """`ivr.steering.Outcomes` in the database; raises StoreError.

    It asks by call, never for what is newer than some number: PostgreSQL gives numbers out before
    the commit, so a lower one may come after a higher one.
    """

    store: Store

    async def forms_of(self, of: Collection[CallId]) -> Mapping[CallId, frozenset[int]]:
        statement = select(forms.c.call, forms.c.id).where(forms.c.call.in_(of))
        found: dict[CallId, set[int]] = {}
        for row in await self.store.rows(statement):
            found.setdefault(CallId(row["call"]), set()).add(row["id"])
        return {call: frozenset(numbers) for call, numbers in found.items()}
