"""Checks of what callers are asked: keys that clash, people whom no key reaches."""

from collections.abc import Hashable, Iterator

from ivr.model import Lane
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
from ivr.rules.menus import KEYS_PER_PAGE, MAX_COUNTY_PAGES, NEXT_PAGE_KEY
from ivr.rules.priority import Urgency


def _first_question(subject: Subject) -> Iterator[Problem]:
    first = subject.rules.menus.first_question
    if first.danger_key == first.ordinary_key:
        message = (
            f"key {first.danger_key} would mean both danger and no danger. Give one of them "
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
        yield from twice(((*base, index, "key"), item.key) for index, item in enumerate(page))
        places += [((*base, index, "county"), item.county) for index, item in enumerate(page)]
        if not page:
            last = number == len(pages) - 1
            way = "end in silence" if last else f"hear nothing before key {NEXT_PAGE_KEY}"
            message = f"the page is empty: callers would {way}. Remove it."
            yield Problem(path=base, message=message, related=(base,))
    yield from twice(places)
    listed = {county.id for county in subject.rules.counties}
    for path, county in places:
        if county not in listed:
            message = (
                f"'{county}' is no county of this file: whoever presses the key would be taken "
                "to come from nowhere. " + did_you_mean(str(county), listed)
            )
            yield Problem(path=path, message=message, related=ALL_COUNTIES)


def _county_asked(subject: Subject) -> Iterator[Problem]:
    path: FieldPath = ("menus", "county_pages")
    if subject.rules.asks_county and not subject.rules.menus.county_pages:
        message = (
            "callers are asked for their county and hear none. Add a page, or write 'ask_county: "
            "never' under menus."
        )
        yield Problem(path=path, message=message, related=(("answering",), ("menus", "ask_county")))
    elif subject.rules.menus.county_pages and not subject.rules.asks_county:
        message = (
            "nobody hears these pages: with central answering the county does not decide who "
            "answers. Remove them, or write 'ask_county: always' under menus."
        )
        yield warning(path, message, ("answering",), ("menus", "ask_county"))


def _every_county_heard(subject: Subject) -> Iterator[Problem]:
    """Where there is room a county was forgotten; where there is none the province must choose."""
    unheard = subject.rules.unheard_counties
    if not unheard or not subject.rules.asks_county:
        return
    path: FieldPath = ("menus", "county_pages")
    heard = len(subject.rules.counties) - len(unheard)
    room = MAX_COUNTY_PAGES * KEYS_PER_PAGE
    if heard >= room:
        ask = (
            f"which {room} of the {len(subject.rules.counties)} counties should callers hear? "
            f"More than {MAX_COUNTY_PAGES} pages are too many, and no source says where most "
            f"calls come from."
        )
        meanwhile = (
            f"callers of {', '.join(unheard)} press 0 or wait; a person answers them like all "
            "others and asks where they are"
        )
        yield question(path, asked_of(subject, ask, meanwhile), *ALL_COUNTIES)
        return
    for place, county in subject.counties():
        if county.id in unheard:
            message = (
                f"{county.id} ({county.name_fa}) is on no page of menus.county_pages: its "
                "callers must press 0 and tell a person where they are. Give it a key."
            )
            yield warning((*place, "id"), message, path)


def _category_choices(subject: Subject) -> Iterator[Problem]:
    yield from twice(((*path, "key"), choice.key) for path, choice in subject.choices())
    heard = [
        ((*path, "categories", index), category)
        for path, choice in subject.choices()
        for index, category in enumerate(choice.categories)
    ]
    yield from twice(heard)
    for path, name in heard:
        category = subject.rules.category(name)
        if category and category.enabled:
            continue
        what = "is switched off" if category else "is no category of this file"
        mend = (
            "Write 'enabled: true' there or take it out of the menu."
            if category
            else did_you_mean(name, [item.id for item in subject.rules.categories])
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
            yield warning((*path, "lane"), message, ("categories",))


MENU_CHECKS = (
    _first_question,
    _county_pages,
    _county_asked,
    _every_county_heard,
    _category_choices,
    _danger_choices,
)
