"""The figures that the provinces' articles print, out of records: exactly, among much else.

All five lie in one database. 60 calls of South Khorasan come through the whole product on the
simulated Asterisk and get their forms as counsellors save them; the rest is imported. What an
article leaves open (Qazvin's four months, Ilam's year, of what Khuzestan's 9,000 interventions are
a part) is said in `province_files`.
"""

# ruff: noqa: S608 - the parts of the statements stand here, nobody gives them

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ivr.audit import AuditEntry
from ivr.calls_import import ImportSetting
from ivr.cli import app
from ivr.current import current_in_force
from ivr.import_check import ImportFile
from ivr.location_files import gazette
from ivr.model import CallId, CountyId, ProvinceId
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem, one_touch
from ivr.outcomes import OutcomeId, OutsideBody, Relation
from ivr.reports.figures import Scope
from ivr.reports.period import Period
from ivr.reports.tally import Tally
from ivr.rules.counties import gazetteer
from ivr.settings import Settings
from ivr.store.calls_import import ImportStore
from ivr.store.forms import FormStore
from ivr.store.reports import ReportStore
from ivr.store.store import Store
from tests.simulated import province_files as files
from tests.simulated.province_calls import played_calls

# What came of the calls through the line: outcome → how many.
LIVE = {"phone_resolved": 20, "mobile_team": 15, "crisis_centre_outpatient": 10, "external": 15}
RENAMED = CountyId("south-khorasan-birjand")
NEW_NAME = "بیرجند نو"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One copy with everything in it."""
    home = tmp_path_factory.mktemp("provinces")
    live = played_calls(date(2021, 4, 20), "056123", ["245"] * 62, "qaenat-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IVR_HOME", str(home))
        asyncio.run(_fill(home, live))
        yield home


async def _fill(home: Path, live: Sequence[CallRecord]) -> None:
    async with await Store.open(Settings(home=home)) as store:
        await _save_live(store, live)
        await _import(store, home, "south-khorasan", files.south_khorasan(LIVE))
        await _correct(store)
        for name in ("qazvin", "ilam", "khuzestan", "markazi"):
            await _import(store, home, name, getattr(files, name)())
        await _rename(store, home)


async def _save_live(store: Store, live: Sequence[CallRecord]) -> None:
    """Forms as counsellors save them; some twice, some with the county set right afterwards."""
    await store.save_calls(live)
    said = [outcome for outcome, many in LIVE.items() for _ in range(many)]
    saving = FormStore(store)
    for number, record in enumerate(live):
        form = _form(said[number]) if number < len(said) else one_touch(Relation.SILENT)
        at = record.ended_at or record.arrived_at
        if number % 5 == 0:
            wrong = one_touch(Relation.PRANK)
            await saving.save(wrong, call=record.call, by="qaenat-1", at=at, key=f"first-{number}")
        await saving.save(form, call=record.call, by="qaenat-1", at=at, key=f"live-{number}")
        if number % 6 == 0:  # passed on to another county: it is one call
            await store.correct_county(record.call, RENAMED, by="qaenat-1", at=at)


def _form(outcome: str) -> OutcomeForm:
    body = OutsideBody.POLICE if outcome == OutcomeId.EXTERNAL else None
    return OutcomeForm(outcomes=(OutcomeItem(outcome=OutcomeId(outcome), body=body),))


async def _correct(store: Store) -> None:
    """25 that were taken for solved by phone had a team sent after all."""
    saving, form = FormStore(store), _form("mobile_team")
    for number in range(1, 26):
        call = CallId(f"imported-south-khorasan-{number}")
        await saving.save(form, call=call, by="birjand-1", at=datetime.now(UTC), key=f"c-{number}")


async def _import(store: Store, home: Path, name: str, records: Iterator[files.Record]) -> None:
    path = files.written(home / f"{name}.csv", records)
    now = datetime.now(UTC)
    in_force = await current_in_force(Settings(home=home), now)
    setting = ImportSetting(rules={one.id: one for one in in_force.rules}, by="admin", now=now)
    imports = ImportStore(store)
    source = ImportFile(path, setting, imports)
    found = await source.check()
    assert not found.problems, found.problems[:3]
    counts = await imports.save(
        source.batches(),
        lambda _counts: AuditEntry(at=now, by="admin", action="calls.import", subject=name),
        by="admin",
        at=now,
    )
    assert counts.new == found.lines


async def _rename(store: Store, home: Path) -> None:
    """A county gets another name: what is imported by the new one is the same county's."""
    known = gazette()
    province = ProvinceId("south-khorasan")
    names = {key: county for key, county in known.names.items() if county != RENAMED}
    renamed = replace(known, names={**names, (province, NEW_NAME): RENAMED})
    at = {"at": "1400/02/15 12:00", "province": province, "relation": "prank"}
    old = ({"key": "old-name", "county": "بیرجند", **at},)
    await _import(store, home, "before", iter(old))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ivr.import_places.gazette", lambda: renamed)
        new = ({"key": "new-name", "county": NEW_NAME, **at},)
        await _import(store, home, "after", iter(new))


