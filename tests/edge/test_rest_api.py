"""The API: what programs read and write, what they are told when something is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from yarl import URL

from ivr.errors import LineError, StoreError
from ivr.model import CallId
from ivr.store.erasing import erase_text
from ivr.store.forms import FormStore
from ivr.store.outcome_tables import dispatches, persons
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.tokens import Scope
from ivr.web.rest import serve
from ivr.web.rest.openapi import document
from ivr.web.rest.problems import CONTENT_TYPE
from ivr.web.rest.route import Route
from ivr.web.rest.routes import ROUTES
from ivr.web.rest.serve import make_rest_app
from tests.edge.rest_world import (
    CALL,
    COUNSELLOR,
    ELSEWHERE,
    ILAM,
    MARKAZI,
    World,
    install_rules,
    take_in_people,
    world,
)
from tests.edge.store_examples import call

KEY = {"Idempotency-Key": "k1"}


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


FORM = {"outcomes": [{"outcome": "external", "body": "judiciary"}]}


@pytest.fixture
async def api(store: Store) -> AsyncIterator[World]:
    async with world(store) as made:
        yield made


@pytest.fixture
def database() -> str:
    """SQLite, for tests of what does not depend on it."""
    return "sqlite"


async def answer(  # noqa: PLR0917 - read like a request line
    api: World,
    secret: str,
    method: str,
    path: str,
    body: Any = None,
    status: int = 200,
    **more: Any,
) -> Any:
    response = await api.ask(secret, method, path, body, **more)
    found = await response.json(content_type=None)
    assert response.status == status, found
    return found


async def test_a_form_is_saved_once_for_each_key_and_then_counts(api: World) -> None:
    secret = await api.secret()
    path = f"/calls/{CALL}/form"
    await answer(api, secret, "GET", path, status=404)
    saved = await answer(api, secret, "PUT", path, FORM, 201, headers=KEY)
    assert await answer(api, secret, "PUT", path, FORM, 201, headers=KEY) == saved
    assert saved["by"].startswith("token:")
    assert await answer(api, secret, "GET", path) == saved
    assert len(await FormStore(api.store).history(CallId(CALL))) == 1
    touched = await answer(
        *(api, secret, "POST", f"/calls/{CALL}/outcomes", {"outcome": "prank"}, 201),
        headers={"Idempotency-Key": "k2"},
    )
    assert touched["form"]["relation"] == "prank"
    assert (await answer(api, secret, "GET", f"/calls/{CALL}"))["relation"] == "prank"


async def test_two_programs_that_count_alike_do_not_meet(api: World) -> None:
    path = f"/calls/{CALL}/form"
    one, other = await api.secret(), await api.secret()
    first = await answer(api, one, "PUT", path, FORM, 201, headers=KEY)
    second = await answer(api, other, "PUT", path, FORM, 201, headers=KEY)
    assert first["id"] != second["id"]


async def test_what_is_wrong_with_a_form_is_said_field_by_field(api: World) -> None:
    secret = await api.secret()
    path = f"/calls/{CALL}/form"
    found = await answer(api, secret, "PUT", path, {"outcomes": []}, 422, headers=KEY)
    assert [problem["field"] for problem in found["problems"]] == ["outcomes"]
    found = await answer(api, secret, "PUT", path, FORM, 422)
    assert [problem["field"] for problem in found["problems"]] == ["Idempotency-Key"]
    assert await FormStore(api.store).history(CallId(CALL)) == ()


async def test_a_draft_is_kept_unchecked_until_the_form_is_saved(api: World) -> None:
    secret = await api.secret()
    await answer(api, secret, "PUT", f"/calls/{CALL}/draft", {"note": "نیمه‌کاره"})
    draft = await answer(api, secret, "GET", f"/calls/{CALL}/draft")
    assert draft["form"]["note"] == "نیمه‌کاره"
    pending = await answer(api, secret, "GET", "/pending")
    assert {one["call"] for one in pending["pending"]} == {CALL, ELSEWHERE}
    await answer(api, secret, "PUT", f"/calls/{CALL}/form", FORM, 201, headers=KEY)
    await answer(api, secret, "GET", f"/calls/{CALL}/draft", status=404)
    pending = await answer(api, secret, "GET", "/pending")
    assert [one["call"] for one in pending["pending"]] == [ELSEWHERE]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_trip_goes_on_by_steps(api: World) -> None:
    secret = await api.secret()
    new = {"county": "qazvin-avaj", "asked_by": "police"}
    trip = await answer(api, secret, "POST", "/dispatches", new, 201, headers=KEY)
    assert await answer(api, secret, "POST", "/dispatches", new, 201, headers=KEY) == trip
    steps = f"/dispatches/{trip['id']}/steps"
    step = {"step": "sent", "vehicle": "پژو", "persons": [{"count": 2}]}
    sent = await answer(api, secret, "POST", steps, step, headers=KEY)
    assert (sent["sent_at"] is not None, sent["vehicle"]) == (True, "پژو")
    found = await answer(api, secret, "GET", "/dispatches", params={"under_way": "true"})
    assert found == {"dispatches": [sent], "next": None}
    await answer(api, secret, "POST", steps, {"step": "closed"}, headers=key("2"))
    found = await answer(api, secret, "GET", "/dispatches", params={"under_way": "true"})
    assert found["dispatches"] == []
    await answer(api, secret, "POST", steps, {"step": "cancelled"}, 422, headers=key("3"))
    again = {"step": "cancelled", "vehicle": "ون", "persons": [{"count": 9}]}
    assert await answer(api, secret, "POST", steps, again, headers=KEY) == sent
    other = await answer(api, secret, "POST", "/dispatches", new, 201, headers=key("4"))
    steps = f"/dispatches/{other['id']}/steps"
    await answer(api, secret, "POST", steps, {"step": "sent"}, 422, headers=KEY)  # of the first
    await answer(api, secret, "POST", steps, {"step": "sent"}, 422)  # none
    (counted,) = await api.store.rows(select(persons.c.count))
    assert counted["count"] == 2


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_stay_begins_and_ends_within_its_limit(api: World) -> None:
    secret = await api.secret()
    new = {"county": "markazi-saveh", "centre": "centre", "kind": "admission"}
    new |= {"persons": [{"count": 1}], "services": ["keeping"]}
    too_long = {**new, "until_at": (datetime.now(UTC) + timedelta(days=22)).isoformat()}
    await answer(api, secret, "POST", "/visits", too_long, 422, headers=KEY)
    visit = await answer(api, secret, "POST", "/visits", new, 201, headers=KEY)
    staying = await answer(api, secret, "GET", "/visits", params={"staying": "true"})
    assert [one["id"] for one in staying["visits"]] == [visit["id"]]
    end = f"/visits/{visit['id']}/end"
    ended = await answer(api, secret, "POST", end, {"how": "home"}, headers=KEY)
    assert ended["ended_how"] == "home"
    assert await answer(api, secret, "POST", end, {"how": "court"}, headers=KEY) == ended


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_stay_is_prolonged_by_a_courts_word_alone_beyond_its_limit(api: World) -> None:
    secret = await api.secret()
    new = {"county": "markazi-saveh", "centre": "centre", "kind": "admission"}
    new |= {"persons": [{"count": 1}], "note": "با مادرش"}
    visit = await answer(api, secret, "POST", "/visits", new, 201, headers=KEY)
    prolong = f"/visits/{visit['id']}/prolong"
    until_at = datetime.fromisoformat(visit["from_at"]) + timedelta(days=30)
    longer = {"until_at": until_at.isoformat()}
    await answer(api, secret, "POST", prolong, longer, 422, headers=key("1"))
    longer |= {"by_court": True}
    found = await answer(api, secret, "POST", prolong, longer, headers=key("2"))
    assert datetime.fromisoformat(found["until_at"]) == until_at
    shorter = {"until_at": (until_at - timedelta(days=20)).isoformat()}
    await answer(api, secret, "POST", prolong, shorter, headers=key("3"))
    assert await answer(api, secret, "POST", prolong, shorter, headers=key("2")) == found
    chosen = select(audit).where(audit.c.action == "admission.prolong").order_by(audit.c.seq)
    entries = await api.store.rows(chosen)
    assert [entry["detail"]["by_court"] for entry in entries] == [True, False]
    assert {entry["by"] for entry in entries} == {visit["by"]}
    elsewhere = await api.secret(province=ILAM)
    await answer(api, elsewhere, "POST", prolong, shorter, 404, headers=KEY)


async def test_what_was_erased_since_is_in_no_first_answer(api: World) -> None:
    secret = await api.secret()
    new = {"county": "qazvin-avaj", "note": "نشانی"}
    trip = await answer(api, secret, "POST", "/dispatches", new, 201, headers=KEY)
    steps = f"/dispatches/{trip['id']}/steps"
    step = {"step": "closed", "result": "به خانه رفت"}
    closed = await answer(api, secret, "POST", steps, step, headers=KEY)
    assert (closed["note"], closed["result"]) == ("نشانی", "به خانه رفت")
    async with api.store.writing() as connection:
        await erase_text(connection, dispatches, [trip["id"]])
    erased = await answer(api, secret, "POST", steps, step, headers=KEY)
    assert erased == closed | {"note": "", "result": None}


async def test_a_follow_up_is_done_once(api: World) -> None:
    secret = await api.secret()
    new = {"call": CALL, "due_at": "2026-12-01T08:00:00+03:30"}
    made = await answer(api, secret, "POST", "/follow-ups", new, 201, headers=KEY)
    assert (made["due_at"], made["province"]) == ("2026-12-01T04:30:00Z", MARKAZI)
    done = f"/follow-ups/{made['id']}/done"
    first = await answer(api, secret, "POST", done, {"note": "آمد"}, headers=KEY)
    for again in (KEY, key("2")):
        assert await answer(api, secret, "POST", done, {"note": "دوباره"}, headers=again) == first
    await answer(api, secret, "POST", f"/follow-ups/{made['id']}/taken", None, 422, headers=KEY)
    listed = await answer(api, secret, "GET", "/follow-ups", params={"done": "false"})
    assert listed["follow_ups"] == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_the_next_shift_takes_a_follow_up_over(api: World) -> None:
    one, other = await api.secret(), await api.secret()
    new = {"call": CALL, "due_at": "2026-12-01T08:00:00+03:30", "kind": "expected_back"}
    made = await answer(api, one, "POST", "/follow-ups", new, 201, headers=KEY)
    assert (made["taken_by"], made["taken_at"]) == (None, None)
    path = f"/follow-ups/{made['id']}/taken"
    first = await answer(api, one, "POST", path, headers=KEY)
    assert first["taken_by"] == made["by"]
    assert await answer(api, one, "POST", path, headers=key("2")) == first  # it has it already
    second = await answer(api, other, "POST", path, headers=KEY)
    assert second["taken_by"] not in {None, first["taken_by"]}
    assert await answer(api, one, "POST", path, headers=KEY) == first  # the same act
    listed = await answer(api, one, "GET", "/follow-ups", params={"done": "false"})
    assert listed["follow_ups"] == [second]
    chosen = select(audit).where(audit.c.action == "follow_up.take").order_by(audit.c.seq)
    takings = [(entry["by"], entry["detail"]) for entry in await api.store.rows(chosen)]
    assert takings == [
        (first["taken_by"], {"from": made["by"]}),
        (second["taken_by"], {"from": first["taken_by"]}),
    ]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_pages_go_on_where_the_one_before_ended(api: World) -> None:
    secret = await api.secret()
    at = datetime.now(UTC) - timedelta(days=1)
    names = [f"page-{number}" for number in range(7)]  # three and four at one instant
    await api.store.save_calls(
        [call(name, arrived_at=at - timedelta(hours=n // 4)) for n, name in enumerate(names)]
    )
    found: list[str] = []
    asked = {"limit": "2", "province": "markazi", "since": (at - timedelta(hours=9)).isoformat()}
    while True:
        page = await answer(api, secret, "GET", "/calls", params=asked)
        found += [one["call"] for one in page["calls"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert found == [*reversed(names[:4]), *reversed(names[4:])]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_calls_are_found_by_place_and_category_and_tell_of_no_caller(api: World) -> None:
    secret = await api.secret()
    asked = {"county": "markazi-saveh", "category": "child_abuse"}
    (found,) = (await answer(api, secret, "GET", "/calls", params=asked))["calls"]
    assert (found["call"], found["lane"]) == (CALL, "danger")
    assert not {name for name in found if "caller" in name or "pseudonym" in name}
    none = await answer(api, secret, "GET", "/calls", params={"county": "markazi-arak"})
    assert none == {"calls": [], "next": None}


async def test_figures_of_a_period_come_with_what_they_count(api: World) -> None:
    secret = await api.secret(province=MARKAZI)
    day = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    asked = {"from": day, "to": datetime.now(UTC).date().isoformat()}
    report = await answer(api, secret, "GET", "/reports", params=asked)
    assert report["scope"]["province"] == "markazi"
    assert report["figures"]["calls"]["value"] == 1
    counted = {"calls", "persons", "dispatches", "visits"}
    values = [
        each[name]
        for each in report["figures"].values()
        for name in ("value", "previous")
        if each["unit"] in counted
    ]
    assert {type(value) for value in values} <= {int, type(None)}
    assert int in map(type, values)
    hidden = await answer(api, secret, "GET", "/reports", params={**asked, "publish": "true"})
    assert hidden["figures"]["calls"]["hidden"]
    for wrong, told in (
        ({"from": "1405/13/01"}, "from: "),
        ({"from": "1300/01/01"}, "A report is of 3660 days at most"),
        ({"to": "1300/01/01"}, f"from {day} is after to 1300/01/01"),
    ):
        refused = await answer(api, secret, "GET", "/reports", params=asked | wrong, status=422)
        assert refused["detail"].startswith(told)


async def test_a_mistake_of_type_is_told_in_plain_words(api: World) -> None:
    body = {"county": "markazi-saveh", "colour": "red", "at": "2026-11-22", "asked_by": "x"}
    sent = {"body": body, "headers": {"Idempotency-Key": "k"}}
    refused = await answer(api, await api.secret(), "POST", "/dispatches", status=422, **sent)
    told = {one["field"]: one["what"] for one in refused["problems"]}
    assert told["colour"] == "there is no such field: correct its name, or leave it out"
    assert told["asked_by"].startswith("is not known here: write ")
    assert told["at"].startswith("is no instant: write one with its zone")


async def test_a_figure_opens_to_what_it_counts_page_by_page(api: World) -> None:
    at = {"arrived_at": datetime.now(UTC) - timedelta(days=1), "province": MARKAZI}
    await api.store.save_calls([call(f"more-{number}", **at) for number in range(4)])
    secret = await api.secret(province=MARKAZI)
    day = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    asked: dict[str, Any] = {"from": day, "to": datetime.now(UTC).date().isoformat()}
    report = await answer(api, secret, "GET", "/reports", params=asked)
    asked |= {"figure": "calls", "limit": "2"}
    found: list[str] = []
    while True:
        page = await answer(api, secret, "GET", "/reports/opened", params=asked)
        found += [one["id"] for one in page["rows"]]
        if page["next"] is None:
            break
        asked["after"] = str(page["next"])
    assert len(found) == len(set(found)) == report["figures"]["calls"]["value"]
    no_figure = {**asked, "figure": "happiness"}
    await answer(api, secret, "GET", "/reports/opened", params=no_figure, status=422)
    calls_alone = await api.secret([Scope.CALLS_READ])
    trips = {**asked, "figure": "dispatches"}
    await answer(api, secret, "GET", "/reports/opened", params=trips)
    await answer(api, calls_alone, "GET", "/reports/opened", params=trips, status=403)


async def test_counsellors_and_rules_are_shown_and_the_floor_is_told(api: World) -> None:
    await take_in_people(api.store)
    await install_rules(api.store)
    secret = await api.secret(province=MARKAZI)
    found = (await answer(api, secret, "GET", "/counsellors"))["counsellors"]
    assert COUNSELLOR in {one["id"] for one in found}
    assert {desk.split("-")[0] for one in found for desk in one["desks"]} == {"markazi"}
    (version,) = (await answer(api, secret, "GET", "/rules"))["versions"]
    assert (version["number"], version["state"]) == (1, "in_force")
    rules = await answer(api, secret, "GET", "/rules/markazi")
    assert rules["version"] == version["version"]
    history = await answer(api, secret, "GET", "/rules/markazi/history")
    assert history == {"versions": [version]}
    pause = f"/counsellors/{COUNSELLOR}/pause"
    refused = await answer(api, secret, "POST", pause, {"reason": "meal"}, 409)
    assert "not taken it in" in refused["detail"]  # there is no running line here


# --- one shape for whatever is wrong; these need one database only


@asynccontextmanager
async def problem_of(api: World, method: str, path: URL, **more: Any) -> AsyncIterator[Any]:
    async with api.client.request(method, path, **more) as response:
        assert response.content_type == CONTENT_TYPE
        found = await response.json(content_type=None)
        assert found["status"] == response.status
        yield found, response


CALLS = URL("/api/v1/calls")
WRONG: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/calls/%00", {}, 404),
    ("GET", "/calls/nobody", {}, 404),
    ("GET", "/dispatches/x", {}, 404),
    ("GET", "/dispatches/99999999999999999999999", {}, 404),
    ("GET", "/calls?limit=0", {}, 422),
    ("GET", "/calls?limit=1e99", {}, 422),
    ("GET", "/calls?limit=1&limit=2", {}, 422),
    ("GET", "/calls?nothing=1", {}, 422),
    ("GET", "/calls?county=%00", {}, 422),
    ("GET", "/calls?since=0001-01-01T00:00:00%2B14:00", {}, 422),
    ("GET", "/calls?since=2026-11-22T00:00:00", {}, 422),
    ("GET", "/calls?cursor=AAAA", {}, 422),
    ("GET", "/dispatches?cursor=MjAyNi0xMS0yMlQwMDowMDowMCswMDowMHw5OTk5OTk5OTk5OTk5", {}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"data": b"{"}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"data": b"\xff\xfe"}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"data": b'{"note": "\\ud800"}'}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"data": b"[" * 100_000}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"json": {"note": 7}}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"json": {"persons": [{"count": 10**40}]}}, 422),
    ("PUT", f"/calls/{CALL}/draft", {"data": b" " * (serve.BODY_OCTETS + 1)}, 413),
    ("POST", "/follow-ups", {"json": {"call": "a\0b", "due_at": "2026-12-01T00:00:00Z"}}, 422),
    ("POST", f"/counsellors/{COUNSELLOR}/extend-wrap-up", {"data": b'{"more_s": NaN}'}, 422),
    ("DELETE", "/calls", {}, 405),
    ("GET", "/nothing", {}, 404),
]


async def test_what_is_wrong_is_a_problem_and_never_a_failure(api: World) -> None:
    headers = {"Authorization": f"Bearer {await api.secret()}", **KEY}
    for method, path, sent, status in WRONG:
        address = URL(f"/api/v1{path}", encoded=True)
        async with problem_of(api, method, address, headers=headers, **sent) as (found, _):
            assert found["status"] == status, (method, path, found)


async def test_without_a_token_that_is_valid_nothing_is_said(api: World) -> None:
    ended = await api.secret(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    good = await api.secret()
    forged = good[:-1] + ("a" if good[-1] != "a" else "b")
    for said in ("", f"Bearer {ended}", f"Bearer {forged}", f"Basic {good}", "Bearer é"):
        headers = {"Authorization": said}
        async with problem_of(api, "GET", CALLS, headers=headers) as (found, response):
            assert found["status"] == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_while_the_database_is_away_one_is_told_to_come_back(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await api.secret()

    async def away(*_: object) -> None:
        raise StoreError("The database is away.")

    monkeypatch.setattr(Store, "rows", away)
    headers = {"Authorization": f"Bearer {secret}"}
    async with problem_of(api, "GET", CALLS, headers=headers) as (found, response):
        assert (found["status"], response.headers["Retry-After"]) == (503, "5")


async def test_what_takes_too_long_is_ended(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = await api.secret()

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(serve, "ANSWER_WITHIN_S", 0.01)
    monkeypatch.setattr(Store, "rows", never)
    headers = {"Authorization": f"Bearer {secret}"}
    async with problem_of(api, "GET", CALLS, headers=headers) as (found, _):
        assert found["status"] == 503


# --- whose token may what

# Every route with the one scope that opens it.
POLICY = """
GET  /calls calls.read
GET  /calls/{call} calls.read
GET  /calls/{call}/form outcomes.read
PUT  /calls/{call}/form outcomes.write
POST /calls/{call}/form outcomes.write
POST /calls/{call}/outcomes outcomes.write
GET  /calls/{call}/draft outcomes.read
PUT  /calls/{call}/draft outcomes.write
GET  /pending outcomes.read
GET  /dispatches referrals.read
GET  /dispatches/{number} referrals.read
POST /dispatches referrals.write
POST /dispatches/{number}/steps referrals.write
GET  /visits referrals.read
POST /visits referrals.write
POST /visits/{number}/end referrals.write
POST /visits/{number}/prolong referrals.write
GET  /follow-ups referrals.read
POST /follow-ups referrals.write
POST /follow-ups/{number}/done referrals.write
POST /follow-ups/{number}/taken referrals.write
GET  /reports reports.read
GET  /reports/opened calls.read
GET  /counsellors counsellors.read
GET  /rules rules.read
GET  /rules/{province} rules.read
GET  /rules/{province}/history rules.read
POST /counsellors/{counsellor}/pause floor.write
POST /counsellors/{counsellor}/pause-after-call floor.write
POST /counsellors/{counsellor}/resume floor.write
POST /counsellors/{counsellor}/grant-break floor.write
POST /counsellors/{counsellor}/extend-wrap-up floor.write
POST /counsellors/{counsellor}/end-wrap-up floor.write
"""
EXPECTED = [tuple(line.split()) for line in POLICY.strip().splitlines()]
NAMES = {"call": CALL, "number": "1", "counsellor": COUNSELLOR, "province": "markazi"}


def test_every_route_stands_in_the_table() -> None:
    assert [(route.method, route.path) for route in ROUTES] == [one[:2] for one in EXPECTED]


async def test_each_route_is_open_to_its_scope_alone(api: World) -> None:
    only = {scope: await api.secret([scope]) for scope in Scope}
    without = {scope: await api.secret(set(Scope) - {scope}) for scope in Scope}
    for method, path, needed in EXPECTED:
        address = path.format(**NAMES)
        found = {
            scope
            for scope in Scope
            if (await api.ask(only[scope], method, address)).status not in {401, 403}
        }
        assert found == {needed}, (method, path)
        assert (await api.ask(without[Scope(needed)], method, address)).status == 403
        refused = await api.client.request(method, f"/api/v1{address}")
        assert refused.status == 401


async def test_a_token_of_another_province_sees_and_changes_nothing(api: World) -> None:
    await take_in_people(api.store)
    everywhere, ilam = await api.secret(), await api.secret(province=ILAM)
    new = {"county": "markazi-saveh", "centre": "c", "kind": "admission", "persons": [{"count": 1}]}
    await answer(api, everywhere, "POST", "/visits", new, 201, headers=KEY)
    due = {"call": CALL, "due_at": "2026-12-01T00:00:00Z"}
    await answer(api, everywhere, "POST", "/follow-ups", due, 201, headers=KEY)
    bodies: dict[str, Any] = {
        "/calls/{call}/outcomes": {"outcome": "prank"},
        "/dispatches": {"county": "markazi-saveh"},
        "/dispatches/{number}/steps": {"step": "sent"},
        "/visits": new,
        "/visits/{number}/end": {"how": "home"},
        "/visits/{number}/prolong": {"until_at": "2026-12-01T00:00:00Z"},
        "/follow-ups": due,
    }
    for method, path, _ in EXPECTED:
        if method == "GET" and "{" not in path:
            asked = {"province": "markazi", "from": "1405/01/01", "to": "1405/01/02"}
            params = {"province": "markazi"}
            if path.startswith("/reports"):
                params = asked | ({"figure": "calls"} if path != "/reports" else {})
            response = await api.ask(ilam, method, path, params=params)
            expected = {200} if path == "/rules" else {403}
        else:
            body = bodies.get(path, {}) if method != "GET" else None
            response = await api.ask(ilam, method, path.format(**NAMES), body, headers=KEY)
            expected = {403, 404}
        assert response.status in expected, (method, path)
    for path, name in (("/calls", "calls"), ("/visits", "visits"), ("/follow-ups", "follow_ups")):
        found = (await answer(api, ilam, "GET", path))[name]
        assert {one["province"] for one in found} <= {"ilam"}
    assert (await answer(api, ilam, "GET", "/rules"))["versions"] == []


def test_without_a_policy_the_api_does_not_start() -> None:
    first = ROUTES[0]
    values = {name: getattr(first, name) for name in Route.__slots__}
    nobody: Any = object()
    with pytest.raises(LineError, match="GET /calls has no policy"):
        make_rest_app(nobody, [Route(**{**values, "scope": None})])
    with pytest.raises(LineError, match="twice"):
        make_rest_app(nobody, [first, first])


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


async def test_the_document_describes_every_route(api: World) -> None:
    response = await api.client.get("/api/v1/openapi.json")
    found = await response.json()
    assert found == document(ROUTES)
    assert found["openapi"] == "3.1.0"
    operations = {
        (method.upper(), path): operation
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {(route.method, route.path) for route in ROUTES}
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    for (_, path), operation in operations.items():
        named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert all(f"{{{name}}}" in path for name in named)
        assert path.count("{") == len(named)
    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert references(found) <= schemas
