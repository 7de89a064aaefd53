"""A whole file of earlier records, checked before anything is written.

The file is read twice, line by line; of each record only a short digest stays in memory.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from ivr.calendar import plain_minute
from ivr.calls_import import ImportSetting, LineReader, ReadLine
from ivr.errors import BadInput
from ivr.import_files import FileLine, LineProblem, read_lines
from ivr.model import CallId, ProvinceId
from ivr.store.calls_import import (
    AT_ONCE,
    ImportCounts,
    Imported,
    ImportedCall,
    ImportedTrip,
    ImportedVisit,
    Known,
    key_of,
)

PROBLEMS_TOLD = 100
T = TypeVar("T")


class Records(Protocol):
    """What is in the database already."""

    async def known(self, some: Sequence[Imported]) -> Known: ...
    async def calls_there(self, ids: Sequence[CallId]) -> frozenset[CallId]: ...


@dataclass(slots=True)
class Findings:
    """What a file holds. `problems` are the first ones, `more` how many there are besides."""

    problems: list[LineProblem] = field(default_factory=list)
    more: int = 0
    lines: int = 0
    provinces: set[ProvinceId] = field(default_factory=set)
    counts: ImportCounts = field(default_factory=ImportCounts)

    def tell(self, *problems: LineProblem) -> None:
        room = PROBLEMS_TOLD - len(self.problems)
        self.problems += problems[:room]
        self.more += len(problems[room:])


class ImportFile:
    """A file that is checked, then read again to be written."""

    def __init__(self, path: Path, setting: ImportSetting, records: Records) -> None:
        self._path, self._records = path, records
        self._reader = LineReader(setting)
        self._lines: dict[bytes, int] = {}  # digest of a record's id → its line
        self.findings = Findings()
        self.sha256 = ""

    async def check(self) -> Findings:
        """Raises BadInput where the file cannot be read at all, or holds nothing."""
        self.sha256 = file_sha256(self._path)
        for some in pieces(read_lines(self._path)):
            await self._check(some)
        if not self.findings.lines:
            raise BadInput(f"{self._path} holds no records; nothing was saved.")
        return self.findings

    def batches(self) -> Iterator[list[Imported]]:
        """The records again; raises BadInput where the file is no longer what was checked."""
        for some in pieces(read_lines(self._path)):
            read = [self._reader.read(line) for line in some]
            yield [one.record for one in read if one.record is not None]
        if file_sha256(self._path) != self.sha256:
            raise BadInput(f"{self._path} was changed meanwhile; nothing was saved. Try again.")

    async def _check(self, some: Sequence[FileLine]) -> None:
        named = {CallId(line.values["call"]) for line in some if "call" in line.values}
        if named:
            self._reader.calls_there |= await self._records.calls_there(sorted(named))
        read = [self._reader.read(line) for line in some]
        records = [one.record for one in read if one.record is not None]
        known = await self._records.known(records)
        there = await self._calls_of(records)
        for one in read:
            self.findings.lines += 1
            self.findings.tell(*one.problems)
            if one.record is not None:
                self.findings.tell(*self._of_record(one, one.record, known, there))
                self.findings.provinces.add(one.record.province)
        self.findings.counts = self.findings.counts.and_these(records, known)

    async def _calls_of(self, records: Sequence[Imported]) -> frozenset[CallId]:
        """Calls that trips and visits came of and that are there already."""
        named = {call for one in records if (call := _call_of(one)) is not None}
        return await self._records.calls_there(sorted(named)) if named else frozenset()

    def _of_record(
        self, line: ReadLine, record: Imported, known: Known, there: frozenset[CallId]
    ) -> Iterator[LineProblem]:
        digest = _digest(key_of(record))
        first = self._lines.setdefault(digest, line.number)
        if first != line.number:
            yield LineProblem(
                line.number,
                "key",
                f"it is the same record as line {first}: take it out, or give each a key of its "
                "own where they are two",
            )
        before = known.get(key_of(record))
        if before is not None and before != record.happened_at:
            yield LineProblem(line.number, "key", _taken(before))
        call = _call_of(record)
        if call and call not in there and _digest((ImportedCall, call)) not in self._lines:
            yield LineProblem(
                line.number,
                "call",
                f"there is no call {line.of_call!r}, neither on a line further up nor imported "
                "before; put the call's line first, or leave it empty",
            )


def _taken(before: datetime) -> str:
    return (
        f"this key was imported before with a record of {plain_minute(before)}; give this one "
        "another key"
    )


def _call_of(record: Imported) -> CallId | None:
    if isinstance(record, ImportedTrip):
        return record.trip.call
    return record.visit.call if isinstance(record, ImportedVisit) else None


def _digest(key: tuple[type, str]) -> bytes:
    kind, name = key
    return hashlib.blake2b(f"{kind.__name__} {name}".encode(), digest_size=16).digest()


def pieces(items: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(items, AT_ONCE)):
        yield some


def file_sha256(path: Path) -> str:
    """64 hexadecimal digits; raises BadInput."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); nothing was saved.") from None


def told(findings: Findings) -> Mapping[str, object]:
    """What is wrong, for a script."""
    listed = [
        {"line": one.line, "column": one.column or None, "what": one.what}
        for one in findings.problems
    ]
    return {"problems": listed, "more": findings.more}
