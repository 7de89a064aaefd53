"""`ivr report`: what a person, a script and a spreadsheet get, and what is refused."""

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from typer.testing import CliRunner

from ivr.cli import app
from ivr.errors import BadInput
from ivr.model import (
    CallFacts,
    CallId,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeskId,
    Lane,
    ProvinceId,
)
from ivr.outcome_form import OutcomeForm, OutcomeItem, PersonsServed, one_touch
from ivr.outcomes import OutcomeId, OutsideBody, Relation
from ivr.reports.period import Period, parse_period
from ivr.settings import Settings
from ivr.store.forms import FormStore
from ivr.store.store import Store
from ivr.store.tables import rules_versions
from tests.edge.store_examples import call

PERIOD = parse_period("1400/01/01", "1400/03/31")
OPTIONS = ("--province", "south-khorasan", "--from", "1400/01/01", "--to", "1400/03/31")
TEAM = OutcomeForm(
    outcomes=(OutcomeItem(outcome=OutcomeId.MOBILE_TEAM),), persons=(PersonsServed(count=3),)
)
POLICE = OutcomeForm(outcomes=(OutcomeItem(outcome=OutcomeId.EXTERNAL, body=OutsideBody.POLICE),))

SOUTH = ProvinceId("south-khorasan")

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line on an IVR_HOME of the test's own; errors are raised."""
    monkeypatch.setenv("IVR_HOME", str(tmp_path))

    def run_command(*words: str) -> str:
        result = CliRunner().invoke(app, ["report", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return run_command


def save(home: Path, period: Period = PERIOD) -> None:
    """Six calls of the period with forms, one without, and one a second outside at either end."""
    first, last = period.from_at, period.until_at - timedelta(seconds=1)
    inside = {f"in.{number}": first + timedelta(days=number) for number in range(5)}
    inside |= {"in.first": first, "in.last": last}
    outside = {"out.1": first - timedelta(seconds=1), "out.2": period.until_at}
    kinds = [TEAM, TEAM, TEAM, TEAM, TEAM, POLICE]

    async def work() -> None:
        async with await Store.open(Settings(home=home)) as store:
            await store.save_calls(
                [
                    call(name, arrived_at=at, province=ProvinceId("south-khorasan"))
                    for name, at in (inside | outside).items()
                ]
                + [call("other", arrived_at=first)]
            )
            forms = dict(zip(inside, kinds, strict=False))
            for name, form in {**forms, "out.1": one_touch(Relation.PRANK)}.items():
                await FormStore(store).save(
                    form, call=CallId(name), by="reza", at=datetime.now(UTC), key=name
                )

    asyncio.run(work())


def numbers(shown: str) -> dict[str, float | None]:
    return {name: it["value"] for name, it in json.loads(shown)["figures"].items()}


def test_a_script_gets_every_figure_of_the_period(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    shown = run(*OPTIONS, "--json")
    found = json.loads(shown)
    assert list(found) == ["period", "previous", "scope", "published", "figures", "definitions"]
    assert (found["period"]["from"], found["previous"]["to"]) == ("1400/01/01", "1399/12/30")
    assert found["scope"]["province"] == "south-khorasan"
    figures = numbers(shown)
    assert (figures["calls"], figures["calls_related"], figures["calls_pending"]) == (7, 6, 1)
    assert (figures["outcome.mobile_team"], figures["outcome.external.police"]) == (5, 1)
    assert (figures["persons.line"], figures["dispatches"], figures["calls_prank"]) == (15, 0, 0)
    assert found["figures"]["calls_prank"]["previous"] == 1  # a second before Nowruz
    for values in found["figures"].values():
        assert values["definition"] in found["definitions"]
        assert values["label_fa"]


def test_a_person_gets_80_columns_and_what_the_figures_count(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    shown = run(*OPTIONS)
    assert max(map(len, shown.splitlines())) <= 80
    assert "Calls, all" in shown
    assert "Calls that arrived in the period" in shown
    assert "1399/10/01 to 1399/12/30" in shown


def test_each_figure_opens_to_its_calls(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    opened = json.loads(run(*OPTIONS, "--open", "outcome.external.police", "--json"))
    assert [(one["kind"], one["id"]) for one in opened] == [("call", "in.first")]
    every = json.loads(run(*OPTIONS, "--open", "calls", "--json"))
    assert [one["id"] for one in every][-1] == "in.last"
    assert len(every) == 7
    assert "in.first" in run(*OPTIONS, "--open", "calls")
    listed = list(csv.DictReader(io.StringIO(run(*OPTIONS, "--open", "calls", "--csv"))))
    assert listed[0]["at"].startswith("1400/01/01 00:00")


def test_persons_open_one_by_one_and_say_who_served_them(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    opened = json.loads(run(*OPTIONS, "--open", "persons.line", "--json"))
    assert len(opened) == 15
    assert len({one["id"] for one in opened}) == 15
    assert {one["what"] for one in opened} == {"unknown unknown"}
    assert opened[0]["of"] == f"call {opened[0]['call']}"
    shown = run(*OPTIONS, "--open", "persons.line")
    assert len([line for line in shown.splitlines() if "person " in line]) == 15
    assert shown.rstrip().endswith("15")


def test_less_than_all_is_said_to_be_less(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    assert "there are more" in run(*OPTIONS, "--open", "calls", "--limit", "3")
    assert "there are more" not in run(*OPTIONS, "--open", "calls", "--limit", "7")


def test_a_spreadsheet_gets_a_line_a_figure(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    lines = {row["figure"]: row for row in csv.DictReader(io.StringIO(run(*OPTIONS, "--csv")))}
    assert (lines["calls"]["now"], lines["calls"]["before"]) == ("7", "1")
    assert lines["asa"]["now"] == ""
    assert "hour.23" in lines


def test_what_is_published_has_no_small_counts(run: Run, tmp_path: Path) -> None:
    save(tmp_path)
    found = json.loads(run(*OPTIONS, "--publish", "--json"))
    assert found["published"]
    assert found["figures"]["outcome.external.police"]["hidden"]
    assert found["figures"]["outcome.external.police"]["value"] is None
    assert found["figures"]["outcome.mobile_team"]["value"] == 5
    lines = {
        row["figure"]: row
        for row in csv.DictReader(io.StringIO(run(*OPTIONS, "--publish", "--csv")))
    }
    assert lines["outcome.external.police"]["now"] == "*"
    with pytest.raises(BadInput, match="--open"):
        run(*OPTIONS, "--publish", "--open", "calls")


def test_the_present_month_is_told_where_no_day_is_given(run: Run) -> None:
    found = json.loads(run("--json"))
    assert found["period"]["from"].endswith("/01")
    assert found["scope"]["province"] is None


def test_definitions_are_told_without_figures(run: Run) -> None:
    assert "lost_in_danger" in run("--definitions")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "1404-12-30", "--to", "1404-12-30"), "there is no such day"),
        (("--from", "1400/04/01", "--to", "1400/03/31"), "is after"),
        (("--to", "1400/03/31"), "--from"),
        (("--province", "atlantis"), "atlantis"),
        (("--open", "happiness"), "no figure 'happiness'"),
        (("--json", "--csv"), "one of them"),
        (("--county", "markazi-savhe"), "ever had 'markazi-savhe'; did you mean markazi-saveh"),
        (("--desk", "markazi-arka"), "--desk: .*did you mean markazi-arak"),
        (("--category", "child-abuse"), "--category: .*did you mean child_abuse"),
        (("--category", "zzz", "--open", "calls"), "ever had 'zzz'; there are: .*child_abuse"),
        (("--county", "TYPO", *OPTIONS), "there are: south-khorasan-birjand, .*-zirkuh.$"),
        (("--counsellor", "saveh-11"), "--counsellor: .*did you mean saveh-1"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        run(*words)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--county", "atlantis-old"),
        ("--category", "of_old_rules"),
        ("--desk", "atlantis-old"),
        ("--counsellor", "left-long-ago"),
    ],
)
def test_what_a_record_has_is_there_for_ever(
    run: Run, tmp_path: Path, option: str, name: str
) -> None:
    with pytest.raises(BadInput, match="no record ever had"):
        run(*OPTIONS, option, name)
    column = option.removeprefix("--")
    at = PERIOD.from_at
    facts = CallFacts(
        province=SOUTH,
        county=CountyId("atlantis-old"),
        county_source=CountySource.KEYPAD,
        category=CategoryId("of_old_rules"),
        lane=Lane.ORDINARY,
    )
    answered = {"desk": DeskId("atlantis-old"), "counsellor": CounsellorId("left-long-ago")}
    record = call("old", province=SOUTH, arrived_at=at, facts=facts, **answered)

    async def work() -> None:
        async with await Store.open(Settings(home=tmp_path)) as store:
            await store.save_calls([record])

    asyncio.run(work())
    found = json.loads(run(*OPTIONS, option, name, "--json"))
    assert (found["scope"][column], found["figures"]["calls"]["value"]) == (name, 1)


def test_a_category_of_earlier_rules_is_there(run: Run, tmp_path: Path) -> None:
    async def work() -> None:
        async with await Store.open(Settings(home=tmp_path)) as store:
            row = {
                "province": SOUTH,
                "number": 1,
                "version": "x",
                "note": "",
                "drafted_by": "x",
                "drafted_at": PERIOD.from_at,
                "rules": {"categories": [{"id": "of_then"}]},
            }
            async with store.writing() as connection:
                await connection.execute(insert(rules_versions).values(row))

    async def publish() -> None:
        async with (
            await Store.open(Settings(home=tmp_path)) as store,
            store.writing() as connection,
        ):
            await connection.execute(update(rules_versions).values(published_at=PERIOD.from_at))

    asyncio.run(work())
    with pytest.raises(BadInput, match="'of_then'"):  # a draft counts for nothing
        run(*OPTIONS, "--category", "of_then")
    asyncio.run(publish())
    assert numbers(run(*OPTIONS, "--category", "of_then", "--json"))["calls"] == 0


def test_a_leap_day_is_a_day(run: Run) -> None:
    found = json.loads(run("--from", "1403/12/30", "--to", "1403-12-30", "--json"))
    assert found["period"]["from_at"] == "2025-03-19T20:30:00+00:00"


def test_a_wrong_date_ends_with_status_2_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ivr", "report", "--from", "1404/12/30", "--to", "1405/01/01"],
        capture_output=True,
        text=True,
        check=False,
        env={"IVR_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ivr: --from: '1404/12/30': there is no such day")
    assert "Traceback" not in done.stderr
