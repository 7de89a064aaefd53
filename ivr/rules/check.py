"""What one field alone cannot show: clashes, dead ends, circles, people who cannot be reached.

Every check reads the whole of a province's rules and yields problems; each message says what is
wrong, what it means for a caller, and how to mend it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from persiantools.jdatetime import JalaliDate

from ivr.model import UNKNOWN_CATEGORY, CountyId, Lane
from ivr.rules.counties import Gazetteer
from ivr.rules.findings import FieldPath, Problem, Severity
from ivr.rules.schema import (
    DEFAULT_LINE,
    NEXT_PAGE_KEY,
    CategoryChoice,
    CentreState,
    County,
    ProvinceRules,
    Urgency,
)

# What must be right in every county before anything is said of the list as a whole.
_ALL_COUNTIES: tuple[FieldPath, ...] = (
    ("counties", "*", "id"),
    ("counties", "*", "name_fa"),
    ("counties", "*", "centre", "state"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked against what: a planned date has passed or not as of `today`."""

    rules: ProvinceRules
    known: Gazetteer
    today: date

    def counties(self) -> Iterator[tuple[FieldPath, County]]:
        for index, county in enumerate(self.rules.counties):
            yield ("counties", index), county

    def choices(self) -> Iterator[tuple[FieldPath, CategoryChoice]]:
        for index, choice in enumerate(self.rules.menus.category_choices):
            yield ("menus", "category_choices", index), choice


def check(rules: ProvinceRules, known: Gazetteer, today: date) -> list[Problem]:
    """Everything that is wrong with the rules or should be looked at, as of `today` in Iran."""
    subject = Subject(rules, known, today)
    return [problem for one_check in CHECKS for problem in one_check(subject)]


def planned_on(jalali: str) -> date | None:
    """The Gregorian day of a Jalali one written as 1405-12-29; None where there is no such day."""
    year, month, day = (int(part) for part in jalali.split("-"))
    try:
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def _province(subject: Subject) -> Iterator[Problem]:
    if subject.rules.id not in subject.known.provinces:
        message = (
            f"'{subject.rules.id}' is no province of Iran, so no caller could be sent here. "
            + _did_you_mean(subject.rules.id, subject.known.provinces)
        )
        yield Problem(path=("id",), message=message)


def _lines(subject: Subject) -> Iterator[Problem]:
    lines = subject.rules.lines
    yield from _twice((("lines", index), number) for index, number in enumerate(lines))
    province = subject.known.provinces.get(subject.rules.id)
    for index, number in enumerate(lines):
        path: FieldPath = ("lines", index)
        if number == DEFAULT_LINE:
            message = (
                f"{DEFAULT_LINE} itself goes to the default province of a running copy; in two "
                "files it would lead callers astray. Remove it; IVR_DEFAULT_PROVINCE says whose "
                "it is."
            )
            yield Problem(path=path, message=message)
        elif province and not number.startswith(province.area_code):
            message = (
                f"{number} does not begin with the area code {province.area_code} of the "
                "province: callers from there may arrive elsewhere. Ask the telephone company."
            )
            yield _warning(path, message, ("id",))


