"""What the sources leave open: what to ask the province, and what the line does until then."""

from collections.abc import Iterator

from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import Subject, asked_of, question
from ivr.rules.schema import Answering, CentreState, County


def _supporting(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        for index, item in enumerate(county.supporting):
            if item.proposal and not county.is_open:
                ask = f"is {item.county} the supporting county (شهرستان معین) of {county.id}?"
                meanwhile = (
                    "it is only a proposal, and calls go by it; remove 'proposal' when it is "
                    "confirmed"
                )
                place = (*path, "supporting", index, "county")
                yield question(place, asked_of(subject, ask, meanwhile))


def _centres(subject: Subject) -> Iterator[Problem]:
    """One question for all: nobody reads thirty of the same."""
    unknown = _counties_in(subject, CentreState.UNKNOWN)
    if not unknown:
        return
    names = ", ".join(county.id for _, county in unknown)
    ask = (
        f"has {names} a centre? The sources do not say."
        if len(unknown) == 1
        else f"which of these {len(unknown)} counties have a centre? The sources do not say: "
        f"{names}."
    )
    stated, opened = subject.rules.stated.open_centres, _counties_in(subject, CentreState.OPEN)
    if stated is not None and stated > len(opened):
        ask += f" They count {stated} centres; {len(opened)} are known here."
    meanwhile = (
        "everybody there is answered by the provincial desk"
        if subject.rules.answering is Answering.CENTRAL
        else "their calls go to the whole province at once, whoever is on duty there included"
    )
    places = [(*path, "centre", "state") for path, _ in unknown]
    yield question(places[0], asked_of(subject, ask, meanwhile), *places[1:])


def _openings(subject: Subject) -> Iterator[Problem]:
    for path, county in _counties_in(subject, CentreState.PLANNED):
        if county.centre.planned is None:
            ask = f"when is the centre of {county.id} to open? The sources give no day."
            meanwhile = "it counts as not open; a person writes 'state: open' when it is"
            field = (*path, "centre", "planned")
            yield question((*path, "centre"), asked_of(subject, ask, meanwhile), field)


def _seat(subject: Subject) -> Iterator[Problem]:
    rules = subject.rules
    if rules.answering is Answering.CENTRAL and rules.central_seat is None:
        ask = "in which centre does the desk that answers for the province sit?"
        meanwhile = f"its counsellors have the desk '{rules.provincial_desk}' and no county"
        yield question(("answering",), asked_of(subject, ask, meanwhile), ("central_seat",))


def _day_and_night(subject: Subject) -> Iterator[Problem]:
    """Asked where a source counts the counties that the line serves at any hour."""
    if not any(county.line_24h for county in subject.rules.counties):
        return
    for path, county in subject.counties():
        if county.line_24h is None:
            ask = (
                f"does the line serve {county.id} at any hour, as the source says of the other "
                "counties?"
            )
            meanwhile = "its callers are answered day and night like all others"
            yield question((*path, "id"), asked_of(subject, ask, meanwhile), (*path, "line_24h"))


def _written(subject: Subject) -> Iterator[Problem]:
    for index, item in enumerate(subject.rules.questions):
        text = asked_of(subject, item.ask, item.meanwhile.rstrip("."), item.whom)
        yield question(("questions", index, "ask"), text)


def _counties_in(subject: Subject, state: CentreState) -> list[tuple[FieldPath, County]]:
    return [(path, county) for path, county in subject.counties() if county.centre.state is state]


QUESTIONS = (_supporting, _centres, _openings, _seat, _day_and_night, _written)
