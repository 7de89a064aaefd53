"""`ivr rules dry-run`: what admins type, what they read, and which calls it rests on."""

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ivr.calendar import day_began_at
from ivr.cli import app
from ivr.closures import NewClosure
from ivr.duty import ClosureKind
from ivr.errors import BadInput, RulesError
from ivr.model import (
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CountyId,
    CountySource,
    DeskId,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.people import load_persons
from ivr.rules.load import load_rules
from ivr.settings import PROJECT, Settings
from ivr.store.duty import DutyStore
from ivr.store.past import Past, past_of
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.versions import VersionStore

NOW = datetime.now(UTC)
TODAY = day_began_at(NOW)
PROVINCES = PROJECT / "deploy" / "provinces"
MARKAZI = ProvinceId("markazi")
SAVEH, TAFRESH = DeskId("markazi-saveh"), DeskId("markazi-tafresh")
RECORDED = 120

Run = Callable[..., str]


def in_store(home: Path, work: Callable[[Store], Any]) -> Any:
    async def open_and_work() -> Any:
        async with await Store.open(Settings(home=home)) as store:
            return await work(store)

    return asyncio.run(open_and_work())


def record(number: int, **changes: Any) -> CallRecord:
    """One call each hour before today, of Tafresh, connected after 8 s and over after a minute."""
    joined_at = TODAY - timedelta(hours=number + 1)
    values: dict[str, Any] = {
        "call": CallId(f"1700000000.{number}"),
        "province": MARKAZI,
        "line": "086123",
        "caller": None,
        "arrived_at": joined_at - timedelta(seconds=20),
        "phase": CallPhase.ENDED,
        "facts": CallFacts(
            province=MARKAZI,
            county=CountyId(TAFRESH),
            county_source=CountySource.KEYPAD,
            category=CategoryId("family_dispute"),
        ),
        "joined_at": joined_at,
        "connected_at": joined_at + timedelta(seconds=8),
        "talk_ended_at": joined_at + timedelta(seconds=68),
        "ended_at": joined_at + timedelta(seconds=70),
        "end": CallEnd.CONNECTED,
    }
    return CallRecord(**values | changes)


IN_MENU = record(500, joined_at=None, connected_at=None, talk_ended_at=None, end=CallEnd.IN_MENU)
OF_ILAM = record(501, province=ProvinceId("ilam"))
LONG_AGO = record(24 * 40)
STILL_OPEN = record(502, ended_at=None, talk_ended_at=None, phase=CallPhase.TALKING)


async def _served_for_a_while(store: Store) -> None:
    everybody = load_persons(PROJECT / "deploy" / "demo")
    await PeopleStore(store).take_in(everybody, by="installation", now=NOW, passwords={})
    rules = load_rules(PROVINCES / "markazi.yaml")
    await VersionStore(store).install(rules, note="as delivered", by="installation", at=NOW)
    some = [record(number) for number in range(RECORDED)]
    await store.save_calls([*some, IN_MENU, OF_ILAM, LONG_AGO, STILL_OPEN])


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("used")
    in_store(home, _served_for_a_while)
    return home


@pytest.fixture
def home(used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy with recorded calls in its database."""
    copy = tmp_path / "home"
    shutil.copytree(used, copy)
    monkeypatch.setenv("IVR_HOME", str(copy))
    return copy


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that was never started."""
    monkeypatch.setenv("IVR_HOME", str(tmp_path / "none"))
    return tmp_path / "none"


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["rules", "dry-run", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Markazi's file with everybody rung at once, beside the common one."""
    for name in ("markazi.yaml", "common.yaml"):
        shutil.copy(PROVINCES / name, tmp_path)
    path = tmp_path / "markazi.yaml"
    path.write_text(path.read_text("utf-8") + "\nsteps: [{ring: province}]\n", "utf-8")
    return path


# -- without a database


def test_a_fresh_copy_simulates_and_says_so(fresh: Path, file: Path) -> None:
    said = run(str(file), "--days", "14", "--most", "3")
    unwrapped = " ".join(said.split())
    assert "SIMULATED calls in 14 days (too few are recorded in 14 days: 0)" in unwrapped
    assert "No roster speaks of 12 of 12 counsellors" in unwrapped
    assert re.search(r"service level, 20 s +\d+ % +\d+ %", said)
    assert "Those that change most:" in said
    assert not fresh.exists()  # looking makes no database
    assert max(len(line.replace(str(file), "")) for line in said.splitlines()) <= 80


def test_the_same_file_changes_nothing(fresh: Path) -> None:
    found = json.loads(run(str(PROVINCES / "markazi.yaml"), "--json"))
    assert found["before"] == found["after"]
    assert found["changed"] == {"calls": 0, "plans": 0, "rung_first": 0, "connected_or_not": 0}
    assert found["worse"] == found["perhaps_worse"] == found["calls_that_change_most"] == []
    assert "No call goes differently." in run(str(PROVINCES / "markazi.yaml"))


def test_a_script_gets_every_promised_key(fresh: Path, file: Path) -> None:
    words = ("--simulated", "--load", "2", "--seed", "11", "--most", "4", "--json")
    found = json.loads(run(str(file), *words))
    assert list(found) == [
        *("province", "old", "new", "calls", "people", "assumptions", "warnings"),
        *("before", "after", "counties", "changed", "calls_that_change_most"),
        *("worse", "perhaps_worse"),
    ]
    calls = found["calls"]
    assert (calls["kind"], calls["load"], calls["seed"]) == ("simulated", 2.0, 11)
    assert found["before"]["calls"] == calls["number"] > 500
    assert sum(one["before"]["calls"] for one in found["counties"]) == calls["number"]
    assert len(found["calls_that_change_most"]) == 4
    assert list(found["calls_that_change_most"][0]["before"]) == [
        *("rung", "rung_first", "connected", "wait_s", "counsellor", "answered", "reasons")
    ]
    saveh = next(one for one in found["worse"] if one["county"] == "markazi-saveh")
    assert saveh["less_near"]
    assert "are answered by the county's own or a supporting desk" in saveh["text"]


def test_few_calls_are_warned_of(fresh: Path, file: Path) -> None:
    said = " ".join(run(str(file), "--days", "2").split())
    assert re.search(r"WARNING: Only \d+ calls: one more or less changes each share by", said)


# -- recorded calls


@pytest.mark.usefixtures("home")
def test_recorded_calls_are_replayed(file: Path) -> None:
    found = json.loads(run(str(file), "--json", "--most", "200"))
    calls = found["calls"]
    assert (calls["kind"], calls["number"], calls["left_in_menu"]) == ("recorded", RECORDED, 1)
    assert [one["county"] for one in found["counties"]] == ["markazi-tafresh"]
    assert found["before"]["answered"]["supporting"] > found["before"]["answered"]["province"]
    assert found["after"]["answered"]["supporting"] == 0
    assert found["changed"]["plans"] == RECORDED
    change = found["calls_that_change_most"][0]
    assert change["call"].startswith("1700000000.")
    assert "markazi-saveh is its supporting county" in change["before"]["reasons"]
    assert change["after"]["reasons"][-1] == "everybody on duty in markazi"


@pytest.mark.usefixtures("home")
def test_simulated_calls_are_taken_if_asked_for(file: Path) -> None:
    said = " ".join(run(str(file), "--simulated").split())
    assert "SIMULATED calls in 28 days (as asked for)" in said


def past(home: Path) -> Past:
    desks = [SAVEH, TAFRESH]
    since_at = TODAY - timedelta(days=27)
    found = in_store(home, lambda store: past_of(store, MARKAZI, desks, since_at, NOW))
    assert isinstance(found, Past)
    return found


def test_nobody_who_called_is_read(home: Path) -> None:
    records = past(home).records
    assert len(records) == RECORDED + 1
    assert list(records) == sorted(records, key=lambda one: one.arrived_at)
    assert {one.caller for one in records} == {None}
    assert {one.facts and one.facts.county for one in records} == {TAFRESH}


def test_a_county_that_was_set_right_is_replayed_as_it_was(home: Path) -> None:
    async def correct(store: Store) -> None:
        for county in ("markazi-arak", "markazi-saveh"):
            await store.correct_county(CallId("1700000000.3"), CountyId(county), by="x", at=NOW)

    before = past(home).records
    in_store(home, correct)
    assert past(home).records == before


def test_a_closure_lasted_until_somebody_ended_it(home: Path) -> None:
    async def close_and_reopen(store: Store) -> None:
        duty = DutyStore(store, {SAVEH: MARKAZI})
        asked = NewClosure(
            desk=SAVEH,
            kind=ClosureKind.EVACUATED,
            reason="a smell of gas in the building",
            from_at=NOW,
            until_at=NOW + timedelta(hours=3),
        )
        await duty.close(asked, by="x", at=NOW)
        await duty.reopen(SAVEH, by="x", at=NOW + timedelta(minutes=10))

    in_store(home, close_and_reopen)
    (closure,) = past(home).book.closures
    assert (closure.from_at, closure.until_at) == (NOW, NOW + timedelta(minutes=10))


# -- drafts by number


async def _drafted(store: Store) -> None:
    rules = load_rules(PROVINCES / "markazi.yaml")
    new = type(rules).model_validate(
        rules.model_dump(mode="json") | {"steps": [{"ring": "province"}]}
    )
    await VersionStore(store, []).draft(new, note="at once", by="x", at=NOW)


def test_a_draft_is_named_by_its_number(home: Path) -> None:
    in_store(home, _drafted)
    by_province = json.loads(run("markazi:2", "--json"))
    assert by_province["new"]["name"] == "version 2 of markazi"
    assert by_province["old"]["version"] != by_province["new"]["version"]
    assert json.loads(run("۲", "--province", "markazi", "--json")) == by_province


# -- what is wrong


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("2",), "which province's"),
        (("markazi:9",), "There is no version 9 of markazi"),
        (("markazi:1", "--province", "ilam"), "names markazi"),
        (("nowhere:1",), "There is no province 'nowhere'"),
        ((str(PROVINCES / "markazi.yaml"), "--province", "ilam"), "holds the rules of markazi"),
        (("no-such-file.yaml",), "no-such-file.yaml"),
    ],
)
def test_what_cannot_be_replayed_is_said(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadInput, match=re.escape(why)):
        run(*words)


@pytest.mark.usefixtures("fresh")
def test_a_file_with_mistakes_is_not_replayed(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace("ring: province", "ring: nobody"), "utf-8")
    with pytest.raises(RulesError, match="ring"):
        run(str(file))


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("words", [("--days", "0"), ("--load", "0"), ("--most", "-1")])
def test_numbers_out_of_range_are_refused(file: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["rules", "dry-run", str(file), *words])
    assert result.exit_code == 2
