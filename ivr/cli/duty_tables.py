"""Duty as tables for a terminal and as JSON: Tehran's time, Persian in the last column only."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.alarms import DutyAlarmCode
from ivr.calendar import TEHRAN, plain_day, plain_minute
from ivr.cli.duty_room import DutyRoom
from ivr.duty import Closure, ClosureKind, RosterEntry
from ivr.duty_page import DeskPage
from ivr.jalali import WEEKDAYS
from ivr.rosters import described
from ivr.store.codec import Json
from ivr.store.duty import RosterDecision
from ivr.store.duty_rows import ClosureRecord

PIPE_WIDTH = 200  # columns, where the output is no terminal: nothing is cut

MEANING = {
    ClosureKind.EVACUATED: "its phones ring for nobody",
    ClosureKind.LINK_LOST: "its phones ring for nobody",
    ClosureKind.NO_STAFF: "its phones ring for nobody",
    ClosureKind.SHORT_STAFFED: "its phones go on ringing, and the next circle opens at once",
}


def pages_table(room: DutyRoom, pages: Iterable[DeskPage]) -> Table:
    table = _table("desk", "expected", "on call", "closed", "roster until", "note", "names")
    for page in pages:
        _row(
            table,
            page.desk,
            ", ".join(page.expected) or "nobody",
            ", ".join(page.on_call) or "-",
            _closed_until(page.closure),
            plain_minute(page.roster_until_at) if page.roster_until_at else "-",
            _note(page) or "-",
            room.names((*page.expected, *page.on_call)),
        )
    return table


def _closed_until(closure: Closure | None) -> str:
    return f"{closure.kind} until {plain_minute(closure.until_at)}" if closure else "-"


def _note(page: DeskPage) -> str:
    notes = []
    if page.is_gap:
        notes.append("GAP: nobody is on the roster")
    if not page.has_roster and page.expected:
        notes.append("no roster: all are expected")
    if page.warning is DutyAlarmCode.ROSTER_RUNS_OUT:
        notes.append("WARNING: the roster runs out within 7 days")
    if page.warning is DutyAlarmCode.ROSTER_RAN_OUT:
        notes.append("WARNING: the roster has run out")
    return "; ".join(notes)


def page_json(room: DutyRoom, page: DeskPage) -> dict[str, Json]:
    return {
        "desk": page.desk,
        "province": room.desks[page.desk],
        "expected": list(page.expected),
        "on_call": list(page.on_call),
        "has_roster": page.has_roster,
        "gap": page.is_gap,
        "closure": closure_json(page.closure) if page.closure else None,
        "roster_until_at": page.roster_until_at.isoformat() if page.roster_until_at else None,
        "warning": page.warning.value if page.warning else None,
    }


def week_table(room: DutyRoom, entries: Sequence[RosterEntry]) -> Table:
    table = _table("day", "", "hours", "kind", "who", "entry", "name")
    for entry in sorted(entries, key=lambda one: (one.from_at, one.kind, one.id)):
        there = entry.from_at.astimezone(TEHRAN)
        _row(
            table,
            plain_day(there.date()),
            WEEKDAYS[(there.weekday() + 2) % 7],
            hours(entry.from_at, entry.until_at),
            entry.kind,
            entry.counsellor,
            entry.id,
            room.names([entry.counsellor]),
        )
    return table


def hours(from_at: datetime, until_at: datetime) -> str:
    """`22:00-07:00`; with the day of the end where that is not clear."""
    begins, ends = from_at.astimezone(TEHRAN), until_at.astimezone(TEHRAN)
    day = "" if until_at - from_at <= timedelta(days=1) else f"{plain_day(ends.date())} "
    return f"{begins:%H:%M}-{day}{ends:%H:%M}"


def entry_json(entry: RosterEntry) -> dict[str, Json]:
    return {
        "id": entry.id,
        "desk": entry.desk,
        "counsellor": entry.counsellor,
        "kind": entry.kind.value,
        "from_at": entry.from_at.isoformat(),
        "until_at": entry.until_at.isoformat(),
    }


def closures_table(
    records: Iterable[ClosureRecord], counting: Iterable[Closure], now: datetime
) -> Table:
    table = _table("closure", "desk", "kind", "from", "until", "state", "by", "reason")
    counts = {closure.id for closure in counting}
    for record in records:
        closure = record.closure
        _row(
            table,
            closure.id,
            closure.desk,
            closure.kind,
            plain_minute(closure.from_at),
            plain_minute(closure.until_at),
            _state(record, now, counts),
            closure.by,
            closure.reason,
        )
    return table


def _state(record: ClosureRecord, now: datetime, counts: set[int]) -> str:
    if record.ended_at is not None:
        return f"reopened {plain_minute(record.ended_at)} by {record.ended_by}"
    if record.closure.until_at <= now:
        return "over"
    if now < record.closure.from_at:
        return "to come"
    return "in force" if record.closure.id in counts else "in force; another counts"


def closure_json(closure: Closure) -> dict[str, Json]:
    return {
        "id": closure.id,
        "desk": closure.desk,
        "kind": closure.kind.value,
        "reason": closure.reason,
        "from_at": closure.from_at.isoformat(),
        "until_at": closure.until_at.isoformat(),
        "by": closure.by,
    }


def record_json(record: ClosureRecord, counting: Iterable[Closure]) -> dict[str, Json]:
    ended_at = record.ended_at
    return closure_json(record.closure) | {
        "counts": record.closure.id in {closure.id for closure in counting},
        "ended_by": record.ended_by,
        "ended_at": ended_at.isoformat() if ended_at else None,
    }


def print_decision(decision: RosterDecision, *, as_json: bool) -> None:
    """What was written, once it is on disk."""
    if as_json:
        print_json(
            {
                "added": [entry_json(entry) for entry in decision.added],
                "taken_out": [entry_json(entry) for entry in decision.taken_out],
                "warnings": _warnings(decision),
            }
        )
        return
    for entry in decision.taken_out:
        typer.echo(f"Taken out: entry {entry.id}, {entry.counsellor}, {described(entry)}")
    for entry in decision.added:
        typer.echo(f"Saved: entry {entry.id}, {entry.counsellor}, {described(entry)}")
    if not decision.added and not decision.taken_out:
        typer.echo("Nothing to do: all of it is there already.")
    for warning in _warnings(decision):
        typer.echo(f"Warning: {warning}")


def _warnings(decision: RosterDecision) -> list[Json]:
    return [*map(str, decision.warnings), *decision.doubts]


def print_table(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def print_json(data: Json) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _row(table: Table, *cells: object) -> None:
    """Cells are text as it is: square brackets in a reason are no markup."""
    table.add_row(*[Text(str(cell)) for cell in cells])
