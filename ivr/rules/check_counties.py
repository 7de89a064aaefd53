"""Checks of counties, their centres, and who serves those that have none."""

from collections.abc import Iterator
from datetime import date

from persiantools.jdatetime import JalaliDate

from ivr.model import CountyId
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.schema import Answering, CentreState, County, ProvinceRules


def planned_on(jalali: str) -> date | None:
    """The Gregorian day of a Jalali one written as 1405-12-29; None where there is no such day."""
    year, month, day = (int(part) for part in jalali.split("-"))
    try:
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def _county_ids(subject: Subject) -> Iterator[Problem]:
    yield from twice(((*path, "id"), county.id) for path, county in subject.counties())
    own = {county.id for county in subject.known.counties_of(subject.rules.id)}
    for path, county in subject.counties():
        known = subject.known.counties.get(county.id)
        if not known:
            message = (
                f"'{county.id}' is no county of Iran, so nobody could be sent to its callers. "
                + did_you_mean(county.id, own)
            )
            yield Problem(path=(*path, "id"), message=message)
        elif own and county.id not in own:
            message = (
                f"{known.name_fa} lies in the province {known.province}: its callers would be "
                "helped by the wrong province. Move it to that province's file."
            )
            yield Problem(path=(*path, "id"), message=message, related=(("id",),))


def _all_counties_listed(subject: Subject) -> Iterator[Problem]:
    listed = {county.id for county in subject.rules.counties}
    for county in subject.known.counties_of(subject.rules.id):
        if county.id not in listed:
            message = (
                f"{county.id} ({county.name_fa}) is missing: its callers could not say where "
                "they are. Add it, with the state of its centre (unknown, if nobody knows)."
            )
            yield Problem(path=("counties",), message=message, related=(("id",), *ALL_COUNTIES))


def _somebody_answers(subject: Subject) -> Iterator[Problem]:
    """Where a centre is unknown, somebody may well sit there: that is asked, not refused."""
    unknown = any(item.centre.state is CentreState.UNKNOWN for _, item in subject.counties())
    if not subject.rules.desks and not unknown:
        message = (
            "no county has an open centre, so no counsellor would ever be rung. Write "
            "'state: open' where people answer."
        )
        yield Problem(path=("counties",), message=message, related=ALL_COUNTIES)


def _central_seat(subject: Subject) -> Iterator[Problem]:
    seat, path = subject.rules.central_seat, ("central_seat",)
    if seat is None:
        return
    if subject.rules.answering is not Answering.CENTRAL:
        message = (
            "no provincial desk answers with 'answering: county', so this changes nothing. "
            "Remove it."
        )
        yield warning(path, message, ("answering",))
    listed = {county.id for county in subject.rules.counties}
    if seat not in listed:
        message = f"'{seat}' is no county of this file. " + did_you_mean(seat, listed)
        yield Problem(path=path, message=message, related=ALL_COUNTIES)


def _planned(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        centre, field = county.centre, (*path, "centre", "planned")
        if centre.planned is None:
            continue
        day = planned_on(centre.planned)
        if day is None:
            message = (
                f"there is no day {centre.planned} in the Jalali calendar, so nobody would be "
                "reminded of the opening. Write a day that exists."
            )
            yield Problem(path=field, message=message)
        elif centre.state in {CentreState.NONE, CentreState.UNKNOWN}:
            message = (
                f"a planned day does not go with 'state: {centre.state}'. Write 'state: planned' "
                "or remove the day."
            )
            yield Problem(path=field, message=message, related=((*path, "centre", "state"),))
        elif centre.state is CentreState.PLANNED and day < subject.today:
            message = (
                f"the opening promised for {centre.planned} ({day}) has passed and nobody has "
                "confirmed it: callers still go to the supporting county. Ask the province; "
                "write 'state: open' when people answer there, or the new day."
            )
            yield warning(field, message, (*path, "centre", "state"))


def _supporting(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        field = (*path, "supporting")
        state = (*path, "centre", "state")
        yield from twice(
            ((*field, index, "county"), item.county) for index, item in enumerate(county.supporting)
        )
        if county.is_open and county.supporting:
            message = "the county's own centre is open, so these are never used. Remove them."
            yield warning(field, message, state)
        elif _needs_support(subject.rules, county):
            message = (
                "nobody is named who serves the county: its calls go to the whole province at "
                "once. Name a supporting county" + _nearest_open(subject, county)
            )
            yield warning(state, message, field)
        for index, item in enumerate(county.supporting):
            yield from _supporter(subject, county, item.county, (*field, index, "county"))


def _needs_support(rules: ProvinceRules, county: County) -> bool:
    """Whether its callers have nobody near; where that is unknown, the state is what to ask for."""
    without = county.centre.state in {CentreState.NONE, CentreState.PLANNED}
    return without and rules.answering is Answering.COUNTY and not county.supporting


def _supporter(
    subject: Subject, county: County, supporter: CountyId, path: FieldPath
) -> Iterator[Problem]:
    states = {item.id: (*place, "centre", "state") for place, item in subject.counties()}
    if supporter not in states:
        message = (
            f"'{supporter}' is no county of this file, so nobody could be rung there. "
            + did_you_mean(supporter, states)
        )
        yield Problem(path=path, message=message, related=ALL_COUNTIES)
    elif why := _no_help(subject.rules, county, supporter):
        message = (
            f"{why}: callers would wait a step for nobody. Name a county with an open centre"
            + _nearest_open(subject, county)
        )
        yield Problem(path=path, message=message, related=(states[supporter],))


def _no_help(rules: ProvinceRules, county: County, supporter: CountyId) -> str:
    """Why `supporter` cannot serve `county`; empty where it can."""
    listed = rules.county(supporter)
    if listed and listed.is_open:
        return ""
    circle = _circle(rules, county)
    if circle:
        return f"support goes round in a circle ({' → '.join(circle)})"
    return f"{supporter} has no open centre itself"


def _circle(rules: ProvinceRules, start: County) -> list[CountyId]:
    """The way from `start` back to itself over supporting counties; empty where there is none."""
    pending: list[list[CountyId]] = [[start.id]]
    seen: set[CountyId] = set()
    while pending:
        way = pending.pop()
        county = rules.county(way[-1])
        for item in county.supporting if county else ():
            if item.county == start.id:
                return [*way, start.id]
            if item.county not in seen:
                seen.add(item.county)
                pending.append([*way, item.county])
    return []


def _nearest_open(subject: Subject, county: County) -> str:
    """The end of a sentence that asks for a supporting county: who would be near, if known."""
    known = subject.known.counties.get(county.id)
    neighbours = known.neighbours if known else {}
    near = [
        f"{desk} ({neighbours[CountyId(desk)]:.0f} km)"
        for desk in subject.rules.desks
        if CountyId(desk) in neighbours
    ]
    return f"; open centres next to it: {', '.join(near)}." if near else "."


COUNTY_CHECKS = (
    _county_ids,
    _all_counties_listed,
    _somebody_answers,
    _central_seat,
    _planned,
    _supporting,
)
