"""Tokens: made once, kept as a hash, revoked, and nothing that a running line reads anew."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed
from ivr.model import ProvinceId
from ivr.people import Person, load_persons
from ivr.settings import PROJECT, Settings
from ivr.store.decisions import Decisions
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.tokens import Scope, Token, hash_of, id_of, is_secret_of, new_secret
from tests.edge.store_examples import NOW

MARKAZI = ProvinceId("markazi")
PASSWORD = "four plain words here"


def made(**changes: Any) -> tuple[Token, str]:
    name, secret = new_secret()
    values: dict[str, Any] = {
        "id": name,
        "name": "مرکز ۱۱۵",
        "hash": hash_of(secret),
        "scopes": frozenset({Scope.CALLS_READ}),
        "province": MARKAZI,
        "by": "national-admin",
        "at": NOW,
    }
    return Token(**values | changes), secret


def test_a_secret_names_its_token_and_opens_no_other() -> None:
    (one, secret), (other, _) = made(), made()
    assert id_of(secret) == one.id
    assert is_secret_of(one, secret)
    assert not is_secret_of(other, secret)
    assert not is_secret_of(one, secret[:-1] + ("a" if secret[-1] != "a" else "b"))


@pytest.mark.parametrize("text", ["", "line123_", "line123_0_x", "Bearer x", "\0", "line123_é_"])
def test_what_is_no_secret_names_no_token(text: str) -> None:
    assert id_of(text) is None


def test_a_token_may_what_its_scopes_name_within_its_province_until_its_end() -> None:
    token, _ = made(expires_at=NOW + timedelta(days=1))
    assert token.may(Scope.CALLS_READ, MARKAZI)
    assert not token.may(Scope.CALLS_READ, ProvinceId("ilam"))
    assert not token.may(Scope.OUTCOMES_READ, MARKAZI)
    assert token.is_valid(NOW)
    assert not token.is_valid(NOW + timedelta(days=1))


async def test_a_token_is_kept_and_revoked_once_and_no_running_line_reads_anew(
    store: Store,
) -> None:
    tokens, decisions = TokenStore(store), Decisions(store, 0)
    token, secret = made()
    await tokens.create(token)
    assert await tokens.token(token.id) == token
    assert secret not in str(await tokens.all())
    revoked = await tokens.revoke(token.id, by="a", at=NOW + timedelta(hours=1))
    assert (revoked.revoked_by, revoked.is_valid(NOW)) == ("a", False)
    assert await tokens.revoke(token.id, by="b", at=NOW + timedelta(hours=2)) == revoked
    assert await decisions.revision() == 0
    with pytest.raises(BadInput, match="no token"):
        await tokens.revoke("nobody", by="a", at=NOW)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    for name in ("IVR_USER", "IVR_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


async def _staff(home: Path) -> None:
    people = [person for person in load_persons(PROJECT / "deploy" / "demo") if person.grants]
    given = {person.id: PASSWORD for person in people}
    async with await Store.open(Settings(home=home)) as store:
        now = datetime.now(UTC)
        await PeopleStore(store).take_in(people, by="installation", now=now, passwords=given)


async def _without_roles(home: Path, name: str) -> None:
    async with await Store.open(Settings(home=home)) as store:
        now = datetime.now(UTC)
        people = PeopleStore(store)
        await people.change(name, _no_grants, by="local", now=now)


def _no_grants(person: Person) -> Person:
    return person.model_copy(update={"grants": ()})


def run(*words: str, who: str) -> str:
    env = {"IVR_USER": who, "IVR_PASSWORD": PASSWORD}
    result = CliRunner().invoke(app, ["token", *words], env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_admin_makes_a_token_whose_secret_is_shown_once(home: Path) -> None:
    asyncio.run(_staff(home))
    words = ("create", "115", "--scope", "calls.read", "--province", "markazi", "--days", "30")
    secret = run(*words, who="markazi-admin").strip()
    listed = run("list", "--json", who="")
    (token,) = json.loads(listed)
    assert token["id"] == id_of(secret)
    assert (token["by"], token["scopes"], token["valid"]) == ("markazi-admin", ["calls.read"], True)
    assert secret not in listed
    with pytest.raises(NotAllowed, match=r"token\.manage"):
        run("create", "all", "--scope", "calls.read", who="markazi-admin")
    with pytest.raises(NotAllowed, match=r"token\.manage"):
        run("revoke", token["id"], who="national-auditor")
    writing = ("create", "desk", "--scope", "outcomes.write", "--province", "markazi")
    with pytest.raises(NotAllowed, match=r"outcome\.write.*a token of theirs may not either"):
        run(*writing, who="markazi-admin")
    assert id_of(run(*writing, who="markazi-supervisor").strip())
    with pytest.raises(BadInput, match="no scope 'all'"):
        run("create", "x", "--scope", "all", who="markazi-admin")
    assert run("revoke", token["id"], who="markazi-admin") == f"Revoked: {token['id']} 115\n"
    revoked, other = json.loads(run("list", "--json", who=""))
    assert (revoked["valid"], revoked["opens"]) == (False, [])
    assert (other["valid"], other["opens"]) == (True, ["outcomes.write"])
    asyncio.run(_without_roles(home, "markazi-supervisor"))
    assert json.loads(run("list", "--json", who=""))[1]["opens"] == []
