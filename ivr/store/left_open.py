"""Calls that an earlier controller left open: what the database says, and what it has not heard."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog
from sqlalchemy import select

from ivr.errors import StoreError
from ivr.model.record import CallRecord
from ivr.store.emergency import kept_records
from ivr.store.overlay import newest
from ivr.store.records import Row, call_from_row, call_to_row
from ivr.store.store import Store, pieces
from ivr.store.tables import calls

log = structlog.get_logger()


async def calls_left_open(store: Store, emergency: Path) -> tuple[CallRecord, ...]:
    """Calls that have not ended, newest first; `emergency` is a directory, IVR_HOME/emergency.

    A row that stands open in the database may have its end in an emergency file that the writer
    has not brought back yet. The files are read first: what is brought back meanwhile is found in
    the database. Without either of them the other has to do.
    """
    kept = [call_to_row(record) for record in await _kept(emergency)]
    try:
        known = await _known(store, {row["call"] for row in kept})
    except StoreError as error:
        log.warning("open_calls_not_in_reach", kept=len(kept), reason=str(error))
        known = []
    rows = newest([*known, *kept]).values()
    found = list(_readable(row for row in rows if row["ended_at"] is None))
    return tuple(sorted(found, key=lambda record: record.arrived_at, reverse=True))


async def _kept(emergency: Path) -> list[CallRecord]:
    try:
        return await asyncio.to_thread(kept_records, emergency)
    except OSError as error:
        log.warning("emergency_files_unreadable", path=str(emergency), reason=error.strerror)
        return []


async def _known(store: Store, kept: set[str]) -> list[Row]:
    """Open rows, and those of the calls that the files tell of, whatever they have come to."""
    found = [*await store.rows(select(calls).where(calls.c.ended_at.is_(None)))]
    for some in pieces(sorted(kept)):
        found += await store.rows(select(calls).where(calls.c.call.in_(some)))
    return [dict(row) for row in found]


def _readable(rows: Iterable[Row]) -> Iterable[CallRecord]:
    for row in rows:
        try:
            yield call_from_row(row)
        except StoreError as error:
            log.warning("open_call_unreadable", call=row["call"], reason=str(error))
