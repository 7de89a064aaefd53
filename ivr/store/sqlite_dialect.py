"""SQLAlchemy's dialect for SQLite on asyncio, but for two things of its driver.

How it lets a cancelled connection go: where a task is cancelled twice in the middle of a statement
(the second time while its connection is being closed), SQLAlchemy 2.1 with aiosqlite 0.22 leaves a
shielded task behind that waits for ever for a thread that has ended, and a program that waits for
its tasks never ends. Where it is cancelled while it connects, the driver's thread goes on by
itself, and fails with a traceback once the event loop that it answers to is closed.

How often it goes to the driver's thread: each statement took four errands there (open, execute,
fetch, close), each transaction one more than it needs. One errand does the same.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util import EMPTY_DICT
from sqlalchemy.util.concurrency import await_

NAME = "line123"
DRIVER = f"sqlite+{NAME}"
STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class _Done:
    """What a statement told, as the cursor that ran it would; that one is closed already."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: tuple[Any, ...] = ()

    def close(self) -> None:
        """Nothing is open."""


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()
    _awaitable_cursor_close = False

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001 - as the adapter does
        self._cursor: Any = _Done()
        self._soft_closed_memoized = EMPTY_DICT
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._errand(sqlite3.Cursor.execute, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._errand(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _errand(self, method: Callable[..., Any], *arguments: Any) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            done = await connection._execute(_run, connection, method, *arguments)  # noqa: SLF001
        self._cursor, self._rows = done, deque(done.rows)


def _run(connection: Any, method: Callable[..., Any], *arguments: Any) -> _Done:
    """In the driver's thread."""
    cursor = connection._conn.cursor()  # noqa: SLF001 - open, or it says so
    try:
        method(cursor, *arguments)
        rows = cursor.fetchall() if cursor.description else ()
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid, tuple(rows))
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    """Ends only transactions that have begun; between statements nobody else uses it."""

    __slots__ = ()
    _cursor_cls = _Cursor

    def rollback(self) -> None:
        if self._in_transaction:
            super().rollback()

    def commit(self) -> None:
        if self._in_transaction:
            super().commit()

    @property
    def _in_transaction(self) -> bool:
        connection: Any = self._connection
        return connection._connection is not None and connection.in_transaction  # noqa: SLF001


class _Dbapi(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arguments: Any, async_creator_fn: Any, **options: Any) -> _Connection:
        return _Connection(self, await_(async_creator_fn(*arguments, **options)))


class Dialect(SQLiteDialect_aiosqlite):
    """Stops such a connection's thread after what it does now, and nobody waits for it but us."""

    driver = NAME
    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stopping: set[Thread] = set()

    @classmethod
    def import_dbapi(cls) -> AsyncAdapt_aiosqlite_dbapi:
        return _Dbapi(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> Any:
        return super().connect(*arguments, async_creator_fn=self._connect, **options)

    async def _connect(self, *arguments: Any, **options: Any) -> aiosqlite.Connection:
        connection = aiosqlite.connect(*arguments, **options)
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does
        try:
            return await connection
        except BaseException:  # the driver has told its thread to stop
            self._note(connection)
            raise

    def do_terminate(self, dbapi_connection: Any) -> None:
        connection = self.get_driver_connection(dbapi_connection)
        connection.stop()
        self._note(connection)

    def _note(self, connection: Any) -> None:
        self._stopping = {thread for thread in self._stopping if thread.is_alive()}
        self._stopping.add(connection._thread)  # noqa: SLF001 - it tells of its end nowhere else

    async def stopped(self) -> None:
        """Wait a while for the threads that were told to stop: they answer to this event loop."""
        if any(thread.is_alive() for thread in self._stopping):
            await asyncio.to_thread(_join, self._stopping, time.monotonic() + STOP_S)


def _join(threads: Iterable[Thread], until: float) -> None:
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


registry.register(f"sqlite.{NAME}", __name__, Dialect.__name__)
