"""Callers lost in danger before their place was known: an alarm until somebody takes it up.

Such a call is over for the exchange and not for people: its number may be traced, and help sent.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ivr import effects as do
from ivr import events as ev
from ivr.floor_alarms import lift_alarm, raise_alarm
from ivr.model import CallPhase, EndedBy, Lane
from ivr.model.record import CallRecord
from ivr.notices import AlarmCode
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor


_AFTER_A_TALK_BROKE_OFF = (
    CallPhase.WAITING,
    CallPhase.OFFERED,
    CallPhase.CONNECTING,
    CallPhase.FALLBACK,
)


def note_end(floor: "Floor", call: FloorCall, ended_by: EndedBy) -> None:
    """Of a call that is about to end; its phase is still the one in which it does."""
    if ended_by is not EndedBy.COUNSELLOR and _is_lost(floor, call):
        floor.change(call, lost_at=floor.now)


def stand(floor: "Floor", record: CallRecord) -> None:
    """On the list of lost calls, with its alarm."""
    if record.lost_at is not None:
        floor.lost[record.call] = record
        raise_alarm(floor, AlarmCode.LOST_IN_DANGER, record.call, since_at=record.lost_at)


def supervisor_acknowledged(floor: "Floor", event: ev.SupervisorAcknowledged) -> None:
    """Somebody has taken it up: the record says who and when."""
    record = floor.lost.pop(event.call, None)
    if record is not None:
        seen = replace(record, acknowledged_at=floor.now, acknowledged_by=event.by)
        floor.act(do.SaveCall(record=seen))
        lift_alarm(floor, AlarmCode.LOST_IN_DANGER, event.call)


def _is_lost(floor: "Floor", call: FloorCall) -> bool:
    """In danger, no county known, and no talk, one that broke off, or hardly any."""
    facts, record = call.record.facts, call.record
    if facts is None or facts.lane is not Lane.DANGER or facts.county is not None:
        return False
    if record.connected_at is None or call.phase in _AFTER_A_TALK_BROKE_OFF:
        return True
    if call.phase is not CallPhase.TALKING:
        return False
    talked_s = (floor.now - record.connected_at).total_seconds()
    return talked_s < floor.limits_of(call).lost_talk_s
