"""Checks of mobile teams, crisis centres and bases: what is listed, and what is only counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ivr.model import CountyId
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import (
    ALL_COUNTIES,
    Subject,
    asked_of,
    did_you_mean,
    question,
    twice,
    warning,
)
from ivr.rules.schema import CentreState
from ivr.rules.units import Care, Shift, Unit


def _units(subject: Subject) -> Iterator[tuple[FieldPath, str, CountyId]]:
    """Place, id and county of everything that can be sent or sent to."""
    rules = subject.rules
    lists: dict[str, tuple[Unit, ...]] = {
        "mobile_teams": rules.mobile_teams,
        "crisis_centres": rules.crisis_centres,
        "service_bases": rules.service_bases,
    }
    for name, units in lists.items():
        for index, unit in enumerate(units):
            yield (name, index), unit.id, unit.county


def _places(subject: Subject) -> Iterator[Problem]:
    yield from twice(((*path, "id"), unit) for path, unit, _ in _units(subject))
    listed = {county.id for county in subject.rules.counties}
    for path, _, county in _units(subject):
        if county not in listed:
            message = f"'{county}' is no county of this file. " + did_you_mean(county, listed)
            yield Problem(path=(*path, "county"), message=message, related=ALL_COUNTIES)


def _hours(subject: Subject) -> Iterator[Problem]:
    """Every minute of the day belongs to one shift, or nobody could say who works."""
    shifts = subject.rules.shifts
    if shifts is None:
        for index, team in enumerate(subject.rules.mobile_teams):
            if team.shifts:
                message = (
                    "nobody can say when the team works: the hours of the shifts are not "
                    "written. Add 'shifts'."
                )
                yield warning(("mobile_teams", index, "shifts"), message, ("shifts",))
        return
    day = (shifts.morning, shifts.evening, shifts.night, shifts.morning)
    for name, (one, following) in zip(Shift, pairwise(day), strict=True):
        if one.ends != following.starts:
            message = (
                f"the shift ends at {one.ends} and the next begins at {following.starts}: it is "
                "open who works between. Write the same hour."
            )
            yield warning(("shifts", name, "ends"), message, ("shifts",))


def _proposals(subject: Subject) -> Iterator[Problem]:
    rules = subject.rules
    if rules.shifts and rules.shifts.proposal and any(team.shifts for team in rules.mobile_teams):
        ask = "at which hours do the teams' shifts begin and end? No source says."
        meanwhile = "the hours written here decide which team is shown as ready"
        yield question(("shifts", "proposal"), asked_of(subject, ask, meanwhile))
    for index, team in enumerate(rules.mobile_teams):
        if team.cover and team.cover.proposal:
            ask = f"does {team.id} go to counties whose own team is not on shift? No source says."
            meanwhile = "it is shown as the team that could go, and the counsellor decides"
            yield question(("mobile_teams", index, "cover"), asked_of(subject, ask, meanwhile))


@dataclass(frozen=True, slots=True)
class _Count:
    """A total of the source beside what is written: the rest is asked for."""

    field: str
    what: str
    known: int
    ask: str
    meanwhile: str


def _counts(subject: Subject) -> tuple[_Count, ...]:
    rules = subject.rules
    opened = sum(county.is_open for county in rules.counties)
    teams = sum(team.teams or 0 for team in rules.mobile_teams)
    care = [centre.care for centre in rules.crisis_centres]
    where, each = "where are the others?", "how many has each county?"
    unsent = "nobody can be sent to those that are not named"
    return (
        _Count("open_centres", "open centres", opened, where, "the others count as not open"),
        _Count("mobile_teams", "mobile teams", teams, each, "it is open how many can go at once"),
        _Count("vehicles", "vehicles", 0, each, "it is open from where a team could go"),
        _Count(
            "outpatient_crisis_centres",
            "outpatient crisis centres",
            care.count(Care.OUTPATIENT),
            where,
            unsent,
        ),
        _Count(
            "residential_crisis_centres",
            "residential crisis centres",
            care.count(Care.RESIDENTIAL),
            where,
            unsent,
        ),
        _Count("service_bases", "social service bases", len(rules.service_bases), where, unsent),
    )


def _totals(subject: Subject) -> Iterator[Problem]:
    """Where centres are unknown, the question for them says the total as well."""
    unknown = any(item.centre.state is CentreState.UNKNOWN for _, item in subject.counties())
    for count in _counts(subject):
        stated, path = getattr(subject.rules.stated, count.field), ("stated", count.field)
        if stated is None:
            continue
        if count.known > stated:
            message = (
                f"the source counts {stated} {count.what}, here are {count.known}: one of the two "
                "is wrong or out of date. Correct it."
            )
            yield warning(path, message, ALL_COUNTIES[2])
        elif count.known < stated and (count.field != "open_centres" or not unknown):
            ask = (
                f"the source counts {stated} {count.what}, and {count.known} of them are written "
                f"here: {count.ask}"
            )
            yield question(path, asked_of(subject, ask, count.meanwhile))


UNIT_CHECKS = (_places, _hours, _proposals, _totals)
