"""What one field alone cannot show: clashes, dead ends, circles, people who cannot be reached.

Every check reads the whole of a province's rules and yields problems; each message says what is
wrong, what it means for a caller, and how to mend it.
"""

from collections.abc import Callable, Iterator
from datetime import date

from ivr.model import UNKNOWN_CATEGORY
from ivr.rules.check_counties import COUNTY_CHECKS
from ivr.rules.check_hours import HOUR_CHECKS
from ivr.rules.check_menus import MENU_CHECKS
from ivr.rules.check_questions import QUESTIONS
from ivr.rules.check_skills import SKILL_CHECKS
from ivr.rules.check_steps import STEP_CHECKS
from ivr.rules.check_support import SUPPORT_CHECKS
from ivr.rules.check_units import UNIT_CHECKS
from ivr.rules.counties import Gazetteer
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import Subject, did_you_mean, twice, warning
from ivr.rules.schema import DEFAULT_LINE, ProvinceRules


def check(rules: ProvinceRules, known: Gazetteer, today: date) -> list[Problem]:
    """Everything that is wrong with the rules or should be looked at, as of `today` in Iran."""
    subject = Subject(rules, known, today)
    return [problem for one_check in CHECKS for problem in one_check(subject)]


def _province(subject: Subject) -> Iterator[Problem]:
    if subject.rules.id not in subject.known.provinces:
        message = (
            f"'{subject.rules.id}' is no province of Iran, so no caller could be sent here. "
            + did_you_mean(subject.rules.id, subject.known.provinces)
        )
        yield Problem(path=("id",), message=message)


def _lines(subject: Subject) -> Iterator[Problem]:
    lines = subject.rules.lines
    yield from twice((("lines", index), number) for index, number in enumerate(lines))
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
            yield warning(path, message, ("id",))


def _categories(subject: Subject) -> Iterator[Problem]:
    categories = subject.rules.categories
    yield from twice(
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
    yield from twice((("outcomes", index, "id"), item.id) for index, item in enumerate(outcomes))


CHECKS: tuple[Callable[[Subject], Iterator[Problem]], ...] = (
    _province,
    _lines,
    *COUNTY_CHECKS,
    *SUPPORT_CHECKS,
    *STEP_CHECKS,
    *SKILL_CHECKS,
    *HOUR_CHECKS,
    _categories,
    _outcomes,
    *MENU_CHECKS,
    *UNIT_CHECKS,
    *QUESTIONS,
)
