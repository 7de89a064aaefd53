"""Whether the tables are as decisions left them, as far as the trail has marks of their rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from ivr.audit import AuditEntry, Tampering, TamperingKind
from ivr.store.database import reading
from ivr.store.row_marks import all_marks
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.trail import MARKS, audit_key
from ivr.store.trail_reading import trail

ATTEMPTS = 10  # at reading the tables while nobody decides anything


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsChecked:
    """How many rows are as their newest decision left them, and which are not.

    `not_covered` are rows of decisions from before the trail kept marks: nobody can tell.
    """

    fitting: int
    not_covered: tuple[str, ...]
    findings: tuple[Tampering, ...]


@dataclass(slots=True)
class _Told:
    """What the trail says of each row: the newest entry and the mark in it, if there is one."""

    rows: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def take(self, seq: int, entry: AuditEntry) -> None:
        marks = entry.detail.get(MARKS)
        if isinstance(marks, Mapping):
            self.rows |= {str(name): (seq, str(mark)) for name, mark in marks.items()}
        else:
            self.rows |= dict.fromkeys(_concerned(entry), (seq, None))


async def verify_rows(store: Store) -> RowsChecked:
    """Compare every row that people decide with its newest decision.

    Raises StoreError without the key, unless nobody has decided anything.
    """
    if not await _newest(store):
        return RowsChecked(fitting=0, not_covered=(), findings=())
    seq, found = await _tables(store, audit_key(store.home))
    told = _Told()
    async for item in trail(store):
        if item.entry is not None and item.seq <= seq:
            told.take(item.seq, item.entry)
    return _compared(told.rows, found)


async def _tables(store: Store, key: bytes) -> tuple[int, dict[str, str]]:
    """The marks of all rows as they are, and the entry after which nothing was decided yet."""
    for _ in range(ATTEMPTS):
        before = await _newest(store)
        async with reading(store.engine) as connection:
            found = await all_marks(connection, key)
        if await _newest(store) == before:
            break
    return before, found


async def _newest(store: Store) -> int:
    rows = await store.rows(select(func.max(audit.c.seq).label("seq")))
    return int(rows[0]["seq"] or 0)


def _compared(told: Mapping[str, tuple[int, str | None]], found: Mapping[str, str]) -> RowsChecked:
    not_covered = tuple(name for name, (_, mark) in told.items() if not mark and name in found)
    findings = tuple(_findings(told, found))
    fitting = sum(told.get(name, (0, None))[1] == mark for name, mark in found.items())
    return RowsChecked(fitting=fitting, not_covered=not_covered, findings=findings)


def _findings(
    told: Mapping[str, tuple[int, str | None]], found: Mapping[str, str]
) -> Iterator[Tampering]:
    for name, (seq, mark) in told.items():
        if mark and name not in found:
            message = f"{name} is no longer there; entry {seq} is the newest decision on it."
            yield _finding(TamperingKind.ROW_REMOVED, seq, message)
        elif mark and found[name] != mark:
            message = f"{name} is not as entry {seq}, the newest decision on it, has left it."
            yield _finding(TamperingKind.ROW_CHANGED, seq, message)
    for name in found.keys() - told.keys():
        message = f"{name} is there although nobody has decided it."
        yield _finding(TamperingKind.ROW_PUT_IN, 0, message)


def _finding(kind: TamperingKind, seq: int, message: str) -> Tampering:
    return Tampering(kind=kind, first=seq, last=seq, message=message)


def _concerned(entry: AuditEntry) -> Iterator[str]:
    """The rows that an entry without marks was about."""
    group, _, action = entry.action.partition(".")
    if group == "people":
        yield f"people/{entry.subject}"
    elif group == "rules":
        yield f"rules_versions/{entry.subject}"
    elif action.startswith("roster"):
        for name in ("added", "taken_out"):
            yield from (f"roster/{number}" for number in _numbers(entry.detail.get(name)))
    elif group == "duty":
        yield f"closures/{entry.subject}"


def _numbers(entries: Any) -> Iterator[int]:
    if isinstance(entries, list):
        yield from (one["id"] for one in entries if isinstance(one, dict) and "id" in one)
