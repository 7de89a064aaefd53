"""The emergency file: what the database could not take, on disk as lines of JSON."""

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from ivr.errors import StoreError
from ivr.model.record import CallRecord
from ivr.store.codec import Json, decode, encode
from ivr.store.files import sync_directory
from ivr.store.records import JournalEntry, entry_from_json, entry_to_json

log = structlog.get_logger()

SET_ASIDE = "set-aside.jsonl"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records (one a call, the newest) and journal entries in order."""

    records: Sequence[CallRecord] = ()
    entries: Sequence[JournalEntry] = ()

    def __len__(self) -> int:
        return len(self.records) + len(self.entries)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Records before entries, as they are saved."""
        middle = len(self) // 2
        after = max(0, middle - len(self.records))
        return (
            Batch(self.records[:middle], self.entries[:after]),
            Batch(self.records[middle:], self.entries[after:]),
        )


class EmergencyFile:
    """One writer's file in `directory`; files that earlier epochs left there are found as well."""

    def __init__(self, directory: Path, epoch: int) -> None:
        self._directory = directory
        self._path = directory / f"epoch-{epoch:010}.jsonl"

    def left(self) -> list[Path]:
        """Files that hold something, the oldest epoch first."""
        return _files(self._directory)

    def append(self, batch: Batch) -> int:
        """Write and sync; returns the number of lines. Raises OSError, then nothing was added.

        What has no exact form (a mistake in our code) is named in the log and left out: nothing
        can keep it.
        """
        items: tuple[CallRecord | JournalEntry, ...] = (*batch.records, *batch.entries)
        lines = [line for item in items if (line := _line(item))]
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _append(self._path, _octets(lines)) == 0:
            sync_directory(self._directory)
        return len(lines)

    def set_aside(self, batch: Batch) -> Path:
        """Keep what the database will never take, for a person; raises OSError."""
        path = self._directory / SET_ASIDE
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        items: tuple[CallRecord | JournalEntry, ...] = (*batch.records, *batch.entries)
        if _append(path, _octets(_line(item) for item in items)) == 0:
            sync_directory(self._directory)
        return path


def kept_records(directory: Path) -> list[CallRecord]:
    """Every record in the files, in the order of writing; one put away meanwhile is left out.

    Raises OSError.
    """
    found: list[CallRecord] = []
    for path in _files(directory):
        with suppress(FileNotFoundError):
            lines = enumerate(path.read_bytes().splitlines(), 1)
            items = [_item(line, path, n) for n, line in lines if line.startswith(b'{"record"')]
            found += [item for item in items if isinstance(item, CallRecord)]
    return found


def read_batches(path: Path, size: int) -> tuple[list[Batch], int]:
    """What the file holds in batches of `size` lines, and how many lines cannot be read.

    Of one call in one batch only the newest record stays.
    """
    lines = path.read_bytes().splitlines()
    items = [_item(line, path, number) for number, line in enumerate(lines, 1)]
    good = [item for item in items if item is not None]
    chunks = [good[start : start + size] for start in range(0, len(good), size)]
    return [_batch(chunk) for chunk in chunks], len(items) - len(good)


def put_away(path: Path, bad_lines: int) -> None:
    """The file is in the database; one with lines that nobody could read stays for a person."""
    if bad_lines:
        path.rename(path.with_suffix(".unreadable"))
    else:
        path.unlink()


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("epoch-*.jsonl"))


def _batch(items: Sequence[CallRecord | JournalEntry]) -> Batch:
    records = {item.call: item for item in items if isinstance(item, CallRecord)}
    entries = [item for item in items if isinstance(item, JournalEntry)]
    return Batch(tuple(records.values()), entries)


def _line(item: CallRecord | JournalEntry) -> str:
    try:
        data = _to_json(item)
    except StoreError as error:
        log.warning("item_not_storable", kind=type(item).__name__, reason=str(error))
        return ""
    return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def _octets(lines: Iterable[str]) -> bytes:
    """Also of what is no Unicode, which `json.loads` reads in the same way."""
    return "".join(lines).encode("utf-8", "surrogatepass")


def _to_json(item: CallRecord | JournalEntry) -> dict[str, Json]:
    if isinstance(item, CallRecord):
        return {"record": encode(item)}
    return {"entry": entry_to_json(item)}


def _item(line: bytes, path: Path, number: int) -> CallRecord | JournalEntry | None:
    try:
        data = json.loads(line)
        if "record" in data:
            return decode(CallRecord, data["record"])
        return entry_from_json(data["entry"])
    except (ValueError, TypeError, KeyError, StoreError) as error:
        log.warning("emergency_line_unreadable", path=str(path), line=number, reason=str(error))
        return None


def _append(path: Path, data: bytes) -> int:
    """Add to the file and sync; returns how long it was. After an OSError it is as it was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        length = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, length)  # half a line would spoil the next one
            raise
    finally:
        os.close(descriptor)
    return length


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
