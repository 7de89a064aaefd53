"""Checks of who else serves a county: supporting counties, who takes over, and neighbours."""

from collections.abc import Iterator

from ivr.model import CountyId
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.routing import Ring
from ivr.rules.schema import Answering, CentreState, County, ProvinceRules


def _supporting(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        field = (*path, "supporting")
        yield from twice(
            ((*field, index, "county"), item.county) for index, item in enumerate(county.supporting)
        )
        if _needs_support(subject.rules, county):
            message = (
                "nobody is named who serves the county: its calls go to the whole province at "
                "once. Name a supporting county" + _nearest_open(subject, county)
            )
            yield warning((*path, "centre", "state"), message, field)
        for index, item in enumerate(county.supporting):
            yield from _supporter(subject, county, item.county, (*field, index, "county"))


def _needs_support(rules: ProvinceRules, county: County) -> bool:
    """Whether its callers have nobody near; where that is unknown, the state is what to ask for."""
    without = county.centre.state in {CentreState.NONE, CentreState.PLANNED}
    return without and rules.answering is Answering.COUNTY and not county.supporting


def _never_used(subject: Subject) -> Iterator[Problem]:
    """Lists that no step of these rules looks into."""
    rules = subject.rules
    central = rules.answering is Answering.CENTRAL
    rings = {step.ring for step in rules.steps}
    for path, county in subject.counties():
        for field in ("supporting", "contingency"):
            if not getattr(county, field):
                continue
            if central:
                why = "one desk answers for the whole province"
            elif field == "supporting" and Ring.SUPPORTING not in rings:
                why = "there is no step 'ring: supporting'"
            else:
                continue
            message = f"{why}, so no call of {county.id} ever goes by this list. Remove it"
            mend = "." if central else ", or add the step."
            yield warning((*path, field), message + mend, ("answering",), ("steps",))


def _supporter(
    subject: Subject, county: County, supporter: CountyId, path: FieldPath
) -> Iterator[Problem]:
    states = _states(subject)
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


def _states(subject: Subject) -> dict[CountyId, FieldPath]:
    """Where the state of each county's centre is written."""
    return {county.id: (*path, "centre", "state") for path, county in subject.counties()}


def _no_help(rules: ProvinceRules, county: County, supporter: CountyId) -> str:
    """Why `supporter` cannot serve `county`; empty where it can."""
    listed = rules.county(supporter)
    if listed and listed.is_open:
        return f"{supporter} is the county itself" if supporter == county.id else ""
    circle = _circle(rules, county)
    if circle:
        return f"support goes round in a circle ({' → '.join(circle)})"
    return f"{supporter} has no open centre itself"


def _circle(rules: ProvinceRules, start: County) -> list[CountyId]:
    """The way from `start` back to itself over counties that are not open; empty without one."""
    pending: list[list[CountyId]] = [[start.id]]
    seen: set[CountyId] = set()
    while pending:
        way = pending.pop()
        county = rules.county(way[-1])
        for item in county.supporting if county and not county.is_open else ():
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


# ------------------------------------------------------------ who takes over, neighbours


def _contingency(subject: Subject) -> Iterator[Problem]:
    states = _states(subject)
    for path, county in subject.counties():
        places = [((*path, "contingency", i), item) for i, item in enumerate(county.contingency)]
        yield from twice(places)
        for place, other in places:
            if why := _cannot_take_over(subject.rules, county, other):
                message = (
                    f"{why}: nobody would take over there when the centre that serves {county.id} "
                    "is gone. Name another county with an open centre"
                    + _nearest_open(subject, county)
                )
                related = (states[other],) if other in states else ALL_COUNTIES
                yield Problem(path=place, message=message, related=related)


def _cannot_take_over(rules: ProvinceRules, county: County, other: CountyId) -> str:
    listed = rules.county(other)
    if listed is None:
        return f"'{other}' is no county of this file"
    if other == county.id:
        return f"{other} is the county itself"
    return "" if listed.is_open else f"{other} has no open centre"


def _neighbours(subject: Subject) -> Iterator[Problem]:
    """Those of the map may be without a centre: they are passed over, and that costs no time."""
    for path, county in subject.counties():
        places = [((*path, "neighbours", i), item) for i, item in enumerate(county.neighbours)]
        yield from twice(places)
        for place, other in places:
            if why := _no_neighbour(subject, county, other):
                message = (
                    f"{why}, so nobody could be rung there. Name counties of this province, or "
                    "leave 'neighbours' out for those of the map."
                )
                yield Problem(path=place, message=message, related=((*path, "id"), ("id",)))


def _no_neighbour(subject: Subject, county: County, other: CountyId) -> str:
    known = subject.known.counties.get(other)
    if known is None:
        own = {item.id for item in subject.known.counties_of(subject.rules.id)}
        return f"'{other}' is no county of Iran ({did_you_mean(other, own).rstrip('.')})"
    if other == county.id:
        return f"{other} is the county itself"
    home = subject.known.counties.get(county.id)
    here = home is None or home.province == known.province
    return "" if here else f"{other} lies in the province {known.province}"


SUPPORT_CHECKS = (_supporting, _never_used, _contingency, _neighbours)
