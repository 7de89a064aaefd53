"""Calls that Asterisk served without us get their one record when the controller is back."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import StoreError
from ivr.model import (
    UNKNOWN_CATEGORY,
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeviceId,
    EndedBy,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.store.cdr import BadLine, CdrCall, CdrLine, merge, parse_line
from ivr.store.cdr_file import Line, Place, new_lines
from ivr.store.database import lock_table
from ivr.store.records import call_from_row
from ivr.store.store import Store, write_calls
from ivr.store.tables import calls, imports

log = structlog.get_logger()

Staff = Mapping[DeviceId, CounsellorId]
_LINES_AT_ONCE = 500  # in memory, and in one transaction: a file of months fits too


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, in calls.

    `added`: new records; `closed`: open ones that ended; `corrected`: ended ones that had missed a
    talk in the static queue; `skipped`: nothing to add. `bad_lines` names each line (or call)
    that could not be used: file, position, reason.
    """

    added: int = 0
    closed: int = 0
    corrected: int = 0
    skipped: int = 0
    bad_lines: tuple[str, ...] = ()

    def __add__(self, other: "ImportReport") -> "ImportReport":
        return ImportReport(
            added=self.added + other.added,
            closed=self.closed + other.closed,
            corrected=self.corrected + other.corrected,
            skipped=self.skipped + other.skipped,
            bad_lines=self.bad_lines + other.bad_lines,
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """A line that was understood, and where it stands."""

    place: Place
    line: CdrLine


def all_told(_call: CallId) -> bool:
    """Where nobody serves: what Asterisk writes down is all that there will be."""
    return False


async def import_fallback_calls(
    store: Store,
    path: Path,
    counsellor_by_device: Staff,
    yet_to_tell: Callable[[CallId], bool] = all_told,
) -> ImportReport:
    """Read what is new in Asterisk's file of calls since the last import.

    Asterisk writes a call down the moment it ends, a controller that serves it a moment later and
    knows it better: who is `yet_to_tell` is left to it, and looked at again the next time.

    Where the next import goes on is kept in the database, in the same transaction as the records:
    at the first line of a call that is yet to tell, else where the file stopped. What stands after
    it is read once more; importing a line twice changes nothing. A file that was rotated to
    `<name>.<anything>` in between is read to its end first. Raises StoreError where the database
    or the file cannot be read.
    """
    lines = new_lines(path, await _load_mark(store, path), _LINES_AT_ONCE)
    report, first_left = ImportReport(), None
    while some := await _next(lines):
        bad_lines: list[str] = []
        settled, left = _apart(_parse(some, bad_lines), yet_to_tell)
        first_left = first_left or next((one.place for one in left), None)
        async with store.writing() as connection:
            await lock_table(connection, imports)
            report += await _save(connection, merge(settled), counsellor_by_device, bad_lines)
            await _save_mark(connection, path, first_left or some[-1].after)
    for bad_line in report.bad_lines:
        log.warning("cdr_line_unreadable", line=bad_line)
    return report


async def _load_mark(store: Store, path: Path) -> Place | None:
    columns = select(imports.c.first_line, imports.c.offset)
    found = await store.rows(columns.where(imports.c.path == str(path)))
    return Place(**found[0]) if found else None


async def _save_mark(connection: AsyncConnection, path: Path, goes_on: Place) -> None:
    await connection.execute(delete(imports).where(imports.c.path == str(path)))
    await connection.execute(insert(imports).values({"path": str(path), **asdict(goes_on)}))


async def _next(lines: Iterator[list[Line]]) -> list[Line]:
    """Nothing at the end of them."""
    try:
        return await asyncio.to_thread(next, lines, [])
    except OSError as error:
        raise StoreError(
            f"Asterisk's calls in {error.filename} cannot be read: {error.strerror}. "
            "Calls that it served alone are missing until they are imported."
        ) from error


def _parse(lines: Iterable[Line], bad_lines: list[str]) -> list[_Read]:
    read = []
    for line in lines:
        try:
            read.append(_Read(line.place, parse_line(line.raw.decode("utf-8").rstrip("\r\n"))))
        except (BadLine, UnicodeDecodeError) as error:
            reason = error if isinstance(error, BadLine) else "it is not UTF-8"
            bad_lines.append(f"{line.path}, byte {line.place.offset}: {reason}")
    return read


def _apart(
    read: Iterable[_Read], yet_to_tell: Callable[[CallId], bool]
) -> tuple[list[CdrLine], list[_Read]]:
    """Lines of calls that nobody has more to tell of, and those of the others."""
    settled, left = [], []
    for one in read:
        if yet_to_tell(CallId(one.line.call)):
            left.append(one)
        else:
            settled.append(one.line)
    return settled, left


async def _save(
    connection: AsyncConnection, cdrs: list[CdrCall], staff: Staff, bad_lines: list[str]
) -> ImportReport:
    known = await _known(connection, cdrs)
    telling = [cdr for cdr in cdrs if _tells(cdr, known.get(cdr.call))]
    records = await _records(connection, [cdr.call for cdr in telling if cdr.call in known])
    added, closed, corrected = [], [], []
    for cdr in telling:
        record = records.get(cdr.call)
        if record is None and not cdr.province:
            bad_lines.append(f"call {cdr.call}: no record of ours, and its lines name no province")
        elif record is None:
            added.append(_new_record(cdr, staff))
        elif record.ended_at is None:
            closed.append(_closed(record, cdr, staff))
        else:
            corrected.append(_connected(record, cdr, staff))
    await write_calls(connection, [*added, *closed, *corrected])
    return ImportReport(
        added=len(added),
        closed=len(closed),
        corrected=len(corrected),
        skipped=len(cdrs) - len(telling),
        bad_lines=tuple(bad_lines),
    )


def _tells(cdr: CdrCall, known: RowMapping | None) -> bool:
    """Whether there is anything in it that the database, as far as it knows the call, has not."""
    if known is None or known["ended_at"] is None:
        return True
    return cdr.connected_at is not None and known["connected_at"] is None


async def _known(connection: AsyncConnection, cdrs: Iterable[CdrCall]) -> dict[str, RowMapping]:
    """How far each call is that has a record: nearly all had been served by us, to their end."""
    columns = select(calls.c.call, calls.c.ended_at, calls.c.connected_at)
    these = calls.c.call.in_([cdr.call for cdr in cdrs])
    found = await connection.execute(columns.where(these))
    return {row["call"]: row for row in found.mappings()}


async def _records(connection: AsyncConnection, ids: list[str]) -> dict[str, CallRecord]:
    if not ids:
        return {}
    found = await connection.execute(select(calls).where(calls.c.call.in_(ids)))
    return {row["call"]: call_from_row(row) for row in found.mappings()}


def _new_record(cdr: CdrCall, staff: Staff) -> CallRecord:
    """A call that we never saw: Asterisk greeted nobody, it only queued."""
    blank = CallRecord(
        call=CallId(cdr.call),
        province=ProvinceId(cdr.province),
        line=cdr.line,
        caller=None,
        arrived_at=cdr.arrived_at,
        phase=CallPhase.FALLBACK,
        facts=_facts(cdr),
        joined_at=cdr.joined_at or cdr.arrived_at,
    )
    began_at = blank.joined_at or cdr.arrived_at
    in_fallback_s = (cdr.ended_at - began_at).total_seconds()
    return replace(_closed(blank, cdr, staff), fallback_s=max(0.0, in_fallback_s))


def _facts(cdr: CdrCall) -> CallFacts | None:
    """None where the static queue never had the caller: it writes down what the channel knew."""
    if not cdr.province:
        return None
    told = cdr.county_source in set(CountySource)
    source = CountySource(cdr.county_source) if told else CountySource.KEYPAD
    return CallFacts(
        province=ProvinceId(cdr.province),
        county=CountyId(cdr.county) if cdr.county else None,
        county_source=source if cdr.county else CountySource.UNKNOWN,
        category=CategoryId(cdr.category) if cdr.category else UNKNOWN_CATEGORY,
    )


def _closed(record: CallRecord, cdr: CdrCall, staff: Staff) -> CallRecord:
    """The record with the end that Asterisk saw."""
    closed = replace(
        record,
        phase=CallPhase.ENDED,
        ended_at=cdr.ended_at,
        facts=record.facts or _facts(cdr),
        joined_at=record.joined_at or cdr.joined_at,
    )
    if record.connected_at:  # our own talk, which went on without us
        talk_ended_at = record.talk_ended_at or cdr.ended_at
        ended_by = record.ended_by or EndedBy.UNKNOWN
        return replace(
            closed, end=CallEnd.CONNECTED, talk_ended_at=talk_ended_at, ended_by=ended_by
        )
    if cdr.connected_at:
        return _connected(closed, cdr, staff)
    return replace(closed, end=_unanswered(record, cdr), ended_by=EndedBy.CALLER)


def _connected(record: CallRecord, cdr: CdrCall, staff: Staff) -> CallRecord:
    """The record with a talk in the static queue, whatever we had taken its end for."""
    return replace(
        record,
        facts=record.facts or _facts(cdr),
        joined_at=record.joined_at or cdr.joined_at,
        end=CallEnd.FALLBACK_CONNECTED,
        **_talk(cdr, staff),
    )


def _unanswered(before: CallRecord, cdr: CdrCall) -> CallEnd:
    if cdr.in_fallback or before.phase is CallPhase.FALLBACK:
        return CallEnd.FALLBACK_ABANDONED
    return CallEnd.ABANDONED if before.joined_at else CallEnd.IN_MENU


def _talk(cdr: CdrCall, staff: Staff) -> dict[str, Any]:
    """Fields of a talk in the static queue. A call that outlived it was left by the counsellor."""
    talk_ended_at = cdr.talk_ended_at or cdr.ended_at
    by_counsellor = talk_ended_at < cdr.ended_at
    return {
        "connected_at": cdr.connected_at,
        "talk_ended_at": talk_ended_at,
        "ended_by": EndedBy.COUNSELLOR if by_counsellor else EndedBy.CALLER,
        "counsellor": staff.get(DeviceId(cdr.device)),
    }
