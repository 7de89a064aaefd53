"""What an earlier controller left behind: what the database says, and what it has not heard."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Select, select

from ivr.errors import StoreError
from ivr.model import CallId, CallPhase, CounsellorId, Lane, ProvinceId
from ivr.model.record import CallRecord, EndedTalk
from ivr.store.emergency import kept_records
from ivr.store.overlay import newest
from ivr.store.records import Row, call_from_row, call_to_row
from ivr.store.store import Store, pieces
from ivr.store.tables import calls

log = structlog.get_logger()


class LeftBehind(NamedTuple):
    """Calls that have not ended, newest first; talks that have, in the order of their ends."""

    open_calls: tuple[CallRecord, ...]
    talks: tuple[EndedTalk, ...]


async def left_behind(store: Store, emergency: Path, since_at: datetime) -> LeftBehind:
    """Open calls, and talks that ended since; `emergency` is a directory, IVR_HOME/emergency.

    A row that stands open in the database may have its end in an emergency file that the writer
    has not brought back yet. The files are read first: what is brought back meanwhile is found in
    the database. Without either of them the other has to do.
    """
    kept = [call_to_row(record) for record in await _kept(emergency)]
    known: list[Row] = []
    talks: list[Row] = []
    try:
        known = await _known(store, {row["call"] for row in kept})
        talks = [dict(row) for row in await store.rows(talks_since(since_at))]
    except StoreError as error:
        log.warning("open_calls_not_in_reach", kept=len(kept), reason=str(error))
    rows = newest([*known, *kept])
    found = list(_readable(row for row in rows.values() if row["ended_at"] is None))
    found.sort(key=lambda record: record.arrived_at, reverse=True)
    whole = (_talk_of_whole(row) for row in rows.values() if _tells_talk(row, since_at))
    ended = [*whole, *(_talk(row) for row in talks if row["call"] not in rows)]
    return LeftBehind(tuple(found), tuple(sorted(ended, key=lambda talk: talk.ended_at)))


def talks_since(since_at: datetime) -> Select[Any]:
    """Talks of ended calls that the line had, without their plans.

    No talk ends after its call: the index of ends finds them.
    """
    names = ("call", "province", "counsellor", "connected_at", "talk_ended_at", "lane")
    return select(
        *(calls.c[name] for name in names),
        calls.c.plan["heavy"].as_boolean().label("heavy"),
        calls.c.plan["wrap_up_s"].as_float().label("wrap_up_s"),
    ).where(
        calls.c.ended_at >= since_at,
        calls.c.talk_ended_at >= since_at,
        calls.c.counsellor.is_not(None),
        calls.c.entered.is_(None),
    )


def _tells_talk(row: Row, since_at: datetime) -> bool:
    """Of a whole row; while somebody talks, the last end is that of an earlier talk."""
    ended_at, phase = row["talk_ended_at"], row["phase"]
    known = row["counsellor"] is not None and phase != CallPhase.TALKING.value
    return known and ended_at is not None and ended_at >= since_at


def _talk_of_whole(row: Row) -> EndedTalk:
    plan = row["plan"] or {}
    return _talk({**row, "heavy": plan.get("heavy"), "wrap_up_s": plan.get("wrap_up_s")})


def _talk(row: Row) -> EndedTalk:
    return EndedTalk(
        call=CallId(row["call"]),
        province=ProvinceId(row["province"]),
        counsellor=CounsellorId(row["counsellor"]),
        began_at=row["connected_at"] or row["talk_ended_at"],
        ended_at=row["talk_ended_at"],
        danger=row["lane"] == Lane.DANGER.value,
        heavy=bool(row["heavy"]),
        wrap_up_s=row["wrap_up_s"],
    )


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
