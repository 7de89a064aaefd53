"""Checks of what callers are asked: keys that clash, people whom no key reaches."""

from collections.abc import Hashable, Iterator

from ivr.model import Lane
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.schema import NEXT_PAGE_KEY, Urgency


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
    _every_county_heard,
    _category_choices,
    _danger_choices,
)
