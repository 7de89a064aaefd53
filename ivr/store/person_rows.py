"""Rows of people served: of a form, a trip or a visit, each counted there alone."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.outcome_form import PersonsServed
from ivr.store.outcome_tables import persons


async def add_persons(
    connection: AsyncConnection, of: Column[Any], number: int, served: Iterable[PersonsServed]
) -> None:
    """Within a transaction; `of` is the column of `persons` that names what served them."""
    rows = [{of.name: number, **one.model_dump(mode="json")} for one in served]
    if rows:
        await connection.execute(insert(persons), rows)
