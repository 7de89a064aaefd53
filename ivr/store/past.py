"""The past as it was routed: calls as they joined, and duty as it was; never who called."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from ivr.duty import Closure, DutyBook
from ivr.model import CallId, CallPhase, CountySource, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.store.duty import DutyStore
from ivr.store.duty_rows import ClosureRecord
from ivr.store.records import facts_from_row
from ivr.store.store import Store
from ivr.store.tables import calls, corrections

_COLUMNS = (
    *("call", "province", "line", "phase"),
    *("arrived_at", "joined_at", "connected_at", "talk_ended_at", "ended_at"),
    *("facts_province", "county", "county_source", "category", "lane", "returning_silence"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """`records` are of calls that are over, oldest first; without caller, plan and offers."""

    records: tuple[CallRecord, ...]
    book: DutyBook


async def past_of(
    store: Store,
    province: ProvinceId,
    desks: Collection[DeskId],
    since_at: datetime,
    until_at: datetime,
) -> Past:
    """The province's calls that arrived in [since_at, until_at), and the duty of these desks.

    Raises StoreError.
    """
    duty = DutyStore(store)
    return Past(
        records=await _calls(store, province, since_at, until_at),
        book=DutyBook(
            roster=await duty.entries(desks, since_at, until_at),
            closures=tuple(_as_they_were(await duty.closure_history(desks))),
        ),
    )


def _as_they_were(records: Iterable[ClosureRecord]) -> Iterator[Closure]:
    """Each until it ended, also where somebody ended it before its time."""
    for record in records:
        closure = record.closure
        ended_at = min(record.ended_at or closure.until_at, closure.until_at)
        if closure.from_at < ended_at:
            yield replace(closure, until_at=ended_at)


async def _calls(
    store: Store, province: ProvinceId, since_at: datetime, until_at: datetime
) -> tuple[CallRecord, ...]:
    """Pseudonyms and numbers are not even read.

    A county that was set right afterwards is the one that the line had gone by.
    """
    arrived = calls.c.arrived_at
    these = (calls.c.province == province) & (arrived >= since_at) & (arrived < until_at)
    found = await store.rows(
        select(*[calls.c[name] for name in _COLUMNS])
        .where(these, calls.c.ended_at.is_not(None))
        .order_by(arrived, calls.c.call)
    )
    corrected = await store.rows(
        select(corrections.c.call, corrections.c.previous_county, corrections.c.previous_source)
        .join(calls, calls.c.call == corrections.c.call)
        .where(these)
        .order_by(corrections.c.id.desc())
    )
    gone_by = {row["call"]: _before(row) for row in corrected}  # the first correction stays
    return tuple(_record({**row, **gone_by.get(row["call"], {})}) for row in found)


def _before(correction: RowMapping) -> dict[str, Any]:
    source = correction["previous_source"] or CountySource.UNKNOWN.value
    return {"county": correction["previous_county"], "county_source": source}


def _record(row: Mapping[str, Any]) -> CallRecord:
    return CallRecord(
        call=CallId(row["call"]),
        province=ProvinceId(row["province"]),
        line=row["line"],
        caller=None,
        arrived_at=row["arrived_at"],
        phase=CallPhase(row["phase"]),
        facts=facts_from_row(row),
        joined_at=row["joined_at"],
        connected_at=row["connected_at"],
        talk_ended_at=row["talk_ended_at"],
        ended_at=row["ended_at"],
    )
