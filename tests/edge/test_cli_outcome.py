"""`ivr outcome`: one word, a whole form, what is owed, calls from paper."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from persiantools.jdatetime import JalaliDate
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput
from ivr.model import CounsellorId
from ivr.model.record import CallRecord
from ivr.store.store import Store
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import at, call, settings

CALL = "170.5"
LONG_AGO_S = -30 * 86_400.0  # overdue, whenever these tests run


def run(*arguments: str, text: str = "") -> str:
    result = CliRunner().invoke(app, ["outcome", *arguments], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments))


@pytest.fixture(autouse=True)
def _one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_USER", "chief")
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    times = {
        "arrived_at": at(LONG_AGO_S),
        "connected_at": at(LONG_AGO_S + 1),
        "talk_ended_at": at(LONG_AGO_S + 60),
        "ended_at": at(LONG_AGO_S + 61),
    }
    asyncio.run(_save(tmp_path, call(CALL, counsellor=CounsellorId("sara"), **times)))


async def _save(home: Path, record: CallRecord) -> None:
    async with await Store.open(settings(home)) as store:
        await store.save_calls([record])
        await take_in_staff(store)


def test_a_form_is_printed_filled_in_and_saved_once() -> None:
    form = answer("form", CALL)
    form["outcomes"] = [{"outcome": "external", "body": "judiciary"}]
    form["note"] = "با دادسرا هماهنگ شد"
    text = json.dumps(form)
    saved = run("save", CALL, "-", "--as", "sara", "--key", "k1", text=text)
    assert re.fullmatch(rf"Saved: {CALL} related \(form \d+\)\n", saved)
    assert run("save", CALL, "-", "--as", "sara", "--key", "k1", text=text) == saved
    assert answer("form", CALL)["note"] == "با دادسرا هماهنگ شد"


def test_a_word_more_is_an_outcome_more_and_one_touch_is_all() -> None:
    run(CALL, "phone_resolved", "--kind", "psychology")
    run("add", CALL, "mobile_team", "--note", "تیم ساوه")
    assert [item["outcome"] for item in answer("form", CALL)["outcomes"]] == [
        "phone_resolved",
        "mobile_team",
    ]
    run(CALL, "unrelated")
    form = answer("form", CALL)
    assert (form["relation"], len(form["outcomes"])) == ("unrelated", 1)


def test_the_day_to_ask_again_may_be_jalali() -> None:
    day = JalaliDate.today() + timedelta(days=3)
    fields = {"outcomes": [{"outcome": "service_base"}], "follow_up_on": day.strftime("%Y/%m/%d")}
    run("save", CALL, "-", text=json.dumps(fields))
    assert answer("form", CALL)["follow_up_on"] == day.to_gregorian().isoformat()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("{", "the form: is no JSON: "),
        ('{"persons": [{"count": 0}]}', "persons.0.count"),
        ('{"risk": "huge", "colour": "red"}', "colour: there is no such field"),
        ('{"risk": "huge", "colour": "red"}', "risk: is not known here: write"),
        ('{"follow_up_on": "1404-12-30"}', "follow_up_on: '1404-12-30': there is no such day"),
        ('{"follow_up_on": 7}', "follow_up_on: is no day: write a day alone"),
        ("[]", "the form: "),
        ("{}", "outcomes: nothing is said"),
        ('{"outcomes": [{"outcome": "prank"}]}', "set the relation to prank"),
        ('{"county": "nowhere", "outcomes": [{"outcome": "service_base"}]}', "'nowhere'"),
    ],
)
def test_a_wrong_form_is_told_and_nothing_is_saved(form: str, words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        run("save", CALL, "-", text=form)
    assert "nothing was saved" in str(caught.value)
    assert [one["call"] for one in answer("pending", "--json")] == [CALL]


def test_what_is_owed_is_listed_until_it_is_recorded() -> None:
    (owed,) = answer("pending", "sara", "--json")
    assert (owed["call"], owed["has_draft"]) == (CALL, False)
    assert CALL in run("pending")
    assert CALL in run("pending", "--province", "markazi")
    assert "Nothing is owed" in run("pending", "--province", "ilam")
    run(CALL, "silent")
    assert "Nothing is owed" in run("pending", "sara")
    with pytest.raises(BadInput, match=r"'atlantis'.*markazi"):
        run("pending", "--province", "atlantis")


def test_a_call_from_paper_is_entered_once() -> None:
    slip = ("paper", "markazi-saveh", "mobile_team", "--at", "1405-08-30 23:55", "--key", "17")
    assert run(*slip, "--counsellor", "sara") == "Saved: paper-markazi-17\n"
    assert run(*slip, "--counsellor", "sara") == "Saved: paper-markazi-17\n"
    assert answer("form", "paper-markazi-17")["outcomes"][0]["outcome"] == "mobile_team"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper", "nowhere", "prank", "--at", "1405-08-30"), "'nowhere' is no county"),
        (("paper", "markazi-saveh", "joke", "--at", "1405-08-30"), "no outcome 'joke'"),
        (("paper", "markazi-saveh", "prank", "--at", "1404-12-30"), "no such day"),
        (("paper", "markazi-saveh", "prank", "--at", "1490-01-01"), "in the future"),
        (
            ("paper", "markazi-saveh", "prank", "--at", "1405-08-30", "--note", "ا" * 4001),
            "note: is too long: at most 4000",
        ),
        (
            ("paper", "markazi-saveh", "prank", "--at", "1405-08-30", "--ended", "1405-08-29"),
            "not in order",
        ),
    ],
)
def test_a_slip_that_cannot_be_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        run(*arguments)


def test_while_the_database_is_away_a_save_is_kept_and_follows(tmp_path: Path) -> None:
    run("pending", "sara")  # whoever signs in renews the copy of the accounts
    database = tmp_path / "line123.sqlite"
    database.rename(tmp_path / "away")
    database.mkdir()
    assert "Saved in the spool" in run("170", "mobile_team", "--as", "sara")  # its beginning
    (waiting,) = answer("spool", "--json")
    assert (waiting["call"], waiting["by"], waiting["what"]) == ("170", "sara", "outcome")
    database.rmdir()
    (tmp_path / "away").rename(database)
    assert f"Saved: {CALL}" in run(CALL, "phone_resolved")
    assert "Nothing waits" in run("spool")
    assert [item["outcome"] for item in answer("form", CALL)["outcomes"]] == [
        "mobile_team",
        "phone_resolved",
    ]


def test_another_call_with_a_slips_number_is_not_lost() -> None:
    run("paper", "markazi-saveh", "prank", "--at", "1405-08-30", "--key", "17")
    assert "paper-ilam-17" in run(
        "paper", "ilam-ilam", "prank", "--at", "1405-08-30", "--key", "17"
    )
    with pytest.raises(BadInput, match="is another call"):
        run("paper", "markazi-saveh", "prank", "--at", "1404-08-30", "--key", "17")
