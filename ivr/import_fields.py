"""The values of one line of earlier records, each read with what is wrong collected."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TypeVar

from pydantic import ValidationError

from ivr.errors import BadInput
from ivr.import_columns import BY_NAME, RecordKind
from ivr.import_files import LineProblem
from ivr.jalali import parse_day, parse_instant
from ivr.outcome_form import OutcomeItem, PersonsServed
from ivr.outcomes import (
    FORM_LABELS,
    OUTCOME_LABELS,
    AgeBand,
    OutcomeId,
    OutsideBody,
    Relation,
    Reporter,
    Risk,
    ServiceKind,
    Sex,
)
from ivr.text import holds_telephone, search_key, to_ascii_digits
from ivr.visits import CentreService

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_PART = re.compile(r"\s*[;؛]\s*")
_KEY = re.compile(r"[^\s/]{1,64}")
_FIRST_DAY = parse_day("1378-01-01")  # the social emergency began in that year
_SLACK = timedelta(minutes=5)  # clocks differ
_LABELS: Mapping[type[StrEnum], str] = {
    Relation: "relation",
    Risk: "risk",
    Reporter: "reporter",
    ServiceKind: "kind",
    OutsideBody: "body",
    AgeBand: "age_band",
    Sex: "sex",
}


class Fields:
    """A line's values; whatever is taken from it is None where it is left out or wrong."""

    def __init__(self, line: int, values: Mapping[str, str], now: datetime) -> None:
        self.problems: list[LineProblem] = []
        self._line = line
        self._values = values
        self._latest_at = now + _SLACK

    def wrong(self, column: str, what: str) -> None:
        self.problems.append(LineProblem(self._line, column, what))

    def check_columns(self, kind: RecordKind) -> None:
        """That all are there which the kind of record needs, and none that it does not have."""
        for name, column in BY_NAME.items():
            if kind in column.required and name not in self._values:
                self.wrong(name, f"it is missing; write {column.meaning}, such as {column.example}")
            if kind not in column.of and name in self._values:
                self.wrong(name, f"a {kind} has no such column; leave it empty")

    def text(self, column: str) -> str | None:
        """A text without a telephone's number, which has no place in these records."""
        found = self._values.get(column)
        if found and holds_telephone(found):
            self.wrong(column, "it holds a telephone number; take it out")
        return found

    def key(self, column: str) -> str | None:
        found = self.text(column)
        found = found and to_ascii_digits(found)
        if found and not _KEY.fullmatch(found):
            self.wrong(column, "a key has at most 64 characters, without spaces and slashes")
        return found

    def parsed(self, column: str, parse: Callable[[str], T]) -> T | None:
        found = self._values.get(column)
        if found is None:
            return None
        try:
            return parse(found)
        except BadInput as error:
            self.wrong(column, str(error))
        except ValidationError as error:
            self.wrong(column, f"{found!r}: {error.errors(include_url=False)[0]['msg']}")
        return None

    def at(self, column: str) -> datetime | None:
        return self.parsed(column, self._instant)

    def _instant(self, text: str) -> datetime:
        at = parse_instant(text)
        if at > self._latest_at:
            raise BadInput(f"{text!r} is still to come; is the year right?")
        if at.date() < _FIRST_DAY:
            raise BadInput(
                f"{text!r} is before 1378, when there was no such line; is the year right?"
            )
        return at

    def one_of(self, column: str, kind: type[E]) -> E | None:
        return self.parsed(column, lambda text: word_of(text, kind))

    def several(self, column: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """The parts between semicolons."""
        found = self.parsed(column, lambda text: tuple(map(parse, filter(None, _PART.split(text)))))
        return found or ()

    def persons(self) -> tuple[PersonsServed, ...]:
        return self.several("persons", _persons)

    def outcomes(self) -> tuple[OutcomeItem, ...]:
        return self.several("outcomes", _outcome)

    def services(self) -> tuple[CentreService, ...]:
        found = self.several("services", lambda text: word_of(text, CentreService))
        return tuple(dict.fromkeys(found))


def word_of(text: str, kind: type[E]) -> E:
    """A value by its id or its Persian label; raises BadInput with all that are allowed."""
    found: E | None = _words(kind).get(search_key(text))
    if found is None:
        raise BadInput(f"{text!r} is none of these: {', '.join(kind)}")
    return found


@cache
def _words(kind: type[E]) -> dict[str, E]:
    labels = OUTCOME_LABELS if kind is OutcomeId else FORM_LABELS.get(_LABELS.get(kind, ""), {})
    words = {search_key(label): kind(one) for one, label in labels.items()}
    return words | {search_key(one): one for one in kind}


def _persons(text: str) -> PersonsServed:
    """`COUNT`, `COUNT:AGE`, `COUNT:AGE:SEX`; raises BadInput."""
    count, *rest = (part.strip() for part in to_ascii_digits(text).split(":"))
    if not count.isascii() or not count.isdigit() or len(rest) > 2:
        raise BadInput(f"{text!r}: write COUNT or COUNT:AGE:SEX, such as 2:18-59:female")
    age, sex = (*rest, "", "")[:2]
    return PersonsServed(
        count=int(count[:6]),
        age_band=word_of(age, AgeBand) if age else None,
        sex=word_of(sex, Sex) if sex else None,
    )


def _outcome(text: str) -> OutcomeItem:
    """`OUTCOME`, or `OUTCOME:DETAIL`; raises BadInput."""
    name, _, detail = (part.strip() for part in text.partition(":"))
    outcome = word_of(name, OutcomeId)
    if not detail:
        return OutcomeItem(outcome=outcome)
    if outcome is OutcomeId.PHONE_RESOLVED:
        return OutcomeItem(outcome=outcome, kind=word_of(detail, ServiceKind))
    if outcome is OutcomeId.EXTERNAL:
        return OutcomeItem(outcome=outcome, body=word_of(detail, OutsideBody))
    return OutcomeItem(outcome=outcome, unit=detail)
