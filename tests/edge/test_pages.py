"""Lists in pages: what comes meanwhile neither repeats nor hides a row, on both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from ivr.model import CallId, ProvinceId
from ivr.store.pages import Page, PageStore, Wanted
from ivr.store.store import Store
from tests.edge.store_examples import at, call

MARKAZI = ProvinceId("markazi")
EACH = 3


def arriving(names: range, first_at: datetime) -> list[Any]:
    """Two at each instant, newest last."""
    return [
        call(f"c{number:03}", arrived_at=first_at + timedelta(seconds=number // 2))
        for number in names
    ]


async def page(store: Store, cursor: str | None, until_at: datetime | None = None) -> Page:
    wanted = Wanted(province=MARKAZI, since_at=None, until_at=until_at, cursor=cursor, limit=EACH)
    return await PageStore(store).calls(wanted, county=None, category=None)


@pytest.mark.parametrize("until_s", [None, 1000])
async def test_calls_that_come_meanwhile_move_no_page(store: Store, until_s: float | None) -> None:
    await store.save_calls(arriving(range(20), at(0)))
    until_at = None if until_s is None else at(until_s)
    seen: list[CallId] = []
    cursor, come = None, 20
    while True:
        found = await page(store, cursor, until_at)
        seen += [row["call"] for row in found.rows]
        cursor = found.next
        if cursor is None:
            break
        await store.save_calls(arriving(range(come, come + 4), at(0)))
        come += 4
    assert seen == [f"c{number:03}" for number in reversed(range(20))]


async def test_a_page_far_back_begins_at_its_cursor(store: Store) -> None:
    """Without a bound every page would read all rows of the pages before it."""
    await store.save_calls(arriving(range(400), at(0)))
    cursor = None
    for _ in range(3):
        cursor = (await page(store, cursor)).next
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    await page(store, cursor)
    (statement,) = [one for one in asked if "ORDER BY" in one]
    assert "calls.arrived_at <= " in statement
    if store.engine.dialect.name == "sqlite":
        plain = text(f"EXPLAIN QUERY PLAN {statement.replace('?', '1')}")
        async with store.engine.connect() as connection:
            plan = [row[-1] for row in await connection.execute(plain)]
        assert any(step.startswith("SEARCH calls") and "arrived_at<?" in step for step in plan), (
            plan
        )
