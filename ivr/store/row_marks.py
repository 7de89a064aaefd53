"""Marks of rows: what the audit trail keeps of a row as a decision has left it.

A mark is an HMAC, so that whoever can read the trail alone cannot guess at a telephone's number,
and whoever can write the database alone cannot make a mark that fits. It is sealed with its entry.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.tables import closures, people, roster, rules_versions

MARK_DIGITS: Final = 32
ROWS_AT_ONCE: Final = 200  # of SQLite's bound on what one statement may name


@dataclass(frozen=True, slots=True)
class _Marked:
    """A table whose rows are marked: what names a row, and the columns that only decisions set."""

    table: Table
    named_by: tuple[str, ...]
    columns: tuple[str, ...]

    def name(self, row: RowMapping) -> str:
        return "/".join((self.table.name, *(str(row[column]) for column in self.named_by)))


def _whole(table: Table, *named_by: str, but: str = "") -> _Marked:
    columns = tuple(column.name for column in table.c if column.name != but)
    return _Marked(table, named_by, columns)


_TABLES: Final[Mapping[str, _Marked]] = {
    item.table.name: item
    for item in (
        # Who signs out at a telephone decides nothing that the trail has.
        _whole(people, "id", but="signed_out_at"),
        _whole(roster, "id"),
        _whole(closures, "id"),
        _whole(rules_versions, "province", "number", but="id"),
    )
}


async def marks_of(connection: AsyncConnection, key: bytes, names: Iterable[str]) -> dict[str, str]:
    """The marks of these rows, named `people/arak-1`, as the transaction sees them."""
    wanted: dict[str, list[list[str]]] = {}
    for name in dict.fromkeys(names):
        table, *values = name.split("/")
        wanted.setdefault(table, []).append(values)
    found: dict[str, str] = {}
    for table, rows in wanted.items():
        marked = _TABLES[table]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            chosen = _among(marked, rows[start : start + ROWS_AT_ONCE])
            found |= await _marks(connection, marked, key, chosen)
    return found


async def all_marks(connection: AsyncConnection, key: bytes) -> dict[str, str]:
    """The marks of all rows that decisions write."""
    found: dict[str, str] = {}
    for marked in _TABLES.values():
        found |= await _marks(connection, marked, key)
    return found


def _among(marked: _Marked, rows: Iterable[list[str]]) -> ColumnElement[bool]:
    columns = [marked.table.c[name] for name in marked.named_by]
    values = [
        tuple(column.type.python_type(value) for column, value in zip(columns, row, strict=True))
        for row in rows
    ]
    if len(columns) == 1:
        return columns[0].in_([value for (value,) in values])
    return tuple_(*columns).in_(values)


async def _marks(
    connection: AsyncConnection, marked: _Marked, key: bytes, *chosen: ColumnElement[bool]
) -> dict[str, str]:
    statement = select(*(marked.table.c[name] for name in marked.columns)).where(*chosen)
    rows = (await connection.execute(statement)).mappings()
    return {marked.name(row): _mark(marked, row, key) for row in rows}


def _mark(marked: _Marked, row: RowMapping, key: bytes) -> str:
    values = [marked.table.name, {name: row[name] for name in marked.columns}]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain)
    return hmac.new(key, b"row:" + text.encode(), hashlib.sha256).hexdigest()[:MARK_DIGITS]


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError
