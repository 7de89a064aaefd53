"""Group commit: calls never wait for the disk, and nothing is lost while the database is away."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from ivr.errors import StoreError, ValueRefused
from ivr.events import Event
from ivr.model import CallId
from ivr.model.record import CallRecord
from ivr.store.emergency import Batch, EmergencyFile, put_away, read_batches
from ivr.store.records import JournalEntry
from ivr.store.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """How long changes are gathered, how much waits in memory, and when to try again."""

    gather_s: float = 0.5  # a crash costs the journal no more; each transaction costs 10 ms of us
    batch_items: int = 500
    memory_entries: int = 100_000  # journal entries; records are one a call and never dropped
    save_s: float = 10.0
    keep_s: float = 10.0  # in the emergency file
    retry_first_s: float = 0.5
    retry_most_s: float = 30.0
    drain_s: float = 5.0


@dataclass(slots=True)
class _Pending:
    """What waits in memory: the newest record of each call, and journal entries in order."""

    records: dict[CallId, CallRecord] = field(default_factory=dict)
    entries: deque[JournalEntry] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.records) + len(self.entries)

    def take(self) -> Batch:
        batch = Batch(tuple(self.records.values()), tuple(self.entries))
        self.records = {}
        self.entries = deque()
        return batch

    def give_back(self, batch: Batch) -> None:
        self.records = {record.call: record for record in batch.records} | self.records
        self.entries.extendleft(reversed(batch.entries))


class Writer:
    """Takes records and events at once and writes them in batches; made by `open_writer`.

    While the database is away everything goes to a file in `emergency`, synced, and from there
    into the database when it is back: before anything newer, so that order is kept.
    """

    def __init__(self, store: Store, epoch: int, emergency: Path, limits: WriterLimits) -> None:
        self._store = store
        self._epoch = epoch
        self._file = EmergencyFile(emergency, epoch)
        self._limits = limits
        self._pending = _Pending()
        self._seq = 0
        self._dropped = 0
        self._in_file = 0
        self._in_hand = 0
        self._calls_in_hand: frozenset[CallId] = frozenset()
        self._away = False
        self._retry_s = 0.0
        self._retry_at = 0.0  # on the loop's clock; 0: at once
        self._saving: asyncio.Task[None] | None = None
        self._filled = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """The database takes what we write, as far as the last attempt knows."""
        return not self._away

    @property
    def backlog(self) -> int:
        """Records and entries that are not in the database yet."""
        return len(self._pending) + self._in_hand + self._in_file

    def yet_to_save(self, call: CallId) -> bool:
        """Whether a record of the call is on its way into the database."""
        return call in self._pending.records or call in self._calls_in_hand

    def put(self, record: CallRecord) -> None:
        """Save this record soon, the newest of each call. Never blocks, never raises."""
        self._pending.records[record.call] = record
        self._wake()

    def journal(self, event: Event, at: datetime) -> None:
        """Add to the journal soon. Never blocks, never raises."""
        self._seq += 1
        if len(self._pending.entries) >= self._limits.memory_entries:
            self._drop()
            return
        entry = JournalEntry(epoch=self._epoch, seq=self._seq, at=at, event=event)
        self._pending.entries.append(entry)
        self._wake()

    def _drop(self) -> None:
        """Neither database nor file takes anything: the oldest stay, replay begins with them."""
        if self._dropped == 0:
            log.error("journal_memory_full", entries=self._limits.memory_entries)
        self._dropped += 1

    def _wake(self) -> None:
        self._filled.set()
        if len(self._pending) >= self._limits.batch_items:
            self._full.set()

    async def run(self) -> None:
        """Write until closed, then once more; ends within a few `drain_s` after `close`."""
        try:
            await self._find_left()
            while not self._closing.is_set():
                await self._gather()
                await self._write()
            await self._write_last()
        finally:
            if self._saving:
                self._saving.cancel()

    def close(self) -> None:
        """Ask for the last batch; `run` then ends."""
        self._closing.set()
        self._filled.set()
        self._full.set()

    async def _find_left(self) -> None:
        """An earlier epoch may have left files: they come first."""
        try:
            self._in_file = await asyncio.to_thread(_count_lines, self._file)
        except OSError as error:
            self._failed(str(error))
        self._away = self._away or self._in_file > 0

    async def _gather(self) -> None:
        """Wait for something to do, then a moment for more of it."""
        try:
            async with asyncio.timeout_at(self._retry_at if self._away else None):
                await self._filled.wait()
            async with asyncio.timeout(self._limits.gather_s):
                await self._full.wait()
        except TimeoutError:
            pass

    async def _write(self) -> None:
        self._filled.clear()
        self._full.clear()
        batch = self._pending.take()
        self._in_hand = len(batch)
        self._calls_in_hand = frozenset(record.call for record in batch.records)
        if self._away or not await self._save(batch):
            await self._keep(batch)
        self._in_hand = 0
        self._calls_in_hand = frozenset()
        if self._away and asyncio.get_running_loop().time() >= self._retry_at:
            await self._replay()

    async def _write_last(self) -> None:
        self._retry_at = math.inf  # the database gets one more attempt, with a limit for all of it
        await self._write()
        if self._away:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.drain_s):
                    await self._replay()
        if len(self._pending) or self._dropped:
            log.error("items_lost", items=len(self._pending), dropped=self._dropped)

    async def _save(self, batch: Batch) -> bool:
        """One transaction; False, and the time of the next attempt set, where it failed."""
        if not len(batch):
            return True
        if self._saving and not self._saving.done():
            self._failed("the last attempt is still under way")
            return False
        self._saving = asyncio.create_task(
            self._store.save_batch(batch.records, batch.entries), name="store-save"
        )
        await self._ended_in_time(self._saving)
        if self._saving.done() and isinstance(self._saving.exception(), ValueRefused):
            return await self._save_apart(batch)
        return self._is_saved(self._saving)

    async def _save_apart(self, batch: Batch) -> bool:
        """The database works and refuses one of these: find it, set it aside, save the others."""
        if len(batch) > 1:
            first, second = batch.halves()
            return await self._save(first) and await self._save(second)
        try:
            path = await asyncio.to_thread(self._file.set_aside, batch)
        except OSError as error:
            self._failed(str(error))
            return False
        calls = [ascii(record.call) for record in batch.records]
        events = [type(entry.event).__name__ for entry in batch.entries]
        log.critical("item_set_aside", path=str(path), calls=calls, events=events)
        return True

    async def _ended_in_time(self, saving: asyncio.Task[None]) -> None:
        """Not a time-out: the driver's thread cannot be interrupted, so cancelling would wait too.

        Whoever ends us waits no longer for a database than `drain_s`.
        """
        closing = asyncio.create_task(self._closing.wait(), name="store-closing")
        first = asyncio.FIRST_COMPLETED
        try:
            await asyncio.wait({saving, closing}, timeout=self._limits.save_s, return_when=first)
        finally:
            closing.cancel()
        if self._closing.is_set():
            await asyncio.wait({saving}, timeout=self._limits.drain_s)

    def _is_saved(self, saving: asyncio.Task[None]) -> bool:
        if not saving.done():
            self._failed("it did not answer in time")
            return False
        try:
            saving.result()
        except StoreError as error:
            self._failed(str(error))
            return False
        return True

    def _failed(self, reason: str) -> None:
        if not self._away:
            log.error("database_away", reason=reason)
        self._away = True
        doubled = max(self._retry_s * 2, self._limits.retry_first_s)
        self._retry_s = min(doubled, self._limits.retry_most_s)
        self._retry_at = asyncio.get_running_loop().time() + self._retry_s

    async def _keep(self, batch: Batch) -> None:
        """Into the emergency file; back into memory where even that fails."""
        if not len(batch):
            return
        try:
            async with asyncio.timeout(self._limits.keep_s):
                self._in_file += await asyncio.to_thread(self._file.append, batch)
        except OSError as error:  # TimeoutError is one; writing twice does no harm
            log.critical("emergency_file_failed", reason=str(error), items=len(batch))
            self._pending.give_back(batch)

    async def _replay(self) -> None:
        """Everything from the files into the database, oldest first; then it counts as back."""
        try:
            for path in await asyncio.to_thread(self._file.left):
                if not await self._replay_file(path):
                    return
        except OSError as error:
            self._failed(str(error))
            return
        if not await self._save_pending():
            return
        log.info("database_back", replayed=self._in_file)
        self._in_file = 0
        self._away = False
        self._retry_s = 0.0
        if len(self._pending):
            self._wake()

    async def _save_pending(self) -> bool:
        """Also what the file would not take: until it is saved the database is not back."""
        batch = self._pending.take()
        self._in_hand = len(batch)
        saved = await self._save(batch)
        self._in_hand = 0
        if not saved:
            self._pending.give_back(batch)
        return saved

    async def _replay_file(self, path: Path) -> bool:
        size = self._limits.batch_items
        batches, bad_lines = await asyncio.to_thread(read_batches, path, size)
        for batch in batches:
            if not await self._save(batch):
                return False
        await asyncio.to_thread(put_away, path, bad_lines)
        return True


def _count_lines(file: EmergencyFile) -> int:
    return sum(path.read_bytes().count(b"\n") for path in file.left())


@asynccontextmanager
async def open_writer(
    store: Store, epoch: int, emergency: Path, limits: WriterLimits | None = None
) -> AsyncIterator[Writer]:
    """A writer with its task; what is still pending is written on the way out.

    `emergency` is a directory, IVR_HOME/emergency; `epoch` comes from `Store.next_epoch`.
    """
    writer = Writer(store, epoch, emergency, limits or WriterLimits())
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run(), name="store-writer")
        try:
            yield writer
        except Exception as error:  # noqa: BLE001 - raised below as it is, not in a group
            failure = error
        finally:
            writer.close()
            await asyncio.wait({task})
    if failure:
        raise failure
