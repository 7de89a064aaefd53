"""SQLAlchemy's dialect for SQLite on asyncio, but for how it lets a cancelled connection go.

Where a task is cancelled twice in the middle of a statement (the second time while its connection
is being closed), SQLAlchemy 2.1 with aiosqlite 0.22 leaves a shielded task behind that waits for
ever for a thread that has ended, and a program that waits for its tasks never ends. Where it is
cancelled while it connects, the driver's thread goes on by itself, and fails with a traceback once
the event loop that it answers to is closed.
"""

import asyncio
import time
from collections.abc import Iterable
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

NAME = "line123"
DRIVER = f"sqlite+{NAME}"
STOP_S = 5.0


class Dialect(SQLiteDialect_aiosqlite):
    """Stops such a connection's thread after what it does now, and nobody waits for it but us."""

    driver = NAME
    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stopping: set[Thread] = set()

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
