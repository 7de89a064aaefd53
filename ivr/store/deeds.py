"""What somebody asks to be saved, as a record that can wait on a disk for the database.

Trips, stays and follow-ups are named by their number or, as long as they have none, by the key of
the save that made them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from ivr.dispatching import Dispatch, TripStep
from ivr.model import CallId
from ivr.outcome_form import OutcomeForm, OutcomeItem, PersonsServed
from ivr.rights import Action
from ivr.rules.fields import Record
from ivr.store.entered import EnteredCall, call_id
from ivr.store.follow_ups import FollowUpKind
from ivr.store.forms import Source
from ivr.visits import StayEnd, Visit


class RequestTrip(Record):
    what: Literal["request_trip"] = "request_trip"
    trip: Dispatch


class StepTrip(Record):
    what: Literal["step_trip"] = "step_trip"
    trip: str
    step: TripStep
    at: datetime
    vehicle: str | None = None
    result: str | None = None
    served: tuple[PersonsServed, ...] = ()


class BeginVisit(Record):
    what: Literal["begin_visit"] = "begin_visit"
    visit: Visit
    served: tuple[PersonsServed, ...]


class ProlongStay(Record):
    what: Literal["prolong_stay"] = "prolong_stay"
    visit: str
    until_at: datetime
    by_court: bool = False


class EndVisit(Record):
    what: Literal["end_visit"] = "end_visit"
    visit: str
    how: StayEnd
    at: datetime


class AddFollowUp(Record):
    what: Literal["add_follow_up"] = "add_follow_up"
    kind: FollowUpKind
    due_at: datetime
    note: str = ""


class EndFollowUp(Record):
    what: Literal["end_follow_up"] = "end_follow_up"
    follow_up: str
    note: str = ""


class TakeFollowUp(Record):
    """Whoever asks has it from now on."""

    what: Literal["take_follow_up"] = "take_follow_up"
    follow_up: str


class EnterCall(Record):
    """A call from paper with its form."""

    what: Literal["enter_call"] = "enter_call"
    entered: EnteredCall
    form: OutcomeForm


OfFollowUp = AddFollowUp | EndFollowUp | TakeFollowUp
Referral = RequestTrip | StepTrip | BeginVisit | ProlongStay | EndVisit | OfFollowUp
Deed = Annotated[Referral | EnterCall, Field(discriminator="what")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """One of `form` (a whole form), `item` (one outcome more) and `deed`, asked for by somebody.

    `key` is its own: the same again is the same save. While the database is away `call` may be the
    beginning of an id. `by` is a person's id, or `token:` and a token's.
    """

    key: str
    by: str
    at: datetime
    call: CallId | None = None
    form: OutcomeForm | None = None
    item: OutcomeItem | None = None
    deed: Deed | None = None

    @property
    def what(self) -> str:
        if self.deed is not None:
            return self.deed.what
        return "outcome" if self.item is not None else "form"

    @property
    def action(self) -> Action:
        """The right that it takes."""
        if self.deed is None or isinstance(self.deed, EnterCall):
            return Action.OUTCOME_WRITE
        return Action.REFERRAL_WRITE

    @property
    def touches(self) -> frozenset[str]:
        """Names of what it is about: of two saves that share one, the earlier comes first."""
        return frozenset(_touched(self))


def _touched(save: Save) -> list[str]:
    names = [f"call {save.call}"] if save.call else []
    match save.deed:
        case RequestTrip():
            names.append(f"trip {save.key}")
        case StepTrip(trip=trip):
            names.append(f"trip {trip}")
        case BeginVisit():
            names.append(f"visit {save.key}")
        case ProlongStay(visit=visit) | EndVisit(visit=visit):
            names.append(f"visit {visit}")
        case AddFollowUp():
            names.append(f"follow-up {save.key}")
        case EndFollowUp(follow_up=follow_up) | TakeFollowUp(follow_up=follow_up):
            names.append(f"follow-up {follow_up}")
        case EnterCall(entered=entered):
            names.append(f"call {call_id(entered.key, Source.PAPER)}")
    return names
