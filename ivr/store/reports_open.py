"""Behind each figure: the calls, dispatches, visits or persons that it counts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    Select,
    String,
    case,
    cast,
    literal,
    select,
)

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
    """One call, dispatch, visit or person behind a figure; `wait_s`: of calls that joined the line.

    `what` is the category of a call, the cover of a dispatch, the kind of a visit, age and sex of a
    person; `of` who served that person, such as `dispatch 12`. `seconds` is what a mean, percentile
    or longest time is of; `within` whether the call is in the share.
    """

    kind: str
    id: str
    call: CallId | None
    at: datetime
    county: str | None
    what: str
    wait_s: float | None = None
    of: str | None = None
    seconds: float | None = None
    within: bool | None = None


# Of which calls a mean, a percentile or the longest is, and of which of their times.
_TIMES: Mapping[str, tuple[Base, str]] = {
    "asa": (Base.WAIT, "wait_us"),
    "wait_p95": (Base.WAIT, "wait_us"),
    "wait_longest": (Base.JOINED, "wait_us"),
    "aht": (Base.TALK, "talk_us"),
    "talk_mean": (Base.TALK, "talk_us"),
    "menu_mean": (Base.MENU, "menu_us"),
    "menu_p95": (Base.MENU, "menu_us"),
}
# All calls that a share is of are shown, and which of them are in it.
_SHARES = {"service_level_15": Base.WITHIN_15, "service_level_20": Base.WITHIN_20}
_NONE = literal(None)


def opened(figure: str, scope: Scope, period: Period) -> Select[Any]:
    """What a figure counts, in order; read it with `from_row`. Raises BadInput for no figure."""
    try:
        section = definition_of(figure).section
    except KeyError:
        raise BadInput(
            f"There is no figure {figure!r}; the ids stand before the figures in the report "
            "(`ivr report --definitions` lists them all)."
        ) from None
    if section is Section.PERSONS:
        return _persons(figure, scope, period)
    if section is Section.DISPATCHES:
        return _dispatches(figure, sent_dispatches(scope, period))
    if section is Section.VISITS:
        return _visits(figure, began_visits(scope, period))
    return _calls(figure, seen_calls(scope, period))


def from_row(row: RowMapping) -> Iterator[Opened]:
    """What a row shows: one thing, or as many persons as were counted together."""
    values = {name: row[name] for name in ("kind", "call", "at", "county", "of")}
    values |= {"wait_s": _s(row["wait_us"]), "seconds": _s(row["took_us"])}
    within = None if row["within"] is None else bool(row["within"])
    if row["persons"] is None:
        yield Opened(**values, id=str(row["id"]), what=row["what"], within=within)
        return
    what = f"{row['age_band'] or UNKNOWN} {row['sex'] or UNKNOWN}"
    for number in range(1, row["persons"] + 1):
        yield Opened(**values, id=f"{row['id']}.{number}", what=what)


def _s(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def _shown(**columns: Any) -> Select[Any]:
    """All that `from_row` reads; what is not given is null."""
    names = ("kind", "id", "call", "at", "county", "what", "wait_us", "of", "took_us", "within")
    of_persons = ("persons", "age_band", "sex")
    return select(*(columns.get(name, _NONE).label(name) for name in (*names, *of_persons)))


def _calls(figure: str, seen: FromClause) -> Select[Any]:
    it = seen.c
    took_us = _took_us(figure, seen)
    share = _SHARES.get(figure)
    statement = _shown(
        kind=literal("call"), id=it.call, call=it.call, at=it.arrived_at, county=it.county,
        what=it.category, wait_us=it.wait_us, took_us=took_us,
        within=_NONE if share is None else case((BASES[share](it), 1), else_=0),
    )  # fmt: skip
    order = it.arrived_at if took_us is _NONE else took_us.desc()
    return statement.where(_counted(figure, seen)).order_by(order, it.call)


def _took_us(figure: str, seen: FromClause) -> ColumnElement[Any]:
    if figure == "wrap_up_mean":
        took = wrap_ups(seen)
        return select(took.c.wrap_up_us).where(took.c.call == seen.c.call).scalar_subquery()
    return seen.c[_TIMES[figure][1]] if figure in _TIMES else _NONE


def _counted(figure: str, seen: FromClause) -> ColumnElement[bool]:
    if condition := COUNTS.get(figure):
        return condition(seen.c)
    if figure in _SHARES:
        return BASES[Base.LEVEL](seen.c)
    if figure in _TIMES:
        return BASES[_TIMES[figure][0]](seen.c)
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


def _misrouted(_figure: str, seen: FromClause) -> ColumnElement[bool]:
    return seen.c.call.in_(misrouted_calls(seen))


def _wrapped_up(_figure: str, seen: FromClause) -> ColumnElement[bool]:
    return seen.c.call.in_(select(wrap_ups(seen).c.call))


_BY_OTHER_TABLES: Mapping[str, Callable[[str, FromClause], ColumnElement[bool]]] = {
    "outcome": _with_outcome,
    "misrouted": _misrouted,
    "wrap_up_mean": _wrapped_up,
}


def _persons(figure: str, scope: Scope, period: Period) -> Select[Any]:
    """The rows of persons that a figure such as `persons.line.age.0-11` adds up."""
    _, who, *part = figure.split(".")
    served: FromClause
    if who == "line":
        served, on, kind = seen_calls(scope, period), persons.c.form, "call"
        key, number, at = served.c.form, served.c.call, served.c.arrived_at
    elif who == "mobile_team":
        served, on, kind = sent_dispatches(scope, period), persons.c.dispatch, "dispatch"
        key, number, at = served.c.id, served.c.id, served.c.sent_at
    else:
        served, on, kind = began_visits(scope, period), persons.c.visit, "visit"
        key, number, at = served.c.id, served.c.id, served.c.from_at
    statement = _shown(
        kind=literal("person"), id=persons.c.id, call=served.c.call, at=at, county=served.c.county,
        of=literal(f"{kind} ") + cast(number, String), persons=persons.c.count,
        age_band=persons.c.age_band, sex=persons.c.sex,
    ).join_from(served, persons, on == key)  # fmt: skip
    if part:
        column = persons.c.age_band if part[0] == "age" else persons.c.sex
        statement = statement.where(column.is_(None) if part[1] == UNKNOWN else column == part[1])
    return statement.order_by(at, persons.c.id)


def _dispatches(figure: str, sent: FromClause) -> Select[Any]:
    it = sent.c
    statement = _shown(
        kind=literal("dispatch"), id=it.id, call=it.call, at=it.sent_at, county=it.county,
        what=it.cover,
    ).order_by(it.sent_at, it.id)  # fmt: skip
    part = figure.partition(".")[2]
    if part == "without_call":
        return statement.where(it.call.is_(None))
    return statement.where(it.cover == part) if part else statement


def _visits(figure: str, began: FromClause) -> Select[Any]:
    it = began.c
    kind = "admission" if figure == "admissions" else "outpatient"
    statement = _shown(
        kind=literal("visit"), id=it.id, call=it.call, at=it.from_at, county=it.county, what=it.kind
    )
    return statement.where(it.kind == kind).order_by(it.from_at, it.id)
