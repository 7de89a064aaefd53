"""The durable store: one row a call, the journal, outcomes, epochs."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.earlier_calls import CallerPast, Earlier
from ivr.errors import BadInput
from ivr.model import UNKNOWN_CATEGORY, CallId, CountyId, CountySource, Lane
from ivr.model.record import CallRecord
from ivr.settings import Settings
from ivr.store.database import (
    asking,
    close_engine,
    database_url,
    is_current,
    lock_table,
    make_engine,
    make_file,
    reading,
    writing,
)
from ivr.store.outcome_tables import forms
from ivr.store.overlay import newest, overlay
from ivr.store.records import (
    Correction,
    JournalEntry,
    OutcomeEntry,
    Row,
    call_from_row,
    call_to_row,
    entry_from_row,
    entry_to_row,
)
from ivr.store.tables import (
    COUNTY_CONFIRMED,
    SILENT,
    calls,
    corrections,
    epochs,
    journal,
    outcomes,
)
from ivr.store.trail import Added, add_to_trail, keep_head

ROWS_AT_ONCE = 10  # some 4 ms of the event loop's time, where plans are long
T = TypeVar("T")

# Both have INSERT … ON CONFLICT with the same meaning; SQLAlchemy has no common word for it.
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Store:
    """A database of our tables, usable as `async with await Store.open(settings) as store`.

    Every method raises StoreError where the database cannot be used. What writes returns once the
    data is on disk.
    """

    def __init__(self, settings: Settings) -> None:
        """A store that opens its database at first use: for a line that serves without one."""
        self.engine = make_engine(database_url(settings))
        self.home = settings.home
        self._prepared = False
        self._added: dict[AsyncConnection, Added] = {}  # to the audit trail, not yet on disk

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Open the database and bring its tables to this version; makes it where there is none.

        Raises StoreError also for a database of a newer version, BadInput for a wrong address.
        """
        store = cls(settings)
        try:
            await store._prepare()
        except BaseException:
            await store.close()
            raise
        return store

    async def _prepare(self) -> None:
        if not self._prepared:
            make_file(self.engine.url)
            async with reading(self.engine) as connection:
                current = await connection.run_sync(is_current)
            if not current:
                # Alembic takes memory that a controller has no use for afterwards.
                from ivr.store.migrating import migrate  # noqa: PLC0415

                async with writing(self.engine) as connection:
                    await connection.run_sync(migrate)
            self._prepared = True

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction whose end means: on disk."""
        await self._prepare()
        async with writing(self.engine) as connection:
            try:
                yield connection
            finally:
                added = self._added.pop(connection, None)
        if added and added.replaces_head:
            await asyncio.to_thread(keep_head, self.home, added.head)

    async def note_decision(
        self, connection: AsyncConnection, entry: AuditEntry, rows: Iterable[str] = ()
    ) -> int:
        """Add to the audit trail within the transaction of what was decided (`writing`).

        `rows` are those that were decided, such as `people/arak-1`: the trail keeps their marks.
        """
        added = await add_to_trail(connection, entry, self.home, rows)
        self._added[connection] = added
        return added.head.seq

    @asynccontextmanager
    async def at_one_instant(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, and sees nothing of what is written meanwhile."""
        await self._prepare()
        engine = self.engine
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        async with reading(engine) as connection:
            yield connection

    async def rows(
        self, statement: Select[Any], values: Mapping[str, object] | None = None
    ) -> Sequence[RowMapping]:
        """What one statement finds; `values` are those of its bound parameters."""
        await self._prepare()
        async with asking(self.engine) as connection:
            result = await connection.execute(statement, values)
            rows: Sequence[RowMapping] = result.mappings().all()
        return rows

    async def close(self) -> None:
        await close_engine(self.engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def next_epoch(self) -> int:
        """A number above all that were given before, also to other processes.

        It is never below `clock_epoch`, so that one that had to start without a database fits in.
        """
        async with self.writing() as connection:
            await lock_table(connection, epochs)
            last = (await connection.execute(select(func.max(epochs.c.epoch)))).scalar()
            epoch = max((last or 0) + 1, clock_epoch())
            await connection.execute(
                insert(epochs).values(epoch=epoch, started_at=datetime.now(UTC))
            )
        return epoch

    async def save_calls(self, records: Sequence[CallRecord]) -> None:
        """Insert, or lay over what the database has of the call (`overlay`)."""
        await self.save_batch(records, ())

    async def append_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Add to the journal; an entry that is already there (epoch, seq) stays as it is."""
        await self.save_batch((), entries)

    async def save_batch(
        self, records: Sequence[CallRecord], entries: Sequence[JournalEntry]
    ) -> None:
        """Calls and journal in one transaction."""
        async with self.writing() as connection:
            await write_calls(connection, records)
            statement = _insert(connection, journal).on_conflict_do_nothing()
            for some in pieces(entries):
                await connection.execute(statement, [entry_to_row(entry) for entry in some])

    async def load_call(self, call: CallId) -> CallRecord | None:
        found = await self._select(calls.c.call == call, 1)
        return found[0] if found else None

    async def find_calls(self, prefix: str, limit: int = 10) -> tuple[CallRecord, ...]:
        """Calls whose id begins with `prefix`, newest first."""
        return await self._select(calls.c.call.startswith(prefix, autoescape=True), limit)

    async def open_calls(self) -> tuple[CallRecord, ...]:
        """Calls that have not ended, newest first."""
        return await self._select(calls.c.ended_at.is_(None), None)

    async def calls(
        self, since_at: datetime, until_at: datetime, limit: int | None = None
    ) -> tuple[CallRecord, ...]:
        """Calls that arrived in [since_at, until_at), newest first."""
        arrived = calls.c.arrived_at
        return await self._select((arrived >= since_at) & (arrived < until_at), limit)

    async def _select(
        self, condition: ColumnElement[bool], limit: int | None
    ) -> tuple[CallRecord, ...]:
        statement = select(calls).where(condition).order_by(calls.c.arrived_at.desc()).limit(limit)
        return tuple(call_from_row(row) for row in await self.rows(statement))

    async def read_journal(
        self, epoch: int, after_seq: int = 0, limit: int = 10_000
    ) -> tuple[JournalEntry, ...]:
        """The next entries of one epoch, in order; empty at its end."""
        statement = (
            select(journal)
            .where(journal.c.epoch == epoch, journal.c.seq > after_seq)
            .order_by(journal.c.seq)
            .limit(limit)
        )
        return tuple(entry_from_row(row) for row in await self.rows(statement))

    async def outcomes(self, *of: CallId) -> tuple[OutcomeEntry, ...]:
        """What counts of these calls, in the order in which it was recorded."""
        columns = (outcomes.c[name] for name in OutcomeEntry.__slots__)
        statement = (
            select(*columns)
            .join(forms, outcomes.c.form == forms.c.id)
            .where(outcomes.c.call.in_(of), forms.c.replaced_by.is_(None))
            .order_by(outcomes.c.id)
        )
        return tuple(OutcomeEntry(**row) for row in await self.rows(statement))

    async def earlier_calls(self, past: CallerPast) -> Earlier:
        """What the caller's other calls tell of county (keypad or counsellor) and silence."""
        (found,) = await self.rows(_EARLIER, asdict(past))
        return Earlier(county=found["county"], silent=bool(found["silent"]))

    async def lost_calls(self) -> tuple[CallRecord, ...]:
        """Calls lost in danger that nobody has acknowledged, newest first."""
        waiting = calls.c.lost_at.is_not(None) & calls.c.acknowledged_at.is_(None)
        return await self._select(waiting, None)

    async def correct_county(
        self, call: CallId, county: CountyId, *, by: str, at: datetime
    ) -> Correction:
        """Set a call's county right; on disk when this returns. What it was before is kept.

        No later save of the call by the controller takes it back. Raises BadInput where there is no
        such call.
        """
        async with self.writing() as connection:
            found = await connection.execute(_locked([call]))
            row = found.mappings().one_or_none()
            if row is None:
                raise BadInput(f"There is no call {call!r}; nothing was saved.")
            values = {
                "call": call,
                "county": county,
                "previous_county": row["county"],
                "previous_source": row["county_source"],
                "by": by,
                "at": at,
            }
            result = await connection.execute(insert(corrections).values(values))
            (number,) = result.inserted_primary_key or (0,)
            changes = _with_county(row, county)
            await connection.execute(update(calls).where(calls.c.call == call).values(changes))
        return _correction({"id": number, **values})

    async def corrections(self, *of: CallId) -> tuple[Correction, ...]:
        """The corrections of these calls, in the order in which they were made."""
        chosen = corrections.c.call.in_(of)
        statement = select(corrections).where(chosen).order_by(corrections.c.id)
        return tuple(_correction(dict(row)) for row in await self.rows(statement))


_OF_CALLER = (calls.c.caller_pseudonym == bindparam("pseudonym")) & (
    calls.c.call != bindparam("not_of")
)
_EARLIER = select(
    select(calls.c.county)
    .where(
        _OF_CALLER,
        calls.c.arrived_at >= bindparam("county_since_at"),
        COUNTY_CONFIRMED,
    )
    .order_by(calls.c.arrived_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("county"),
    select(calls.c.call)
    .where(
        _OF_CALLER,
        calls.c.arrived_at >= bindparam("silence_since_at"),
        SILENT,
    )
    .exists()
    .label("silent"),
)  # by `CallerPast`'s fields


def _with_county(row: RowMapping, county: CountyId) -> dict[str, Any]:
    """What of a call's row changes; one that ended before anything was known gets facts at all."""
    facts = {"county": county, "county_source": CountySource.COUNSELLOR.value}
    if row["lane"] is not None:
        return facts
    rest = {"facts_province": row["province"], "category": UNKNOWN_CATEGORY}
    return {**facts, **rest, "lane": Lane.ORDINARY.value}


def _correction(row: Mapping[str, Any]) -> Correction:
    source = row["previous_source"]
    known = CountySource(source) if source in set(CountySource) else None
    return Correction(**{**row, "previous_source": known})


def clock_epoch() -> int:
    """The epoch of a writer that starts while the database is away: Unix seconds."""
    return int(datetime.now(UTC).timestamp())


async def write_calls(connection: AsyncConnection, records: Iterable[CallRecord]) -> None:
    """Insert, or lay over the row that is there (`overlay`), within a transaction."""
    for some in pieces(sorted(records, key=lambda record: record.call)):  # all lock in one order
        rows = newest(call_to_row(record) for record in some)
        known = await _known(connection, rows)
        if new := {call: row for call, row in rows.items() if call not in known}:
            statement = _insert(connection, calls).on_conflict_do_nothing()
            await connection.execute(statement, [dict(row) for row in new.values()])
            known |= await _known(connection, new)  # somebody else may have been first
        laid = {call: overlay(old, rows[call]) for call, old in known.items()}
        await _update(connection, [row for call, row in laid.items() if row != known[call]])


async def _known(connection: AsyncConnection, of: Iterable[str]) -> dict[str, Row]:
    found = await connection.execute(_locked(of))
    return {row["call"]: dict(row) for row in found.mappings()}


def _locked(of: Iterable[str]) -> Select[Any]:
    """The rows of these calls; nobody else changes them until the transaction ends."""
    return select(calls).where(calls.c.call.in_(of)).order_by(calls.c.call).with_for_update()


async def _update(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    if rows:
        statement = update(calls).where(calls.c.call == bindparam("_call"))
        await connection.execute(statement, [{**row, "_call": row["call"]} for row in rows])


def pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A large batch in pieces: the event loop is free between them."""
    for start in range(0, len(items), ROWS_AT_ONCE):
        yield items[start : start + ROWS_AT_ONCE]


def _insert(connection: AsyncConnection, table: Table) -> Any:
    return _INSERT[connection.dialect.name](table)
