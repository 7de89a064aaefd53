"""Dispatches, visits and follow-ups as the API takes and gives them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ivr.dispatching import AskedBy, CoverKind, TripStep
from ivr.outcome_form import PersonsServed
from ivr.visits import CentreService, StayEnd, VisitKind
from ivr.web.rest.fields import (
    Answer,
    CallRef,
    CountyRef,
    Instant,
    Paged,
    Remark,
    Request,
    ShortText,
    UnitRef,
)


class DispatchesAsked(Paged):
    """Which trips, by when they were asked for."""

    under_way: bool | None = Field(None, description="only those that are not over, or are")


class NewDispatch(Request):
    """A trip that is asked for; without a team the one that is proposed."""

    county: CountyRef = Field(description="of the event, not of the caller")
    call: CallRef | None = None
    team: UnitRef | None = None
    asked_by: AskedBy | None = None
    at: Instant | None = Field(None, description="when it was asked for; default: now")
    note: Remark = ""


class NewStep(Request):
    """How a trip went on; steps left out get the same time."""

    step: TripStep
    at: Instant | None = None
    vehicle: ShortText | None = None
    result: ShortText | None = None
    persons: tuple[PersonsServed, ...] = Field((), max_length=20)


class DispatchAnswer(Answer):
    """A mobile team's trip; it counts as one from `sent_at` on."""

    id: int
    call: str | None
    province: str
    county: str
    team: str
    team_county: str
    cover: CoverKind
    asked_by: AskedBy
    requested_at: datetime
    accepted_at: datetime | None
    sent_at: datetime | None
    arrived_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    vehicle: str | None
    result: str | None
    note: str
    by: str
    at: datetime


class DispatchPage(Answer):
    dispatches: list[DispatchAnswer]
    next: str | None


class VisitsAsked(Paged):
    """Which visits, by when they began."""

    staying: bool | None = Field(None, description="only stays that have not ended, or others")


class NewVisit(Request):
    """Somebody in a crisis centre, for hours or to stay (at most 21 days)."""

    county: CountyRef = Field(description="of the event")
    centre: UnitRef
    kind: VisitKind
    services: tuple[CentreService, ...] = Field((), max_length=4)
    persons: tuple[PersonsServed, ...] = Field(min_length=1, max_length=20)
    call: CallRef | None = None
    from_at: Instant | None = Field(None, description="default: now")
    until_at: Instant | None = Field(None, description="of a stay; default: after 21 days")
    note: Remark = ""


class VisitEnd(Request):
    """How a stay ended."""

    how: StayEnd
    at: Instant | None = None


class VisitProlonged(Request):
    """Another end of a stay."""

    until_at: Instant = Field(description="until when at the latest")
    by_court: bool = Field(False, description="a court said so: longer than 21 days")


class VisitAnswer(Answer):
    id: int
    call: str | None
    province: str
    county: str | None
    centre: str
    kind: VisitKind
    services: list[CentreService]
    from_at: datetime
    until_at: datetime | None
    ended_at: datetime | None
    ended_how: StayEnd | None
    note: str
    by: str
    at: datetime


class VisitPage(Answer):
    visits: list[VisitAnswer]
    next: str | None


FollowUpKind = Literal["follow_up", "expected_back"]


class FollowUpsAsked(Paged):
    """Which follow-ups, by when they are due."""

    done: bool | None = None


class NewFollowUp(Request):
    """Whom to ask again, or who is expected back."""

    call: CallRef
    kind: FollowUpKind = "follow_up"
    due_at: Instant
    note: Remark = ""


class FollowUpDone(Request):
    note: Remark = ""


class FollowUpAnswer(Answer):
    id: int
    call: str | None
    province: str
    desk: str | None
    kind: FollowUpKind
    due_at: datetime
    note: str
    by: str
    at: datetime
    done_by: str | None
    done_at: datetime | None
    done_note: str | None
    taken_by: str | None = Field(description="who took it over, last; null: nobody")
    taken_at: datetime | None


class FollowUpPage(Answer):
    follow_ups: list[FollowUpAnswer]
    next: str | None
