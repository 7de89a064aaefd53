"""What is erased when: the kinds of data about people, and from which instant back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.model import ProvinceId
from ivr.rules.keeping import Keeping
from ivr.rules.schema import ProvinceRules


class Kind(StrEnum):
    """Kinds of data, in the order in which they are erased."""

    DRAFTS = "drafts"
    LOCATIONS = "locations"
    NOTES = "notes"  # of forms, outcomes, trips, stays and follow-ups
    JOURNAL = "journal"
    DELIVERIES = "deliveries"
    ANSWERS = "answers"  # what saves were answered, for the same again
    NUMBERS = "numbers"
    PSEUDONYMS = "pseudonyms"


# Their rows belong to none.
OF_ALL_PROVINCES = frozenset({Kind.JOURNAL, Kind.DELIVERIES, Kind.ANSWERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Of this province (None: of all), data of this kind from before `until_at` is erased."""

    kind: Kind
    province: ProvinceId | None
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a term has come for: calls (of OF_ALL_PROVINCES rows), the oldest of them."""

    kind: Kind
    province: ProvinceId | None
    rows: int
    oldest_at: datetime | None


Erased = Counter[tuple[Kind, ProvinceId | None]]
"""How many calls, or rows, were erased of each kind and province (None: of none)."""


def done(due: Iterable[Due], erased: Erased) -> tuple[Due, ...]:
    """What was erased of what was due: less where a hold came between, more where one went."""
    oldest = {(one.kind, one.province): one.oldest_at for one in due}
    return tuple(
        Due(kind=kind, province=province, rows=rows, oldest_at=oldest.get((kind, province)))
        for (kind, province), rows in erased.items()
        if rows
    )


def terms(rules: Iterable[ProvinceRules], now: datetime) -> tuple[Term, ...]:
    """In the order in which they are to be erased; what no province owns goes by the shortest."""
    keeping = {one.id: days(one.keeping) for one in rules}
    found: list[Term] = []
    for kind in Kind if keeping else ():
        if kind in OF_ALL_PROVINCES:
            found.append(_term(kind, None, min(one[kind] for one in keeping.values()), now))
        else:
            found += (_term(kind, name, one[kind], now) for name, one in keeping.items())
    return tuple(found)


def _term(kind: Kind, province: ProvinceId | None, days: int, now: datetime) -> Term:
    return Term(kind=kind, province=province, until_at=now - timedelta(days=days))


def days(keeping: Keeping) -> dict[Kind, int]:
    """How many days each kind is kept.

    A number cannot be read without its pseudonym, the journal has both in it, and a draft is notes:
    none of them outlives the other.
    """
    numbers = min(keeping.numbers_d, keeping.pseudonyms_d)
    return {
        Kind.DRAFTS: min(keeping.drafts_d, keeping.notes_d),
        Kind.LOCATIONS: keeping.locations_d,
        Kind.NOTES: keeping.notes_d,
        Kind.JOURNAL: min(keeping.journal_d, numbers, keeping.locations_d),
        Kind.DELIVERIES: min(keeping.deliveries_d, keeping.notes_d),
        Kind.ANSWERS: keeping.answers_d,
        Kind.NUMBERS: numbers,
        Kind.PSEUDONYMS: keeping.pseudonyms_d,
    }
