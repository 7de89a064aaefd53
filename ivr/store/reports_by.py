"""By what a period is counted in parts: each part is of one day, one county, one desk."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Case, ColumnElement, Label, case, literal

from ivr.reports.figures import Scope
from ivr.reports.period import Period, by_day


class By(StrEnum):
    """Those but the day are named as in `Scope`."""

    DAY = "day"
    COUNTY = "county"
    CATEGORY = "category"
    DESK = "desk"
    COUNSELLOR = "counsellor"


OF_CALLS = (By.CATEGORY, By.DESK, By.COUNSELLOR)  # a trip has those of its call
_LIMITS = tuple(by for by in By if by is not By.DAY)


def only(scope: Scope) -> Iterator[tuple[By, str]]:
    """By what else than its province a scope is limited, and to what."""
    for by in _LIMITS:
        value = getattr(scope, by.value)
        if value is not None:
            yield by, value


def key_name(by: By) -> str:
    """Of the column that says whose a row is; null: nobody's."""
    return f"by_{by.value}"


def key_columns(
    bys: tuple[By, ...], period: Period, at: ColumnElement[Any], of: Mapping[By, Any]
) -> Iterator[Label[Any]]:
    """The key columns; `of` has county, category, desk and counsellor of a row as far as needed."""
    for by in bys:
        key = _day(at, period) if by is By.DAY else of[by]
        yield key.label(key_name(by))


def _day(at: ColumnElement[Any], period: Period) -> Case[Any]:
    """As 2026-11-22; when days begin in Tehran is told by Python's zone, for both databases."""
    return case(
        *((at < day.until_at, literal(day.first.isoformat())) for day in by_day(period)),
        else_=None,
    )