def figures(province: str, period: Period, *options: str) -> dict[str, Any]:
    words = ["report", "--province", province, "--json", *options]
    days = (("--from", period.first), ("--to", period.last))
    for option, day in days:
        words += [option, day.isoformat()]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return {name: it["value"] for name, it in json.loads(result.output)["figures"].items()}


def counted(home: Path, sql: str, province: str, period: Period) -> int:
    """By SQL that knows nothing of the reports; instants are kept as UTC text."""
    names = {"province": province}
    for name, at in (("from", period.from_at), ("until", period.until_at)):
        names[name] = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(f"file:{home / 'line123.sqlite'}?mode=ro", uri=True) as database:
        ((found,),) = database.execute(sql, names).fetchall()
    database.close()
    return int(found or 0)


_WITHIN = "province = :province AND {} >= :from AND {} < :until"
_CALLS = f"FROM calls WHERE {_WITHIN.format('arrived_at', 'arrived_at')}"
_FORMS = f"call IN (SELECT call {_CALLS}) AND replaced_by IS NULL"
_SAID = (
    "SELECT count(DISTINCT o.call) FROM outcomes o JOIN forms f ON o.form = f.id WHERE "
    f"f.call IN (SELECT call {_CALLS}) AND f.replaced_by IS NULL AND o.outcome IN ({{}})"
)
_TRIPS = f"FROM dispatches WHERE {_WITHIN.format('sent_at', 'sent_at')}"
_VISITS = f"FROM visits WHERE {_WITHIN.format('from_at', 'from_at')}"
SQL = {
    "calls": f"SELECT count(*) {_CALLS}",
    "calls_related": f"SELECT count(*) FROM forms WHERE relation = 'related' AND {_FORMS}",
    "outcome.phone_resolved": _SAID.format("'phone_resolved'"),
    "outcome.mobile_team": _SAID.format("'mobile_team'"),
    "outcome.crisis_centre": _SAID.format("'crisis_centre_outpatient', 'crisis_centre_admission'"),
    "outcome.other_centres": _SAID.format("'service_base', 'internal_other', 'external'"),
    "persons.mobile_team": f"SELECT sum(count) FROM persons WHERE dispatch IN (SELECT id {_TRIPS})",
    "persons.crisis_centre": f"SELECT sum(count) FROM persons WHERE visit IN (SELECT id {_VISITS})",
    "dispatches": f"SELECT count(*) {_TRIPS}",
    "admissions": f"SELECT count(*) {_VISITS} AND kind = 'admission'",
}
ARTICLES: dict[str, tuple[Period, dict[str, int]]] = {
    "south-khorasan": (
        files.SOUTH_KHORASAN,
        {
            "calls_related": 1588,
            "outcome.phone_resolved": 363,
            "outcome.mobile_team": 317,
            "outcome.crisis_centre": 194,
            "outcome.other_centres": 714,
            "persons.mobile_team": 583,
            "persons.crisis_centre": 455,
        },
    ),
    "qazvin": (files.QAZVIN, {"calls": 1883, "dispatches": 1717, "admissions": 546}),
    "ilam": (files.ILAM, {"calls": 8000, "outcome.mobile_team": 1700}),
    "khuzestan": (files.KHUZESTAN, {"calls": 15_700, "dispatches": 9000}),
    "markazi": (files.MARKAZI, dict.fromkeys(SQL, 0)),
}


@pytest.mark.parametrize("province", ARTICLES)
def test_the_articles_figures_come_out_of_the_records(home: Path, province: str) -> None:
    period, printed = ARTICLES[province]
    found = figures(province, period)
    assert {name: found[name] for name in printed} == printed
    by_sql = {name: counted(home, sql, province, period) for name, sql in SQL.items()}
    assert {name: by_sql[name] for name in printed} == printed
    assert {name: found[name] or 0 for name in SQL} == by_sql, "every other figure agrees as well"