def _county_ids(subject: Subject) -> Iterator[Problem]:
    yield from _twice(((*path, "id"), county.id) for path, county in subject.counties())
    own = {county.id for county in subject.known.counties_of(subject.rules.id)}
    for path, county in subject.counties():
        known = subject.known.counties.get(county.id)
        if not known:
            message = (
                f"'{county.id}' is no county of Iran, so nobody could be sent to its callers. "
                + _did_you_mean(county.id, own)
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
            yield Problem(path=("counties",), message=message, related=(("id",), *_ALL_COUNTIES))


def _somebody_answers(subject: Subject) -> Iterator[Problem]:
    if not subject.rules.desks:
        message = (
            "no county has an open centre, so no counsellor would ever be rung. Write "
            "'state: open' where people answer."
        )
        yield Problem(path=("counties",), message=message, related=_ALL_COUNTIES)


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
            yield _warning(field, message, (*path, "centre", "state"))


def _supporting(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        field = (*path, "supporting")
        state = (*path, "centre", "state")
        yield from _twice(
            ((*field, index, "county"), item.county) for index, item in enumerate(county.supporting)
        )
        if county.is_open and county.supporting:
            message = "the county's own centre is open, so these are never used. Remove them."
            yield _warning(field, message, state)
        elif not county.is_open and not county.supporting:
            message = (
                "nobody is named who serves the county: its calls go to the whole province at "
                "once. Name a supporting county" + _nearest_open(subject, county)
            )
            yield _warning(state, message, field)
        for index, item in enumerate(county.supporting):
            yield from _supporter(subject, county, item.county, (*field, index, "county"))


def _supporter(
    subject: Subject, county: County, supporter: CountyId, path: FieldPath
) -> Iterator[Problem]:
    states = {item.id: (*place, "centre", "state") for place, item in subject.counties()}
    if supporter not in states:
        message = (
            f"'{supporter}' is no county of this file, so nobody could be rung there. "
            + _did_you_mean(supporter, states)
        )
        yield Problem(path=path, message=message, related=_ALL_COUNTIES)
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


def _categories(subject: Subject) -> Iterator[Problem]:
    categories = subject.rules.categories
    yield from _twice(
        (("categories", index, "id"), item.id) for index, item in enumerate(categories)
    )
    for index, category in enumerate(categories):
        if category.id == UNKNOWN_CATEGORY:
            message = (
                f"'{UNKNOWN_CATEGORY}' stands for callers who chose nothing. Give the category "
                "another id."
            )
            yield Problem(path=("categories", index, "id"), message=message)


def _outcomes(subject: Subject) -> Iterator[Problem]:
    outcomes = subject.rules.outcomes
    yield from _twice((("outcomes", index, "id"), item.id) for index, item in enumerate(outcomes))


def _first_question(subject: Subject) -> Iterator[Problem]:
    question = subject.rules.menus.first_question
    if question.danger_key == question.ordinary_key:
        message = (
            f"key {question.danger_key} would mean both danger and no danger. Give one of them "
            "another key."
        )
        yield Problem(
            path=("menus", "first_question", "ordinary_key"),
            message=message,
            related=(("menus", "first_question"),),
        )


def _county_pages(subject: Subject) -> Iterator[Problem]:
    pages = subject.rules.menus.county_pages
    places: list[tuple[FieldPath, Hashable]] = []
    for number, page in enumerate(pages):
        base: FieldPath = ("menus", "county_pages", number)
        yield from _twice(((*base, index, "key"), item.key) for index, item in enumerate(page))
        places += [((*base, index, "county"), item.county) for index, item in enumerate(page)]
        if not page:
            last = number == len(pages) - 1
            way = "end in silence" if last else f"hear nothing before key {NEXT_PAGE_KEY}"
            message = f"the page is empty: callers would {way}. Remove it."
            yield Problem(path=base, message=message, related=(base,))
    yield from _twice(places)
    listed = {county.id for county in subject.rules.counties}
    for path, county in places:
        if county not in listed:
            message = (
                f"'{county}' is no county of this file: whoever presses the key would be taken "
                "to come from nowhere. " + _did_you_mean(str(county), listed)
            )
            yield Problem(path=path, message=message, related=_ALL_COUNTIES)


def _every_county_heard(subject: Subject) -> Iterator[Problem]:
    heard = {item.county for page in subject.rules.menus.county_pages for item in page}
    for path, county in subject.counties():
        if county.id not in heard:
            message = (
                f"{county.id} ({county.name_fa}) is on no page of menus.county_pages: its "
                "callers could not say where they are. Give it a key."
            )
            related: tuple[FieldPath, ...] = (("menus", "county_pages"),)
            yield Problem(path=(*path, "id"), message=message, related=related)


def _category_choices(subject: Subject) -> Iterator[Problem]:
    yield from _twice(((*path, "key"), choice.key) for path, choice in subject.choices())
    heard = [
        ((*path, "categories", index), category)
        for path, choice in subject.choices()
        for index, category in enumerate(choice.categories)
    ]
    yield from _twice(heard)
    for path, name in heard:
        category = subject.rules.category(name)
        if category and category.enabled:
            continue
        what = "is switched off" if category else "is no category of this file"
        mend = (
            "Write 'enabled: true' there or take it out of the menu."
            if category
            else _did_you_mean(name, [item.id for item in subject.rules.categories])
        )
        message = f"'{name}' {what}: the key would lead to a record that nobody counts. {mend}"
        yield Problem(path=path, message=message, related=(("categories",),))


def _danger_choices(subject: Subject) -> Iterator[Problem]:
    for path, choice in subject.choices():
        categories = [subject.rules.category(name) for name in choice.categories]
        all_p1 = all(item and item.urgency is Urgency.P1 for item in categories)
        if all_p1 and choice.lane is not Lane.DANGER:
            message = (
                "all that callers hear here is of urgency P1, yet they would wait as ordinary "
                "callers. Write 'lane: danger'."
            )
            yield _warning((*path, "lane"), message, ("categories",))


def _questions(subject: Subject) -> Iterator[Problem]:
    for path, county in subject.counties():
        for index, item in enumerate(county.supporting):
            if item.proposal and not county.is_open:
                message = (
                    f"is {item.county} the supporting county (شهرستان معین) of {county.id}? It "
                    "is only a proposal. Remove 'proposal' when the province has confirmed it."
                )
                yield _question((*path, "supporting", index, "county"), message)
        if county.centre.state is CentreState.UNKNOWN:
            message = f"has {county.id} a centre? The sources do not say."
            yield _question((*path, "centre", "state"), message)
        if county.centre.state is CentreState.PLANNED and county.centre.planned is None:
            message = f"when is the centre of {county.id} to open? The sources give no day."
            yield _question((*path, "centre"), message, (*path, "centre", "planned"))


CHECKS: tuple[Callable[[Subject], Iterator[Problem]], ...] = (
    _province,
    _lines,
    _county_ids,
    _all_counties_listed,
    _somebody_answers,
    _planned,
    _supporting,
    _categories,
    _outcomes,
    _first_question,
    _county_pages,
    _every_county_heard,
    _category_choices,
    _danger_choices,
    _questions,
)


def _warning(path: FieldPath, message: str, *related: FieldPath) -> Problem:
    return Problem(path=path, message=message, severity=Severity.WARNING, related=related)


def _question(path: FieldPath, message: str, *related: FieldPath) -> Problem:
    return Problem(path=path, message=message, severity=Severity.QUESTION, related=related)


def _twice(items: Iterable[tuple[FieldPath, Hashable]]) -> Iterator[Problem]:
    """Values that must be different and are not; the first one of each stays unquestioned."""
    first: dict[Hashable, FieldPath] = {}
    for path, value in items:
        if value in first:
            message = (
                f"'{value}' is there twice, so it is open which one counts. Change or remove one."
            )
            yield Problem(path=path, message=message, related=(first[value],))
        first.setdefault(value, path)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"Did you mean {close[0]}?" if close else "See ivr/rules/counties.json for the ids."


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
