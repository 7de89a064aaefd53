"""`ivr people` and `ivr audit`: who may, what is shown, and what each refusal says."""

import asyncio
import json
import os
import pwd
import sqlite3
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.cli.acting import acting
from ivr.errors import BadInput, NotAllowed, StoreError
from ivr.model import DeskId, ProvinceId
from ivr.people import demo_accounts, load_persons
from ivr.rights import Action
from ivr.settings import PROJECT, Settings
from ivr.store.people import PeopleStore
from ivr.store.store import Store

DEMO = PROJECT / "deploy" / "demo"
PASSWORD = "four plain words here"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"

Run = Callable[..., str]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line on an IVR_HOME of the test's own; errors are raised."""
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    for name in ("IVR_USER", "IVR_PASSWORD", "IVR_NEW_PASSWORD", "IVR_NEW_PIN"):
        monkeypatch.delenv(name, raising=False)

    def run_command(
        *words: str, user: str = "", given: str = "", status: int = 0, **env: str
    ) -> str:
        if user:
            env |= {"IVR_USER": user, "IVR_PASSWORD": PASSWORD}
        runner = CliRunner()
        result = runner.invoke(app, list(words), input=given, env=env, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.stdout

    return run_command


@pytest.fixture
def installed(run: Run, tmp_path: Path) -> Run:
    """With the demonstration's people; the staff has one password."""
    persons = load_persons(DEMO)
    given = {one.id: PASSWORD for one in persons if one.grants}

    async def install() -> None:
        async with await Store.open(Settings(home=tmp_path)) as store:
            await PeopleStore(store).take_in(
                persons, by="installation", now=datetime.now(UTC), passwords=given
            )

    asyncio.run(install())
    return run


def trail(run: Run, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        run("audit", "list", "--json", *words, user="national-auditor")
    )
    return found


def test_the_first_admin_is_made_by_the_machines_owner(run: Run, tmp_path: Path) -> None:
    words = ("people", "add", "boss", "--name", "نمونه", "--grant", "admin@all", "--json")
    assert json.loads(run(*words)) == {
        "id": "boss",
        "name_fa": "نمونه",
        "enabled": True,
        "desks": [],
        "skills": [],
        "devices": [],
        "grants": [{"role": "admin", "province": None, "desk": None, "until_at": None}],
    }
    run("people", "password", "boss", given=f"{PASSWORD}\n{PASSWORD}\n")
    with sqlite3.connect(tmp_path / "line123.sqlite") as database:
        made_by = database.execute("SELECT by, action FROM audit ORDER BY seq").fetchall()
    database.close()
    assert made_by == [(ME, "people.add"), (ME, "people.password")]
    # From now on the owner of the machine is nobody in particular.
    with pytest.raises(BadInput, match="Nobody said who acts"):
        run("people", "add", "other", "--name", "نمونه")
    run("people", "add", "other", "--name", "نمونه", user="boss")


def test_another_user_of_the_machine_makes_no_admin(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = types.SimpleNamespace(getuid=lambda: 65534, environ=os.environ)
    monkeypatch.setattr("ivr.cli.acting.os", nobody)
    with pytest.raises(NotAllowed, match="for the owner of"):
        run("people", "add", "boss", "--name", "نمونه", "--grant", "admin@all")


def test_an_account_with_everything(installed: Run) -> None:
    installed(
        *("people", "add", "arak-9", "--name", "نمونه", "--desk", "markazi-arak"),
        *(
            "--skill",
            "child:2",
            "--skill",
            "legal",
            "--device",
            "arak-9",
            "--device",
            "web:browser",
        ),
        *("--device", "arak-9-home:telephone:۰۸۶۳۱۲۳۴۵۶۷", "--grant", "supervisor@markazi-arak"),
        user="markazi-admin",
    )
    shown = json.loads(installed("people", "show", "arak-9", "--json"))
    assert shown == {
        "id": "arak-9",
        "name_fa": "نمونه",
        "enabled": True,
        "desks": ["markazi-arak"],
        "skills": [{"id": "child", "level": 2}, {"id": "legal", "level": 1}],
        "devices": [
            {"id": "arak-9", "kind": "sip", "confirm": False, "number": None},
            {"id": "web", "kind": "browser", "confirm": False, "number": None},
            {"id": "arak-9-home", "kind": "telephone", "confirm": True, "number": "…67"},
        ],
        "grants": [
            {
                "role": "supervisor",
                "province": "markazi",
                "desk": "markazi-arak",
                "until_at": None,
            }
        ],
    }
    assert installed("people", "show", "arak-9").splitlines() == [
        "arak-9  نمونه",
        "  desks    markazi-arak",
        "  skills   child:2, legal:1",
        "  devices  arak-9:sip, web:browser, arak-9-home:telephone:…67",
        "  roles    supervisor@markazi-arak",
    ]
    listed = json.loads(installed("people", "list", "--json"))
    assert next(it for it in listed if it["id"] == "arak-9") == shown
    assert len(installed("people", "list").splitlines()) == len(listed)


def test_a_change_is_of_what_is_given_alone(installed: Run) -> None:
    before = json.loads(installed("people", "show", "arak-1", "--json"))
    after = json.loads(
        installed(
            *("people", "change", "arak-1", "--add-skill", "child:1", "--add-skill", "arabic:3"),
            *("--drop-skill", "family", "--add-desk", "markazi-saveh", "--json"),
            *("--add-grant", "manager@markazi"),
            user="national-admin",
        )
    )
    assert after == before | {
        "skills": [{"id": "child", "level": 1}, {"id": "arabic", "level": 3}],
        "desks": ["markazi-arak", "markazi-saveh"],
        "grants": [{"role": "manager", "province": "markazi", "desk": None, "until_at": None}],
    }
    installed(
        *("people", "change", "arak-1", "--drop-grant", "manager@markazi"), user="national-admin"
    )
    assert json.loads(installed("people", "show", "arak-1", "--json"))["grants"] == []


def test_who_was_disabled_may_be_enabled_again(installed: Run) -> None:
    reason = ("--reason", "is on leave")
    installed("people", "disable", "arak-1", *reason, user="markazi-admin")
    assert "disabled" in installed("people", "show", "arak-1")
    installed("people", "change", "arak-1", "--enable", user="markazi-admin")
    assert "disabled" not in installed("people", "show", "arak-1")
    said = [(it["action"], it["by"]) for it in trail(installed, "--subject", "arak-1")]
    assert said[:2] == [("people.change", "markazi-admin"), ("people.disable", "markazi-admin")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "Arak 9", "--name", "ن"], "id: 'Arak 9' is not written as it must be"),
        (["add", "arak-9", "--name", ""], "name_fa: an empty value is empty"),
        (["add", "arak-1", "--name", "ن"], "There is a 'arak-1' already"),
        (["add", "x", "--name", "ن", "--skill", "child:4"], r"skills\[1\].level: '4' is too large"),
        (["add", "x", "--name", "ن", "--desk", "qom-qim"], "'qom-qim' is no county"),
        (
            ["add", "x", "--name", "ن", "--device", "a:fax"],
            r"devices\[1\].kind: 'fax' is not known",
        ),
        (
            ["add", "x", "--name", "ن", "--device", "a:telephone"],
            r"devices\[1\].number: is missing",
        ),
        (["add", "x", "--name", "ن", "--grant", "admin"], "does not say where the role holds"),
        (["add", "x", "--name", "ن", "--grant", "boss@all"], "'boss' is no role"),
        (["add", "x", "--name", "ن", "--grant", "admin@markzi"], "Did you mean markazi"),
        (
            ["change", "arak-1", "--drop-skill", "legal"],
            "--drop-skill legal: .*Held: child, family",
        ),
        (["change", "nobody", "--name", "ن"], "There is no 'nobody'"),
        (["change", "arak-1", "--add-device", "arak-2"], "'arak-2' belongs to arak-"),
        (["disable", "arak-1", "--reason", "no"], "tells nobody why"),
        (["disable", "arak-1", "--reason", "\udce6 \udce6 \udce6 \udce6"], "UTF-8|tells nobody"),
        (["show", "nobody"], "There is no 'nobody'"),
        (["password", "nobody"], "There is no 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_told_and_nothing_changed(
    installed: Run, words: list[str], message: str
) -> None:
    before = installed("people", "list", "--json")
    with pytest.raises(BadInput, match=message):
        installed("people", *words, user="national-admin")
    assert installed("people", "list", "--json") == before


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("markazi-supervisor", ["change", "arak-1", "--name", "ن"]),
        ("markazi-admin", ["change", "ilam-1", "--name", "ن"]),
        ("markazi-admin", ["change", "arak-1", "--add-desk", "ilam"]),
        ("markazi-admin", ["change", "arak-1", "--add-grant", "admin@all"]),
        ("markazi-admin", ["change", "markazi-admin", "--add-grant", "admin@ilam"]),
        ("markazi-admin", ["password", "national-admin"]),
        ("national-auditor", ["pin", "arak-1"]),
        ("national-manager", ["disable", "arak-1", "--reason", "a good reason"]),
        ("national-manager", ["import", str(DEMO / "ilam.yaml")]),
        ("ilam-supervisor", ["break-glass", "markazi-supervisor", "--reason", "a good reason"]),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else value,
)
def test_who_may_not_is_told_so(installed: Run, user: str, words: list[str]) -> None:
    env = {"IVR_NEW_PASSWORD": "other plain words", "IVR_NEW_PIN": "2580"}
    if words[0] == "import":
        installed("people", "change", "ilam-1", "--name", "ن", user="national-admin")
    before = installed("people", "list", "--json")
    with pytest.raises(NotAllowed, match=f"{user} may not .*Nothing was changed"):
        installed("people", *words, user=user, **env)
    assert installed("people", "list", "--json") == before
    installed("people", "show", "national-admin")


