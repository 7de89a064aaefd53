"""What has happened: facts in the past tense, the only thing that changes the floor.

Shell parts (AMI translator, flows, web, timers) make them; `floor.decide` consumes them; the
journal keeps them. An event about a call, offer or device that the floor does not know is
harmless.
"""

from dataclasses import dataclass
from datetime import datetime

from ivr.limits import Limits
from ivr.model import (
    CallerRef,
    CallFacts,
    CallId,
    Counsellor,
    CounsellorId,
    DeviceId,
    DeviceState,
    EndedBy,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.location import CallLocation
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord, EndedTalk
from ivr.notices import Alarm, ClosedDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived:
    """A caller's channel reached our conversation: a new call, or one back from the fallback."""

    call: CallId
    province: ProvinceId
    line: str
    caller: CallerRef | None
    arrived_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLocated:
    """What headers, tables and an earlier call say; `caller` is read more exactly."""

    call: CallId
    location: CallLocation
    caller: CallerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJoined:
    """The conversation is over: the call stands in line. `joined_at` may lie before a restart."""

    call: CallId
    facts: CallFacts
    plan: RoutePlan
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHungUp:
    """The caller's channel is gone."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDetached:
    """Our conversation with a living caller broke off: Asterisk's static queue has them."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """The dialplan has hung up after the closing sentence: journals of versions that did so."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLeftOpen:
    """The closing sentence was heard, nobody asked to come back, and nobody has hung up."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPickedUp:
    """The counsellor's device was picked up; the whisper plays."""

    offer: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAccepted:
    """The whisper was heard to its end, or key 1 was pressed where that is asked."""

    offer: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailed:
    """The counsellor's leg did not come to a talk."""

    offer: OfferId
    result: OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerEntered:
    """The caller is in the offer's room, where music goes on until the counsellor comes."""

    call: CallId
    offer: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkStarted:
    """Caller and counsellor are both in the room."""

    offer: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded:
    """The counsellor's leg is gone, at whatever stage it was."""

    offer: OfferId
    ended_by: EndedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChanged:
    device: DeviceId
    state: DeviceState


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorPaused:
    counsellor: CounsellorId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorWillPause:
    """Wants a pause when the present call and its wrap-up are over; at once if there is neither."""

    counsellor: CounsellorId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakAsked:
    """Asks for a break: granted, after the present call, as soon as enough others are there."""

    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorResumed:
    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorSignedIn:
    """Begins to take calls, without the break of an earlier time. Who never signed out is in."""

    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorSignedOut:
    """Takes no more calls until signing in; a talk under way is the last one."""

    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpEnded:
    """The counsellor is done with the call before the time was up."""

    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpExtended:
    """The counsellor needs `by_s` seconds more for notes; there is a bound."""

    counsellor: CounsellorId
    by_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSaved:
    """An outcome of the call is on disk: whoever wraps it up is done."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpKept:
    """The counsellor needs this wrap-up to its end: not even danger is to call them out of it."""

    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChanged:
    """Everybody who may take calls from now on (accounts, desks, devices)."""

    counsellors: tuple[Counsellor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyChanged:
    """Rosters or closures are not what they were: waiting calls are planned again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansChanged:
    """New plans for calls that had one; a call that has gone on meanwhile is not touched."""

    plans: tuple[tuple[CallId, RoutePlan], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsChanged:
    """The floor's times by the rules in force from now on."""

    limits: tuple[tuple[ProvinceId, Limits], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesChanged:
    """All alarms that the watchman sees now, and all desks that are closed now."""

    alarms: tuple[Alarm, ...]
    closed_desks: tuple[ClosedDesk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorAcknowledged:
    """Somebody sees to a call that was lost in danger; `by` is the person."""

    call: CallId
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsRestored:
    """Records left open by an earlier controller; posted once, before Asterisk is seen.

    `lost` are calls lost in danger that nobody has acknowledged.
    """

    records: tuple[CallRecord, ...]
    lost: tuple[CallRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TalksRemembered:
    """Talks that ended before this controller began, in that order; posted before Asterisk is seen.

    Wrap-ups that still run and what spares counsellors calls follow from them.
    """

    talks: tuple[EndedTalk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLost:
    """The AMI link is down: nobody can be rung until a snapshot says what is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSeen:
    """A snapshot of Asterisk, at start and after each reconnect."""

    snapshot: ExchangeSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """A deadline of the floor has come."""


Event = (
    CallArrived
    | CallLocated
    | CallJoined
    | CallHungUp
    | CallDetached
    | CallFinished
    | LineLeftOpen
    | OfferPickedUp
    | OfferAccepted
    | OfferFailed
    | CallerEntered
    | TalkStarted
    | LegEnded
    | DeviceChanged
    | CounsellorPaused
    | CounsellorWillPause
    | BreakAsked
    | CounsellorResumed
    | CounsellorSignedIn
    | CounsellorSignedOut
    | WrapUpEnded
    | WrapUpKept
    | WrapUpExtended
    | OutcomeSaved
    | StaffChanged
    | DutyChanged
    | PlansChanged
    | LimitsChanged
    | NoticesChanged
    | SupervisorAcknowledged
    | CallsRestored
    | TalksRemembered
    | ExchangeLost
    | ExchangeSeen
    | TimePassed
)
