"""What all checks of a province's rules share: their subject, and ways to say a problem."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from ivr.rules.counties import Gazetteer
from ivr.rules.findings import FieldPath, Problem, Severity
from ivr.rules.menus import CategoryChoice
from ivr.rules.schema import County, ProvinceRules

# What must be right in every county before anything is said of the list as a whole.
ALL_COUNTIES: tuple[FieldPath, ...] = (
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


def warning(path: FieldPath, message: str, *related: FieldPath) -> Problem:
    return Problem(path=path, message=message, severity=Severity.WARNING, related=related)


def question(path: FieldPath, message: str, *related: FieldPath) -> Problem:
    return Problem(path=path, message=message, severity=Severity.QUESTION, related=related)


def asked_of(subject: Subject, ask: str, meanwhile: str, whom: str | None = None) -> str:
    """An open question as people read it: what to ask whom, and what happens until then."""
    province = f"the welfare organisation (بهزیستی) of {subject.rules.name_fa}"
    return f"{ask} Ask {whom or province}. Until then {meanwhile}."


def twice(items: Iterable[tuple[FieldPath, Hashable]]) -> Iterator[Problem]:
    """Values that must be different and are not; the first one of each stays unquestioned."""
    first: dict[Hashable, FieldPath] = {}
    for path, value in items:
        if value in first:
            message = (
                f"'{value}' is there twice, so it is open which one counts. Change or remove one."
            )
            yield Problem(path=path, message=message, related=(first[value],))
        first.setdefault(value, path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    words = sorted(known)
    close = get_close_matches(word, words, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known here: {', '.join(words[:12])}{' …' if len(words) > 12 else ''}."
