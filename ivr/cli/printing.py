"""How lists of records are printed: a table that nothing is cut from, or JSON for a script."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import typer
from rich.console import Console
from rich.table import Table

from ivr.calendar import plain_minute

PIPE_WIDTH = 200  # columns, where the output is no terminal


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> None:
    """`nothing` is said in place of an empty table."""
    listed = list(rows)
    if not listed:
        typer.echo(nothing)
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in listed:
        table.add_row(*map(_cell, row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return plain_minute(value)
    return "-" if value is None or value == "" else str(value)


def as_plain(record: Mapping[str, object]) -> dict[str, object]:
    """A record's fields, as JSON has them."""
    return {name: value for name, value in record.items() if name != "key"}
