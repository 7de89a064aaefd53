"""Rows of the table of rules' versions; their content never changes, only what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Text,
    cast,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import BadInput, StoreError
from ivr.model import ProvinceId
from ivr.rules.schema import ProvinceRules
from ivr.store.tables import rules_versions
from ivr.versions import StoredVersion, Version, no_version

COLUMNS = rules_versions.c
_NAMES = [field.name for field in fields(Version)]
_FACTS = [COLUMNS[name] for name in _NAMES]
_DOCUMENT = cast(COLUMNS.rules, Text).label("document")  # the schema reads it, nobody before


def versions_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Versions without their content, by province and number."""
    return select(*_FACTS).where(*conditions).order_by(COLUMNS.province, COLUMNS.number)


def documents_of(*versions: tuple[ProvinceId, int]) -> Select[Any]:
    """Versions with their content, by province, for `read_version`."""
    chosen = tuple_(COLUMNS.province, COLUMNS.number).in_(versions)
    return select(*_FACTS, _DOCUMENT).where(chosen).order_by(COLUMNS.province)


def read_version(row: RowMapping) -> StoredVersion:
    """A row of `documents_of`; what its document says nothing of has its default.

    Raises StoreError for a document that this code cannot read.
    """
    try:
        rules = ProvinceRules.model_validate_json(row["document"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise StoreError(
            f"Version {row['number']} of {row['province']} in the database cannot be read by this "
            f"version of line 123: {error.error_count()} problem(s), the first at {place}: "
            f"{first['msg']}. Install the version that wrote it, or publish rules that this one "
            "can read (`ivr rules draft`, `ivr rules publish`)."
        ) from error
    return StoredVersion(**{name: row[name] for name in _NAMES}, rules=rules)


async def load_versions(connection: AsyncConnection, province: ProvinceId) -> tuple[Version, ...]:
    """The province's versions as the transaction sees them."""
    rows = await connection.execute(versions_where(COLUMNS.province == province))
    return tuple(Version(**row) for row in rows.mappings())


def numbered(versions: Iterable[Version], province: ProvinceId, number: int) -> Version:
    """Raises BadInput where there is none of this number."""
    found = next((version for version in versions if version.number == number), None)
    if found is None:
        raise no_version(province, number)
    return found


async def add_version(connection: AsyncConnection, rules: ProvinceRules, **facts: Any) -> Version:
    """A new row with the province's next number."""
    last = select(func.max(COLUMNS.number)).where(COLUMNS.province == rules.id)
    number = ((await connection.execute(last)).scalar() or 0) + 1
    version = Version(province=rules.id, number=number, version=rules.version, **facts)
    values = {name: getattr(version, name) for name in _NAMES}
    document = rules.model_dump(mode="json")
    await connection.execute(insert(rules_versions).values(**values, rules=document))
    return version


async def change_version(
    connection: AsyncConnection, version: Version, values: Mapping[str, Any]
) -> Version:
    """Change a row that is still as `version` has it.

    Raises BadInput where another transaction was faster. SQLite lets one write after the other;
    PostgreSQL makes this statement wait for the other and then look again.
    """
    mine = (COLUMNS.province == version.province) & (COLUMNS.number == version.number)
    as_seen = [
        _same(COLUMNS[name], getattr(version, name))
        for name in ("published_at", "withdrawn_at", "reviewed_at")
    ]
    statement = update(rules_versions).where(mine, *as_seen).values(**values)
    if (await connection.execute(statement)).rowcount != 1:
        raise BadInput(f"Meanwhile somebody else has changed {version.name}; nothing was changed.")
    rows = await connection.execute(versions_where(mine))
    return Version(**rows.mappings().one())


def _same(column: ColumnElement[Any], value: datetime | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value
