"""The figures of a report beside those of the period before, as records."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ivr.model import CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.reports.catalogue import definition_of
from ivr.reports.definitions import COUNTED, Section, Unit
from ivr.reports.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Of what a report tells; None: of all."""

    province: ProvinceId | None = None
    county: CountyId | None = None
    category: CategoryId | None = None
    desk: DeskId | None = None
    counsellor: CounsellorId | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A number, or None where there is nothing to tell; `of` is how many calls a mean is of.

    `hidden`: it is too small to leave the house, and the number is None too.
    """

    number: float | None
    of: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the period and of the one before; what it counts: `definition_of(id)`."""

    id: str
    now: Value
    before: Value

    @property
    def unit(self) -> Unit:
        return definition_of(self.id).unit

    @property
    def section(self) -> Section:
        return definition_of(self.id).section

    @property
    def is_counted(self) -> bool:
        return self.unit in COUNTED

    @property
    def change(self) -> float | None:
        """Against the period before: of counts and seconds relative, of shares the difference."""
        now, before = self.now.number, self.before.number
        if now is None or before is None:
            return None
        if self.unit is Unit.SHARE:
            return round(now - before, 4)
        return round(now / before - 1, 4) if before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All figures in the order of the definitions; the largest category and county first.

    `published`: small counts are hidden.
    """

    scope: Scope
    period: Period
    previous: Period
    figures: tuple[Figure, ...]
    published: bool = False

    def figure(self, figure: str) -> Figure:
        """Raises KeyError where the report has none of this id."""
        return {one.id: one for one in self.figures}[figure]

    def of_section(self, section: Section) -> Iterator[Figure]:
        return (one for one in self.figures if one.section is section)

    def as_json(self) -> dict[str, Any]:
        """What a script gets; the keys are a promise."""
        scope = self.scope
        return {
            "period": _period_json(self.period),
            "previous": _period_json(self.previous),
            "scope": {name: getattr(scope, name) for name in Scope.__slots__},
            "published": self.published,
            "figures": {one.id: _figure_json(one) for one in self.figures},
        }


def _period_json(period: Period) -> dict[str, Any]:
    first, last = str(period).split(" to ")
    return {
        "from": first,
        "to": last,
        "from_at": period.from_at.isoformat(),
        "until_at": period.until_at.isoformat(),
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.now.number,
        "previous": figure.before.number,
        "change": figure.change,
        "unit": figure.unit.value,
        "hidden": figure.now.hidden,
        "previous_hidden": figure.before.hidden,
    }
