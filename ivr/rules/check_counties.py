"""Checks of counties and their centres; who else serves them is `ivr.rules.check_support`."""

from collections.abc import Iterator

from ivr.rules.findings import Problem
from ivr.rules.hours import gregorian
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.schema import Answering, CentreState


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
        day = gregorian(centre.planned)
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


COUNTY_CHECKS = (
    _county_ids,
    _all_counties_listed,
    _somebody_answers,
    _central_seat,
    _planned,
)
