"""`ivr rules draft … show`: what admins type, what they read, and who is refused."""

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from ivr.calendar import plain_minute
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed, RulesError, StoreError
from ivr.model import ProvinceId
from ivr.people import Grant, Person, Role, load_persons
from ivr.rules.counties import gazetteer
from ivr.rules.document import parse
from ivr.rules.load import judge, load_all, load_rules
from ivr.rules.schema import ProvinceRules
from ivr.rules.writing import as_yaml
from ivr.settings import PROJECT, Settings
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import rules_versions
from ivr.store.versions import VersionStore

NOW = datetime.now(UTC)
PROVINCES = PROJECT / "deploy" / "provinces"
DATA = Path(__file__).parents[1] / "core" / "data"
PASSWORD = "a long enough word of theirs"
REASON = "the centre of Saveh burns, nobody else answers"
MARKAZI = ProvinceId("markazi")
STAFF = {"sara": Role.ADMIN, "omid": Role.ADMIN, "nika": Role.SUPERVISOR}
TOMORROW = plain_minute(NOW + timedelta(days=1))  # as people type it

Run = Callable[..., str]


def in_store(home: Path, work: Callable[[Store], Any]) -> Any:
    async def open_and_work() -> Any:
        async with await Store.open(Settings(home=home)) as store:
            return await work(store)

    return asyncio.run(open_and_work())


async def _staffed(store: Store) -> None:
    """Admins and a supervisor of Markazi; its rules as delivered are in force as version 1."""
    people = [
        Person(id=name, name_fa=name, grants=(Grant(role=role, province=MARKAZI),))
        for name, role in STAFF.items()
    ]
    people += load_persons(PROJECT / "deploy" / "demo")
    await PeopleStore(store).take_in(
        people, by="installation", now=NOW, passwords=dict.fromkeys(STAFF, PASSWORD)
    )
    rules = load_rules(PROVINCES / "markazi.yaml")
    await VersionStore(store).install(rules, note="as delivered", by="installation", at=NOW)


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("staffed")
    in_store(home, _staffed)
    return home


