"""Which ids rules and records ever had: a report on one that never was would be all zeros."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, literal, select

from ivr.store.outcome_tables import dispatches, forms, visits
from ivr.store.store import Store
from ivr.store.tables import calls, rules_versions

# By the part of `ivr.reports.figures.Scope`.
_RECORDED: Mapping[str, tuple[Column[Any], ...]] = MappingProxyType(
    {
        "county": (calls.c.county, forms.c.county, dispatches.c.county, visits.c.county),
        "category": (calls.c.category, forms.c.category),
        "desk": (calls.c.desk,),
        "counsellor": (calls.c.counsellor,),
    }
)


async def is_recorded(store: Store, part: str, name: str) -> bool:
    """Whether any record has it; of what none has every record is read. Raises StoreError."""
    for column in _RECORDED[part]:
        if await store.rows(select(literal(1)).where(column == name).limit(1)):
            return True
    return False


async def published_categories(store: Store) -> frozenset[str]:
    """Of every version that was ever published. Raises StoreError."""
    published = rules_versions.c.published_at.is_not(None)
    rows = await store.rows(select(rules_versions.c.rules).where(published))
    return frozenset(one["id"] for row in rows for one in row["rules"]["categories"])
