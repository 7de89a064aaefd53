"""Free text of a call's outcomes, shown to who may see it: that it was asked for is on record."""

from datetime import datetime

from ivr.audit import AuditEntry
from ivr.callers import checked_reason
from ivr.model.record import CallRecord
from ivr.store.records import OutcomeEntry
from ivr.store.store import Store

NOTES_SHOWN = "outcome.notes"  # the trail's word for it


async def notes_of(
    store: Store, record: CallRecord, reason: str, *, by: str, at: datetime
) -> tuple[OutcomeEntry, ...]:
    """The outcomes that count, with their notes; the entry is on disk before they are read.

    Raises BadInput for a reason that is too short, StoreError.
    """
    entry = AuditEntry(
        at=at,
        by=by,
        action=NOTES_SHOWN,
        subject=record.call,
        province=record.province,
        desk=record.desk,
        detail={"reason": checked_reason(reason)},
    )
    async with store.writing() as connection:
        await store.note_decision(connection, entry)
    return await store.outcomes(record.call)