@pytest.fixture
def home(staffed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(staffed, copy)
    monkeypatch.setenv("IVR_HOME", str(copy))
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    monkeypatch.delenv("IVR_USER", raising=False)
    return copy


@pytest.fixture
def run(home: Path) -> Run:
    """Run `ivr rules …`; errors are raised."""

    def run_command(*words: str) -> str:
        result = CliRunner().invoke(app, ["rules", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run_command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Markazi's file with Tafresh open, beside the common one."""
    for name in ("markazi.yaml", "common.yaml"):
        shutil.copy(PROVINCES / name, tmp_path)
    path = tmp_path / "markazi.yaml"
    before, county, rest = path.read_text("utf-8").partition("  - id: markazi-tafresh\n")
    path.write_text(before + county + rest.replace("planned", "open", 1), "utf-8")
    return path


def draft(run: Run, file: Path) -> str:
    return run("draft", str(file), "--note", "Tafresh opened today", "--as", "sara")


def histories(run: Run) -> list[tuple[int, str]]:
    return [(v["number"], v["state"]) for v in json.loads(run("history", "markazi", "--json"))]


def test_from_draft_to_rollback(run: Run, file: Path) -> None:
    said = draft(run, file)
    assert "1 difference to version 1 of markazi (in force)" in said
    assert "markazi-tafresh: its centre is now open (was planned for 1404-12-29)" in said
    assert "Saved: version 2 of markazi (" in said
    assert "Somebody else publishes it: ivr rules publish markazi 2" in said
    assert histories(run) == [(2, "draft"), (1, "in_force")]

    said = run("publish", "markazi", "2", "--as", "omid")
    assert "warning: counties[9].centre.planned" in said
    assert "Published: version 2 of markazi, in force from 1" in said
    assert histories(run) == [(2, "in_force"), (1, "superseded")]

    said = run("rollback", "markazi", "--as", "omid")
    assert "Brought back: version 1, as version 3 of markazi, in force from" in said
    assert "its centre is now planned for 1404-12-29 (was open)" in said
    assert histories(run) == [(3, "in_force"), (2, "superseded"), (1, "superseded")]
    table = run("history", "markazi")
    assert "brings back 1" in table
    assert "Tafresh opened today" in table


def test_a_script_gets_every_promised_key(run: Run, file: Path) -> None:
    said = run("draft", str(file), "--note", "Tafresh", "--as", "sara", "--json")
    made = json.loads(said)
    assert list(made) == [
        *("province", "number", "version", "publishable", "findings", "compared_with"),
        "differences",
    ]
    assert (made["number"], made["publishable"], made["compared_with"]) == (2, True, 1)
    assert list(made["findings"][0]) == ["severity", "field", "message"]
    assert [item["new"] for item in made["differences"]] == ["open"]
    newest, oldest = json.loads(run("history", "markazi", "--json"))
    assert (
        list(newest)
        == list(oldest)
        == [
            *("province", "number", "version", "note", "drafted_by", "drafted_at", "base"),
            *("published_by", "published_at", "active_from_at", "restores", "break_glass"),
            *("reviewed_by", "reviewed_at", "withdrawn_by", "withdrawn_at", "state"),
        ]
    )
    assert (newest["version"], newest["drafted_by"], newest["note"]) == (
        made["version"],
        "sara",
        "Tafresh",
    )
    assert newest["published_at"] is None
    assert datetime.fromisoformat(oldest["active_from_at"]) == NOW


# --- who may


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        (("--as", "sara"), BadInput, "drafted by sara, so somebody else must publish"),
        (("--as", "nika"), NotAllowed, "may not do this"),
        (("--as", "nobody"), BadInput, "unknown name, wrong password"),
        ((), BadInput, "who acts"),
        (("--as", "nika", "--break-glass", "--reason", REASON), NotAllowed, "may not do this"),
    ],
)
def test_who_may_not_publish(
    run: Run, file: Path, words: tuple[str, ...], error: type[Exception], why: str
) -> None:
    draft(run, file)
    with pytest.raises(error, match=why):
        run("publish", "markazi", "2", *words)
    assert histories(run)[0] == (2, "draft")


@pytest.mark.parametrize(
    "words",
    [
        ("withdraw", "markazi", "1"),
        ("rollback", "markazi"),
        ("review", "markazi", "1"),
        ("draft", str(PROVINCES / "markazi.yaml"), "--note", "x"),
        ("draft", str(PROVINCES / "ilam.yaml"), "--note", "x"),
    ],
)
def test_a_supervisor_decides_nothing_on_rules(run: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(NotAllowed):
        run(*words, "--as", "nika")


def test_an_admin_of_markazi_drafts_for_no_other_province(run: Run) -> None:
    with pytest.raises(NotAllowed):
        run("draft", str(PROVINCES / "ilam.yaml"), "--note", "x", "--as", "sara")


# --- broken glass


def test_broken_glass_and_its_review(run: Run, file: Path) -> None:
    draft(run, file)
    said = run("publish", "markazi", "2", "--as", "sara", "--break-glass", "--reason", REASON)
    assert "Somebody else reviews it: ivr rules review markazi 2" in said
    table = run("history", "markazi")
    assert "BREAK-GLASS: the centre of Saveh burns" in table
    assert "NOT REVIEWED" in table
    assert [item["number"] for item in json.loads(run("review", "--json"))] == [2]
    assert "markazi" in run("review")
    with pytest.raises(BadInput, match="somebody else must review it"):
        run("review", "markazi", "2", "--as", "sara")
    run("review", "markazi", "2", "--as", "omid", "--note", "it was right")
    assert run("review") == "None.\n"
    assert "reviewed by omid" in run("history", "markazi")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--break-glass",), "needs --reason"),
        (("--break-glass", "--reason", "fire"), "at least 10 letters"),
        (("--break-glass", "--reason", REASON, "--at", TOMORROW), "without --at"),
        (("--reason", REASON), "belongs to --break-glass"),
        (("--at", "tomorrow"), "no day and time"),
        (("--at", "1390-01-01 07:00"), "in force in the past"),
    ],
)
def test_what_is_asked_for_wrongly_changes_nothing(
    run: Run, file: Path, words: tuple[str, ...], why: str
) -> None:
    draft(run, file)
    with pytest.raises(BadInput, match=why):
        run("publish", "markazi", "2", "--as", "omid", *words)
    assert histories(run)[0] == (2, "draft")


# --- scheduled


def test_a_scheduled_version_and_what_follows(run: Run, file: Path) -> None:
    draft(run, file)
    said = run("publish", "markazi", "2", "--at", TOMORROW, "--as", "omid")
    assert f"Published: version 2 of markazi, in force from {TOMORROW} (Tehran)" in said
    draft(run, file)
    said = run("publish", "markazi", "3", "--as", "omid")
    assert f"STILL TO COME: version 2 of markazi, in force from {TOMORROW}" in said
    assert histories(run)[:2] == [(3, "in_force"), (2, "scheduled")]
    said = run("rollback", "markazi", "--as", "omid", "--also-withdraw-scheduled")
    assert "Withdrawn: version 2 of markazi, which was to come." in said
    assert "STILL TO COME" not in said
    assert histories(run)[:3] == [(4, "in_force"), (3, "superseded"), (2, "withdrawn")]


