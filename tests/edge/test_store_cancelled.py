"""A task may be cancelled at any point of its work with the database, and again while it ends."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from ivr.store.store import Store
from tests.edge.store_examples import settings

ENOUGH_S = 300.0  # only ever waited out by a failing test


class Gate:
    """A function of SQLite's that takes until it is let go: the driver's thread is in it."""

    def __init__(self, store: Store) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        event.listen(store.engine.sync_engine, "connect", self._add)

    def _add(self, connection: Any, _record: object) -> None:
        connection.create_function("wait_here", 0, self._wait)

    def _wait(self) -> int:
        self.entered.set()
        self.open.wait(ENOUGH_S)
        return 1


async def leave_ready_tasks_to_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_read_cancelled_again_while_its_connection_closes_leaves_nothing_waiting(
    tmp_path: Path, times: int
) -> None:
    """The line had ended and its process had not: asyncio.Runner waits for every task."""
    others = asyncio.all_tasks()
    async with await Store.open(settings(tmp_path)) as store:
        gate = Gate(store)
        await store.close()  # so that the next connection has the function
        reading = asyncio.create_task(store.rows(select(func.wait_here())))
        await asyncio.to_thread(gate.entered.wait, ENOUGH_S)
        for _ in range(times):
            reading.cancel()
            await leave_ready_tasks_to_run()
        left = asyncio.all_tasks() - others
        for task in left:  # as the runner does
            task.cancel()
        await leave_ready_tasks_to_run()
        gate.open.set()
        _, pending = await asyncio.wait({reading, *left}, timeout=ENOUGH_S)
        assert pending == set()
        assert reading.cancelled()
        assert len(await store.rows(select(func.wait_here()))) == 1


async def test_a_connection_cancelled_while_it_opens_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread answers to the event loop: once that is closed, it ends with a traceback."""
    entered, open_ = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def connect_slowly(*arguments: Any, **options: Any) -> sqlite3.Connection:
        threads.append(threading.current_thread())
        entered.set()
        open_.wait(ENOUGH_S)
        return plain_connect(*arguments, **options)

    store = await Store.open(settings(tmp_path))
    await store.close()  # so that there is nothing but to connect
    plain_connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect_slowly)
    reading = asyncio.create_task(store.rows(select(func.count())))
    await asyncio.to_thread(entered.wait, ENOUGH_S)
    reading.cancel()
    await asyncio.wait({reading})
    closing = asyncio.create_task(store.close())
    await leave_ready_tasks_to_run()
    open_.set()
    await closing
    [thread] = threads
    assert not thread.is_alive()
