"""Counts a period in the database: few statements, each an aggregate, whatever the number of calls.

Nothing but totals leaves the database, so that memory is bounded.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.reports.catalogue_people import COVERS, UNKNOWN
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.reports.tally import Base, Tally
from ivr.store.outcome_tables import persons
from ivr.store.reports_others import began_visits, sent_dispatches
from ivr.store.reports_seen import (
    BASES,
    CALL_COLUMNS,
    COUNTS,
    GROUPS,
    OUTCOMES,
    Condition,
    misrouted_calls,
    seen_calls,
    wrap_ups,
)
from ivr.store.tables import outcomes

_SUMS = {Base.WAIT: "wait_us", Base.TALK: "talk_us", Base.MENU: "menu_us"}
_TENTH_US = 100_000


async def count(connection: AsyncConnection, scope: Scope, period: Period) -> Tally:
    """What is counted of the period; within one transaction."""
    counting = _Counting(connection, scope, period)
    if await counting.is_nothing():
        return Tally()
    await counting.calls()
    await counting.groups()
    await counting.outcomes()
    await counting.wrap_ups()
    await counting.others()
    waits = await counting.times("wait_us", BASES[Base.WAIT])
    menus = await counting.times("menu_us", BASES[Base.MENU])
    return Tally(
        counts=counting.counts,
        bases=counting.bases,
        sums_us=counting.sums_us,
        waits=waits,
        menus=menus,
        longest_us=counting.longest_us,
    )


async def is_nothing(connection: AsyncConnection, scope: Scope, period: Period) -> bool:
    """Whether there is nothing to count."""
    return await _Counting(connection, scope, period).is_nothing()


class _Counting:
    def __init__(self, connection: AsyncConnection, scope: Scope, period: Period) -> None:
        self._connection = connection
        self._scope, self._period = scope, period
        self._seen = seen_calls(scope, period)
        self.counts: dict[str, int] = {}
        self.bases: dict[str, int] = {}
        self.sums_us: dict[str, int] = {}
        self.longest_us = 0

    async def is_nothing(self) -> bool:
        """Whether there is nothing to count: days and months long ago often have nothing."""
        sent = sent_dispatches(self._scope, self._period)
        began = began_visits(self._scope, self._period)
        some = (select(rows).exists() for rows in (self._seen, sent, began))
        return not any(await self._one(select(*some)))

    async def calls(self) -> None:
        # Else the databases work out each time of a call as often as it is spoken of.
        columns = (self._seen.c[name] for name in CALL_COLUMNS)
        once = select(*columns).cte("once").prefix_with("MATERIALIZED")
        seen = once.c
        counts = [_if(condition(seen)) for condition in (*COUNTS.values(), *BASES.values())]
        sums = [func.sum(case((BASES[base](seen), seen[column]))) for base, column in _SUMS.items()]
        statement = select(*counts, *sums, func.max(seen.wait_us)).select_from(once)
        values = iter(await self._one(statement))
        self.counts |= {figure: int(next(values)) for figure in COUNTS}
        self.bases |= {base: int(next(values)) for base in BASES}
        self.sums_us |= {base: int(next(values) or 0) for base in _SUMS}
        self.longest_us = int(next(values) or 0)
        misrouted = select(func.count()).where(self._seen.c.call.in_(misrouted_calls()))
        (self.counts["misrouted"],) = await self._one(misrouted)

    async def groups(self) -> None:
        for family, (column, condition) in GROUPS.items():
            key = self._seen.c[column]
            statement = self._grouped(key, condition)
            for value, calls in await self._all(statement):
                name = f"{value:02}" if isinstance(value, int) else value
                self.counts[f"{family}.{name}"] = calls

    async def times(self, column: str, condition: Condition) -> dict[int, int]:
        """How many calls took how many tenths of a second, rounded half up."""
        tenths = (self._seen.c[column] + _TENTH_US // 2) // _TENTH_US
        statement = self._grouped(tenths, condition)
        return {int(each): calls for each, calls in await self._all(statement)}

    async def outcomes(self) -> None:
        """Calls, not rows: whether each call has the outcome, and then how many have."""
        has = [
            func.max(case((condition(outcomes.c), 1), else_=0)).label(f"has_{number}")
            for number, condition in enumerate(OUTCOMES.values())
        ]
        each = (
            select(*has)
            .join_from(self._seen, outcomes, outcomes.c.form == self._seen.c.form)
            .group_by(self._seen.c.call)
            .subquery()
        )
        values = await self._one(select(*(func.sum(column) for column in each.c)))
        self.counts |= {
            figure: int(value or 0) for figure, value in zip(OUTCOMES, values, strict=True)
        }

    async def wrap_ups(self) -> None:
        took = wrap_ups(self._seen)
        calls, sum_us = await self._one(select(func.count(), func.sum(took.c.wrap_up_us)))
        self.bases[Base.WRAP_UP], self.sums_us[Base.WRAP_UP] = calls, int(sum_us or 0)

    async def others(self) -> None:
        """Dispatches, visits, and the persons of each; calls, persons and trips stay apart."""
        sent = sent_dispatches(self._scope, self._period)
        began = began_visits(self._scope, self._period)
        without_call = sent.c.call.is_(None)
        kinds = [sent.c.cover == cover for cover in COVERS]
        names = ("dispatches", "dispatches.without_call", *(f"dispatches.{it}" for it in COVERS))
        conditions = (sent.c.id.is_not(None), without_call, *kinds)
        values = await self._one(select(*map(_if, conditions)).select_from(sent))
        self.counts |= dict(zip(names, map(int, values), strict=True))
        admitted = began.c.kind == "admission"
        values = await self._one(
            select(_if(admitted), _if(began.c.kind == "outpatient")).select_from(began)
        )
        self.counts |= dict(zip(("admissions", "outpatient_visits"), map(int, values), strict=True))
        await self._persons("line", self._seen, persons.c.form == self._seen.c.form)
        await self._persons("mobile_team", sent, persons.c.dispatch == sent.c.id)
        await self._persons("crisis_centre", began, persons.c.visit == began.c.id)

    async def _persons(self, who: str, served: FromClause, on: ColumnElement[bool]) -> None:
        statement = (
            select(persons.c.age_band, persons.c.sex, func.sum(persons.c.count))
            .join_from(served, persons, on)
            .group_by(persons.c.age_band, persons.c.sex)
        )
        for age, sex, people in await self._all(statement):
            whole = f"persons.{who}"
            for name in (whole, f"{whole}.age.{age or UNKNOWN}", f"{whole}.sex.{sex or UNKNOWN}"):
                self.counts[name] = self.counts.get(name, 0) + int(people)

    def _grouped(self, key: ColumnElement[Any], condition: Condition) -> Select[Any]:
        which = condition(self._seen.c)
        return select(key, func.count()).where(which).group_by(literal_column("1"))

    async def _one(self, statement: Any) -> Any:
        return (await self._connection.execute(statement)).one()

    async def _all(self, statement: Select[Any]) -> Any:
        return (await self._connection.execute(statement)).all()


def _if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
