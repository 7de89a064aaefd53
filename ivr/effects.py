"""What is to be done: returned by `floor.decide`, carried out by the shell, in order.

An effect that cannot be carried out comes back as an event (OfferFailed, CallDetached); none is
retried by the shell.
"""

from dataclasses import dataclass

from ivr.model import CallFacts, CallId, CounsellorId, Offer, OfferId, OfferResult, WaitNote
from ivr.model.record import CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCall:
    """Ring the offer's device; ends as OfferPickedUp, OfferFailed or LegEnded."""

    offer: Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpLeg:
    """End the counsellor's leg of this offer, ringing or talking."""

    offer: OfferId
    why: OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Send the caller into the offer's room."""

    call: CallId
    offer: OfferId
    counsellor: CounsellorId


@dataclass(frozen=True, slots=True, kw_only=True)
class LetIn:
    """Send the counsellor into the room, where the caller is."""

    offer: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCall:
    """Back in line with music: the counsellor's leg was lost."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCall:
    """The counsellor has ended the talk: play the closing sentence that offers the way back."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallCaller:
    """Fetch a caller who stands in a room that no counsellor will come to."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class SendToFallback:
    """Nobody can be rung: give the caller to Asterisk's static queue, whence they return."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Tell a waiting caller where they stand; whatever else is to be done cuts it short."""

    call: CallId
    note: WaitNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """A counsellor is free: end the announcement that plays, if one does."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAgain:
    """Make plans for these calls by the duty of now; they come back as PlansChanged.

    Each goes by the version of the rules that it joined with.
    """

    calls: tuple[tuple[CallId, CallFacts, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCall:
    """Write the call's record (insert or replace by call id)."""

    record: CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlarm:
    """Tell that an alarm stands from now on (`ivr.notices.AlarmCode`); `subject` is an id."""

    code: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftAlarm:
    """Tell that it is over."""

    code: str
    subject: str


Effect = (
    OfferCall
    | HangUpLeg
    | Connect
    | LetIn
    | HoldCall
    | CloseCall
    | RecallCaller
    | SendToFallback
    | Announce
    | Hush
    | PlanAgain
    | SaveCall
    | RaiseAlarm
    | LiftAlarm
)