def test_wrong_password_and_unknown_name_get_the_same_answer(installed: Run) -> None:
    answers = set()
    for name, text in (
        ("markazi-admin", "wrong words here"),
        ("no-such-name", PASSWORD),
        ("arak-1", PASSWORD),  # has none
    ):
        with pytest.raises(BadInput) as caught:
            installed(
                *("people", "change", "arak-1", "--name", "ن", "--as", name), IVR_PASSWORD=text
            )
        answers.add(str(caught.value).replace(name, "NAME"))
    assert len(answers) == 1
    assert "ask an admin for a new password" in answers.pop()
    failed = trail(installed, "--action", "people.sign_in_failed")
    assert [it["subject"] for it in failed] == ["arak-1", "-", "markazi-admin"]


def test_the_password_is_asked_for_where_none_is_set(installed: Run) -> None:
    words = ("people", "change", "arak-1", "--name", "دیگر", "--as", "markazi-admin")
    assert PASSWORD not in installed(*words, given=f"{PASSWORD}\n")
    assert "دیگر" in installed("people", "show", "arak-1")
    with pytest.raises(BadInput, match=r"none was given.*IVR_PASSWORD"):
        installed(*words)


def test_everybody_changes_their_own_password_and_pin(installed: Run, tmp_path: Path) -> None:
    file = demo_accounts(tmp_path)
    file.passwords(["ilam-supervisor", "markazi-supervisor"])
    new = "new words for me"
    words = ("people", "password", "markazi-supervisor")
    assert "Saved" in installed(*words, user="markazi-supervisor", IVR_NEW_PASSWORD=new)
    assert list(file.known()) == ["ilam-supervisor"]
    with pytest.raises(BadInput, match="wrong password"):
        installed(*words, user="markazi-supervisor")
    env = {"IVR_USER": "markazi-supervisor", "IVR_PASSWORD": new, "IVR_NEW_PIN": "۲۵۸۰"}
    installed("people", "pin", "markazi-supervisor", **env)

    async def pin_fits() -> bool:
        async with await Store.open(Settings(home=tmp_path)) as store:
            people = PeopleStore(store)
            return bool(await people.check_pin("markazi-supervisor", "2580", now=NOW))

    assert asyncio.run(pin_fits())
    for secret, message in (
        ({"IVR_NEW_PIN": "1234"}, "too simple"),
        ({"IVR_NEW_PIN": "1"}, "4 to 8"),
    ):
        with pytest.raises(BadInput, match=message):
            installed("people", "pin", "markazi-supervisor", **(env | secret))


