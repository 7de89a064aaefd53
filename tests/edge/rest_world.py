"""The API over a real socket on a store with a few records, and tokens to use it with."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from ivr.deployment import from_files
from ivr.model import CounsellorId, CountyId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.people import Person, load_persons
from ivr.rest_ports.rest import Rest
from ivr.settings import PROJECT, Settings
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tokens import TokenStore
from ivr.store.versions import VersionStore
from ivr.tokens import Scope, Token, hash_of, new_secret
from ivr.view import FloorView
from ivr.web.app import make_app
from tests.edge.store_examples import FACTS, call
from tests.web.floors import InventedConsole

MARKAZI, ILAM = ProvinceId("markazi"), ProvinceId("ilam")
CALL, ELSEWHERE, COUNSELLOR = "170.1", "170.2", "arak-1"
IN_FORCE = from_files(Settings())
PEOPLE = load_persons(PROJECT / "deploy" / "demo")
CHIEF = Person.model_validate(  # may whatever any token may
    {"id": "chief", "name_fa": "نمونه", "grants": [{"role": "supervisor"}]}
)


@dataclass
class World:
    """`as_` asks with a token of these scopes; keys are made up where none is given."""

    client: TestClient[Any, Any]
    store: Store
    secrets: dict[tuple[frozenset[Scope], ProvinceId | None], str] = field(default_factory=dict)

    async def secret(
        self, scopes: Iterable[Scope] = Scope, province: ProvinceId | None = None, **changes: Any
    ) -> str:
        name, secret = new_secret()
        values: dict[str, Any] = {
            "id": name,
            "name": "آزمون",
            "hash": hash_of(secret),
            "scopes": frozenset(scopes),
            "province": province,
            "by": CHIEF.id,
            "at": datetime.now(UTC),
        }
        await TokenStore(self.store).create(Token(**values | changes))
        return secret

    async def ask(
        self, secret: str, method: str, path: str, body: Any = None, **more: Any
    ) -> ClientResponse:
        headers = {"Authorization": f"Bearer {secret}", **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)


def records() -> list[CallRecord]:
    began_at = datetime.now(UTC) - timedelta(days=2)
    times = {
        "arrived_at": began_at,
        "connected_at": began_at + timedelta(seconds=20),
        "talk_ended_at": began_at + timedelta(seconds=200),
        "ended_at": began_at + timedelta(seconds=201),
    }
    counsellor = CounsellorId(COUNSELLOR)
    return [
        call(CALL, facts=FACTS, counsellor=counsellor, desk=DeskId("markazi-arak"), **times),
        call(ELSEWHERE, province=ILAM, **times),
    ]


COUNTY = CountyId("markazi-saveh")


@asynccontextmanager
async def world(store: Store, **changes: Any) -> AsyncIterator[World]:
    await store.save_calls(records())
    await take_in(store, CHIEF)
    floor = FloorView(sequence=1, at=datetime.now(UTC), exchange_up=True)
    rest = Rest(store, lambda: IN_FORCE, lambda: floor, taken_within_s=0.0, **changes)
    async with TestClient(TestServer(make_app(InventedConsole(), rest))) as client:
        yield World(client, store)


async def take_in_people(store: Store) -> None:
    await take_in(store, *PEOPLE)


async def take_in(store: Store, *people: Person) -> None:
    await PeopleStore(store).take_in(people, by="installation", now=datetime.now(UTC), passwords={})


async def install_rules(store: Store, province: ProvinceId = MARKAZI) -> None:
    rules = next(one for one in IN_FORCE.rules if one.id == province)
    await VersionStore(store).install(rules, note="", by="installation", at=datetime.now(UTC))
