"""Mobile teams: whom to send to a county at an instant, and how a trip goes on.

The county is that of the event, not of the caller. Own team, then those of the supporting counties,
then a team that covers the province (Qazvin's at night), then whoever works at all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ivr.errors import BadInput
from ivr.model import CallId, CountyId, ProvinceId
from ivr.rules.fields import ID
from ivr.rules.schema import ProvinceRules
from ivr.rules.units import MobileTeam, on_shift


class CoverKind(StrEnum):
    """Why this team goes to that county."""

    OWN = "own"
    SUPPORTING = "supporting"
    COVER = "cover"  # it also goes where no team of the county works (Qazvin at night)
    OTHER = "other"  # none of these: another county's team that works now


class AskedBy(StrEnum):
    """Who asked for the trip: many come from elsewhere than a call."""

    CALL = "call"
    POLICE = "police"
    JUDICIARY = "judiciary"
    HOSPITAL = "hospital"
    SCHOOL = "school"
    EMERGENCY_115 = "emergency_115"
    WALK_IN = "walk_in"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamChoice:
    """A team that may go. `on_shift` is None where nobody knows its shifts."""

    team: str
    county: CountyId
    cover: CoverKind
    on_shift: bool | None
    to_confirm: bool  # the province has not confirmed that it goes there, or its shifts' hours


def team_choices(rules: ProvinceRules, county: CountyId, at: datetime) -> tuple[TeamChoice, ...]:
    """The teams that may go to the county at `at`, the one to propose first; empty: none works."""
    found: dict[str, TeamChoice] = {}
    for choice in (*_near(rules, county, at), *_elsewhere(rules, at)):
        if choice.on_shift is not False:
            found.setdefault(choice.team, choice)
    return tuple(found.values())


def _near(rules: ProvinceRules, county: CountyId, at: datetime) -> Iterator[TeamChoice]:
    yield from _of(rules, county, CoverKind.OWN, at)
    known = rules.county(county)
    for support in known.supporting if known else ():
        for choice in _of(rules, support.county, CoverKind.SUPPORTING, at):
            yield replace(choice, to_confirm=choice.to_confirm or support.proposal)


def _elsewhere(rules: ProvinceRules, at: datetime) -> Iterator[TeamChoice]:
    for team in rules.mobile_teams:
        if team.cover is not None:
            choice = _choice(rules, team, CoverKind.COVER, at)
            yield replace(choice, to_confirm=choice.to_confirm or team.cover.proposal)
    for team in rules.mobile_teams:
        yield replace(_choice(rules, team, CoverKind.OTHER, at), to_confirm=True)


def _of(
    rules: ProvinceRules, county: CountyId, cover: CoverKind, at: datetime
) -> Iterator[TeamChoice]:
    for team in rules.mobile_teams:
        if team.county == county:
            yield _choice(rules, team, cover, at)


def _choice(rules: ProvinceRules, team: MobileTeam, cover: CoverKind, at: datetime) -> TeamChoice:
    works = on_shift(team, rules.shifts, at)
    return TeamChoice(
        team=team.id,
        county=team.county,
        cover=cover,
        on_shift=works,
        to_confirm=works is None or bool(rules.shifts and rules.shifts.proposal),
    )


def chosen_team(
    rules: ProvinceRules, county: CountyId, team: str | None, at: datetime
) -> TeamChoice:
    """The team that was named, else the one to propose; raises BadInput where there is none.

    One that is named may be sent although it does not work then. Where a province names none its
    list is not complete: any id is taken, as the county's own, which is how imports read it.
    """
    choices = team_choices(rules, county, at)
    if team is None and choices:
        return choices[0]
    for choice in choices:
        if choice.team == team:
            return choice
    for unit in rules.mobile_teams:
        if unit.id == team:
            cover = CoverKind.OWN if unit.county == county else CoverKind.OTHER
            return TeamChoice(
                team=unit.id, county=unit.county, cover=cover, on_shift=False, to_confirm=True
            )
    if team is not None and not rules.mobile_teams and re.fullmatch(ID, team):
        return TeamChoice(
            team=team, county=county, cover=CoverKind.OWN, on_shift=None, to_confirm=True
        )
    raise BadInput(_no_team(rules, county, team))


def _no_team(rules: ProvinceRules, county: CountyId, team: str | None) -> str:
    named = ", ".join(unit.id for unit in rules.mobile_teams)
    what = f"{team!r} cannot be sent to {county}" if team else f"No team is known for {county}"
    mend = f"Name a team: {named}." if named else "Name the team by an id, such as team-saveh."
    return f"{what}; nothing was saved. {mend}"


class TripStep(StrEnum):
    """What may happen to a trip, in its order; a cancellation at any time before it is closed."""

    ACCEPTED = "accepted"
    SENT = "sent"
    ARRIVED = "arrived"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_ORDER = (TripStep.ACCEPTED, TripStep.SENT, TripStep.ARRIVED, TripStep.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """A mobile team's trip; it counts as one from `sent_at` on."""

    id: int
    key: str
    call: CallId | None
    province: ProvinceId
    county: CountyId  # of the event
    team: str
    team_county: CountyId
    cover: CoverKind
    asked_by: AskedBy
    requested_at: datetime
    accepted_at: datetime | None = None
    sent_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    vehicle: str | None = None
    result: str | None = None
    note: str = ""
    by: str
    at: datetime

    @property
    def is_over(self) -> bool:
        return self.closed_at is not None or self.cancelled_at is not None


def stepped(trip: Dispatch, step: TripStep, at: datetime) -> Dispatch:
    """The trip one step on; steps left out get the same instant. Raises BadInput.

    A step that was already said keeps its first instant: it may be said twice.
    """
    if getattr(trip, f"{step}_at") is not None:
        return trip
    if trip.is_over:
        raise BadInput(f"Dispatch {trip.id} is over; nothing was changed.")
    if step is TripStep.CANCELLED:
        return replace(trip, cancelled_at=_after(trip, at))
    until_here = _ORDER[: _ORDER.index(step) + 1]
    missing = [one for one in until_here if getattr(trip, f"{one}_at") is None]
    times: dict[str, Any] = {f"{one}_at": _after(trip, at) for one in missing}
    return replace(trip, **times)


def _after(trip: Dispatch, at: datetime) -> datetime:
    known = (trip.requested_at, trip.accepted_at, trip.sent_at, trip.arrived_at)
    latest = max(one for one in known if one is not None)
    if at < latest:
        raise BadInput(
            f"Dispatch {trip.id} was at an earlier step after that time; nothing was changed. "
            "Give the time at which it happened (--at)."
        )
    return at
