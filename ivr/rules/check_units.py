"""Checks of mobile teams, crisis centres and bases: what is listed, and what is only counted."""

from collections.abc import Iterator
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


def _counted(subject: Subject) -> Iterator[tuple[str, str, int, str]]:
    """Field of `stated`, what it counts, how many of them are known by name, and what is done."""
    rules = subject.rules
    centres = [centre.care for centre in rules.crisis_centres]
    unnamed = "nobody can be sent to those that are not named"
    yield (
        "open_centres",
        "open centres",
        sum(county.is_open for county in rules.counties),
        ("those that are not named count as unknown"),
    )
    yield (
        "mobile_teams",
        "mobile teams",
        sum(team.teams or 0 for team in rules.mobile_teams),
        ("it is open how many can go out at the same time"),
    )
    yield "vehicles", "vehicles", 0, "it is open from which county a team could go out"
    yield (
        "outpatient_crisis_centres",
        "outpatient crisis centres",
        (centres.count(Care.OUTPATIENT)),
        unnamed,
    )
    yield (
        "residential_crisis_centres",
        "residential crisis centres",
        (centres.count(Care.RESIDENTIAL)),
        unnamed,
    )
    yield "service_bases", "social service bases", len(rules.service_bases), unnamed


def _totals(subject: Subject) -> Iterator[Problem]:
    """Where centres are unknown, the question for them says the total as well."""
    unknown = any(item.centre.state is CentreState.UNKNOWN for _, item in subject.counties())
    for field, what, known, meanwhile in _counted(subject):
        stated, path = getattr(subject.rules.stated, field), ("stated", field)
        if stated is None:
            continue
        if known > stated:
            message = (
                f"the source counts {stated} {what}, here are {known}: one of the two is wrong or "
                "out of date. Correct it."
            )
            yield warning(path, message, ALL_COUNTIES[2])
        elif known < stated and (field != "open_centres" or not unknown):
            ask = f"where are the {stated} {what} that the source counts? {known} are known here."
            yield question(path, asked_of(subject, ask, meanwhile))


UNIT_CHECKS = (_places, _hours, _proposals, _totals)
