"""Calls and their forms as the API gives them; never who called."""

from datetime import datetime

from pydantic import Field

from ivr.outcome_form import OutcomeForm
from ivr.outcomes import Relation
from ivr.web.rest.fields import Answer, CategoryRef, CountyRef, Paged


class CallsAsked(Paged):
    """Which calls, by when they arrived."""

    county: CountyRef | None = None
    category: CategoryRef | None = None


class CallAnswer(Answer):
    """One call: times, what the line found out, who answered."""

    call: str
    province: str
    line: str
    phase: str
    end: str | None
    arrived_at: datetime
    joined_at: datetime | None
    connected_at: datetime | None
    talk_ended_at: datetime | None
    ended_at: datetime | None
    county: str | None
    category: str | None
    lane: str | None
    counsellor: str | None
    desk: str | None
    relation: Relation | None = Field(description="of the form that counts; null: none yet")


class CallPage(Answer):
    """`next` is null on the last page."""

    calls: list[CallAnswer]
    next: str | None


class FormAnswer(Answer):
    """A form that is on disk."""

    id: int
    call: str
    form: OutcomeForm
    source: str
    by: str
    at: datetime


class DraftAnswer(Answer):
    """A form as far as it was filled in."""

    call: str
    form: OutcomeForm
    by: str
    at: datetime


class PendingAnswer(Answer):
    """A call whose form is owed."""

    call: str
    province: str
    desk: str | None
    counsellor: str | None
    county: str | None
    category: str | None
    connected_at: datetime
    talk_ended_at: datetime
    has_draft: bool


class PendingList(Answer):
    """The oldest first."""

    pending: list[PendingAnswer]
