"""Rows of the database as frozen records and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from ivr.events import Event
from ivr.model import (
    CallEnd,
    CallerRef,
    CallFacts,
    CallId,
    CallPhase,
    CountyId,
    CountySource,
    EndedBy,
    Lane,
)
from ivr.model.location import CallLocation
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord, OfferEntry
from ivr.outcomes import OutcomeId
from ivr.store.codec import Json, decode, decode_event, encode, encode_event
from ivr.store.served import served

E = TypeVar("E", bound=Enum)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEntry:
    """One outcome of a call, as a person recorded it."""

    id: int
    call: CallId
    outcome: OutcomeId
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A county that a counsellor set right; `previous_county` is what the call had before."""

    id: int
    call: CallId
    county: CountyId
    previous_county: CountyId | None
    previous_source: CountySource | None
    by: str
    at: datetime


def is_misrouted(corrections: Sequence[Correction]) -> bool:
    """Whether the line went by another county than the one that was found to be right.

    `corrections` of one call, in order. A county that the line did not know misroutes nobody, and
    a counsellor's slip that was taken back does not either.
    """
    gone_by = corrections[0].previous_county if corrections else None
    return gone_by is not None and gone_by != corrections[-1].county


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """An event as the writer of `epoch` saw it; `seq` counts its events from 1."""

    epoch: int
    seq: int
    at: datetime
    event: Event


_FALLBACK_ENDS = frozenset({CallEnd.FALLBACK_CONNECTED, CallEnd.FALLBACK_ABANDONED})
# Columns that are the record's fields of the same name and kind.
_PLAIN = (
    "call",
    "province",
    "line",
    "arrived_at",
    "joined_at",
    "first_offered_at",
    "connected_at",
    "talk_ended_at",
    "ended_at",
    "counsellor",
    "desk",
    "fallback_s",
    "lost_at",
    "acknowledged_at",
    "acknowledged_by",
)


def served_by(record: CallRecord) -> str:
    """Who had the call at its end: `controller`, or Asterisk's static `fallback`."""
    return who_served(record.end)


def who_served(end: str | None) -> str:
    """The same, from the end alone."""
    return "fallback" if end in _FALLBACK_ENDS else "controller"


def wait_s(record: CallRecord) -> float | None:
    """Seconds in line: until connect, or until the end of a call that was not connected."""
    return _seconds(record.joined_at, record.connected_at or record.ended_at)


def talk_s(record: CallRecord) -> float | None:
    """Seconds of talk, from connect."""
    return _seconds(record.connected_at, record.talk_ended_at or record.ended_at)


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def call_to_row(record: CallRecord) -> dict[str, Any]:
    """The row of table `calls`."""
    caller = record.caller
    row = {
        **{name: getattr(record, name) for name in _PLAIN},
        "caller_pseudonym": caller.pseudonym if caller else None,
        "caller_ciphertext": caller.ciphertext if caller else None,
        "caller_raw_ciphertext": caller.raw_ciphertext if caller else None,
        "caller_withheld": caller.withheld if caller else None,
        "served_by": served_by(record),
        "phase": record.phase.value,
        "end": record.end and record.end.value,
        "ended_by": record.ended_by and record.ended_by.value,
        **_facts_to_row(record.facts),
        "rules_version": record.plan.rules_version if record.plan else None,
        "plan": encode(record.plan),
        "offers": encode(record.offers),
        "location": encode(record.location),
    }
    return {**row, **served(row)}


def _facts_to_row(facts: CallFacts | None) -> dict[str, Any]:
    return {
        "facts_province": facts.province if facts else None,
        "county": facts.county if facts else None,
        "county_source": facts.county_source.value if facts else None,
        "category": facts.category if facts else None,
        "lane": facts.lane.value if facts else None,
        "returning_silence": facts.returning_silence if facts else None,
    }


def call_from_row(row: Row | RowMapping) -> CallRecord:
    """The record; raises StoreError where a value is not one of this version's."""
    return CallRecord(
        **{name: row[name] for name in _PLAIN},
        caller=_caller_from_row(row),
        phase=decode(CallPhase, row["phase"]),
        end=_optional(CallEnd, row["end"]),
        ended_by=_optional(EndedBy, row["ended_by"]),
        facts=facts_from_row(row),
        plan=decode(RoutePlan, row["plan"]) if row["plan"] else None,
        offers=tuple(decode(OfferEntry, offer) for offer in row["offers"]),
        location=decode(CallLocation, row["location"]) if row["location"] else None,
    )


def _caller_from_row(row: Row | RowMapping) -> CallerRef | None:
    if row["caller_pseudonym"] is None:
        return None
    return CallerRef(
        pseudonym=row["caller_pseudonym"],
        ciphertext=row["caller_ciphertext"],
        raw_ciphertext=row["caller_raw_ciphertext"],
        withheld=bool(row["caller_withheld"]),
    )


def facts_from_row(row: Row | RowMapping) -> CallFacts | None:
    """What the call joined with; raises StoreError where a value is not one of this version's."""
    if row["lane"] is None:
        return None
    return CallFacts(
        province=row["facts_province"],
        county=row["county"],
        county_source=decode(CountySource, row["county_source"]),
        category=row["category"],
        lane=decode(Lane, row["lane"]),
        returning_silence=bool(row["returning_silence"]),
    )


def _optional(kind: type[E], value: object) -> E | None:
    return None if value is None else decode(kind, value)


def entry_to_row(entry: JournalEntry) -> dict[str, Any]:
    """The row of table `journal`."""
    kind, event = encode_event(entry.event)
    return {"epoch": entry.epoch, "seq": entry.seq, "at": entry.at, "kind": kind, "event": event}


def entry_from_row(row: RowMapping) -> JournalEntry:
    """The entry; raises StoreError where this version cannot read it."""
    event = decode_event(row["kind"], row["event"])
    return JournalEntry(epoch=row["epoch"], seq=row["seq"], at=row["at"], event=event)


def entry_to_json(entry: JournalEntry) -> dict[str, Json]:
    """The entry as one object; raises StoreError for what has no exact form."""
    return {**entry_to_row(entry), "at": encode(entry.at)}


def entry_from_json(data: dict[str, Any]) -> JournalEntry:
    """The entry; raises StoreError or KeyError where it cannot be read."""
    return JournalEntry(
        epoch=decode(int, data["epoch"]),
        seq=decode(int, data["seq"]),
        at=decode(datetime, data["at"]),
        event=decode_event(data["kind"], data["event"]),
    )
