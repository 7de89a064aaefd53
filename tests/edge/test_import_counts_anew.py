"""Earlier records that are imported after their months were counted: no report keeps them back."""

from pathlib import Path

import pytest

from ivr.reports.figures import Report, Scope
from ivr.reports.period import parse_period
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from tests.edge.report_recount import recount
from tests.edge.report_world import World
from tests.edge.test_calls_import import _import, written
from tests.edge.test_reports import agrees
from tests.edge.test_reports_months import QAZVIN, kept

# Of the months that the file's records are in, and one more before and after.
PERIOD = parse_period("1403/01/01", "1403/03/31")
AVAJ = Scope(province=QAZVIN.province, county="qazvin-avaj")  # type: ignore[arg-type]
LINES = (
    "call,1,,qazvin-avaj,1403/02/01 00:00,,phone_resolved:psychology;mobile_team,2:18-59:female,,,",
    "call,2,,qazvin-avaj,1403/02/31 23:59,prank,,,,,",
    "dispatch,3,1,qazvin-avaj,1403/02/01 01:00,,,3,team-qazvin,,",
    "dispatch,4,,qazvin-alborz,1403/02/02,,,,team-qazvin,,",
    "visit,5,1,qazvin-avaj,1403/02/03 10:00,,,1:0-11,,crisis-qazvin,admission",
)
# What these five lines are to every report that has them.
NEW = {"calls": 2, "calls_prank": 1, "outcome.mobile_team": 1, "dispatches": 2, "admissions": 1}


@pytest.fixture
def database() -> str:
    """Months are counted beforehand there alone."""
    return "postgresql"


def numbers(report: Report) -> dict[str, float]:
    return {figure: report.figure(figure).now.number or 0 for figure in NEW}


@pytest.mark.parametrize("scope", [QAZVIN, AVAJ, Scope()], ids=["province", "county", "all"])
async def test_months_that_were_counted_are_counted_anew_with_what_was_imported(
    store: Store, tmp_path: Path, scope: Scope
) -> None:
    await World(3, PERIOD).write(store, 40)
    reports = ReportStore(store)
    assert await reports.keep() > 0
    assert await reports.keep() == 0, "all is counted beforehand"
    before, parts = numbers(await reports.report(scope, PERIOD)), await kept(store)
    file = written(tmp_path, *LINES)
    assert (await _import(store, tmp_path, file)).new == len(LINES)
    after = await reports.report(scope, PERIOD)
    agrees(after, await recount(store, scope, PERIOD))
    elsewhere = {"dispatches": 1} if scope is AVAJ else {}  # the other one is of another county
    assert numbers(after) == {name: before[name] + (NEW | elsewhere)[name] for name in NEW}
    assert await reports.keep() > 0, "the months of the file are kept anew"
    assert (await reports.keep(), await kept(store)) == (0, parts)
    agrees(await reports.report(scope, PERIOD), await recount(store, scope, PERIOD))
    assert (await _import(store, tmp_path, file)).new == 0
    assert await reports.keep() == 0, "the same file again changes nothing"
