"""Versions of the rules as a table or as JSON: Tehran's time, Persian in the last column only."""

import json
import sys
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.calendar import plain_minute
from ivr.rules.diff import Difference
from ivr.rules.findings import Finding
from ivr.store.codec import Json, encode
from ivr.versions import Version, VersionState

PIPE_WIDTH = 200  # columns, where the output is no terminal: nothing is cut


WithState = tuple[Version, VersionState]


def versions_table(versions: Iterable[WithState]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("province", "number", "version", "state", "in force from"):
        table.add_column(title, no_wrap=True)
    for title in ("drafted", "published", "remarks", "note"):
        table.add_column(title)
    for version, state in versions:
        cells = (
            version.province,
            str(version.number),
            version.version,
            state.value,
            plain_minute(version.active_from_at) if version.active_from_at else "-",
            _by(version.drafted_by, version.drafted_at),
            _by(version.published_by, version.published_at),
            "\n".join(_remarks(version)) or "-",
            version.note,
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _by(who: str | None, at: datetime | None) -> str:
    return f"{who} {plain_minute(at)}" if who and at else "-"


def _remarks(version: Version) -> Iterable[str]:
    if version.restores is not None:
        yield f"brings back {version.restores}"
    if version.break_glass is not None:
        yield f"BREAK-GLASS: {version.break_glass}"
        yield f"reviewed by {version.reviewed_by}" if version.reviewed_by else "NOT REVIEWED"
    if version.withdrawn_by is not None:
        yield f"withdrawn by {_by(version.withdrawn_by, version.withdrawn_at)}"


def version_json(version: Version, state: VersionState) -> dict[str, Json]:
    """What a script gets of a version; the keys are a promise. Instants are ISO 8601, UTC."""
    facts = {field.name: encode(getattr(version, field.name)) for field in fields(Version)}
    return facts | {"state": state.value}


def differences_json(differences: Iterable[Difference]) -> list[Json]:
    return [
        {
            "field": item.field,
            "old": item.old,
            "new": item.new,
            "text": item.text,
            "affects": item.affects,
        }
        for item in differences
    ]


def finding_line(finding: Finding) -> str:
    """A finding of stored rules: they have no file and no line."""
    return f"{finding.severity}: {finding.field}: {finding.message}"


def print_table(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def print_json(data: Json) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
