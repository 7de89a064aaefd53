"""What PostgreSQL keeps of parts of months: of each day, county, category, desk, counsellor."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from ivr.model import CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.reports.figures import Scope
from ivr.reports.period import Period, by_day, parse_period
from ivr.reports.tally import Tally
from ivr.store.outcome_tables import dispatches, forms
from ivr.store.report_tables import report_months
from ivr.store.reports import ReportStore
from ivr.store.reports_by import By, only
from ivr.store.store import Store
from ivr.store.tables import calls
from tests.edge.report_recount import recount
from tests.edge.report_world import World
from tests.edge.test_reports import agrees

QAZVIN = ProvinceId("qazvin")
SCOPES = (
    Scope(province=QAZVIN, county=CountyId("qazvin-saveh")),
    Scope(province=QAZVIN, category=CategoryId("unknown")),
    Scope(province=QAZVIN, desk=DeskId("qazvin")),
    Scope(province=QAZVIN, counsellor=CounsellorId("reza")),
)
BOTH = Scope(province=QAZVIN, county=CountyId("qazvin-saveh"), category=CategoryId("unknown"))
TWO_MONTHS = parse_period("1403/11/01", "1403/12/30")
ODD_DAYS = parse_period("1403/10/20", "1403/12/10")  # a month, and parts of two
LONG_BEFORE = timedelta(days=400)


@pytest.fixture
def database() -> str:
    return "postgresql"


async def spoil(store: Store, by: By, names: Iterable[str]) -> None:
    """Each of these parts of every month has ten thousand calls from now on."""
    wrong = Tally(counts={"calls": 10_000}).as_json()
    ours = report_months.c.scope.contains(f'"by": "{by.value}"')
    async with store.writing() as connection:
        told = dict.fromkeys(names, wrong)
        done = await connection.execute(update(report_months).where(ours).values(tally=told))
    assert done.rowcount


async def check(store: Store, scope: Scope, period: Period) -> None:
    report = await ReportStore(store).report(scope, period)
    agrees(report, await recount(store, scope, period))
    assert report.figure("calls").now.number


async def number(store: Store, scope: Scope, period: Period, figure: str = "calls") -> float | None:
    return (await ReportStore(store).report(scope, period)).figure(figure).now.number


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: next(only(scope))[0])
async def test_parts_are_kept_as_they_are_counted(store: Store, scope: Scope) -> None:
    await World(11, TWO_MONTHS).write(store, 120)
    await ReportStore(store).keep()
    await check(store, scope, TWO_MONTHS)
    await check(store, scope, ODD_DAYS)
    ((by, name),) = only(scope)
    await spoil(store, by, [name])
    assert await number(store, scope, TWO_MONTHS) == 20_000, "nothing is counted anew"
    await spoil(store, by, [])
    assert await number(store, scope, TWO_MONTHS) == 0, "a month has no other parts than its own"


async def test_days_of_months_long_ago_are_kept(store: Store) -> None:
    await World(12, ODD_DAYS).write(store, 120)
    await ReportStore(store).keep()
    province = Scope(province=QAZVIN)
    await check(store, province, ODD_DAYS)
    within = Period(ODD_DAYS.first, ODD_DAYS.first + timedelta(days=4))
    await check(store, province, within)
    await spoil(store, By.DAY, (day.first.isoformat() for day in by_day(ODD_DAYS)))
    assert await number(store, province, within) == 50_000, "nothing is counted anew"


async def test_two_limits_at_once_are_counted_anew(store: Store) -> None:
    await World(13, TWO_MONTHS).write(store, 240)
    await ReportStore(store).keep()
    for by, name in only(BOTH):
        await spoil(store, by, [name])
    await check(store, BOTH, TWO_MONTHS)


async def call_of_a_trip(store: Store) -> str:
    """One with a form that counts; its trip is of the two months."""
    of = select(dispatches.c.call).join(forms, forms.c.call == dispatches.c.call)
    (row, *_) = await store.rows(
        of.where(
            dispatches.c.province == QAZVIN,
            dispatches.c.sent_at >= TWO_MONTHS.from_at,
            dispatches.c.sent_at < TWO_MONTHS.until_at,
            forms.c.replaced_by.is_(None),
        )
    )
    return str(row["call"])


async def change(store: Store, table: Any, call: str, **values: Any) -> None:
    async with store.writing() as connection:
        await connection.execute(update(table).where(table.c.call == call).values(values))


@pytest.mark.parametrize(
    ("table", "scope"),
    [(calls, SCOPES[2]), (calls, SCOPES[3]), (forms, SCOPES[1])],
    ids=["desk", "counsellor", "category"],
)
async def test_a_trip_goes_with_its_call_of_another_year(
    store: Store, table: Any, scope: Scope
) -> None:
    await World(14, TWO_MONTHS).write(store, 80)
    call = await call_of_a_trip(store)
    ((by, name),) = only(scope)
    await change(store, calls, call, arrived_at=TWO_MONTHS.from_at - LONG_BEFORE)
    await change(store, table, call, **{by.value: "elsewhere"})
    await ReportStore(store).keep()
    trips = await number(store, scope, TWO_MONTHS, "dispatches")
    assert trips is not None
    await change(store, table, call, **{by.value: name})
    after = await number(store, scope, TWO_MONTHS, "dispatches")
    assert after is not None
    assert after > trips
    agrees(
        await ReportStore(store).report(scope, TWO_MONTHS), await recount(store, scope, TWO_MONTHS)
    )
