"""`ivr callers` and `ivr retention`: who may, what is told, and that numbers stay out of sight."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed
from ivr.model import CallId, ProvinceId
from ivr.outcome_form import OutcomeForm
from ivr.people import Grant, Person, Role
from ivr.settings import Settings
from ivr.store.forms import FormStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.vault import Vault
from tests.edge.store_examples import FACTS, call

PASSWORD = "four plain words here"
NUMBER = "0218877" + "6655"
WHY = ("--reason", "the court has asked for it")
MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
OLD = datetime(2015, 3, 1, tzinfo=UTC)  # longer ago than anything is kept

Run = Callable[..., str]


def grant(role: Role, province: ProvinceId | None = MARKAZI) -> Grant:
    return Grant(role=role, province=province)


STAFF = {
    "boss": grant(Role.SUPERVISOR),
    "ilams": grant(Role.SUPERVISOR, ILAM),
    "keeper": grant(Role.ADMIN),
    "ilam-keeper": grant(Role.ADMIN, ILAM),
    "chief": grant(Role.ADMIN, None),
    "manager": grant(Role.MANAGER, None),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    asyncio.run(prepare(Settings(home=tmp_path)))

    def run_command(*words: str, who: str = "boss") -> str:
        as_who = [*words, "--as", who]
        result = CliRunner().invoke(app, as_who, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run_command


async def prepare(settings: Settings) -> None:
    """Two callers with two calls each, one of them old and with a note."""
    people = [
        Person.model_validate({"id": name, "name_fa": "نمونه", "grants": (given,)})
        for name, given in STAFF.items()
    ]
    vault = Vault.open(settings)
    now = datetime.now(UTC) - timedelta(hours=1)
    async with await Store.open(settings) as store:
        await PeopleStore(store).take_in(
            people, by="local", now=now, passwords=dict.fromkeys(STAFF, PASSWORD)
        )
        old = call("1", caller=vault.seal(NUMBER), facts=FACTS, arrived_at=OLD, ended_at=OLD)
        new = replace(old, call=CallId("2"), arrived_at=now, ended_at=now)
        other = replace(new, call=CallId("3"), caller=vault.seal("02188001122"))
        await store.save_calls([old, new, other, replace(other, call=CallId("4"), province=ILAM)])
        await FormStore(store).save(
            OutcomeForm(note="secret note"), call=CallId("1"), by="sara", at=OLD, key="k"
        )


def pseudonym(run: Run, of: str) -> str:
    return str(json.loads(run("callers", "contacts", "--call", of, "--json"))["pseudonym"])


async def trail(home: Path) -> list[tuple[str, str, str | None]]:
    async with await Store.open(Settings(home=home)) as store:
        rows = await store.rows(select(audit).order_by(audit.c.seq))
        names = ("action", "subject", "province")
        found = [tuple(row[name] for name in names) for row in rows]
        return [one for one in found if not one[0].startswith("people.")]  # type: ignore[misc]


def test_contacts_are_shown_as_far_as_the_role_goes(run: Run) -> None:
    found = json.loads(run("callers", "contacts", "--call", "3", "--json"))["contacts"]
    assert {(one["sight"], one["call"]) for one in found} == {("full", "3"), ("brief", None)}
    table = run("callers", "contacts", "--call", "3")
    assert "elsewhere" in table
    assert "danger" in table
    with pytest.raises(NotAllowed, match="manager may not do this"):
        run("callers", "contacts", "--call", "3", who="manager")
    with pytest.raises(BadInput, match="Say who"):
        run("callers", "contacts")


def test_callers_are_merged_and_split(run: Run, tmp_path: Path) -> None:
    one, two = pseudonym(run, "1"), pseudonym(run, "3")
    assert run("callers", "merge", one, two, *WHY) == f"Saved: link 1, {one} is {two}\n"
    assert len(json.loads(run("callers", "contacts", one, "--json"))["contacts"]) == 4
    (link,) = json.loads(run("callers", "links", two, "--json"))
    assert (link["pseudonym"], link["into"]) == (one, two)
    assert "boss" in run("callers", "links", two)
    with pytest.raises(NotAllowed):
        run("callers", "split", "1", who="keeper")
    assert run("callers", "split", "1") == f"Saved: {one} and {two} are two callers\n"
    assert [entry[0] for entry in asyncio.run(trail(tmp_path))] == [
        "callers.merge",
        "callers.split",
    ]
    with pytest.raises(NotAllowed):
        run("callers", "merge", one, two, *WHY, who="ilams")


def test_a_number_is_told_to_a_supervisor_with_a_reason_and_is_in_no_log(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("callers", "reveal", "1", *WHY) == f"{NUMBER}\n"
    assert asyncio.run(trail(tmp_path)) == [("callers.reveal", "1", "markazi")]
    for who in ("keeper", "ilams", "manager"):
        with pytest.raises(NotAllowed):
            run("callers", "reveal", "1", *WHY, who=who)
    with pytest.raises(BadInput, match="at least 10 letters"):
        run("callers", "reveal", "1", "--reason", "curious")
    assert len(asyncio.run(trail(tmp_path))) == 1
    assert NUMBER not in "".join(capfd.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if NUMBER.encode() in path.read_bytes()]


def test_retention_is_tried_then_run_and_leaves_what_is_held(run: Run, tmp_path: Path) -> None:
    run("callers", "hold", "--call", "1", *WHY, who="keeper")
    assert "longer than the rules say" in run("retention", "run", who="chief")
    with pytest.raises(NotAllowed):
        run("retention", "run", who="keeper")
    assert "court" in run("callers", "holds", who="keeper")
    assert json.loads(run("callers", "holds", "--json", who="ilams")) == []
    with pytest.raises(NotAllowed):
        run("callers", "release", "1")
    run("callers", "release", "1", who="keeper")
    tried = json.loads(run("retention", "run", "--dry-run", "--json", who="chief"))
    due = {(one["kind"], one["province"]): one["rows"] for one in tried["due"]}
    assert due == {(kind, "markazi"): 1 for kind in ("notes", "numbers", "pseudonyms")}
    assert tried["erased"] is False
    done = json.loads(run("retention", "run", "--compact", "--json", who="chief"))
    assert (done["due"], done["erased"], done["log_is_empty"]) == (tried["due"], True, True)
    assert "longer than the rules say" in run("retention", "run", who="chief")
    assert b"secret note" not in (tmp_path / "line123.sqlite").read_bytes()
    actions = [entry[0] for entry in asyncio.run(trail(tmp_path))]
    assert actions == ["callers.hold", "callers.release", "retention.run"]
    runs = json.loads(run("retention", "runs", "--json", who="chief"))
    assert [(one["by"], one["rows"], one["error"]) for one in runs] == [
        ("chief", rows, None) for rows in (0, 3, 0)
    ]
    assert "done" in run("retention", "runs", who="chief")
    with pytest.raises(NotAllowed):
        run("retention", "runs", who="keeper")


def test_a_hold_is_released_where_it_was_placed(run: Run) -> None:
    caller = pseudonym(run, "3")  # who has called in two provinces
    for who in ("keeper", "ilam-keeper", "chief"):
        run("callers", "hold", caller, *WHY, who=who)
    placed_in = [
        (one["by"], one["province"])
        for one in json.loads(run("callers", "holds", "--json", who="keeper"))
    ]
    assert placed_in == [("keeper", "markazi"), ("ilam-keeper", "ilam"), ("chief", None)]
    for who, number in (("keeper", "2"), ("keeper", "3"), ("ilam-keeper", "1"), ("boss", "1")):
        with pytest.raises(NotAllowed, match=r"hold\.write"):
            run("callers", "release", number, who=who)
    run("callers", "release", "1", who="keeper")
    run("callers", "release", "2", who="chief")
    run("callers", "release", "3", who="chief")
    assert json.loads(run("callers", "holds", "--json", who="chief")) == []


def test_a_caller_is_erased_after_a_dry_run_by_who_may_wherever_they_have_called(
    run: Run, tmp_path: Path
) -> None:
    one, two = pseudonym(run, "1"), pseudonym(run, "3")
    run("callers", "hold", "--call", "2", *WHY, who="keeper")
    tried = run("callers", "erase", one, *WHY, who="keeper")
    assert tried == (
        f"Would be erased (say --yes): 1 calls of caller {one}; 1 under a hold stay "
        "(`ivr callers holds`).\n"
    )
    assert run("callers", "reveal", "1", *WHY) == f"{NUMBER}\n"
    assert "Erased: 1 calls" in run("callers", "erase", one, "--yes", *WHY, who="keeper")
    with pytest.raises(BadInput, match="No number is kept"):
        run("callers", "reveal", "1", *WHY)
    assert run("callers", "reveal", "2", *WHY) == f"{NUMBER}\n"
    with pytest.raises(NotAllowed, match="for ilam"):
        run("callers", "erase", two, "--yes", *WHY, who="keeper")
    found: Any = json.loads(
        run("callers", "erase", "--call", "3", "--yes", "--json", *WHY, who="keeper")
    )
    assert (found["calls"], found["kind"], found["erased"]) == (1, "call", True)
    for words in ((), (one, "--call", "1")):
        with pytest.raises(BadInput, match="either a pseudonym or --call"):
            run("callers", "erase", *words, *WHY, who="keeper")
