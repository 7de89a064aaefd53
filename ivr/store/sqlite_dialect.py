"""SQLAlchemy's dialect for SQLite on asyncio, but for how it lets a cancelled connection go.

Where a task is cancelled twice in the middle of a statement (the second time while its connection
is being closed), SQLAlchemy 2.1 with aiosqlite 0.22 leaves a shielded task behind that waits for
ever for a thread that has ended, and a program that waits for its tasks never ends.
"""

import asyncio
from typing import Any

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
        self._stopping: set[asyncio.Future[Any]] = set()

    def do_terminate(self, dbapi_connection: Any) -> None:
        stopping = self.get_driver_connection(dbapi_connection).stop()
        if stopping is not None:
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def stopped(self) -> None:
        """Wait a while for the threads that were told to stop: they answer to this event loop."""
        if self._stopping:
            await asyncio.wait(set(self._stopping), timeout=STOP_S)


registry.register(f"sqlite.{NAME}", __name__, Dialect.__name__)