@pytest.mark.parametrize("province", ARTICLES)
def test_each_of_the_articles_figures_opens_to_exactly_what_it_counts(
    home: Path, province: str
) -> None:
    period, printed = ARTICLES[province]
    scope = Scope(province=ProvinceId(province))

    async def opened() -> dict[str, int]:
        async with await Store.open(Settings(home=home)) as store:
            reports, found = ReportStore(store), {}
            for figure in printed:
                rows = (await reports.open(figure, scope, period)).rows
                assert len({(one.kind, one.id) for one in rows}) == len(rows)
                found[figure] = len(rows)
            return found

    assert asyncio.run(opened()) == printed


def test_every_figure_of_south_khorasan_opens_to_exactly_what_it_counts(home: Path) -> None:
    period = files.SOUTH_KHORASAN
    scope = Scope(province=ProvinceId("south-khorasan"))

    async def check() -> None:
        async with await Store.open(Settings(home=home)) as store:
            reports = ReportStore(store)
            report = await reports.report(scope, period)
            for figure in report.figures:
                rows = (await reports.open(figure.id, scope, period)).rows
                assert len(rows) == figure.now.of, figure.id

    asyncio.run(check())


def test_south_khorasans_parts_are_the_whole_and_persons_are_no_calls(home: Path) -> None:
    found = figures("south-khorasan", files.SOUTH_KHORASAN)
    parts = ("phone_resolved", "mobile_team", "crisis_centre", "other_centres")
    assert sum(found[f"outcome.{part}"] for part in parts) == found["calls_related"]
    assert found["calls"] - found["calls_related"] == 700 + 2 + 2  # imported, live, renamed
    assert found["persons.line"] == 2 * (194 - LIVE["crisis_centre_outpatient"])
    assert found["dispatches"] == 300
    assert found["dispatches.without_call"] == 260
    assert found["calls_imported"] == found["calls"] - 62


def test_more_than_fifty_calls_came_through_the_line(home: Path) -> None:
    through = f"SELECT count(*) {_CALLS} AND entered IS NULL AND connected_at IS NOT NULL"
    assert counted(home, through, "south-khorasan", files.SOUTH_KHORASAN) == 62


def test_a_call_that_was_passed_on_is_one_call_of_its_last_county(home: Path) -> None:
    found = figures("south-khorasan", files.SOUTH_KHORASAN)
    assert found["misrouted"] == 11
    counties = {name: it for name, it in found.items() if name.startswith("county.")}
    assert sum(counties.values()) == found["calls"]


def test_a_county_that_was_renamed_is_the_same_county(home: Path) -> None:
    sql = f"SELECT count(DISTINCT county) {_CALLS} AND call LIKE '%-name'"
    assert counted(home, sql, "south-khorasan", files.SOUTH_KHORASAN) == 1
    found = figures("south-khorasan", files.SOUTH_KHORASAN, "--county", RENAMED)
    assert found["calls"] == figures("south-khorasan", files.SOUTH_KHORASAN)[f"county.{RENAMED}"]


def test_the_seconds_beside_the_period_count_on_their_own_days(home: Path) -> None:
    """One related call, trip, stay and visit stands on either side of each period."""
    asked = [
        (Scope(province=ProvinceId(province)), Period(day, day))
        for province, (period, _) in ARTICLES.items()
        for day in (period.first - timedelta(days=1), period.last + timedelta(days=1))
    ]
    for found in tallies(home, asked):
        counts = ("calls", "dispatches", "admissions", "outpatient_visits", "calls_related")
        assert [found.counts[name] for name in counts] == [1, 1, 1, 1, 1]
        assert found.counts["persons.mobile_team"] == found.counts["persons.crisis_centre"] // 2
        assert found.counts["persons.mobile_team"] == 9


def test_a_report_of_nothing_is_in_order_for_each_of_markazis_counties(home: Path) -> None:
    counties = [one.id for one in gazetteer().counties_of("markazi")]
    assert len(counties) == 12
    of = [Scope(province=ProvinceId("markazi"), county=county) for county in counties]
    for found in tallies(home, [(scope, files.MARKAZI) for scope in of]):
        assert not any(found.counts.values())
    saveh = figures("markazi", files.MARKAZI, "--county", "markazi-saveh")
    assert not any(saveh.values())
    assert saveh["service_level_20"] is None, "a share of nothing is nothing"


def tallies(home: Path, asked: Sequence[tuple[Scope, Period]]) -> list[Tally]:
    async def count() -> list[Tally]:
        async with await Store.open(Settings(home=home)) as store:
            return [await ReportStore(store).tally(scope, period) for scope, period in asked]

    return asyncio.run(count())
