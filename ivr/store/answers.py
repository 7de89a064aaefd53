"""What a save that changed a record was answered: the same key again gives the first answer.

Without the record's free text: that is given as it stands now, so what was erased stays erased.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import BadInput
from ivr.store.erasing import FREE_TEXT
from ivr.store.outcome_tables import answers

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is done to a row of a table, by the key of its save; without one nothing is kept."""

    table: Table
    name: str
    key: str | None

    def about(self, record: Any) -> str:
        return f"{self.table.name} {record.id} {self.name}"


async def first_answer(connection: AsyncConnection, act: Act, record: T) -> T | None:
    """What this key was answered about the record, which is locked; None: it is new.

    Raises BadInput for a key that belongs to another change.
    """
    found = await connection.execute(select(answers).where(answers.c.key == act.key))
    row = found.mappings().one_or_none()
    if act.key is None or row is None:
        return None
    if row["about"] != act.about(record):
        raise BadInput(
            f"The key {act.key!r} belongs to another change ({row['about']}); nothing was changed. "
            "Give each its own."
        )
    text = {name: getattr(record, name) for name in FREE_TEXT[act.table]}
    earlier = _json_of(record).validate_python(row["answer"])
    return cast("T", replace(earlier, **text))


async def keep_answer(connection: AsyncConnection, act: Act, record: Any) -> None:
    """In the transaction that changes the record."""
    if act.key is None:
        return
    said = _json_of(record).dump_python(replace(record, **FREE_TEXT[act.table]), mode="json")
    values = {"key": act.key, "about": act.about(record), "answer": said, "at": datetime.now(UTC)}
    await connection.execute(insert(answers).values(values))


def _json_of(record: Any) -> TypeAdapter[Any]:
    return _adapter(record.__class__)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
