"""The benchmark of reports leaves the tables as it found them, and counts what it has written."""

import pytest
from sqlalchemy import TextClause, column, select, table, text

from ivr.bench.reports import YEAR
from ivr.bench.reports_million import write_millions
from ivr.model import ProvinceId
from ivr.reports.figures import Scope
from ivr.store.reports import ReportStore
from ivr.store.store import Store

# By name: PostgreSQL writes a condition another way once it has read what it wrote.
INDEXES = select(column("indexname").label("told")).select_from(table("pg_indexes"))
CONSTRAINTS = text("pg_get_constraintdef(oid)")
TRIGGERS = text("tgrelid::regclass::text || ' ' || tgname || ' ' || tgenabled::text")


@pytest.fixture
def database() -> str:
    return "postgresql"


async def told(store: Store) -> list[set[str]]:
    async def of(what: TextClause, of_all: str) -> set[str]:
        rows = await store.rows(select(what).select_from(table(of_all)))
        return {str(next(iter(row.values()))) for row in rows}

    indexes = {row["told"] for row in await store.rows(INDEXES)}
    triggers = {
        one for one in await of(TRIGGERS, "pg_trigger") if "RI_ConstraintTrigger" not in one
    }
    return [indexes, await of(CONSTRAINTS, "pg_constraint"), triggers]


async def test_tables_are_as_before_with_the_calls_in_them(store: Store) -> None:
    before = await told(store)
    await write_millions(store.engine.url, YEAR, 2_400)
    assert await told(store) == before
    assert any("report_change_changed O" in one for one in before[2]), "they are on"
    report = await ReportStore(store).report(Scope(province=ProvinceId("p03")), YEAR)
    assert report.figure("calls").now.number == 240
    assert report.figure("dispatches").now.number == 30
