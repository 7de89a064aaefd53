"""Every route of the API for every role and scope; tokens shrink with who made them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ivr.bearers import ACTION_OF
from ivr.calendar import TEHRAN
from ivr.errors import StoreError
from ivr.form_check import FOLLOW_UP_AT_MOST
from ivr.model import CallId, DeskId
from ivr.people import Grant, Person, Role
from ivr.rest_ports.rest import Rest
from ivr.rights import ACTIONS
from ivr.store.forms import FormStore
from ivr.store.known_tokens import KnownTokens
from ivr.store.people import PeopleStore
from ivr.store.saving import Saving
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.tokens import Scope, id_of
from ivr.view import FloorView
from ivr.web.app import make_app
from ivr.web.rest.routes import ROUTES
from tests.edge import rest_world
from tests.edge.rest_world import (
    CALL,
    CHIEF,
    COUNSELLOR,
    ELSEWHERE,
    ILAM,
    IN_FORCE,
    MARKAZI,
    World,
    take_in,
    take_in_people,
    world,
)
from tests.web.floors import InventedConsole

NAMES = {"call": CALL, "number": "1", "counsellor": COUNSELLOR, "province": "markazi"}
FORM = {"outcomes": [{"outcome": "external", "body": "judiciary"}]}


@pytest.fixture
async def api(store: Store) -> AsyncIterator[World]:
    async with world(store) as made:
        yield made


@pytest.fixture
def database() -> str:
    """SQLite, for tests of what does not depend on it."""
    return "sqlite"


async def status(api: World, secret: str, method: str, path: str, **more: Any) -> int:
    return (await api.ask(secret, method, path, **more)).status


async def test_every_route_for_every_role_and_scope(api: World) -> None:
    await take_in_people(api.store)
    for role in Role:
        by = Person.model_validate(
            {
                "id": f"one-{role}",
                "name_fa": "نمونه",
                "grants": (Grant(role=role, province=MARKAZI),),
            }
        )
        await take_in(api.store, by)
        for scope in Scope:
            only = await api.secret([scope], province=MARKAZI, by=by.id)
            others = await api.secret(set(Scope) - {scope}, province=MARKAZI, by=by.id)
            given = ACTION_OF[scope] in ACTIONS[role]
            for route in (one for one in ROUTES if one.scope is scope):
                path = route.path.format(**NAMES)
                opened = await status(api, only, route.method, path) not in {401, 403}
                assert opened is given, (role, scope, route.path)
                assert await status(api, others, route.method, path) == 403, (role, route.path)


async def become(api: World, *grants: Grant, enabled: bool = True) -> None:
    def edited(person: Person) -> Person:
        return person.model_copy(update={"grants": grants, "enabled": enabled})

    await PeopleStore(api.store).change(CHIEF.id, edited, by="local", now=datetime.now(UTC))


async def calls(api: World, secret: str) -> list[str]:
    found = await (await api.ask(secret, "GET", "/calls")).json()
    return sorted(one["call"] for one in found["calls"])


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_token_shrinks_with_the_role_of_who_made_it(api: World) -> None:
    secret = await api.secret()
    assert await calls(api, secret) == [CALL, ELSEWHERE]
    await become(api, Grant(role=Role.SUPERVISOR, province=MARKAZI))
    assert await calls(api, secret) == [CALL]
    assert await status(api, secret, "GET", f"/calls/{CALL}") == 200
    assert await status(api, secret, "GET", f"/calls/{ELSEWHERE}") == 404
    assert await status(api, secret, "GET", "/calls?province=ilam") == 403
    put = {"body": FORM, "headers": {"Idempotency-Key": "k"}}
    assert await status(api, secret, "PUT", f"/calls/{ELSEWHERE}/form", **put) == 404
    trip = {"body": {"county": "ilam-ilam"}, "headers": {"Idempotency-Key": "k"}}
    assert await status(api, secret, "POST", "/dispatches", **trip) == 403
    await become(api, Grant(role=Role.MANAGER, province=MARKAZI))
    assert await calls(api, secret) == [CALL]
    assert await status(api, secret, "PUT", f"/calls/{CALL}/form", **put) == 403
    await become(api)
    assert await status(api, secret, "GET", "/calls") == 403
    await become(api, Grant(role=Role.SUPERVISOR), enabled=False)
    assert await status(api, secret, "GET", "/calls") == 401


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_token_of_who_has_one_desk_reaches_that_desk(api: World) -> None:
    secret = await api.secret()
    for desk, seen in (("markazi-arak", [CALL]), ("markazi-saveh", [])):
        await become(api, Grant(role=Role.SUPERVISOR, province=MARKAZI, desk=DeskId(desk)))
        assert await calls(api, secret) == seen
        found = await status(api, secret, "GET", f"/calls/{CALL}")
        assert found == (200 if seen else 404)
        for listed in ("dispatches", "visits", "follow-ups", "pending", "counsellors"):
            assert await status(api, secret, "GET", f"/{listed}") == 200
        of_days = "/reports?from=1405/01/01&to=1405/01/02"
        assert await status(api, secret, "GET", of_days) == 403
        assert await status(api, secret, "GET", f"{of_days}&desk={desk}") == 200
        assert await status(api, secret, "GET", f"{of_days}&desk=markazi-khomeyn") == 403


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_who_may_change_a_trip_or_a_stay_of_a_call_finds_it(api: World) -> None:
    """The event lies in another province than the call that the token reaches."""
    own, other = await api.secret(province=MARKAZI), await api.secret(province=ILAM)
    stay = {"county": "qazvin-avaj", "centre": "crisis-qazvin", "kind": "outpatient"}
    asked: dict[str, dict[str, Any]] = {
        "dispatches": {"county": "qazvin-avaj"},
        "visits": {**stay, "persons": [{"count": 1}]},
    }
    for path, body in asked.items():
        key = {"Idempotency-Key": path}
        response = await api.ask(own, "POST", f"/{path}", body | {"call": CALL}, headers=key)
        assert response.status == 201
        for secret, seen in ((own, 1), (other, 0)):
            found = (await (await api.ask(secret, "GET", f"/{path}")).json())[path]
            assert len(found) == seen
    assert await status(api, own, "GET", "/dispatches/1") == 200
    assert await status(api, other, "GET", "/dispatches/1") == 404
    step = {"body": {"step": "sent"}, "headers": {"Idempotency-Key": "s"}}
    assert await status(api, own, "POST", "/dispatches/1/steps", **step) == 200
    assert await status(api, other, "POST", "/dispatches/1/steps", **step) == 404


async def test_a_save_is_repeated_after_midnight_and_after_a_change_of_rules(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime.now(UTC)]
    async with world(store, now=lambda: now[0]) as api:
        secret = await api.secret()
        oldest = now[0].astimezone(TEHRAN).date() - FOLLOW_UP_AT_MOST
        form = {**FORM, "follow_up_on": oldest.isoformat()}
        trip = {"county": "qazvin-avaj", "team": "team-avaj"}
        stay = {"county": "qazvin-avaj", "centre": "crisis-qazvin", "kind": "admission"}
        stay |= {"persons": [{"count": 1}]}
        asked = {f"/calls/{CALL}/form": form, "/dispatches": trip, "/visits": stay}

        async def answers() -> list[Any]:
            found = [
                await api.ask(secret, "POST", path, body, headers={"Idempotency-Key": "k"})
                for path, body in asked.items()
            ]
            assert [one.status for one in found] == [201, 201, 201]
            return [await one.json() for one in found]

        first = await answers()
        now[0] += timedelta(days=3)
        no_teams = [one.model_copy(update={"mobile_teams": ()}) for one in IN_FORCE.rules]
        monkeypatch.setattr(rest_world, "IN_FORCE", replace(IN_FORCE, rules=tuple(no_teams)))
        assert await answers() == first
        again = {"body": form, "headers": {"Idempotency-Key": "another"}}
        assert await status(api, secret, "POST", f"/calls/{CALL}/form", **again) == 422


@contextmanager
def database_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile the line knows people by its own copy."""

    async def away(*_: object, **__: object) -> None:
        raise StoreError("The database is away.")

    def begins_nothing(*_: object) -> None:
        raise StoreError("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "rows", away)
        patched.setattr(Store, "load_call", away)
        patched.setattr(Store, "writing", begins_nothing)
        patched.setattr(rest_world, "IN_FORCE", replace(IN_FORCE, people=(CHIEF,)))
        yield


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_what_programs_save_while_the_database_is_away_follows(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, later = await api.secret(), await api.secret()
    assert await calls(api, secret) == [CALL, ELSEWHERE]
    trip = {"county": "qazvin-avaj"}
    stay = {"county": "markazi-saveh", "centre": "c", "kind": "admission"}
    stay |= {"persons": [{"count": 2}]}
    due = {"call": CALL, "due_at": "2026-12-01T00:00:00Z"}
    asked = {f"/calls/{CALL}/form": FORM, "/dispatches": trip, "/visits": stay, "/follow-ups": due}
    headers = {"Idempotency-Key": "k"}
    with database_away(monkeypatch):
        for path, body in asked.items():
            for _ in range(2):  # the same again
                response = await api.ask(secret, "POST", path, body, headers=headers)
                found = await response.json()
                assert (response.status, found["spooled"]) == (202, True), path
        for _ in range(2):
            path = "/dispatches/1/steps"
            response = await api.ask(secret, "POST", path, {"step": "sent"}, headers=headers)
            assert response.status == 202
        assert await status(api, secret, "GET", "/calls") == 503
        assert await status(api, later, "GET", "/calls") == 503  # nobody knows this one
    assert await Saving(api.store, api.store.home).drain() == 10
    for path, body in asked.items():
        assert await status(api, secret, "POST", path, body=body, headers=headers) == 201
    assert len(await FormStore(api.store).history(CallId(CALL))) == 1
    for path, name in (("dispatches", "dispatches"), ("visits", "visits")):
        listed = (await (await api.ask(secret, "GET", f"/{path}")).json())[name]
        assert len(listed) == 1
    (sent,) = (await (await api.ask(secret, "GET", "/dispatches")).json())["dispatches"]
    assert sent["sent_at"] is not None


@asynccontextmanager
async def started_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> AsyncIterator[World]:
    """The line of the same copy anew, with the database away; its clock stands."""
    with database_away(monkeypatch):
        floor = FloorView(sequence=1, at=now, exchange_up=True)
        rest = Rest(store, lambda: rest_world.IN_FORCE, lambda: floor, now=lambda: now)
        async with TestClient(TestServer(make_app(InventedConsole(), rest))) as client:
            yield World(client, store)


SAVE = {"body": FORM, "headers": {"Idempotency-Key": "k"}}
FORM_PATH = f"/calls/{CALL}/form"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_token_that_was_seen_valid_lately_outlives_a_restart_without_the_database(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, never_used = await api.secret(), await api.secret()
    assert await calls(api, secret) == [CALL, ELSEWHERE]
    another = secret[:-3] + ("AAA" if not secret.endswith("AAA") else "BBB")
    async with started_again(api.store, monkeypatch, datetime.now(UTC)) as line:
        assert await status(line, secret, "POST", FORM_PATH, **SAVE) == 202
        assert await status(line, secret, "GET", "/calls") == 503
        assert await status(line, another, "POST", FORM_PATH, **SAVE) == 401
        response = await line.ask(never_used, "POST", FORM_PATH, **SAVE)
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert "not seen this token valid within a day" in (await response.json())["detail"]
    kept = api.store.home / "secrets" / "known_tokens.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert secret.split("_", 2)[2] not in kept.read_text()
    assert await Saving(api.store, api.store.home).drain() == 1
    assert len(await FormStore(api.store).history(CallId(CALL))) == 1


async def test_a_copy_of_a_token_ends_after_a_day_and_with_its_token(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, short, revoked = [await api.secret() for _ in range(3)]
    soon = datetime.now(UTC) + timedelta(hours=2)
    ends = await api.secret(expires_at=soon)
    for one in (secret, ends, revoked, short):
        await calls(api, one)
    tokens, now = TokenStore(api.store), datetime.now(UTC)
    await tokens.revoke(str(id_of(revoked)), by="chief", at=now)
    assert await status(api, revoked, "GET", "/calls") == 401
    KnownTokens(api.store.home).forget(str(id_of(short)), now)  # as `ivr token revoke` does
    for later, expected in (
        (timedelta(hours=1), {secret: 202, ends: 202, revoked: 503, short: 503}),
        (timedelta(hours=3), {secret: 202, ends: 401}),
        (timedelta(hours=25), {secret: 503, ends: 503}),
        (timedelta(hours=-1), {secret: 503}),  # a clock that went back proves nothing
    ):
        async with started_again(api.store, monkeypatch, now + later) as line:
            for one, code in expected.items():
                assert await status(line, one, "POST", FORM_PATH, **SAVE) == code


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', '{"ID": {"seen_at": "NOW"}}'])
async def test_a_copy_that_nobody_can_read_opens_nothing(
    api: World, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    secret = await api.secret()
    await calls(api, secret)
    now = datetime.now(UTC)
    text = content.replace("ID", str(id_of(secret))).replace("NOW", now.isoformat())
    (api.store.home / "secrets" / "known_tokens.json").write_text(text)
    async with started_again(api.store, monkeypatch, now) as line:
        assert await status(line, secret, "POST", FORM_PATH, **SAVE) == 503


async def test_what_a_token_saved_after_it_was_revoked_or_shrunk_is_set_aside(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await api.secret()
    await calls(api, secret)
    with database_away(monkeypatch):
        headers = {"Idempotency-Key": "k"}
        path = f"/calls/{CALL}/form"
        assert await status(api, secret, "POST", path, body=FORM, headers=headers) == 202
    await become(api, Grant(role=Role.MANAGER))
    saving = Saving(api.store, api.store.home)
    assert await saving.drain() == 0
    assert await FormStore(api.store).history(CallId(CALL)) == ()
    assert len(list((api.store.home / "spool").glob("*.refused"))) == 1
