"""What the database would have, in memory: a database's threads do not live in virtual time."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from ivr.events import Event
from ivr.model import CallId
from ivr.model.record import CallRecord


@dataclass(slots=True)
class MemoryJournal:
    """`finals` counts how often each call's record was put as ended: once, if all is well."""

    records: dict[CallId, CallRecord] = field(default_factory=dict)
    entries: list[tuple[Event, datetime]] = field(default_factory=list)
    finals: Counter[CallId] = field(default_factory=Counter)

    def put(self, record: CallRecord) -> None:
        self.records[record.call] = record
        if record.ended_at is not None:
            self.finals[record.call] += 1

    def journal(self, event: Event, at: datetime) -> None:
        self.entries.append((event, at))
