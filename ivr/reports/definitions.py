"""What each figure of a report counts: stable id, labels, and the sentence printed beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Unit(StrEnum):
    """What a figure is of. Calls, persons, dispatches and visits are never added up."""

    CALLS = "calls"
    PERSONS = "persons"
    DISPATCHES = "dispatches"
    VISITS = "visits"
    SECONDS = "seconds"
    SHARE = "share"  # from 0 to 1


COUNTED = frozenset({Unit.CALLS, Unit.PERSONS, Unit.DISPATCHES, Unit.VISITS})


class Section(StrEnum):
    CALLS = "calls"
    ENDS = "ends"
    ABANDONED = "abandoned"
    WHERE = "where"
    SERVICE = "service"
    OUTCOMES = "outcomes"
    PERSONS = "persons"
    DISPATCHES = "dispatches"
    VISITS = "visits"
    CATEGORIES = "categories"
    COUNTIES = "counties"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure, or a family of them whose ids end in `.*` (categories, counties, hours).

    `part_of`: the figure of which this one and its siblings are parts; None where it stands alone.
    """

    id: str
    section: Section
    unit: Unit
    label_en: str
    label_fa: str
    sentence_en: str
    sentence_fa: str
    part_of: str | None = None


def by_id(definitions: tuple[Definition, ...]) -> Mapping[str, Definition]:
    found = {definition.id: definition for definition in definitions}
    assert len(found) == len(definitions), "an id is one figure's"
    return MappingProxyType(found)


def family_of(figure: str) -> str:
    """The id under which a figure of a family is defined: `hour.07` is one of `hour.*`."""
    return f"{figure.partition('.')[0]}.*"
