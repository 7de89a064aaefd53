"""Calls that Asterisk served without us get their one record when the controller is back."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
from ivr.store.database import lock_table
from ivr.store.records import call_from_row
from ivr.store.store import Store, write_calls
from ivr.store.tables import calls, imports

log = structlog.get_logger()

Staff = Mapping[DeviceId, CounsellorId]
_LOOKED_UP_AT_ONCE = 500


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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a file from `start` on; `end` is where the next import goes on."""

    path: Path
    first_line: str
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


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

    Where the file stopped is kept in the database, in the same transaction as the records; a file
    that was rotated to `<name>.<anything>` in between is read to its end first. Importing a line
    twice changes nothing. Raises StoreError where the database or the file cannot be read.
    """
    async with store.writing() as connection:
        await lock_table(connection, imports)
        mark = await _load_mark(connection, path)
        pieces = await asyncio.to_thread(_read_new, path, mark)
        bad_lines: list[str] = []
        cdrs = merge(_parse(pieces, bad_lines))
        settled = [cdr for cdr in cdrs if not yet_to_tell(CallId(cdr.call))]
        report = await _save(connection, settled, counsellor_by_device, bad_lines)
        if pieces and len(settled) == len(cdrs):
            await _save_mark(connection, path, pieces[-1])
    for bad_line in report.bad_lines:
        log.warning("cdr_line_unreadable", line=bad_line)
    return report


async def _load_mark(connection: AsyncConnection, path: Path) -> RowMapping | None:
    result = await connection.execute(select(imports).where(imports.c.path == str(path)))
    return result.mappings().one_or_none()


async def _save_mark(connection: AsyncConnection, path: Path, piece: _Piece) -> None:
    await connection.execute(delete(imports).where(imports.c.path == str(path)))
    values = {"path": str(path), "first_line": piece.first_line, "offset": piece.end}
    await connection.execute(insert(imports).values(values))


def _read_new(path: Path, mark: RowMapping | None) -> list[_Piece]:
    """The new lines, oldest file first; a file is known by its first line, not by its name."""
    try:
        found = [(file, _first_line(file)) for file in _files(path, mark)]
        pieces = []
        for file, first_line in found:
            known = mark is not None and first_line == mark["first_line"]
            start = mark["offset"] if mark is not None and known else 0
            pieces.append(_Piece(file, first_line, start, _whole_lines(file, start)))
    except OSError as error:
        raise StoreError(
            f"Asterisk's calls in {error.filename} cannot be read: {error.strerror}. "
            "Calls that it served alone are missing until they are imported."
        ) from error
    return [piece for piece in pieces if piece.first_line]


def _files(path: Path, mark: RowMapping | None) -> list[Path]:
    """The file, and before it those that have been rotated away since the mark."""
    present = [path] if path.exists() else []
    if mark is None or (present and _first_line(path) == mark["first_line"]):
        return present
    rotated = sorted(path.parent.glob(f"{path.name}.*"), key=lambda file: file.stat().st_mtime_ns)
    for number, file in enumerate(rotated):
        if _first_line(file) == mark["first_line"]:
            return rotated[number:] + present
    return present


def _first_line(path: Path) -> str:
    """SHA-256 of the first line (it holds a call's id, so no two files share it); "" for none."""
    with path.open("rb") as file:
        line = file.readline(10_000)
    return hashlib.sha256(line).hexdigest() if line.endswith(b"\n") else ""


def _whole_lines(path: Path, start: int) -> bytes:
    """From `start` to the last line end: what follows is still being written."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    return data[: data.rfind(b"\n") + 1]


def _parse(pieces: Iterable[_Piece], bad_lines: list[str]) -> list[CdrLine]:
    lines = []
    for piece in pieces:
        position = piece.start
        for raw in piece.data.splitlines(keepends=True):
            try:
                lines.append(parse_line(raw.decode("utf-8").rstrip("\r\n")))
            except (BadLine, UnicodeDecodeError) as error:
                reason = error if isinstance(error, BadLine) else "it is not UTF-8"
                bad_lines.append(f"{piece.path}, byte {position}: {reason}")
            position += len(raw)
    return lines


async def _save(
    connection: AsyncConnection, cdrs: list[CdrCall], staff: Staff, bad_lines: list[str]
) -> ImportReport:
    present = await _present(connection, [cdr.call for cdr in cdrs])
    added, closed, corrected = [], [], []
    skipped = 0
    for cdr in cdrs:
        record = present.get(cdr.call)
        if record is None and not cdr.province:
            bad_lines.append(f"call {cdr.call}: no record of ours, and its lines name no province")
        elif record is None:
            added.append(_new_record(cdr, staff))
        elif record.ended_at is None:
            closed.append(_closed(record, cdr, staff))
        elif cdr.connected_at and not record.connected_at:
            corrected.append(_connected(record, cdr, staff))
        else:
            skipped += 1
    await write_calls(connection, [*added, *closed, *corrected])
    return ImportReport(
        added=len(added),
        closed=len(closed),
        corrected=len(corrected),
        skipped=skipped,
        bad_lines=tuple(bad_lines),
    )


async def _present(connection: AsyncConnection, ids: list[str]) -> dict[str, CallRecord]:
    found: dict[str, CallRecord] = {}
    for start in range(0, len(ids), _LOOKED_UP_AT_ONCE):
        some = ids[start : start + _LOOKED_UP_AT_ONCE]
        rows = await connection.execute(select(calls).where(calls.c.call.in_(some)))
        found |= {row["call"]: call_from_row(row) for row in rows.mappings()}
    return found


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
