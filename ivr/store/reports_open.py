"""Behind each figure: the calls, dispatches or visits that it counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, literal, select

from ivr.errors import BadInput
from ivr.model import CallId
from ivr.reports.catalogue import definition_of
from ivr.reports.catalogue_people import UNKNOWN
from ivr.reports.definitions import Section
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.reports.tally import Base
from ivr.store.outcome_tables import persons
from ivr.store.reports_others import began_visits, sent_dispatches
from ivr.store.reports_seen import (
    BASES,
    COUNTS,
    GROUPS,
    OUTCOMES,
    misrouted_calls,
    seen_calls,
    wrap_ups,
)
from ivr.store.tables import outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One call, dispatch or visit behind a figure; `wait_s` is of calls that joined the line.

    `what` is the category of a call, the cover of a dispatch, the kind of a visit.
    """

    kind: str
    id: str
    call: CallId | None
    at: datetime
    county: str | None
    what: str
    wait_s: float | None = None


# Of which calls a mean, a share or a percentile is.
_BASES: Mapping[str, Base] = {
    "service_level_15": Base.WITHIN_15,
    "service_level_20": Base.WITHIN_20,
    "asa": Base.WAIT,
    "wait_p95": Base.WAIT,
    "wait_longest": Base.JOINED,
    "aht": Base.TALK,
    "talk_mean": Base.TALK,
    "menu_mean": Base.MENU,
    "menu_p95": Base.MENU,
}
# These show first what took longest.
_LONGEST_FIRST = {"asa", "wait_p95", "wait_longest"}


def opened(figure: str, scope: Scope, period: Period) -> Select[Any]:
    """What a figure counts, in order; read it with `from_row`. Raises BadInput for no figure."""
    try:
        section = definition_of(figure).section
    except KeyError:
        raise BadInput(
            f"There is no figure {figure!r}; the ids stand before the figures in the report "
            "(`ivr report --definitions` lists them all)."
        ) from None
    if section is Section.DISPATCHES or figure.startswith("persons.mobile_team"):
        return _dispatches(figure, sent_dispatches(scope, period))
    if section is Section.VISITS or figure.startswith("persons.crisis_centre"):
        return _visits(figure, began_visits(scope, period))
    return _calls(figure, seen_calls(scope, period))


def from_row(row: RowMapping) -> Opened:
    wait_us = row["wait_us"]
    values = {name: row[name] for name in ("kind", "call", "at", "county", "what")}
    wait_s = None if wait_us is None else wait_us / 1_000_000
    return Opened(**values, id=str(row["id"]), wait_s=wait_s)


def _calls(figure: str, seen: FromClause) -> Select[Any]:
    it = seen.c
    order = it.wait_us.desc() if figure in _LONGEST_FIRST else it.arrived_at
    return (
        select(
            *(literal("call").label("kind"), it.call.label("id"), it.call),
            *(it.arrived_at.label("at"), it.county, it.category.label("what"), it.wait_us),
        )
        .where(_counted(figure, seen))
        .order_by(order, it.call)
    )


def _counted(figure: str, seen: FromClause) -> ColumnElement[bool]:
    if condition := COUNTS.get(figure):
        return condition(seen.c)
    if base := _BASES.get(figure):
        return BASES[base](seen.c)
    family, _, member = figure.partition(".")
    if family in GROUPS:
        column, condition = GROUPS[family]
        value = int(member) if family == "hour" and member.isdecimal() else member
        return condition(seen.c) & (seen.c[column] == value)
    return _BY_OTHER_TABLES[family](figure, seen)


def _with_outcome(figure: str, seen: FromClause) -> ColumnElement[bool]:
    having = select(outcomes.c.id).where(
        outcomes.c.form == seen.c.form, OUTCOMES[figure](outcomes.c)
    )
    return having.exists()


def _with_persons(figure: str, seen: FromClause) -> ColumnElement[bool]:
    return _of_persons(figure).where(persons.c.form == seen.c.form).exists()


def _misrouted(_figure: str, seen: FromClause) -> ColumnElement[bool]:
    return seen.c.call.in_(misrouted_calls())


def _wrapped_up(_figure: str, seen: FromClause) -> ColumnElement[bool]:
    return seen.c.call.in_(select(wrap_ups(seen).c.call))


_BY_OTHER_TABLES: Mapping[str, Callable[[str, FromClause], ColumnElement[bool]]] = {
    "outcome": _with_outcome,
    "persons": _with_persons,
    "misrouted": _misrouted,
    "wrap_up_mean": _wrapped_up,
}


def _of_persons(figure: str) -> Select[Any]:
    """The rows of persons that a figure such as `persons.line.age.0-11` adds up."""
    statement = select(persons.c.id)
    _, _, *part = figure.split(".")
    if not part:
        return statement
    column = persons.c.age_band if part[0] == "age" else persons.c.sex
    return statement.where(column.is_(None) if part[1] == UNKNOWN else column == part[1])


def _dispatches(figure: str, sent: FromClause) -> Select[Any]:
    it = sent.c
    statement = select(
        *(literal("dispatch").label("kind"), it.id, it.call, it.sent_at.label("at"), it.county),
        *(it.cover.label("what"), literal(None).label("wait_us")),
    ).order_by(it.sent_at, it.id)
    if figure.startswith("persons."):
        return statement.where(_of_persons(figure).where(persons.c.dispatch == it.id).exists())
    part = figure.partition(".")[2]
    if part == "without_call":
        return statement.where(it.call.is_(None))
    return statement.where(it.cover == part) if part else statement


def _visits(figure: str, began: FromClause) -> Select[Any]:
    it = began.c
    statement = select(
        *(literal("visit").label("kind"), it.id, it.call, it.from_at.label("at"), it.county),
        *(it.kind.label("what"), literal(None).label("wait_us")),
    ).order_by(it.from_at, it.id)
    if figure.startswith("persons."):
        return statement.where(_of_persons(figure).where(persons.c.visit == it.id).exists())
    return statement.where(it.kind == ("admission" if figure == "admissions" else "outpatient"))
