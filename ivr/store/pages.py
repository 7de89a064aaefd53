"""Lists of records in pages, the newest first, and single rows: for programs.

A page goes on after the last row of the one before (its time and its id), so that rows which come
meanwhile neither repeat nor hide any.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, RowMapping, Select, exists, func, or_, select

from ivr.errors import BadInput
from ivr.model import CallId, ProvinceId
from ivr.rights import EVERYWHERE, Reach
from ivr.store.outcome_tables import dispatches, follow_ups, forms, visits
from ivr.store.store import Store
from ivr.store.tables import calls

_MARK = "|"
_YEARS = range(1900, 2301)
_LARGEST = 2**31 - 1
_LONGEST_ID = 200

_CALL = (
    select(
        *(calls.c[name] for name in ("call", "province", "line", "phase", "end", "lane")),
        *(calls.c[name] for name in ("arrived_at", "joined_at", "connected_at", "talk_ended_at")),
        *(calls.c[name] for name in ("ended_at", "county", "category", "counsellor", "desk")),
        forms.c.relation,
    )
    .select_from(calls)
    .outerjoin(forms, (forms.c.call == calls.c.call) & forms.c.replaced_by.is_(None))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: of a province (None: of all), in [since_at, until_at), after a page.

    Beyond `reach` there is none.
    """

    province: ProvinceId | None
    since_at: datetime | None
    until_at: datetime | None
    cursor: str | None
    limit: int
    reach: Reach = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor of the page after this one; None: there is none."""

    rows: Sequence[RowMapping]
    next: str | None


class PageStore:
    """Raises StoreError where the database cannot be used, BadInput for a cursor that is none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def calls(self, wanted: Wanted, *, county: str | None, category: str | None) -> Page:
        """With the relation that the counting form says; places as found, else as heard."""
        statement = _CALL
        if county is not None:
            statement = statement.where(func.coalesce(forms.c.county, calls.c.county) == county)
        if category is not None:
            found = func.coalesce(forms.c.category, calls.c.category)
            statement = statement.where(found == category)
        return await self._page(statement, wanted, calls.c.arrived_at, calls.c.call)

    async def dispatches(self, wanted: Wanted, *, under_way: bool | None) -> Page:
        it = dispatches.c
        over = or_(it.closed_at.is_not(None), it.cancelled_at.is_not(None))
        statement = _which(select(dispatches), None if under_way is None else not under_way, over)
        return await self._page(statement, wanted, it.requested_at, it.id)

    async def visits(self, wanted: Wanted, *, staying: bool | None) -> Page:
        it = visits.c
        stays = (it.kind == "admission") & it.ended_at.is_(None)
        return await self._page(_which(select(visits), staying, stays), wanted, it.from_at, it.id)

    async def follow_ups(self, wanted: Wanted, *, done: bool | None) -> Page:
        it = follow_ups.c
        statement = _which(select(follow_ups), done, it.done_at.is_not(None))
        return await self._page(statement, wanted, it.due_at, it.id)

    async def call(self, call: CallId) -> RowMapping | None:
        return await self._one(_CALL.where(calls.c.call == call))

    async def dispatch(self, number: int) -> RowMapping | None:
        return await self._one(select(dispatches).where(dispatches.c.id == number))

    async def visit(self, number: int) -> RowMapping | None:
        return await self._one(select(visits).where(visits.c.id == number))

    async def follow_up(self, number: int) -> RowMapping | None:
        return await self._one(select(follow_ups).where(follow_ups.c.id == number))

    async def _one(self, statement: Select[Any]) -> RowMapping | None:
        rows = await self._store.rows(statement)
        return rows[0] if rows else None

    async def _page(
        self, statement: Select[Any], wanted: Wanted, at: Column[Any], key: Column[Any]
    ) -> Page:
        if wanted.province is not None:
            statement = statement.where(at.table.c.province == wanted.province)
        if wanted.reach.provinces is not None:
            statement = statement.where(_reached(at.table, wanted.reach))
        if wanted.since_at is not None:
            statement = statement.where(at >= wanted.since_at)
        if wanted.until_at is not None:
            statement = statement.where(at < wanted.until_at)
        if wanted.cursor is not None:
            last_at, last = _position(wanted.cursor, number=key.type.python_type is int)
            # The first half is for the index: it bounds where the search begins.
            after = or_(at < last_at, key < last)
            statement = statement.where(at <= last_at, after)
        ordered = statement.order_by(at.desc(), key.desc()).limit(wanted.limit + 1)
        rows = await self._store.rows(ordered)
        shown = rows[: wanted.limit]
        more = len(rows) > wanted.limit
        return Page(shown, _cursor(shown[-1][at.name], shown[-1][key.name]) if more else None)


def _reached(table: Any, reach: Reach) -> ColumnElement[bool]:
    """Trips and stays also by the call that they come of: who may change one finds it."""
    own = _within(table, reach)
    if table not in {dispatches, visits}:
        return own
    return or_(own, exists().where(calls.c.call == table.c.call, _within(calls, reach)))


def _within(table: Any, reach: Reach) -> ColumnElement[bool]:
    """Of a single desk is what it answered; what has no desk is of its county's."""
    it, provinces = table.c, sorted(reach.provinces or ())
    whole: ColumnElement[bool] = it.province.in_(provinces)
    if not reach.desks:
        return it.province == provinces[0] if len(provinces) == 1 else whole
    columns = [it[name] for name in ("desk", "county") if name in it]
    desk = func.coalesce(*columns) if len(columns) > 1 else columns[0]
    return or_(whole, desk.in_(sorted(reach.desks)))


def _which(
    statement: Select[Any], asked: bool | None, condition: ColumnElement[bool]
) -> Select[Any]:
    if asked is None:
        return statement
    return statement.where(condition if asked else ~condition)


def _cursor(at: datetime, key: object) -> str:
    text = f"{at.isoformat()}{_MARK}{key}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, *, number: bool) -> tuple[datetime, int | str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        said, _, key = text.partition(_MARK)
        at = datetime.fromisoformat(said)
        last = int(key) if number else key
    except (ValueError, binascii.Error, UnicodeError):
        raise _no_cursor() from None
    small = last <= _LARGEST if isinstance(last, int) else 0 < len(last) < _LONGEST_ID
    if at.tzinfo is None or at.year not in _YEARS or not small or "\0" in key:
        raise _no_cursor()
    return at, last


def _no_cursor() -> BadInput:
    return BadInput("The cursor is none of ours: send `next` of the page before, as it was.")
