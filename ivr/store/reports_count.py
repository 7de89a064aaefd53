"""Counts a period in the database with one statement, whatever the number of calls.

What is counted of is read once (`WITH … AS MATERIALIZED`); every aggregate is of that. Nothing but
totals leaves the database, so that memory is bounded.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    String,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.reports.catalogue_people import COVERS, UNKNOWN
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.reports.tally import Base, Tally
from ivr.store.outcome_tables import persons
from ivr.store.reports_by import By, key_name
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
from ivr.store.reports_sql import numbers
from ivr.store.tables import outcomes

_SUMS = {Base.WAIT: "wait_us", Base.TALK: "talk_us", Base.MENU: "menu_us"}
_TIMES = {"waits": ("wait_us", Base.WAIT), "menus": ("menu_us", Base.MENU)}
_TENTH_US = 100_000
_TRIPS = ("dispatches", "dispatches.without_call", *(f"dispatches.{cover}" for cover in COVERS))
_VISITS = {"admissions": "admission", "outpatient_visits": "outpatient"}
_WHOLE = ""  # the key of what is not counted in parts
_NO_TEXT: ColumnElement[str] = cast(null(), String)
_NO_NUMBER: ColumnElement[int] = cast(null(), BigInteger)

Parts = Mapping[str, Tally]


async def count(connection: AsyncConnection, scope: Scope, period: Period) -> Tally:
    """What is counted of the period; within one transaction."""
    if await is_nothing(connection, scope, period):
        return Tally()
    rows = (await connection.execute(_counted(scope, period, ()))).all()
    return _tallies(rows)[_WHOLE, _WHOLE]


async def count_by(
    connection: AsyncConnection, scope: Scope, period: Period, bys: tuple[By, ...]
) -> Mapping[By, Parts]:
    """The same in parts, each way of `bys`: by day, by county …; parts of nothing are left out."""
    found: dict[By, dict[str, Tally]] = {by: {} for by in bys}
    if not await is_nothing(connection, scope, period):
        rows = (await connection.execute(_counted(scope, period, bys))).all()
        for (by, key), tally in _tallies(rows).items():
            found[By(by)][key] = tally
    return found


async def is_nothing(connection: AsyncConnection, scope: Scope, period: Period) -> bool:
    """Whether there is nothing to count: days and months long ago often have nothing."""
    sources = (seen_calls, sent_dispatches, began_visits)
    some = (select(source(scope, period)).exists() for source in sources)
    return not any((await connection.execute(select(*some))).one())


def _counted(scope: Scope, period: Period, bys: tuple[By, ...]) -> Any:
    """Rows of six: by what, whose, what is counted, its name, its number, how many."""
    sources = _Sources(scope, period, bys)
    return union_all(*(one for by in bys or (None,) for one in _of_parts(sources, by)))


class _Sources:
    """What is counted of, each with its key columns."""

    def __init__(self, scope: Scope, period: Period, bys: tuple[By, ...]) -> None:
        self._bys = bys
        self.seen = _once("seen", select(seen_calls(scope, period, bys)))
        self.sent = _once("sent", select(sent_dispatches(scope, period, bys)))
        self.began = _once("began", select(began_visits(scope, period, bys)))
        self.had = _once("had", self._outcomes())
        self.took = _once("took", select(wrap_ups(self.seen, bys)))
        astray = self.seen.c.call.in_(misrouted_calls(self.seen))
        self.astray = _once("astray", select(*self._keys(self.seen)).where(astray))
        seen, sent, began = self.seen, self.sent, self.began
        self.people = {
            "line": self._people("callers", seen, persons.c.form == seen.c.form),
            "mobile_team": self._people("visited", sent, persons.c.dispatch == sent.c.id),
            "crisis_centre": self._people("received", began, persons.c.visit == began.c.id),
        }

    def _keys(self, source: FromClause) -> list[ColumnElement[Any]]:
        keys = [source.c[key_name(by)] for by in self._bys]
        return [*keys, literal(1).label("one")]

    def _outcomes(self) -> Select[Any]:
        """Whether each call has the outcome, since calls are counted and not rows."""
        has = [
            func.max(case((condition(outcomes.c), 1), else_=0)).label(f"has_{number}")
            for number, condition in enumerate(OUTCOMES.values())
        ]
        whose = [self.seen.c.call, *(self.seen.c[key_name(by)] for by in self._bys)]
        return (
            select(*whose, *has)
            .join_from(self.seen, outcomes, outcomes.c.form == self.seen.c.form)
            .group_by(*whose)
        )

    def _people(self, name: str, served: CTE, on: ColumnElement[bool]) -> CTE:
        columns = (persons.c.count, persons.c.age_band, persons.c.sex)
        return _once(name, select(*self._keys(served), *columns).join_from(served, persons, on))


def _once(name: str, statement: Select[Any]) -> CTE:
    return statement.cte(name).prefix_with("MATERIALIZED")


def _of_parts(sources: _Sources, by: By | None) -> Iterator[Select[Any]]:
    """Each aggregate of the period, for the parts one by one (None: for the whole)."""
    seen, sent, began, took = sources.seen, sources.sent, sources.began, sources.took
    conditions = [condition(seen.c) for condition in (*COUNTS.values(), *BASES.values())]
    sums = [_sum(case((BASES[base](seen.c), seen.c[name]))) for base, name in _SUMS.items()]
    longest = func.coalesce(func.max(seen.c.wait_us), 0)
    yield _row(by, seen, "calls", name=numbers(*map(_if, conditions), *sums, longest))
    yield _row(by, sources.astray, "misrouted")
    for family, (column, condition) in GROUPS.items():
        group = seen.c[column]
        labels = {"number": group} if family == "hour" else {"name": group}
        yield _row(by, seen, family, **labels).where(condition(seen.c))
    for times, (column, base) in _TIMES.items():
        tenths = (seen.c[column] + _TENTH_US // 2) // _TENTH_US
        yield _row(by, seen, times, number=tenths).where(BASES[base](seen.c))
    has = [func.sum(sources.had.c[f"has_{number}"]) for number in range(len(OUTCOMES))]
    yield _row(by, sources.had, "outcomes", name=numbers(*has))
    yield _row(by, took, "wrap_up", name=numbers(func.count(), _sum(took.c.wrap_up_us)))
    trips = [func.count(), _if(sent.c.call.is_(None)), *(_if(sent.c.cover == it) for it in COVERS)]
    yield _row(by, sent, "dispatches", name=numbers(*trips))
    yield _row(by, began, "visits", name=began.c.kind)
    for who, people in sources.people.items():
        for part, group in (("age", people.c.age_band), ("sex", people.c.sex)):
            name = func.coalesce(group, UNKNOWN)
            yield _row(by, people, f"{who}.{part}", name=name, many=_sum(people.c.count))


def _row(
    by: By | None,
    source: FromClause,
    what: str,
    *,
    name: ColumnElement[Any] = _NO_TEXT,
    number: ColumnElement[Any] = _NO_NUMBER,
    many: ColumnElement[Any] | None = None,
) -> Select[Any]:
    key = literal(_WHOLE) if by is None else source.c[key_name(by)]
    counted = func.count() if many is None else many
    statement = select(
        literal(_WHOLE if by is None else by.value), key, literal(what), name, number, counted
    ).select_from(source)
    grouped = statement.group_by(literal_column("2"))
    if not isinstance(name, numbers):
        grouped = grouped.group_by(literal_column("4"), literal_column("5"))
    return grouped if by is None else grouped.where(key.is_not(None))


@dataclass(slots=True)
class _Found:
    """One part, as its rows come."""

    counts: Counter[str] = field(default_factory=Counter)
    bases: dict[str, int] = field(default_factory=dict)
    sums_us: dict[str, int] = field(default_factory=dict)
    times: dict[str, dict[int, int]] = field(default_factory=lambda: {"waits": {}, "menus": {}})
    longest_us: int = 0

    def add(self, what: str, name: str | None, number: int | None, many: int) -> None:
        told = name or ""
        if what == "calls":
            self._calls([int(each) for each in told.split(",")])
        elif what == "outcomes":
            self._named(OUTCOMES, told)
        elif what == "dispatches":
            self._named(_TRIPS, told)
        elif what == "wrap_up":
            calls, sum_us = told.split(",")
            self.bases[Base.WRAP_UP], self.sums_us[Base.WRAP_UP] = int(calls), int(sum_us)
        elif what == "visits":
            self.counts.update({figure: many for figure, kind in _VISITS.items() if kind == told})
        elif number is not None and what in self.times:
            self.times[what][int(number)] = many
        elif what in GROUPS:
            self.counts[f"{what}.{told if number is None else f'{int(number):02}'}"] = many
        elif what == "misrouted":
            self.counts[what] = many
        else:
            self._persons(what, told, many)

    def _calls(self, values: Sequence[int]) -> None:
        of = iter(values)
        self.counts.update({figure: next(of) for figure in COUNTS})
        self.bases |= {base: next(of) for base in BASES}
        self.sums_us |= {base: next(of) for base in _SUMS}
        self.longest_us = next(of)

    def _named(self, figures: Sequence[str] | Mapping[str, Any], told: str) -> None:
        self.counts.update(dict(zip(figures, map(int, told.split(",")), strict=True)))

    def _persons(self, what: str, told: str, many: int) -> None:
        who, part = what.split(".")
        self.counts[f"persons.{who}.{part}.{told}"] = many
        if part == "sex":  # everybody has one, if only an unknown one
            self.counts[f"persons.{who}"] += many

    def tally(self) -> Tally:
        return Tally(
            counts={figure: calls for figure, calls in self.counts.items() if calls},
            bases=self.bases,
            sums_us=self.sums_us,
            **self.times,
            longest_us=self.longest_us,
        )


def _tallies(rows: Sequence[Any]) -> Mapping[tuple[str, str], Tally]:
    found: defaultdict[tuple[str, str], _Found] = defaultdict(_Found)
    for by, key, what, name, number, many in rows:
        found[by, key].add(what, name, number, int(many))
    return defaultdict(Tally, {part: one.tally() for part, one in found.items()})


def _if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)
