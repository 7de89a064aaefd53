"""What is kept of a call."""

from dataclasses import dataclass
from datetime import datetime

from ivr.model import (
    CallEnd,
    CallerRef,
    CallFacts,
    CallId,
    CallPhase,
    CounsellorId,
    DeskId,
    EndedBy,
    OfferId,
    OfferResult,
    Overtaking,
    ProvinceId,
    Relief,
    Sparing,
)
from ivr.model.location import CallLocation
from ivr.model.plan import RoutePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEntry:
    """An ended offer as it stands in a call's record."""

    offer: OfferId
    counsellor: CounsellorId
    offered_at: datetime
    ended_at: datetime
    result: OfferResult
    overtook: Overtaking | None = None
    relief: Relief | None = None
    sparing: Sparing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """Everything that is kept of a call; saved whole at each change of phase, one row a call."""

    call: CallId
    province: ProvinceId
    line: str
    caller: CallerRef | None
    arrived_at: datetime
    phase: CallPhase
    facts: CallFacts | None = None
    plan: RoutePlan | None = None
    joined_at: datetime | None = None
    first_offered_at: datetime | None = None
    connected_at: datetime | None = None
    talk_ended_at: datetime | None = None
    ended_at: datetime | None = None
    counsellor: CounsellorId | None = None
    desk: DeskId | None = None
    ended_by: EndedBy | None = None
    end: CallEnd | None = None
    offers: tuple[OfferEntry, ...] = ()
    fallback_s: float = 0.0
    location: CallLocation | None = None
    lost_at: datetime | None = None  # in danger, before the place was known
    acknowledged_at: datetime | None = None  # when somebody took the lost call up …
    acknowledged_by: str | None = None  # … and who


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTalk:
    """A talk that is over, as far as it bears on what its counsellor may be asked next."""

    call: CallId
    province: ProvinceId
    counsellor: CounsellorId
    began_at: datetime
    ended_at: datetime
    danger: bool = False
    heavy: bool = False
    wrap_up_s: float | None = None  # of the category; None: the province's


def ended_talk(
    record: CallRecord, counsellor: CounsellorId, ended_at: datetime, *, danger: bool
) -> EndedTalk:
    plan = record.plan
    return EndedTalk(
        call=record.call,
        province=record.province,
        counsellor=counsellor,
        began_at=record.connected_at or ended_at,
        ended_at=ended_at,
        danger=danger,
        heavy=plan is not None and plan.heavy,
        wrap_up_s=plan.wrap_up_s if plan is not None else None,
    )
