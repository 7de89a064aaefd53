"""The database itself: where it is, how it is opened, and that its tables are of our version."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.errors import BadInput, StoreError, ValueRefused
from ivr.settings import Settings
from ivr.store import sqlite_dialect

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_WAIT_S = 5.0
CONNECT_S = 5.0
ANSWER_S = 30.0  # of one statement, migrations included: who takes longer is not there
_WRITES, _ALONE = "ivr_writes", "ivr_alone"  # what a connection is taken for; see _begin
_REVISIONS = "alembic_version"  # Alembic's own table
_URL_OPTIONS = {"sslmode": "ssl", "host": "host", "port": "port"}
_MENDS = {  # by class of SQLSTATE
    "28": "; set user and password right in IVR_DATABASE_URL",
    "3D": "; make it (createdb), or set the right name in IVR_DATABASE_URL",
}
_ASYNC_DRIVERS = {"sqlite": sqlite_dialect.DRIVER, "postgresql": "postgresql+asyncpg"}


def database_url(settings: Settings) -> URL:
    """Where the database is; raises BadInput for an address that is none."""
    if settings.database_url is None:
        return URL.create(sqlite_dialect.DRIVER, database=str(settings.home / "line123.sqlite"))
    try:
        url = make_url(settings.database_url)
        driver = _ASYNC_DRIVERS[url.get_backend_name()]
    except (ArgumentError, KeyError):
        raise BadInput(
            "IVR_DATABASE_URL is not a database address; write sqlite:////PATH or "
            "postgresql://USER:PASSWORD@HOST/NAME."
        ) from None
    query = _query(url) if driver.startswith("postgresql") else url.query
    return url.set(drivername=driver, query=query)


def _query(url: URL) -> dict[str, Any]:
    """What may follow the `?`; libpq's `sslmode` has the same values as asyncpg's `ssl`."""
    query = {_URL_OPTIONS.get(name, name): value for name, value in url.query.items()}
    if unknown := sorted(query.keys() - _URL_OPTIONS.values()):
        raise BadInput(
            f"IVR_DATABASE_URL has options that we do not know: {', '.join(unknown)}. "
            "Known are sslmode, host (a directory of sockets) and port."
        )
    return query


def make_engine(url: URL) -> AsyncEngine:
    """An engine for the address; touches nothing yet. Raises StoreError without its driver."""
    with translated(url):
        # Values would stand in errors' texts.
        engine = create_async_engine(url, hide_parameters=True, **_options(url))
    if url.get_backend_name() == "sqlite":
        _watch_file(engine, Path(url.database or ""))
        event.listen(engine.sync_engine, "connect", _set_pragmas)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "postgresql":
        # Each caller is looked up once: opening a connection for that would cost more than it.
        return {"connect_args": {"timeout": LOCK_WAIT_S}, "pool_size": 8, "max_overflow": 7}
    limits = {"timeout": CONNECT_S, "command_timeout": ANSWER_S}
    return {
        "connect_args": {**limits, "server_settings": {"application_name": "line123"}},
        "pool_pre_ping": True,  # connections of before the server was started again are no failure
    }


def make_file(url: URL) -> None:
    """SQLite's file, readable by its owner alone; raises StoreError where that cannot be."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        with translated(url):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)


def _watch_file(engine: AsyncEngine, path: Path) -> None:
    """SQLite would go on writing to a file that was deleted, and make an empty one in its place."""

    def connecting(*_: object) -> None:
        path.stat()

    def connected(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["inode"] = path.stat().st_ino

    def used(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info["inode"] != path.stat().st_ino:
            raise OSError("the file was replaced while in use; start again to use the new one")

    event.listen(engine.sync_engine, "do_connect", connecting)
    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "checkout", used)


def _set_pragmas(connection: Any, _record: object) -> None:
    """https://www.sqlite.org/pragma.html: FULL syncs the write-ahead log at each commit.

    What is deleted is overwritten with zeros (secure_delete): notes and numbers are erased so.
    """
    connection.isolation_level = None  # the driver begins nothing by itself; see _begin
    cursor = connection.cursor()
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: one that upgrades later can be refused without waiting.

    One statement alone needs no transaction: it sees one instant by itself.
    """
    options = connection.get_execution_options()
    if not options.get(_ALONE, False):
        writes = options.get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def close_engine(engine: AsyncEngine) -> None:
    """Let all connections go; returns when none of them has anything left to say."""
    await engine.dispose()
    if isinstance(engine.dialect, sqlite_dialect.Dialect):
        await engine.dialect.stopped()


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that only reads; errors come as StoreError."""
    with translated(engine.url):
        async with engine.begin() as connection:
            yield connection


@asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for one statement that only reads; errors come as StoreError."""
    with translated(engine.url):
        async with engine.connect() as connection:
            await connection.execution_options(**{_ALONE: True})
            yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction whose end means: on disk. Errors come as StoreError."""
    with translated(engine.url):
        async with engine.connect() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection


def shown(url: URL) -> str:
    """The address as a person would write it, without its password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Foreign errors as StoreError; without SQL and values, which may tell of a caller."""
    try:
        yield
    except (
        *(SQLAlchemyError, sqlite3.Error, OSError, ImportError),
        *(OverflowError, UnicodeEncodeError),
    ) as error:
        place = shown(url)
        refused = f"The database {place} cannot be used: "
        if _is_about_a_value(error):
            raise ValueRefused(
                f"The database {place} refuses a value: a value does not fit its column (a number "
                "too large, or text that is none); nothing was changed."
            ) from None
        raise StoreError(refused + _cause(error)) from error


def _is_about_a_value(error: Exception) -> bool:
    """PostgreSQL's own words on a data exception (22) or on too long a text (54) repeat the value.

    SQLite's driver overflows, or cannot write what is no Unicode.
    """
    unwritable = isinstance(error, OverflowError | UnicodeEncodeError)
    return unwritable or _sqlstate(error).startswith(("22", "54"))


def _sqlstate(error: Exception) -> str:
    """https://www.postgresql.org/docs/current/errcodes-appendix.html; "" where there is none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return f"{getattr(error, 'orig', None) or error}{_MENDS.get(_sqlstate(error)[:2], '')}"


async def lock_table(connection: AsyncConnection, table: Table) -> None:
    """Nobody else changes the table until the transaction ends; it may be read meanwhile.

    SQLite's writers come one after the other anyway (BEGIN IMMEDIATE).
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def is_current(connection: Connection) -> bool:
    """Whether the tables are of our version: then nobody needs the right to write to open them."""
    if not inspect(connection).has_table(_REVISIONS):
        return False
    found = connection.execute(text(f"SELECT version_num FROM {_REVISIONS}"))  # noqa: S608 - ours
    return found.scalars().all() == [newest_revision()]


def newest_revision() -> str:
    """The name of our version of the tables, as the files of migrations begin.

    Alembic says the same; it takes 8 MB, which a controller need not carry that migrates nothing.
    """
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*.py"))