def test_a_rollback_says_what_is_still_to_come(run: Run, file: Path) -> None:
    draft(run, file)
    run("publish", "markazi", "2", "--as", "omid")
    draft(run, file)
    run("publish", "markazi", "3", "--at", TOMORROW, "--as", "omid")
    said = run("rollback", "markazi", "--to", "1", "--as", "omid")
    assert "STILL TO COME: version 3 of markazi" in said
    assert "ivr rules withdraw markazi 3" in said
    assert "Withdrawn: version 3" in run("withdraw", "markazi", "3", "--as", "sara")


# --- drafts with mistakes


def test_a_draft_with_errors_is_kept_and_not_published(run: Run, file: Path) -> None:
    text = file.read_text("utf-8")
    file.write_text(
        text.replace("{key: 2, county: markazi-saveh}", "{key: 1, county: markazi-saveh}")
    )
    said = draft(run, file)
    assert f"{file}:" in said
    assert "It cannot be published: 1 error(s)." in said
    with pytest.raises(BadInput, match="cannot be published, 1 error"):
        run("publish", "markazi", "2", "--as", "omid")
    assert histories(run)[0] == (2, "draft")


@pytest.mark.parametrize("text", ["", "id: markazi\n", "nothing: here\n", "[", "id: [\n"])
def test_a_file_that_is_no_rules_is_not_kept(run: Run, file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(RulesError, match="cannot be read as rules"):
        draft(run, file)
    assert histories(run) == [(1, "in_force")]


def test_a_draft_says_why(run: Run, file: Path) -> None:
    with pytest.raises(BadInput, match="--note"):
        run("draft", str(file), "--note", "  ", "--as", "sara")


# --- looking things up


def test_differences_of_numbers_files_and_the_newest_draft(run: Run, file: Path) -> None:
    opened = "markazi-tafresh: its centre is now open (was planned for 1404-12-29)"
    assert opened in run("diff", "markazi", str(file))
    with pytest.raises(BadInput, match="there is no draft"):
        run("diff", "markazi")
    draft(run, file)
    assert opened in run("diff", "markazi")
    assert opened in run("diff", "markazi", "1", "2")
    assert opened in run("diff", "markazi", "۲")
    assert run("diff", "markazi", "2", str(file)).endswith("no difference\n")
    found = json.loads(run("diff", "markazi", "--json"))
    assert (found["old"], found["new"]) == (
        "version 1 of markazi (in force)",
        "version 2 of markazi (draft)",
    )
    assert found["differences"] == [
        {
            "field": "counties[markazi-tafresh].centre.state",
            "old": "planned",
            "new": "open",
            "text": opened,
            "affects": "callers of markazi-tafresh",
        }
    ]


def test_differences_without_anything_in_the_database(
    run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_HOME", str(tmp_path / "empty"))
    said = run("diff", "markazi", str(file))
    assert "markazi.yaml -> " in said
    assert "its centre is now open" in said
    with pytest.raises(BadInput, match="is not served here"):
        run("diff", "marqazi", str(file))


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        (("history", "ilam"), BadInput, "no version is kept"),
        (("show", "ilam"), BadInput, "no version is in force"),
        (("history", "mars"), BadInput, "no province 'mars'"),
        (("show", "markazi", "7"), BadInput, "no version 7 .*`ivr rules history markazi`"),
        (("show", "marakzi", "7"), BadInput, "no province 'marakzi'. Did you mean markazi"),
        (("diff", "markazi", "1", "7"), BadInput, "no version 7"),
        (("diff", "markazi", str(PROVINCES / "ilam.yaml")), BadInput, "rules of ilam, not of"),
        (("diff", "markazi", "nowhere.yaml"), RulesError, "cannot be read"),
    ],
)
def test_what_is_not_there(
    run: Run, words: tuple[str, ...], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        run(*words)


def test_an_unreadable_version_is_one_clear_error(run: Run, home: Path) -> None:
    async def spoil(store: Store) -> None:
        async with store.writing() as connection:
            await connection.execute(update(rules_versions).values(rules={"id": "markazi"}))

    in_store(home, spoil)
    with pytest.raises(StoreError, match="Version 1 of markazi in the database cannot be read"):
        run("show", "markazi")
    assert histories(run) == [(1, "in_force")]


# --- a version as a file


@pytest.mark.parametrize(
    "rules", [*load_all(PROVINCES), load_rules(DATA / "good.yaml")], ids=lambda rules: rules.id
)
def test_rules_written_as_a_file_are_the_same_rules(rules: ProvinceRules) -> None:
    again, problems = judge(parse(as_yaml(rules)), gazetteer(), NOW.date())
    assert again == rules, problems


def test_what_is_shown_can_be_drafted_beside_a_common_file(
    run: Run, file: Path, tmp_path: Path
) -> None:
    """Also where the common file says something else than what is in force."""
    common = tmp_path / "common.yaml"
    common.write_text(common.read_text("utf-8") + "\nlimits: {ring_s: 33}\n", "utf-8")
    file.write_text(run("show", "markazi"), "utf-8")
    assert "no difference to version 1" in draft(run, file)
