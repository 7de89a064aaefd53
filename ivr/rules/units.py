"""Who is sent and where people are sent: mobile teams, crisis-intervention centres, service bases.

A list holds what is known by name; `Stated` what a source merely counts, so that `ivr.rules.check`
can ask for the rest. What no source says is left out, never guessed.
"""

from datetime import datetime, time
from enum import StrEnum

from pydantic import Field

from ivr.calendar import TEHRAN
from ivr.rules.fields import Count, CountyRef, Hour, Id, Name, Record


class Shift(StrEnum):
    MORNING = "morning"
    EVENING = "evening"
    NIGHT = "night"


class Care(StrEnum):
    OUTPATIENT = "outpatient"
    RESIDENTIAL = "residential"  # people may stay overnight


class Hours(Record):
    """From `starts` up to, but not including, `ends`; both in Tehran, over midnight if need be."""

    starts: Hour = Field(description="the hour in Tehran at which the shift begins")
    ends: Hour = Field(description="the hour in Tehran at which the next shift takes over")

    def include(self, clock: time) -> bool:
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        if starts < ends:
            return starts <= clock < ends
        return clock >= starts or clock < ends


class Shifts(Record):
    """The hours of the shifts, the same for all teams of a province."""

    morning: Hours = Field(description="the hours of the morning shift")
    evening: Hours = Field(description="the hours of the evening shift")
    night: Hours = Field(description="the hours of the night shift")
    proposal: bool = Field(
        False, description="true where no source gives the hours and the province must confirm them"
    )

    def at(self, at: datetime) -> frozenset[Shift]:
        """The shifts that work at the instant `at` (aware)."""
        clock = at.astimezone(TEHRAN).time()
        hours = {
            Shift.MORNING: self.morning,
            Shift.EVENING: self.evening,
            Shift.NIGHT: self.night,
        }
        return frozenset(shift for shift, item in hours.items() if item.include(clock))


class Cover(Record):
    """A team also goes to counties of the province whose own team is not on shift."""

    proposal: bool = Field(
        False, description="true where no source says so and the province must confirm it"
    )


class Unit(Record):
    """What teams, crisis centres and bases share."""

    id: Id = Field(description="its name in records; it never changes")
    county: CountyRef = Field(description="the county to which it belongs")
    city: Name | None = Field(None, description="the city in which it is")
    source: str = Field("", description="where this is known from")


class MobileTeam(Unit):
    """The mobile teams (تیم خدمات سیار) of one county that work the same shifts."""

    shifts: tuple[Shift, ...] | None = Field(
        None, min_length=1, description="when the team works; left out while nobody knows"
    )
    teams: Count | None = Field(
        None, ge=1, le=99, description="how many such teams there are; left out while nobody knows"
    )
    cover: Cover | None = Field(
        None, description="given where the team serves the province while a county has no team"
    )


class CrisisCentre(Unit):
    """A crisis-intervention centre (مرکز مداخله در بحران): it belongs to a city."""

    care: Care = Field(description="whether people may stay overnight")


class ServiceBase(Unit):
    """A social service base (پایگاه خدمات اجتماعی) in a marginal district."""


class Stated(Record):
    """What the province's source counts without naming it: asked about, never routed by."""

    open_centres: Count | None = Field(
        None, ge=0, le=99, description="how many counties have an open centre, as the source counts"
    )
    mobile_teams: Count | None = Field(
        None, ge=0, le=999, description="how many mobile teams there are, as the source counts"
    )
    vehicles: Count | None = Field(
        None, ge=0, le=999, description="how many vehicles go out, as the source counts"
    )
    outpatient_crisis_centres: Count | None = Field(
        None, ge=0, le=99, description="how many outpatient crisis centres the source counts"
    )
    residential_crisis_centres: Count | None = Field(
        None, ge=0, le=99, description="how many residential crisis centres the source counts"
    )
    service_bases: Count | None = Field(
        None, ge=0, le=999, description="how many social service bases the source counts"
    )


def on_shift(team: MobileTeam, hours: Shifts | None, at: datetime) -> bool | None:
    """Whether the team works at the instant `at`; None where its shifts or hours are unknown."""
    if team.shifts is None or hours is None:
        return None
    return not hours.at(at).isdisjoint(team.shifts)
