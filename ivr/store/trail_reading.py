"""The audit trail as it stands in the database: to be searched, and to be checked."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, select

from ivr.audit import AuditEntry, SealedEntry, Tampering, TamperingChecker
from ivr.model import ProvinceId
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.trail import audit_key, read_head

ENTRIES_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSearch:
    """What is looked for: all that is given must fit. `action` is whole (duty.close) or a group."""

    by: str | None = None
    action: str | None = None
    subject: str | None = None
    province: ProvinceId | None = None
    since_at: datetime | None = None
    until_at: datetime | None = None


async def find_entries(
    store: Store, search: TrailSearch, limit: int | None = None
) -> tuple[SealedEntry, ...]:
    """The entries that fit, newest first. Raises StoreError where the trail cannot be read."""
    statement = (
        select(audit.c.seq).where(*_conditions(search)).order_by(audit.c.seq.desc()).limit(limit)
    )
    seqs = [row["seq"] for row in await store.rows(statement)]
    found: list[SealedEntry] = []
    for start in range(0, len(seqs), ENTRIES_AT_ONCE):
        found += reversed(await _read(store, seqs[start : start + ENTRIES_AT_ONCE]))
    return tuple(found)


def _conditions(search: TrailSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column in ("by", "subject", "province"):
        value = getattr(search, column)
        if value is not None:
            found.append(audit.c[column] == value)
    if search.action is not None:
        group = audit.c.action.startswith(f"{search.action}.", autoescape=True)
        found.append((audit.c.action == search.action) | group)
    if search.since_at is not None:
        found.append(audit.c.at >= search.since_at)
    if search.until_at is not None:
        found.append(audit.c.at < search.until_at)
    return found


async def verify(store: Store) -> tuple[int, tuple[Tampering, ...]]:
    """How many entries there are, and where the trail is not as it was written.

    Raises StoreError without the key, unless there is nothing to check.
    """
    head = read_head(store.home)  # before the entries: those that come meanwhile are after it
    checker: TamperingChecker | None = None
    count = 0
    async for item in trail(store):
        checker = checker or TamperingChecker(audit_key(store.home), head)
        checker.take(item)
        count += 1
    checker = checker or TamperingChecker(b"", head)
    return count, checker.finish()


async def trail(store: Store) -> AsyncIterator[SealedEntry]:
    """All entries by number, some at a time; they are only ever added at the end."""
    after = None
    while seqs := await _numbers(store, after):
        for item in await _read(store, seqs):
            yield item
        after = seqs[-1]


async def _numbers(store: Store, after: int | None) -> list[int]:
    statement = select(audit.c.seq).order_by(audit.c.seq).limit(ENTRIES_AT_ONCE)
    if after is not None:
        statement = statement.where(audit.c.seq > after)
    return [row["seq"] for row in await store.rows(statement)]


async def _read(store: Store, seqs: Sequence[int]) -> list[SealedEntry]:
    """These entries by number; where a value is of no form of ours, without what it says."""
    chosen = audit.c.seq.in_(seqs)
    whole = select(audit).where(chosen).order_by(audit.c.seq)
    try:
        return [_entry(row) for row in await store.rows(whole)]
    except (ValueError, TypeError):
        if len(seqs) > 1:
            return [item for seq in sorted(seqs) for item in await _read(store, [seq])]
    chain_alone = select(audit.c.seq, audit.c.previous, audit.c.hash).where(chosen)
    return [
        SealedEntry(seq=row["seq"], entry=None, previous=row["previous"], seal=row["hash"])
        for row in await store.rows(chain_alone)
    ]


def _entry(row: RowMapping) -> SealedEntry:
    return SealedEntry(
        seq=row["seq"],
        entry=AuditEntry(
            at=row["at"],
            by=row["by"],
            action=row["action"],
            subject=row["subject"],
            province=row["province"],
            desk=row["desk"],
            detail=row["detail"],
        ),
        previous=row["previous"],
        seal=row["hash"],
    )
