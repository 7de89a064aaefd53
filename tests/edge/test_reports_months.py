"""What PostgreSQL keeps of periods that are over: made beforehand, believed where it may be."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from ivr.calendar import TEHRAN
from ivr.model import ProvinceId
from ivr.reports.figures import Scope
from ivr.reports.period import Period, parse_period
from ivr.reports.tally import Tally
from ivr.settings import Settings
from ivr.store.report_tables import report_changes, report_months
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from ivr.store.tables import calls
from tests.edge.report_recount import recount
from tests.edge.report_world import World
from tests.edge.test_reports import agrees
from tests.postgres import NAME, PostgresServer, programs, running_postgres

QAZVIN = Scope(province=ProvinceId("qazvin"))
LONG_AGO = parse_period("1403/11/01", "1403/12/30")


@pytest.fixture
def database() -> str:
    return "postgresql"


def lately() -> Period:
    """Parts of a month or of two, all of it over."""
    today = datetime.now(UTC).astimezone(TEHRAN).date()
    return Period(today - timedelta(days=17), today - timedelta(days=8))


async def number(store: Store, scope: Scope, period: Period) -> float | None:
    return (await ReportStore(store).report(scope, period)).figure("calls").now.number


async def spoil(store: Store) -> None:
    """Whatever is read of what is kept is ten thousand too many from now on."""
    wrong = Tally(counts={"calls": 10_000}).as_json()
    async with store.writing() as connection:
        await connection.execute(update(report_months).values(tally=wrong))


async def kept(store: Store) -> int:
    (row,) = await store.rows(select(func.count().label("many")).select_from(report_months))
    return int(row["many"])


@pytest.mark.parametrize("period", [LONG_AGO, lately()], ids=["months", "days"])
async def test_what_is_kept_beforehand_is_what_a_reader_is_told(
    store: Store, period: Period
) -> None:
    await World(3, period).write(store, 40)
    assert await ReportStore(store).keep() > 0
    report = await ReportStore(store).report(QAZVIN, period)
    agrees(report, await recount(store, QAZVIN, period))
    made = await kept(store)
    assert await ReportStore(store).keep() == 0, "once is enough"
    await spoil(store)
    parts = 2 if period is LONG_AGO else period.days
    assert await number(store, QAZVIN, period) == 10_000 * parts, "nothing is counted anew"
    assert await kept(store) == made


async def test_a_day_that_is_changed_is_counted_anew_alone(store: Store) -> None:
    period = lately()
    await World(4, period).write(store, 40)
    await ReportStore(store).keep()
    await spoil(store)
    ours = (calls.c.province == QAZVIN.province, calls.c.arrived_at >= period.from_at)
    (row,) = await store.rows(select(func.min(calls.c.arrived_at).label("at")).where(*ours))
    day = row["at"].astimezone(TEHRAN).date()
    of_day = await ReportStore(store).tally(QAZVIN, Period(day, day))
    assert of_day.counts == {"calls": 10_000}
    async with store.writing() as connection:
        touched = update(calls).where(*ours, calls.c.arrived_at == row["at"])
        await connection.execute(touched.values(lane=calls.c.lane))
    expected = (await recount(store, QAZVIN, Period(day, day)))["calls"]
    assert expected
    assert await number(store, QAZVIN, period) == 10_000 * (period.days - 1) + expected
    assert await ReportStore(store).keep() > 0
    assert await ReportStore(store).keep() == 0


async def test_a_county_is_no_province(store: Store) -> None:
    await World(3, LONG_AGO).write(store, 40)
    await ReportStore(store).keep()
    county = Scope(province=QAZVIN.province, county="qazvin-saveh")  # type: ignore[arg-type]
    for scope in (county, county, Scope()):
        agrees(
            await ReportStore(store).report(scope, LONG_AGO), await recount(store, scope, LONG_AGO)
        )


def moved(server: PostgresServer, other: PostgresServer) -> None:
    """Everything of the one database, by pg_dump, into another cluster's empty one."""
    directory = programs()
    assert directory is not None
    dump = subprocess.run(
        [directory / "pg_dump", "--no-owner", server.url()], capture_output=True, check=True
    )
    subprocess.run(
        [directory / "psql", "--quiet", "--set=ON_ERROR_STOP=1", other.url()],
        input=dump.stdout,
        capture_output=True,
        check=True,
    )


async def test_a_dump_in_another_cluster_is_counted_anew(
    store: Store, postgres: PostgresServer, tmp_path: Path
) -> None:
    """Numbers of transactions there have nothing to do with those here."""
    await World(5, LONG_AGO).write(store, 40)
    await ReportStore(store).keep()
    expected = await number(store, QAZVIN, LONG_AGO)
    await spoil(store)
    async with store.writing() as connection:  # a change that the other cluster has not come to
        touched = update(calls).where(calls.c.arrived_at < LONG_AGO.until_at)
        await connection.execute(touched.values(lane=calls.c.lane))
        await connection.execute(update(report_changes).values(transaction=2**40))
    with running_postgres() as other:
        moved(postgres, other)
        settings = Settings(home=tmp_path / "other", database_url=other.url())
        async with await Store.open(settings) as there:
            assert await number(there, QAZVIN, LONG_AGO) == expected
            await ReportStore(there).keep()
            (row,) = await there.rows(
                select(func.count().label("many")).select_from(report_changes)
            )
            assert row["many"] == 0, "what was changed elsewhere is in every count here"
            await spoil(there)
            assert await number(there, QAZVIN, LONG_AGO) == 20_000, "kept here, and believed"
            await World(6, LONG_AGO, first=20_000).write(there, 20)
            agrees(
                await ReportStore(there).report(QAZVIN, LONG_AGO),
                await recount(there, QAZVIN, LONG_AGO),
            )
    assert NAME in postgres.url()


async def test_a_database_that_does_not_name_its_cluster_keeps_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await World(5, LONG_AGO).write(store, 20)
    monkeypatch.setattr("ivr.store.reports_months._MAY_ASK", func.coalesce(None, False))
    agrees(
        await ReportStore(store).report(QAZVIN, LONG_AGO), await recount(store, QAZVIN, LONG_AGO)
    )
    assert (await ReportStore(store).keep(), await kept(store)) == (0, 0)