def test_the_machines_owner_helps_where_a_last_password_is_lost(installed: Run) -> None:
    """And does nothing else: not a role, not a publishing."""
    new = "a password of their own"
    installed("people", "password", "national-admin", "--as", "local", IVR_NEW_PASSWORD=new)
    change = ("people", "change", "arak-1", "--add-skill", "legal:2")
    with pytest.raises(BadInput, match="'local': unknown name"):
        installed(*change, "--as", "local", IVR_PASSWORD=new)
    installed(*change, IVR_USER="national-admin", IVR_PASSWORD=new)


def test_two_different_answers_are_no_password(installed: Run) -> None:
    given = "one plain phrase\nanother phrase\nthe same phrase\nthe same phrase\n"
    installed("people", "password", "arak-1", user="markazi-admin", given=given)
    env = {"IVR_USER": "arak-1", "IVR_PASSWORD": "the same phrase", "IVR_NEW_PIN": "2580"}
    installed("people", "pin", "arak-1", **env)


def test_demonstration_passwords_are_printed(installed: Run, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no passwords of a demonstration"):
        installed("people", "passwords")
    known = demo_accounts(tmp_path).passwords(["ilam-admin", "national-manager"])
    rows = json.loads(installed("people", "passwords", "--json"))
    assert rows == [
        {
            "id": "ilam-admin",
            "name": "حمیده آزمایشی",
            "roles": ["admin@ilam"],
            "password": known["ilam-admin"],
        },
        {
            "id": "national-manager",
            "name": "نادر آزمایشی",
            "roles": ["manager@all"],
            "password": known["national-manager"],
        },
    ]
    assert all(row["password"] in installed("people", "passwords") for row in rows)


def test_a_file_is_imported(run: Run) -> None:
    done = json.loads(run("people", "import", str(DEMO / "staff.yaml"), "--json"))
    assert done["added"] == ["national-admin", "national-manager", "national-auditor"]
    again = json.loads(run("people", "import", str(DEMO / "staff.yaml"), "--json"))
    assert again == {"added": [], "changed": [], "unchanged": done["added"]}


def test_a_wrong_file_is_told_by_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text("staff:\n  - {id: a, name_fa: ب, grants: [{role: admin}]}\n", "utf-8")
    with pytest.raises(BadInput, match=r"new.yaml:2: staff\[1\].grants\[1\].province: is missing"):
        run("people", "import", str(file))
    assert json.loads(run("people", "list", "--json")) == []


def test_a_supervisor_breaks_glass_and_no_more(installed: Run) -> None:
    me = "markazi-supervisor"
    change = ("people", "change", "arak-1", "--name", "دیگر")
    with pytest.raises(NotAllowed):
        installed(*change, user=me)
    shown = installed("people", "break-glass", me, "--reason", "no admin at night", user=me)
    assert "admin@markazi until" in shown
    installed(*change, user=me)
    with pytest.raises(NotAllowed, match="one without an end"):
        installed("people", "change", "arak-1", "--add-grant", "admin@markazi", user=me)
    (entry,) = trail(installed, "--action", "people.break_glass")
    assert (entry["by"], entry["subject"], entry["province"]) == (me, me, "markazi")
    assert entry["detail"]["reason"] == "no admin at night"


def test_what_was_done_in_need_is_listed_until_another_admin_has_reviewed_it(
    installed: Run,
) -> None:
    me, other = "markazi-supervisor", "markazi-admin"
    assert installed("people", "review").strip() == "None."
    installed("people", "break-glass", me, "--reason", "no admin at night", user=me)
    (entry,) = json.loads(installed("people", "review", "--json"))
    assert (entry["person"], entry["by"], entry["reason"]) == (me, me, "no admin at night")
    assert "no admin at night" in installed("people", "review")
    review = ("people", "review", me, "--note", "all right")
    with pytest.raises(NotAllowed, match="without an end"):
        installed(*review, user=me)
    with pytest.raises(BadInput, match="still admin"):
        installed(*review, user=other)
    installed("people", "change", me, "--drop-grant", "admin@markazi", user="national-admin")
    with pytest.raises(NotAllowed):
        installed(*review, user="ilam-admin")
    assert "Reviewed: markazi-supervisor" in installed(*review, user=other)
    assert installed("people", "review").strip() == "None."


async def test_acting_takes_the_right_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    monkeypatch.delenv("IVR_USER", raising=False)
    persons = [it for it in load_persons(DEMO) if it.id == "ilam-supervisor"]
    async with await Store.open(Settings(home=tmp_path)) as store:
        given = {"ilam-supervisor": PASSWORD}
        await PeopleStore(store).take_in(persons, by="x", now=NOW, passwords=given)
        close, who, ilam = Action.DUTY_CLOSE, "ilam-supervisor", ProvinceId("ilam")
        assert (await acting(store, who, close, province=ilam)).id == who
        assert (await acting(store, who, close, desk=DeskId("ilam"))).id == who
        monkeypatch.setenv("IVR_USER", who)
        assert (await acting(store, None, close, province=ilam)).id == who
        for wrong in ({"province": ProvinceId("markazi")}, {"desk": DeskId("markazi-arak")}, {}):
            with pytest.raises(NotAllowed, match=r"duty\.close.*supervisor@ilam"):
                await acting(store, who, close, **wrong)
        with pytest.raises(NotAllowed):
            await acting(store, who, Action.RULES_PUBLISH, province=ilam)


def test_the_trail_is_searched_by_those_who_may(installed: Run) -> None:
    installed("people", "change", "arak-1", "--name", "ن", user="markazi-admin")
    keys = ["seq", "at", "by", "action", "subject", "province", "desk", "detail", "seal"]
    (newest,) = trail(installed, "--limit", "1")
    assert list(newest) == keys
    assert newest["detail"]["after"] == {"name_fa": "ن"}
    assert trail(installed, "--by", "markazi-admin") == [newest]
    assert trail(installed, "--action", "people.change") == [newest]
    assert {it["province"] for it in trail(installed, "--province", "ilam")} == {"ilam"}
    today = datetime.now(UTC)
    assert trail(installed, "--since", (today + timedelta(days=2)).date().isoformat()) == []
    assert len(trail(installed, "--until", (today + timedelta(days=2)).date().isoformat())) > 5
    assert "people.change arak-1" in installed("audit", "list", user="national-auditor")
    with pytest.raises(NotAllowed, match=r"audit\.read"):
        installed("audit", "list", user="markazi-admin")
    with pytest.raises(BadInput, match="Nobody said who acts"):
        installed("audit", "list")
    with pytest.raises(BadInput, match="--since: 'x'"):
        installed("audit", "list", "--since", "x", user="national-auditor")


def test_an_untouched_trail_verifies(installed: Run) -> None:
    count = len(trail(installed, "--limit", "1000"))
    said = installed("audit", "verify")
    assert said.startswith(f"{count} entries, all as they were written; ")
    assert said.endswith(" rows as decided\n")
    report = json.loads(installed("audit", "verify", "--json"))
    rows = report.pop("rows")
    assert rows > 0
    assert report == {"ok": True, "entries": count, "not_covered": [], "findings": []}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE audit SET by = 'somebody' WHERE seq = 7", "changed"),
        ("UPDATE audit SET detail = 'no json' WHERE seq = 7", "changed"),
        ("DELETE FROM audit WHERE seq = 7", "missing"),
        ("DELETE FROM audit WHERE seq > 7", "cut_off"),
    ],
)
def test_a_changed_trail_is_shown_with_exit_status_1(
    installed: Run, tmp_path: Path, statement: str, kind: str
) -> None:
    with sqlite3.connect(tmp_path / "line123.sqlite") as database:
        database.execute(statement)
    database.close()
    assert kind in installed("audit", "verify", status=1)
    report = json.loads(installed("audit", "verify", "--json", status=1))
    assert report["ok"] is False
    assert report["findings"][0]["kind"] == kind
    assert report["findings"][0]["first"] in {7, 8}
    trail(installed, "--limit", "1000")  # can be searched still


def test_a_lost_key_is_told(installed: Run, tmp_path: Path) -> None:
    (tmp_path / "secrets" / "audit.key").unlink()
    with pytest.raises(StoreError, match="Restore the file"):
        installed("audit", "verify")
    with pytest.raises(StoreError, match="Restore the file"):
        installed("people", "change", "arak-1", "--name", "ن", user="markazi-admin")
    assert not (tmp_path / "secrets" / "audit.key").exists()
