"""Reports agree with an independent count, on both databases; each figure opens to its calls."""

import pytest
from sqlalchemy import func, select, update

from ivr.model import CategoryId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.reports.definitions import Unit
from ivr.reports.figures import Report, Scope
from ivr.reports.period import Period, parse_period
from ivr.reports.tally import Tally
from ivr.store.report_tables import report_months
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from ivr.store.tables import calls
from tests.edge.report_recount import recount
from tests.edge.report_world import World

QAZVIN = ProvinceId("qazvin")
SCOPES = (
    Scope(),
    Scope(province=QAZVIN),
    Scope(province=QAZVIN, county=CountyId("qazvin-saveh")),
    Scope(category=CategoryId("child_abuse")),
    Scope(province=QAZVIN, category=CategoryId("unknown")),
    Scope(province=QAZVIN, desk=DeskId("qazvin")),
    Scope(counsellor=CounsellorId("reza"), province=QAZVIN),
)
PERIODS = (
    parse_period("1403/12/01", "1403/12/30"),  # a leap year's last month
    parse_period("1400/01/01", "1400/02/31"),  # Nowruz, and the clocks turned on its second day
    parse_period("1400/06/20", "1400/07/10"),  # parts of months, the clocks turned back
    parse_period("1404/12/29", "1405/01/01"),
)


def agrees(report: Report, expected: dict[str, float | None]) -> None:
    for figure in report.figures:
        number = figure.now.number
        if figure.is_counted:
            assert number == expected.get(figure.id, 0), figure.id
        elif figure.id != "aht":
            wanted = expected[figure.id]
            assert (number is None) == (wanted is None), figure.id
            off_by = 0.000051 if figure.unit is Unit.SHARE else 0.0501  # as it is rounded
            assert number is None or wanted is None or abs(number - wanted) <= off_by, figure.id
    shown = {figure.id for figure in report.figures}
    assert {name for name, number in expected.items() if number} <= shown


@pytest.mark.parametrize("period", PERIODS, ids=str)
async def test_reports_agree_with_an_independent_count(store: Store, period: Period) -> None:
    await World(len(str(period)) + period.days, period).write(store, 120)
    start = PERIODS.index(period)
    for scope in (SCOPES[1], *SCOPES[2 + start : 4 + start], SCOPES[start % 2 * 2]):
        report = await ReportStore(store).report(scope, period)
        agrees(report, await recount(store, scope, period))
        again = await ReportStore(store).report(scope, period)  # months that were kept, by now
        assert again == report


async def test_what_is_changed_of_a_month_that_is_over_is_counted_anew(store: Store) -> None:
    period = PERIODS[1]
    for seed in range(3):
        await World(seed, period, first=seed * 10_000 + 1).write(store, 20)
        report = await ReportStore(store).report(SCOPES[1], period)
        agrees(report, await recount(store, SCOPES[1], period))


async def test_every_figure_opens_to_what_it_counts(store: Store) -> None:
    period, reports = PERIODS[0], ReportStore(store)
    await World(5, period).write(store, 120)
    report = await reports.report(Scope(province=QAZVIN), period)
    for figure in report.figures:
        opened = await reports.open(figure.id, Scope(province=QAZVIN), period)
        rows, number = opened.rows, figure.now.number
        assert not opened.more
        assert len({one.id for one in rows}) == len(rows)
        assert all(period.from_at <= one.at < period.until_at for one in rows)
        if figure.is_counted:
            assert len(rows) == number, figure.id
            continue
        assert len(rows) == figure.now.of > 0, figure.id
        if figure.unit is Unit.SHARE:
            assert sum(one.within is True for one in rows) / len(rows) == pytest.approx(
                number, abs=0.000051
            )
        elif figure.id in {"asa", "talk_mean", "wrap_up_mean", "menu_mean"}:
            mean = sum(one.seconds or 0 for one in rows) / len(rows)
            assert mean == pytest.approx(number, abs=0.0501), figure.id


async def test_no_more_is_opened_than_asked_for(store: Store) -> None:
    period, reports = PERIODS[0], ReportStore(store)
    await World(5, period).write(store, 40)
    every = (await reports.open("persons.line", SCOPES[1], period)).rows
    some = await reports.open("persons.line", SCOPES[1], period, limit=3)
    assert (some.rows, some.more) == (every[:3], True)
    assert not (await reports.open("persons.line", SCOPES[1], period, limit=len(every))).more


async def test_a_month_that_is_over_is_counted_once_until_it_is_touched(
    store: Store, database: str
) -> None:
    if database == "sqlite":
        pytest.skip("SQLite counts everything anew each time")
    scope, period, reports = SCOPES[1], PERIODS[0], ReportStore(store)
    await World(7, period).write(store, 30)
    before_it = (await reports.report(scope, period)).figure("calls").now.number
    assert before_it is not None
    wrong = Tally(counts={"calls": 10_000}).as_json()
    async with store.writing() as connection:  # what was kept is believed …
        await connection.execute(update(report_months).values(tally=wrong))
    assert (await reports.report(scope, period)).figure("calls").now.number == 10_000
    async with store.writing() as connection:  # … until anybody changes anything of the month
        one = select(func.min(calls.c.call)).where(
            calls.c.province == QAZVIN,
            calls.c.arrived_at >= period.from_at,
            calls.c.arrived_at < period.until_at,
        )
        touched = update(calls).where(calls.c.call == one.scalar_subquery())
        await connection.execute(touched.values(arrived_at=period.until_at))
    after = (await reports.report(scope, period)).figure("calls").now.number
    assert after == before_it - 1
