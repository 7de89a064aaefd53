"""What SQLite's files still have of rows that were erased, and how to be rid of it.

`PRAGMA secure_delete` overwrites what is deleted with zeros, but not the copies that stay in unused
parts of pages when SQLite has split or merged them before (measured: 6 of 4,000 texts were left).
Only writing the file anew leaves none.
"""

import aiosqlite

from ivr.errors import BadInput
from ivr.store.database import translated
from ivr.store.store import Store


async def empty_log(store: Store) -> bool:
    """Empty SQLite's write-ahead log, which has pages of before; False where others use it.

    https://www.sqlite.org/pragma.html#pragma_wal_checkpoint; PostgreSQL looks after its own.
    """
    if store.engine.dialect.name != "sqlite":
        return True
    busy = await _outside_of_transactions(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    return busy == 0


async def compact(store: Store) -> bool:
    """Write SQLite's file anew, then as `empty_log`; whoever writes waits for its end.

    https://www.sqlite.org/lang_vacuum.html. Raises BadInput for PostgreSQL, StoreError where it
    cannot be (as much room as the file has is needed).
    """
    if store.engine.dialect.name != "sqlite":
        raise BadInput(
            "--compact is for SQLite; what was due is erased. PostgreSQL writes its tables anew by "
            "`vacuumdb --full --dbname NAME`, while nobody uses them."
        )
    await _outside_of_transactions(store, "VACUUM")
    return await empty_log(store)


async def _outside_of_transactions(store: Store, statement: str) -> object:
    """The first value that it answers, if it does."""
    with translated(store.engine.url):
        async with store.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, aiosqlite.Connection)
            async with driver.execute(statement) as cursor:
                row = await cursor.fetchone()
    return row[0] if row is not None else None
