"""`ivr dispatch`, `ivr admission`, `ivr follow-up`: what a person and a script get."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed
from ivr.store.store import Store
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import call, settings

NIGHT = ("--at", "1405-08-01 23:30")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(autouse=True)
def _one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_USER", "chief")
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    asyncio.run(_save(tmp_path))


async def _save(home: Path) -> None:
    async with await Store.open(settings(home)) as store:
        await store.save_calls([call("170.5")])
        await take_in_staff(store)


def test_at_night_qazvins_own_team_is_proposed_for_the_other_counties() -> None:
    (first,) = answer("dispatch", "propose", "qazvin-avaj", *NIGHT)
    assert (first["team"], first["cover"]) == ("team-qazvin", "cover")
    assert "team-qazvin" in run("dispatch", "propose", "qazvin-avaj", *NIGHT)


def test_a_trip_is_asked_for_and_goes_on() -> None:
    asked = run("dispatch", "request", "qazvin-avaj", "--call", "170.5", *NIGHT)
    assert asked == "Saved: dispatch 1, team-qazvin (cover) to qazvin-avaj\n"
    (trip,) = answer("dispatch", "list")
    assert (trip["call"], trip["asked_by"], trip["sent_at"]) == ("170.5", "call", None)
    run("dispatch", "step", "1", "sent", "--at", "1405-08-01 23:40")
    assert "sent" in run("dispatch", "list", "--province", "qazvin")
    run("dispatch", "step", "1", "closed", "--at", "1405-08-02 00:40", "--persons", "2")
    assert run("dispatch", "list") == "No trip is under way.\n"


def test_a_trip_without_a_call_is_entered_as_far_as_it_is() -> None:
    run("dispatch", "request", "qazvin-avaj", "--asked-by", "police", "--step", "sent", *NIGHT)
    (trip,) = answer("dispatch", "list")
    assert (trip["call"], trip["asked_by"]) == (None, "police")
    assert trip["sent_at"] == trip["requested_at"]


def test_a_team_is_sent_although_it_does_not_work_then_but_only_one_there_is() -> None:
    asked = run("dispatch", "request", "qazvin-avaj", "--team", "team-avaj", *NIGHT)
    assert "team-avaj (own)" in asked
    with pytest.raises(BadInput, match=r"'team-arak' cannot be sent.*team-qazvin"):
        run("dispatch", "request", "qazvin-avaj", "--team", "team-arak", *NIGHT)


def test_a_province_whose_teams_nobody_has_named_enters_its_trips_too() -> None:
    assert "with --team" in run("dispatch", "propose", "markazi-saveh")
    asked = run("dispatch", "request", "markazi-saveh", "--team", "team-saveh", "--step", "sent")
    assert asked == "Saved: dispatch 1, team-saveh (own) to markazi-saveh\n"


def test_an_admission_is_entered_listed_and_ended() -> None:
    begun = run("admission", "begin", "crisis-qazvin", "qazvin-avaj", "--persons", "2", *NIGHT)
    assert begun == "Saved: admission 1 at crisis-qazvin\n"
    (stay,) = answer("admission", "list")
    assert (stay["until_at"][:10], stay["is_due"]) == ("2026-11-13", True)
    run("admission", "end", "1", "home", "--at", "1405-08-20")
    assert run("admission", "list") == "Nobody stays in a centre.\n"


def test_an_admission_is_prolonged_beyond_21_days_by_a_court_alone() -> None:
    run("admission", "begin", "crisis-qazvin", "qazvin-avaj", *NIGHT)
    with pytest.raises(BadInput, match="takes a court's word"):
        run("admission", "prolong", "1", "1406-01-01")
    saved = run("admission", "prolong", "1", "1406-01-01", "--by-court")
    assert saved == "Saved: admission 1 until 1406-01-01\n"
    (stay,) = answer("admission", "list")
    assert (stay["until_at"][:10], stay["is_due"]) == ("2027-03-20", False)
    with pytest.raises(BadInput, match="no visit 9"):
        run("admission", "prolong", "9", "1406-01-01")


def test_a_follow_up_is_put_on_the_list_and_taken_off() -> None:
    saved = run("follow-up", "add", "170.5", "1405-08-01", "--expected-back")
    assert saved == "Saved: expected_back 1 of 170.5\n"
    (due,) = answer("follow-up", "list")
    assert due["kind"] == "expected_back"
    assert run("follow-up", "list", "--until", "1405-07-30") == "Nothing is due by then.\n"
    run("follow-up", "add", "170.5", "1405-08-02")
    assert run("follow-up", "take", "1", "2") == (
        "Saved: follow-up 1 is chief's\nSaved: follow-up 2 is chief's\n"
    )
    first, second = answer("follow-up", "list")
    assert (first["taken_by"], second["taken_by"]) == ("chief", "chief")
    run("follow-up", "take", "2", "--as", "boss")
    run("follow-up", "take", "1")  # once more changes nothing
    assert answer("follow-up", "list")[0] == first
    assert "boss" in run("follow-up", "list")
    run("follow-up", "done", "2")
    with pytest.raises(BadInput, match="2 was done by chief"):
        run("follow-up", "take", "2")
    assert run("follow-up", "done", "1") == "Saved: follow-up 1 done by chief\n"
    assert run("follow-up", "list") == "Nothing is due by then.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dispatch", "propose", "nowhere"), "'nowhere' is no county"),
        (("dispatch", "list", "--province", "atlantis"), r"'atlantis' is no province.*qazvin"),
        (("dispatch", "step", "9", "sent"), "no dispatch 9"),
        (("admission", "begin", "crisis-arak", "qazvin-avaj"), "name: crisis-qazvin"),
        (
            ("admission", "begin", "crisis-qazvin", "qazvin-avaj", *NIGHT, "--until", "1405-09-01"),
            "at most 21 days",
        ),
        (("admission", "end", "9", "home"), "no visit 9"),
        (("follow-up", "add", "9", "1405-09-01"), "begins with '9'"),
        (("follow-up", "done", "9"), "no follow-up 9"),
        (("follow-up", "take", "9"), "no follow-up 9"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        run(*arguments)


def test_while_the_database_is_away_all_is_kept_and_follows(tmp_path: Path) -> None:
    run("dispatch", "list")  # whoever signs in renews the copy of the accounts
    database = tmp_path / "line123.sqlite"
    database.rename(tmp_path / "away")
    database.mkdir()
    key = ("--key", "our-trip")
    told = run("dispatch", "request", "qazvin-avaj", "--call", "170", *key, *NIGHT)
    assert told.endswith("request trip of 170; its key is our-trip\n")
    for words in (
        ("dispatch", "step", "our-trip", "sent", "--at", "1405-08-01 23:40"),
        ("admission", "begin", "crisis-qazvin", "qazvin-avaj", "--key", "our-stay", *NIGHT),
        ("admission", "end", "our-stay", "home", "--at", "1405-08-02"),
        ("follow-up", "add", "170.5", "1405-08-01"),
        ("outcome", "paper", "markazi-saveh", "prank", "--at", "1405-08-01", "--key", "17"),
    ):
        assert "Saved in the spool on this disk" in run(*words)
    with pytest.raises(NotAllowed):
        run("dispatch", "step", "our-trip", "sent", "--as", "manager")
    with pytest.raises(BadInput, match="wrong password"):
        run("dispatch", "step", "our-trip", "sent", "--as", "stranger")
    waiting = [one["what"] for one in answer("outcome", "spool")]
    assert waiting == [
        *("request_trip", "step_trip", "begin_visit", "end_visit", "add_follow_up", "enter_call"),
    ]
    database.rmdir()
    (tmp_path / "away").rename(database)
    assert run("follow-up", "done", "1") == "Saved: follow-up 1 done by chief\n"
    (trip,) = answer("dispatch", "list")
    assert (trip["call"], trip["sent_at"][:16], trip["by"]) == (
        "170.5",
        "2026-10-23T20:10",
        "chief",
    )
    assert run("admission", "list") == "Nobody stays in a centre.\n"
    assert json.loads(run("outcome", "form", "paper-markazi-17"))["relation"] == "prank"
    assert answer("outcome", "spool") == []
