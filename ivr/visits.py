"""People in a crisis-intervention centre: for hours, or to stay, at most 21 days.

The limit is the rule of the centres; a longer stay is for a court to decide (public statements of
2015, `docs/outcomes.md`). Before it comes, somebody is told.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.errors import BadInput
from ivr.model import CallId, CountyId, ProvinceId

LONGEST_STAY = timedelta(days=21)
WARNED_BEFORE = timedelta(days=3)


class VisitKind(StrEnum):
    OUTPATIENT = "outpatient"
    ADMISSION = "admission"


class CentreService(StrEnum):
    """What a centre gives (South Khorasan names these four)."""

    PSYCHOLOGY = "psychology"
    SOCIAL_WORK = "social_work"
    LEGAL = "legal"
    KEEPING = "keeping"


class StayEnd(StrEnum):
    HOME = "home"
    RELATIVES = "relatives"
    OTHER_CENTRE = "other_centre"
    COURT = "court"
    LEFT = "left"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`until_at` is when a stay is to end at the latest; an outpatient visit has none."""

    id: int
    key: str
    call: CallId | None
    province: ProvinceId
    county: CountyId | None  # of the event
    centre: str
    kind: VisitKind
    services: tuple[CentreService, ...]
    from_at: datetime
    until_at: datetime | None = None
    ended_at: datetime | None = None
    ended_how: StayEnd | None = None
    note: str = ""
    by: str
    at: datetime


def checked(visit: Visit) -> Visit:
    """The visit with the end of its stay; raises BadInput where its times cannot be."""
    if visit.kind is VisitKind.OUTPATIENT:
        if visit.until_at is not None:
            raise BadInput("An outpatient visit is over the same day; take its end out.")
        return visit
    latest_at = visit.from_at + LONGEST_STAY
    until_at = visit.until_at or latest_at
    if not visit.from_at < until_at <= latest_at:
        raise BadInput(
            f"A stay ends after it begins and lasts at most {LONGEST_STAY.days} days; a longer one "
            "takes a court's word. Nothing was saved."
        )
    return replace(visit, until_at=until_at)


def prolonged(visit: Visit, until_at: datetime, *, by_court: bool) -> Visit:
    """A stay with another end, beyond 21 days by a court's word alone. Raises BadInput."""
    if visit.kind is VisitKind.OUTPATIENT or visit.ended_at is not None:
        raise BadInput("Only a stay that has not ended is prolonged; nothing was changed.")
    if not by_court:
        return checked(replace(visit, until_at=until_at))
    if until_at <= visit.from_at:
        raise BadInput("A stay ends after it begins; nothing was changed.")
    return replace(visit, until_at=until_at)


def ended(visit: Visit, how: StayEnd, at: datetime) -> Visit:
    """The visit at its end; a second word on it changes nothing. Raises BadInput."""
    if visit.ended_at is not None:
        return visit
    if at < visit.from_at:
        raise BadInput("A stay does not end before it begins; nothing was changed.")
    return replace(visit, ended_at=at, ended_how=how)


def due(visit: Visit, now: datetime) -> bool:
    """Whether somebody is to be told that a stay comes to its limit, or is past it."""
    if visit.until_at is None or visit.ended_at is not None:
        return False
    return visit.until_at - WARNED_BEFORE <= now
