"""The feed for other programs: a whole view, then deltas that make the newest of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given

from ivr.floor_delta import Changes, delta, patched
from ivr.model import Lane
from ivr.view import FloorView
from ivr.web import app as web_app
from ivr.web.api import ROWS, delta_json, floor_json, snapshot_json
from ivr.web.app import make_app
from ivr.web.json_feed import JsonFeed
from tests.core.test_floor_view import views
from tests.web.floors import InventedConsole, busy_night, waiting

WAIT_S = 120
NOW = datetime(2026, 11, 22, tzinfo=UTC)
Json = dict[str, Any]


@pytest.fixture
def console() -> InventedConsole:
    return InventedConsole()


@pytest.fixture
async def client(console: InventedConsole) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(make_app(console))) as client:
        yield client


def followed(floor: Json, message: Json) -> Json:
    """What a program makes of the floor that it holds and a message."""
    if message["type"] == "floor":
        return {name: value for name, value in message.items() if name != "type"}
    assert message["type"] == "delta"
    assert message["after"] == floor["sequence"], "a gap"
    figures = {name: message[name] for name in floor if name not in ROWS}
    rows = {name: list(_followed(floor[name], message[name])) for name in ROWS}
    return {**figures, **rows}


def _followed(rows: list[Json], news: Json) -> tuple[Json, ...]:
    changes = Changes(gone=tuple(news["gone"]), put=tuple((at, row) for at, row in news["put"]))
    return patched(rows, changes, lambda row: str(row["key"]))


async def next_news(socket: ClientWebSocketResponse) -> Json:
    """The next message that is more than a beat; those come whenever two seconds have passed."""
    while True:
        message = dict(await socket.receive_json(timeout=WAIT_S))
        if message["type"] != "beat":
            return message


async def until(socket: ClientWebSocketResponse, wanted: FloorView, floor: Json) -> Json:
    """Follow until the floor is as wanted."""
    async with asyncio.timeout(WAIT_S):
        while floor != json.loads(floor_json(wanted)):
            floor = followed(floor, await next_news(socket))
    return floor


@given(views, views)
def test_what_is_written_leads_from_one_view_to_the_other(old: FloorView, new: FloorView) -> None:
    floor = followed({}, json.loads(snapshot_json(old)))
    news = json.loads(delta_json(delta(old, new)))
    assert followed(floor, news) == json.loads(floor_json(new))


async def test_a_program_follows_by_deltas_alone(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    console.view = busy_night().view
    async with client.ws_connect("/api/v1/floor/feed") as socket:
        first = await socket.receive_json(timeout=WAIT_S)
        assert first["type"] == "floor"
        beat = await socket.receive_json(timeout=WAIT_S)
        assert (beat["type"], beat["sequence"]) == ("beat", console.view.sequence)
        floor = await until(socket, console.view, followed({}, first))
        console.show(waiting=console.view.waiting[1:], in_menu=3)
        delta_ = await next_news(socket)
        assert delta_["type"] == "delta"
        assert delta_["waiting"] == {"gone": ["1"], "put": []}
        assert delta_["counsellors"] == {"gone": [], "put": []}
        floor = followed(floor, delta_)
        for number in range(5):
            urgent = waiting(f"d{number}", lane=Lane.DANGER)
            console.show(waiting=(urgent, *console.view.waiting))
        await until(socket, console.view, floor)


async def test_whoever_comes_back_gets_a_whole_view(
    client: TestClient[Any, Any], console: InventedConsole
) -> None:
    for _ in range(2):
        async with client.ws_connect("/api/v1/floor/feed") as socket:
            message = await socket.receive_json(timeout=WAIT_S)
        assert (message["type"], message["sequence"]) == ("floor", console.view.sequence)
        console.show()


async def test_a_line_that_changes_its_order_by_itself_is_told_with_the_beat(
    client: TestClient[Any, Any], console: InventedConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_app, "BEAT_S", 0.02)
    one, other = waiting("c1"), waiting("c2")
    console.show(waiting=(one, other))
    async with client.ws_connect("/api/v1/floor/feed") as socket:
        floor = await until(socket, console.view, {})
        console.view = replace(console.view, waiting=(other, one))
        await until(socket, console.view, floor)


def test_a_message_is_written_once_for_all_who_need_it(console: InventedConsole) -> None:
    feed = JsonFeed(console)
    held, (snapshot, _) = feed.news(None, NOW)
    assert feed.news(None, NOW)[1][0] is snapshot
    console.view = replace(console.view, at=console.view.at + timedelta(seconds=1))
    assert feed.news(held, NOW)[1][:-1] == [], "time alone is no change"
    console.show(in_menu=1)
    newest, (one, _) = feed.news(held, NOW)
    assert feed.news(held, NOW)[1][0] is one
    assert feed.news(newest, NOW)[1][:-1] == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_pages_of_other_sites_are_refused(client: TestClient[Any, Any], origin: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect("/api/v1/floor/feed", origin=origin)
    assert refused.value.status == 403


async def test_the_own_page_may_follow_too(client: TestClient[Any, Any]) -> None:
    origin = str(client.make_url("")).rstrip("/")
    async with client.ws_connect("/api/v1/floor/feed", origin=origin) as socket:
        assert (await socket.receive_json(timeout=WAIT_S))["type"] == "floor"
