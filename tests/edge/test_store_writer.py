"""Group commit: nothing waits for the disk, and nothing is lost while the database is away."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import StoreError
from ivr.events import CallHungUp, TimePassed
from ivr.model import CallId, CallPhase
from ivr.settings import Settings
from ivr.store import emergency
from ivr.store.store import Store, clock_epoch
from ivr.store.writer import Writer, WriterLimits, open_writer
from tests.edge.store_examples import NOW, at, call, full_call, killed_after_telling, settings
from tests.patience import PATIENCE_S

# Quick to try and to try again; nothing is given up because the machine stood still.
QUICK = WriterLimits(
    gather_s=0.001,
    save_s=PATIENCE_S,
    keep_s=PATIENCE_S,
    retry_first_s=0.001,
    retry_most_s=0.002,
    drain_s=PATIENCE_S,
)


class FailingStore(Store):
    """A store whose database is away while `away` is set; counts transactions."""

    away = False
    stuck = False
    attempts = 0
    transactions = 0

    async def save_batch(self, *batch: Any) -> None:
        self.attempts += 1
        if self.stuck:
            await asyncio.Event().wait()
        if self.away:
            raise StoreError("The disk is full.")
        self.transactions += 1
        await super().save_batch(*batch)


@pytest.fixture
async def store(chosen: Settings) -> AsyncIterator[FailingStore]:
    async with await FailingStore.open(chosen) as store:
        yield store


on_sqlite = pytest.mark.parametrize("database", ["sqlite"])  # what is done to its file


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - it lies in a file or a thread
            await asyncio.sleep(0.001)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "emergency").glob("*"))


async def test_only_the_newest_record_of_a_call_is_written(
    store: FailingStore, tmp_path: Path
) -> None:
    limits = replace(QUICK, gather_s=0.2)
    async with open_writer(store, 1, tmp_path / "emergency", limits) as writer:
        for phase in (CallPhase.MENU, CallPhase.WAITING, CallPhase.OFFERED):
            writer.put(call("1", phase=phase))
        writer.put(full_call("2"))
        writer.journal(CallHungUp(call=CallId("2")), NOW)
        writer.journal(TimePassed(), at(1))
        assert writer.backlog == 4
        await until(lambda: writer.backlog == 0)
        assert writer.healthy
        assert store.transactions == 1
        assert await store.load_call(CallId("1")) == call("1", phase=CallPhase.OFFERED)
        assert [(e.seq, e.at, e.event) for e in await store.read_journal(1)] == [
            (1, NOW, CallHungUp(call=CallId("2"))),
            (2, at(1), TimePassed()),
        ]
    assert files(tmp_path) == []


async def test_a_full_batch_does_not_wait(store: FailingStore, tmp_path: Path) -> None:
    patient = replace(QUICK, gather_s=3600, batch_items=3)
    async with open_writer(store, 1, tmp_path, patient) as writer:
        for number in range(3):
            writer.put(call(str(number)))
        await until(lambda: writer.backlog == 0)


async def test_what_is_pending_is_written_on_the_way_out(
    store: FailingStore, tmp_path: Path
) -> None:
    with pytest.raises(LookupError, match="the body's own"):  # noqa: PT012
        async with open_writer(store, 1, tmp_path, replace(QUICK, gather_s=3600)) as writer:
            writer.put(call("1"))
            raise LookupError("the body's own")
    assert await store.load_call(CallId("1"))


async def test_an_absent_database_loses_nothing(store: FailingStore, tmp_path: Path) -> None:
    async with open_writer(store, 7, tmp_path / "emergency", QUICK) as writer:
        store.away = True
        writer.put(call("1"))
        writer.journal(TimePassed(), NOW)
        await until(lambda: not writer.healthy and files(tmp_path))
        assert files(tmp_path) == ["epoch-0000000007.jsonl"]
        writer.put(call("1", phase=CallPhase.WAITING))
        writer.put(call("2"))
        await until(lambda: writer.backlog == 4 and lines(tmp_path) == 4)
        store.away = False
        await until(lambda: writer.healthy)
        writer.put(call("2", phase=CallPhase.TALKING))
        await until(lambda: writer.backlog == 0)
    assert files(tmp_path) == []
    assert await store.load_call(CallId("1")) == call("1", phase=CallPhase.WAITING)
    assert await store.load_call(CallId("2")) == call("2", phase=CallPhase.TALKING)
    assert [entry.event for entry in await store.read_journal(7)] == [TimePassed()]


def lines(tmp_path: Path) -> int:
    return sum(path.read_text().count("\n") for path in (tmp_path / "emergency").glob("*"))


@contextmanager
def locked(tmp_path: Path) -> Iterator[None]:
    """Somebody else holds the write lock of the database."""
    other = sqlite3.connect(tmp_path / "line123.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@on_sqlite
async def test_a_locked_database(store: FailingStore, tmp_path: Path) -> None:
    async with open_writer(store, 1, tmp_path / "emergency", replace(QUICK, save_s=0.2)) as writer:
        with locked(tmp_path):
            writer.put(call("1"))
            await until(lambda: not writer.healthy and lines(tmp_path) == 1)
            writer.put(call("2"))  # while the first attempt still waits for the lock
            await until(lambda: lines(tmp_path) == 2)
        writer._limits = QUICK  # whatever a disk takes that others use too
        await until(lambda: writer.healthy and writer.backlog == 0)
        assert {record.call for record in await store.open_calls()} == {"1", "2"}


@on_sqlite
async def test_closing_does_not_wait_for_a_locked_database(
    store: FailingStore, tmp_path: Path
) -> None:
    limits = replace(QUICK, drain_s=0.01)
    with locked(tmp_path):
        async with open_writer(store, 1, tmp_path / "emergency", limits) as writer:
            writer.put(call("1"))
        assert lines(tmp_path) == 1
    async with open_writer(store, 2, tmp_path / "emergency", QUICK) as writer:
        await until(lambda: writer.healthy and writer.backlog == 0)
    assert await store.load_call(CallId("1")) == call("1")


async def test_closing_cuts_short_what_is_under_way(store: FailingStore, tmp_path: Path) -> None:
    limits = replace(QUICK, drain_s=0.01)
    async with open_writer(store, 1, tmp_path / "emergency", limits) as writer:
        store.stuck = True
        writer.put(call("1"))
        await until(lambda: store.attempts == 1)
    assert lines(tmp_path) == 1


@on_sqlite
async def test_a_database_that_is_gone_for_a_while(store: FailingStore, tmp_path: Path) -> None:
    path, aside = tmp_path / "line123.sqlite", tmp_path / "aside.sqlite"
    async with open_writer(store, 1, tmp_path / "emergency", QUICK) as writer:
        path.rename(aside)
        writer.put(call("1"))
        await until(lambda: not writer.healthy and lines(tmp_path) == 1)
        assert not path.exists()
        aside.rename(path)
        await until(lambda: writer.healthy and writer.backlog == 0)
    assert await store.load_call(CallId("1")) == call("1")


@on_sqlite
async def test_a_database_that_was_replaced_is_not_written_to(
    store: FailingStore, tmp_path: Path
) -> None:
    path = tmp_path / "line123.sqlite"
    path.rename(tmp_path / "aside.sqlite")
    path.touch()
    with pytest.raises(StoreError, match="was replaced while in use; start again"):
        await store.save_calls([call("1")])
    assert path.read_bytes() == b""


async def test_a_writer_may_begin_without_a_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    async with (
        Store(settings(home)) as store,
        open_writer(store, clock_epoch(), tmp_path / "emergency", QUICK) as writer,
    ):
        writer.put(call("1"))
        await until(lambda: not writer.healthy and lines(tmp_path) == 1)
        home.unlink()
        await until(lambda: writer.healthy and writer.backlog == 0)
        assert await store.load_call(CallId("1")) == call("1")


async def test_the_next_epoch_finds_what_was_left(store: FailingStore, tmp_path: Path) -> None:
    store.away = True
    for epoch, phase in ((9, CallPhase.WAITING), (10, CallPhase.TALKING)):
        async with open_writer(store, epoch, tmp_path / "emergency", QUICK) as writer:
            writer.put(call("1", phase=phase))
            writer.journal(TimePassed(), at(epoch))
    store.away = False
    async with open_writer(store, 11, tmp_path / "emergency", QUICK) as writer:
        await until(lambda: writer.healthy and not files(tmp_path))
        assert writer.backlog == 0
    assert await store.load_call(CallId("1")) == call("1", phase=CallPhase.TALKING)
    assert [len(await store.read_journal(epoch)) for epoch in (9, 10, 11)] == [1, 1, 0]


async def test_an_unreadable_line_is_named_and_kept_and_the_others_are_saved(
    store: FailingStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "emergency"
    file = emergency.EmergencyFile(directory, 1)
    file.append(emergency.Batch([call("1")]))
    (path,) = file.left()
    path.write_text(path.read_text() + '{"record": {"call": \n{"gossip": 1}\n[]\n')
    file.append(emergency.Batch([call("2")]))
    async with open_writer(store, 2, directory, QUICK) as writer:
        await until(lambda: writer.healthy and not file.left())
    assert {record.call for record in await store.open_calls()} == {"1", "2"}
    assert files(tmp_path) == ["epoch-0000000001.unreadable"]
    told = capsys.readouterr().out
    assert all(f"line={number}" in told for number in (2, 3, 4))


async def test_database_and_disk_away_memory_keeps_it(
    store: FailingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _no_space)
        store.away = True
        async with open_writer(store, 1, tmp_path / "emergency", QUICK) as writer:
            writer.put(call("1"))
            writer.journal(TimePassed(), at(1))
            await until(lambda: not writer.healthy)
            writer.put(call("1", phase=CallPhase.WAITING))
            writer.journal(TimePassed(), at(2))
            await until(lambda: writer.backlog == 3)
            assert lines(tmp_path) == 0
            store.away = False
            await until(lambda: writer.healthy and writer.backlog == 0)
    assert await store.load_call(CallId("1")) == call("1", phase=CallPhase.WAITING)
    assert [(e.seq, e.at) for e in await store.read_journal(1)] == [(1, at(1)), (2, at(2))]


async def test_the_database_is_back_only_once_it_takes_something(
    store: FailingStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With no file to bring back, an attempt that never was looked like one that went well."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _no_space)
        store.away = True
        async with open_writer(store, 1, tmp_path / "emergency", QUICK) as writer:
            writer.put(call("1"))
            await until(lambda: store.attempts >= 5)
            assert not writer.healthy
            assert "database_back" not in capsys.readouterr().out
            store.away = False
            await until(lambda: writer.healthy)
    assert await store.load_call(CallId("1")) == call("1")


def _no_space(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


async def test_memory_is_bounded_and_the_journals_beginning_stays(
    store: FailingStore, tmp_path: Path
) -> None:
    writer = Writer(store, 1, tmp_path, WriterLimits(memory_entries=2))
    for _ in range(5):
        writer.journal(TimePassed(), NOW)
    writer.put(call("1"))
    assert writer.backlog == 3


async def test_a_record_that_nothing_can_keep_does_not_stop_the_others(
    store: FailingStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_writer(store, 1, tmp_path / "emergency", QUICK) as writer:
        writer.put(call("bad", arrived_at=NOW.replace(tzinfo=None)))
        writer.put(call("good"))
        await until(lambda: writer.healthy and writer.backlog == 0)
    assert [record.call for record in await store.open_calls()] == ["good"]
    assert "item_not_storable" in capsys.readouterr().out


_KEEP_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from ivr.store.writer import open_writer
from tests.edge.store_examples import call, settings
from tests.edge.test_store_writer import QUICK, FailingStore, lines, until

async def main():
    home = Path(sys.argv[1])
    store = await FailingStore.open(settings(home))
    store.away = True
    async with open_writer(store, 1, home / "emergency", QUICK) as writer:
        writer.put(call("1"))
        await until(lambda: lines(home) == 1)
        print("kept", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def test_what_is_in_the_emergency_file_survives_kill_9(
    store: FailingStore, tmp_path: Path
) -> None:
    assert killed_after_telling(_KEEP_AND_WAIT, tmp_path, "kept")
    assert json.loads((tmp_path / "emergency" / "epoch-0000000001.jsonl").read_text())["record"]
    async with open_writer(store, 2, tmp_path / "emergency", QUICK) as writer:
        await until(lambda: writer.healthy and not files(tmp_path))
    assert await store.load_call(CallId("1")) == call("1")


@pytest.mark.parametrize("bad", ["\ud800", "\x00", "x" * 3_000_000])
async def test_a_value_that_the_database_refuses_keeps_nothing_else_away(
    store: FailingStore, tmp_path: Path, bad: str
) -> None:
    """Whatever a database takes is saved; what it refuses stands aside, and the writer goes on."""
    records = [call(str(number)) for number in range(20)]
    records[7] = replace(records[7], line=bad)
    records[13] = replace(records[13], call=CallId(f"odd-{bad}"))
    async with open_writer(store, 1, tmp_path / "emergency", QUICK) as writer:
        for record in records:
            writer.put(record)
            writer.journal(CallHungUp(call=record.call), NOW)
        await until(lambda: writer.backlog == 0)
        assert writer.healthy
        writer.put(call("later"))
    saved = {record.call for record in await store.open_calls()}
    assert {"later", *(record.call for record in records if record.call.isdecimal())} - {
        "7"
    } <= saved
    left = (tmp_path / "emergency" / "set-aside.jsonl").read_bytes() if files(tmp_path) else b""
    kept = {json.loads(line)["record"]["call"] for line in left.splitlines() if b'"record"' in line}
    assert saved | kept >= {record.call for record in records}
    assert not saved & kept
    if bad == "\ud800":
        assert kept == {"7", "odd-\ud800"}
    assert len(await store.read_journal(1)) + left.count(b'"entry"') == 20


async def test_a_call_is_yet_to_save_until_its_record_is_in_the_database(
    store: FailingStore, tmp_path: Path
) -> None:
    store.stuck = True
    limits = replace(QUICK, drain_s=0.01)
    async with open_writer(store, 1, tmp_path / "emergency", limits) as writer:
        assert not writer.yet_to_save(CallId("1.1"))
        writer.put(call("1.1"))
        assert writer.yet_to_save(CallId("1.1")), "it waits"
        await until(lambda: store.attempts)
        assert writer.yet_to_save(CallId("1.1")), "it is on its way"
        assert not writer.yet_to_save(CallId("1.2"))
