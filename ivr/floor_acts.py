"""What people may tell the floor while calls come: pauses, wrap-ups, lost calls taken up.

Whoever says it (a telephone, a command, a page), it becomes an event; the floor decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ivr import events as ev
from ivr.model import CallId, CounsellorId, DeskId, ProvinceId

MORE_S = 120.0  # by which a wrap-up is lengthened at one time; ours


class PauseReason(StrEnum):
    """Why somebody rests. Reports count by these ids, so they never change; labels may."""

    BREAK = "break"
    MEAL = "meal"
    TRAINING = "training"
    ADMINISTRATION = "administration"
    OTHER = "other"


PAUSE_LABELS: Mapping[PauseReason, str] = MappingProxyType(
    {
        PauseReason.BREAK: "استراحت",
        PauseReason.MEAL: "غذا",
        PauseReason.TRAINING: "آموزش",
        PauseReason.ADMINISTRATION: "کار اداری",
        PauseReason.OTHER: "دلیل دیگر",
    }
)


class ActKind(StrEnum):
    """The ids stand in the audit trail behind `floor.`."""

    PAUSE = "pause"
    PAUSE_AFTER_CALL = "pause_after_call"
    RESUME = "resume"
    ASK_FOR_BREAK = "ask_for_break"
    GRANT_BREAK = "grant_break"
    EXTEND_WRAP_UP = "extend_wrap_up"
    END_WRAP_UP = "end_wrap_up"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorAct:
    """One thing that `by` told the floor; `subject` is a counsellor, of ACKNOWLEDGE a call.

    `reason` belongs to pauses, `more_s` to EXTEND_WRAP_UP.
    """

    kind: ActKind
    subject: str
    by: str
    at: datetime
    reason: PauseReason = PauseReason.BREAK
    more_s: float = MORE_S
    province: ProvinceId | None = None
    desk: DeskId | None = None


def event_of(act: FloorAct) -> ev.Event:
    """What the floor is told."""
    counsellor = CounsellorId(act.subject)
    event: ev.Event
    match act.kind:
        case ActKind.PAUSE:
            event = ev.CounsellorPaused(counsellor=counsellor, reason=act.reason)
        case ActKind.PAUSE_AFTER_CALL | ActKind.GRANT_BREAK:
            event = ev.CounsellorWillPause(counsellor=counsellor, reason=act.reason)
        case ActKind.RESUME:
            event = ev.CounsellorResumed(counsellor=counsellor)
        case ActKind.ASK_FOR_BREAK:
            event = ev.BreakAsked(counsellor=counsellor)
        case ActKind.EXTEND_WRAP_UP:
            event = ev.WrapUpExtended(counsellor=counsellor, by_s=act.more_s)
        case ActKind.END_WRAP_UP:
            event = ev.WrapUpEnded(counsellor=counsellor)
        case ActKind.ACKNOWLEDGE:
            event = ev.SupervisorAcknowledged(call=CallId(act.subject), by=act.by)
    return event
