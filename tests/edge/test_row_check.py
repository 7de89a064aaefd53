"""`ivr audit verify` beside the chain: rows that were changed behind the trail's back."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, insert, text, update
from typer.testing import CliRunner

from ivr import passwords
from ivr.audit import AuditEntry
from ivr.cli import app
from ivr.closures import NewClosure
from ivr.duty import ClosureKind, DutyKind
from ivr.installation import install
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.people import Person
from ivr.rosters import NewEntry
from ivr.rules.load import load_rules
from ivr.settings import PROJECT, Settings
from ivr.store.duty import DutyStore
from ivr.store.people import PeopleStore
from ivr.store.row_check import RowsChecked, verify_rows
from ivr.store.store import Store
from ivr.store.tables import people, roster
from ivr.store.trail_reading import verify
from ivr.store.versions import VersionStore
from tests.edge.store_examples import NOW

HOUR = timedelta(hours=1)
SAVEH = DeskId("markazi-saveh")
RULES = load_rules(PROJECT / "deploy" / "provinces" / "markazi.yaml")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


def person(name: str) -> Person:
    return Person.model_validate({"id": name, "name_fa": "نمونه", "desks": [SAVEH]})


@pytest.fixture
async def decided(store: Store) -> Store:
    """With one decision of each kind, and several on the same rows."""
    accounts = PeopleStore(store)
    for name in ("saveh-1", "saveh-2"):
        await accounts.add(person(name), by="boss", now=NOW)
    await accounts.set_password("saveh-1", "four plain words here", by="boss", now=NOW)
    await accounts.disable("saveh-2", reason="has left us", by="boss", now=NOW)
    duty = DutyStore(store, {SAVEH: ProvinceId("markazi")})
    entry = NewEntry(
        desk=SAVEH,
        counsellor=CounsellorId("saveh-1"),
        kind=DutyKind.DESK,
        from_at=NOW + HOUR,
        until_at=NOW + 8 * HOUR,
    )
    written = await duty.add([entry], by="boss", at=NOW)
    await duty.take_out(written.added[0].id, by="boss", at=NOW + 2 * HOUR)
    asked = NewClosure(
        desk=SAVEH, kind=ClosureKind.NO_STAFF, reason="x", from_at=NOW, until_at=NOW + HOUR
    )
    await duty.close(asked, by="boss", at=NOW)
    await duty.reopen(SAVEH, by="boss", at=NOW)
    versions = VersionStore(store)
    await versions.install(RULES, note="first", by="boss", at=NOW)
    return store


async def kinds(store: Store) -> list[tuple[str, str]]:
    """What is shown, as kind and row."""
    assert (await verify(store))[1] == ()
    found = (await verify_rows(store)).findings
    return sorted((it.kind.value, it.message.split(" ")[0]) for it in found)


async def test_rows_as_they_were_decided_fit(decided: Store) -> None:
    assert await verify_rows(decided) == RowsChecked(fitting=6, not_covered=(), findings=())
    assert await kinds(decided) == []


async def test_a_trail_that_has_not_begun_has_nothing_to_compare(store: Store) -> None:
    assert await verify_rows(store) == RowsChecked(fitting=0, not_covered=(), findings=())


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE people SET password_hash = NULL WHERE id = 'saveh-1'", "people/saveh-1"),
        ("UPDATE people SET pin_hash = 'x' WHERE id = 'saveh-2'", "people/saveh-2"),
        ("UPDATE closures SET ended_at = NULL", "closures/1"),
        ("UPDATE closures SET until_at = '2027-01-01 00:00:00'", "closures/1"),
        ("UPDATE roster SET counsellor = 'other' WHERE id = 2", "roster/2"),
        ("UPDATE rules_versions SET note = 'other'", "rules_versions/markazi/1"),
        ("UPDATE rules_versions SET rules = '{}'", "rules_versions/markazi/1"),
    ],
)
async def test_a_row_changed_behind_our_back_is_shown(
    decided: Store, statement: str, row: str
) -> None:
    async with decided.writing() as connection:
        await connection.execute(text(statement))
    assert await kinds(decided) == [("row_changed", row)]


async def test_an_account_made_or_taken_away_behind_our_back_is_shown(decided: Store) -> None:
    async with decided.writing() as connection:
        await connection.execute(delete(people).where(people.c.id == "saveh-2"))
        plain = person("intruder").model_dump(mode="json")
        await connection.execute(insert(people).values(id="intruder", person=plain))
    assert await kinds(decided) == [
        ("row_put_in", "people/intruder"),
        ("row_removed", "people/saveh-2"),
    ]


async def test_who_signs_out_at_a_telephone_has_changed_nothing(decided: Store) -> None:
    async with decided.writing() as connection:
        await connection.execute(update(people).values(signed_out_at=NOW))
    assert await kinds(decided) == []


async def test_a_hash_that_is_renewed_at_sign_in_fits(
    decided: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(2, 16, 1))
    accounts = PeopleStore(decided)
    assert await accounts.check_password("saveh-1", "four plain words here", now=NOW)
    assert await kinds(decided) == []


async def test_rows_from_before_marks_are_not_covered_until_somebody_decides_again(
    store: Store,
) -> None:
    async with store.writing() as connection:
        plain = person("saveh-1").model_dump(mode="json")
        await connection.execute(insert(people).values(id="saveh-1", person=plain))
        span = {"from_at": NOW, "until_at": NOW + HOUR, "by": "boss", "at": NOW}
        old = {"desk": SAVEH, "counsellor": "saveh-1", "kind": "desk", **span}
        await connection.execute(insert(roster).values(old))
        for action, subject, detail in (
            ("people.add", "saveh-1", {}),
            ("duty.roster.add", SAVEH, {"added": [{"id": 1}], "taken_out": []}),
        ):
            entry = AuditEntry(at=NOW, by="boss", action=action, subject=subject, detail=detail)
            await store.note_decision(connection, entry)
    found = await verify_rows(store)
    assert (found.not_covered, found.findings) == (("people/saveh-1", "roster/1"), ())
    await PeopleStore(store).set_pin("saveh-1", "2580", by="boss", now=NOW)
    assert (await verify_rows(store)).not_covered == ("roster/1",)


def test_the_command_names_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.delenv("IVR_DATABASE_URL", raising=False)
    settings = Settings(home=tmp_path)

    async def prepare() -> None:
        async with await Store.open(settings) as store:
            await install(store, settings, NOW)

    asyncio.run(prepare())
    run: Callable[..., str] = lambda *words: CliRunner().invoke(app, words).stdout  # noqa: E731
    assert "rows as decided" in run("audit", "verify")
    with closing(sqlite3.connect(tmp_path / "line123.sqlite")) as database, database:
        database.execute("UPDATE people SET password_hash = NULL WHERE id = 'national-admin'")
    said = run("audit", "verify")
    assert "row_changed: people/national-admin is not as entry" in said
    report = json.loads(run("audit", "verify", "--json"))
    assert (report["ok"], report["not_covered"]) == (False, [])
    assert [it["kind"] for it in report["findings"]] == ["row_changed"]
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 1
