"""Webhooks: signed, tried again, bounded, and never sent into the house unless that was allowed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords, webhook_sender
from ivr.cli import app
from ivr.dispatching import AskedBy, CoverKind, Dispatch, TripStep
from ivr.errors import BadInput, NotAllowed, StoreError
from ivr.model import CallId, CountyId, ProvinceId
from ivr.outcome_form import one_touch
from ivr.outcomes import Relation
from ivr.people import load_persons
from ivr.settings import PROJECT, Settings
from ivr.store import webhook_rows
from ivr.store.decisions import Decisions
from ivr.store.deliveries import DeliveryStore
from ivr.store.dispatches import DispatchStore
from ivr.store.forms import FormStore
from ivr.store.holds import HoldKind, HoldStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.vault import Vault
from ivr.store.webhooks import WebhookStore
from ivr.webhook_sender import WebhookSender
from ivr.webhooks import HookEvent, Webhook, check_url, is_public, next_try_at
from tests.edge.store_examples import call
from tests.patience import PATIENCE_S

MARKAZI = ProvinceId("markazi")
NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
SECRET, PASSWORD = "whsec_for-this-test", "four plain words here"


class Noon(datetime):
    """A clock that stands still, for what is written when it is saved."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_rows, "datetime", Noon)


@dataclass
class Receiver:
    """Another program; it answers with these statuses, the last one for ever."""

    statuses: list[int]
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        self.taken.set()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"})


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver(list(statuses))
    receiving_app = web.Application()
    receiving_app.router.add_post("/hook", receiver.take)
    async with TestServer(receiving_app) as server:
        yield receiver, str(server.make_url("/hook"))


async def hooked(store: Store, url: str, **changes: Any) -> Webhook:
    values: dict[str, Any] = {
        "id": 0,
        "url": url,
        "secret": SECRET,
        "events": frozenset(HookEvent),
        "province": None,
        "private": True,
        "by": "national-admin",
        "at": NOW,
    }
    return await WebhookStore(store).add(Webhook(**values | changes))


async def save_form(store: Store, name: str, key: str = "k") -> None:
    await store.save_calls([call(name)])
    form = one_touch(Relation.PRANK)
    await FormStore(store).save(form, call=CallId(name), by="sara", at=NOW, key=key)


@dataclass
class Clock:
    now: datetime = NOW + timedelta(seconds=1)

    def __call__(self) -> datetime:
        return self.now


def sender(store: Store, clock: Clock) -> WebhookSender:
    kept = timedelta(days=7)
    return WebhookSender(DeliveryStore(store), lambda sealed: sealed, clock, kept=kept)


async def look(sending: WebhookSender) -> int:
    """Once, until all that was due was sent or has failed; how many receivers there were."""
    async with asyncio.TaskGroup() as tasks:
        return await sending.look(tasks)


@asynccontextmanager
async def running(sending: WebhookSender) -> AsyncIterator[None]:
    """As the line runs it."""
    task = asyncio.create_task(sending.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_outcome_is_told_again_until_it_is_taken_and_signed(store: Store) -> None:
    clock = Clock()
    async with receiving(500, 302, 204) as (receiver, url):
        hook = await hooked(store, url)
        await save_form(store, "170.1")
        await save_form(store, "170.1")  # the same save again is told once
        sending = sender(store, clock)
        for waited_s in (0, 11, 21):
            clock.now += timedelta(seconds=waited_s)
            assert await look(sending) == 1
            assert await look(sending) == 0  # not before its time
        assert await WebhookStore(store).waiting() == {}
    assert len(receiver.got) == 3
    headers, body = receiver.got[-1]
    signed = f"{headers['Line123-Timestamp']}.".encode() + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Line123-Signature"] == f"v1={expected}"
    said = json.loads(body)
    assert (said["kind"], said["data"]["call"]) == ("outcome.saved", "170.1")
    assert said["data"]["outcomes"] == ["prank"]
    assert {headers["Line123-Delivery"] for headers, _ in receiver.got} == {said["event"]}
    assert hook.id in {found.id for found in await WebhookStore(store).all()}


async def test_each_step_of_a_trip_is_told_once_to_whom_it_concerns(store: Store) -> None:
    async with receiving(200) as (receiver, url), receiving(200) as (elsewhere, other_url):
        await hooked(store, url, province=MARKAZI)
        await hooked(store, other_url, province=ProvinceId("ilam"))
        trip = Dispatch(
            id=0,
            key="k",
            call=None,
            province=MARKAZI,
            county=CountyId("markazi-saveh"),
            team="team-saveh",
            team_county=CountyId("markazi-saveh"),
            cover=CoverKind.OWN,
            asked_by=AskedBy.POLICE,
            requested_at=NOW,
            by="sara",
            at=NOW,
        )
        trips = DispatchStore(store)
        number = (await trips.request(trip)).id
        for step in (TripStep.SENT, TripStep.SENT, TripStep.CLOSED):
            await trips.step(number, step, NOW)
        sending = sender(store, Clock())
        while await look(sending):
            pass
    steps = [json.loads(body)["data"]["step"] for _, body in receiver.got]
    assert sorted(steps) == ["closed", "requested", "sent"]
    assert elsewhere.got == []


async def test_who_does_not_answer_is_given_up_after_a_day(store: Store) -> None:
    clock = Clock()
    began_at = clock.now
    async with receiving(500) as (receiver, url):
        await hooked(store, url)
        await save_form(store, "170.1")
        hooks = WebhookStore(store)
        while await hooks.waiting():
            await look(sender(store, clock))
            clock.now += timedelta(minutes=10)
            assert clock.now < began_at + timedelta(days=2)
    assert clock.now > began_at + timedelta(hours=22)
    assert 15 < len(receiver.got) < 40


async def test_a_webhook_that_was_ended_is_told_nothing_more(store: Store) -> None:
    async with receiving(200) as (receiver, url):
        hook = await hooked(store, url)
        await save_form(store, "170.1")
        hooks = WebhookStore(store)
        ended = await hooks.end(hook.id, by="a", at=NOW)
        assert await hooks.end(hook.id, by="b", at=NOW) == ended
        await save_form(store, "170.2", key="k2")
        assert await look(sender(store, Clock())) == 0
        with pytest.raises(BadInput, match="no webhook 999"):
            await hooks.end(999, by="a", at=NOW)
    assert receiver.got == []
    assert await Decisions(store, 0).revision() == 0


@asynccontextmanager
async def hanging() -> AsyncIterator[tuple[asyncio.Event, asyncio.Event, str]]:
    """A program that does not answer before the second event; the first says that it was asked."""
    arrived, release = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        arrived.set()
        await release.wait()
        return web.Response()

    hanging_app = web.Application()
    hanging_app.router.add_post("/hook", hang)
    async with TestServer(hanging_app) as server:
        try:
            yield arrived, release, str(server.make_url("/hook"))
        finally:
            release.set()


async def test_who_hangs_or_refuses_keeps_nobody_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hangs, one refuses, one is good: it gets everything, in order, before the first ends."""
    monkeypatch.setattr(webhook_sender, "ANSWER_WITHIN_S", 600.0)
    monkeypatch.setattr(webhook_sender, "LOOK_EVERY_S", 0.01)
    clock = Clock()
    async with (
        hanging() as (arrived, release, slow),
        receiving(500) as (refusing, no),
        receiving(200) as (good, yes),
    ):
        hooks = [await hooked(store, url) for url in (slow, no, yes)]
        async with running(sender(store, clock)), asyncio.timeout(PATIENCE_S):
            for number in range(3):
                await save_form(store, f"170.{number}", key=f"k{number}")
                await got(good, number + 1)
            await arrived.wait()
            await got(refusing, 1)
            await until_told(store, hooks[2])
            assert await WebhookStore(store).waiting() == {hooks[0].id: 3, hooks[1].id: 3}
            release.set()
            await until_told(store, hooks[0])
    assert calls_of(good) == ["170.0", "170.1", "170.2"]
    assert calls_of(refusing) == ["170.0"], "what comes after waits for it, and it for its time"


async def until_told(store: Store, hook: Webhook) -> None:
    """Each look at the database lets the sender go on."""
    waiting = {hook.id: 1}
    while hook.id in waiting:
        waiting = await WebhookStore(store).waiting()


async def got(receiver: Receiver, number: int) -> None:
    while len(receiver.got) < number:
        receiver.taken.clear()
        await receiver.taken.wait()


def calls_of(receiver: Receiver) -> list[str]:
    return [json.loads(body)["data"]["call"] for _, body in receiver.got]


async def test_a_receiver_is_told_in_order_after_it_was_away(store: Store) -> None:
    clock = Clock()
    async with receiving(503, 503, 200) as (receiver, url):
        await hooked(store, url)
        sending = sender(store, clock)
        for number in range(3):
            await save_form(store, f"170.{number}", key=f"k{number}")
            assert await look(sending) == (number == 0)
        for waited_s in (11, 21):
            clock.now += timedelta(seconds=waited_s)
            assert await look(sending) == 1
        assert await look(sending) == 0
    assert calls_of(receiver) == ["170.0", "170.0", "170.0", "170.1", "170.2"]


async def test_what_is_refused_for_what_it_is_keeps_the_rest_for_minutes_alone(
    store: Store,
) -> None:
    clock = Clock()
    began_at = clock.now
    async with receiving(*[422] * 5, 200) as (receiver, url):
        hook = await hooked(store, url)
        for number in range(2):
            await save_form(store, f"170.{number}", key=f"k{number}")
        while await WebhookStore(store).waiting():
            await look(sender(store, clock))
            clock.now += timedelta(seconds=10)
            assert clock.now < began_at + timedelta(minutes=5)
    assert calls_of(receiver) == [*["170.0"] * 5, "170.1"]
    (untaken,) = await DeliveryStore(store).untaken()
    assert (untaken.webhook, untaken.count, untaken.given_up) == (hook.id, 1, 1)
    assert untaken.error == "answered 422"


async def test_what_was_given_up_is_listed_and_sent_again(store: Store) -> None:
    clock, told = Clock(), DeliveryStore(store)
    async with receiving(*[400] * 5, 200) as (receiver, url):
        hook = await hooked(store, url)
        await save_form(store, "170.1")
        assert await told.untaken() == (), "nothing was tried in vain"
        while await WebhookStore(store).waiting():
            await look(sender(store, clock))
            clock.now += timedelta(minutes=2)
        (given_up,) = await told.deliveries(None)
        assert (given_up.webhook, given_up.tries, given_up.next_at) == (hook.id, 5, None)
        with pytest.raises(BadInput, match="no such delivery"):
            await told.send_again(hook, given_up.id + 1, by="a", at=clock.now)
        assert await told.send_again(hook, given_up.id, by="a", at=clock.now) == 1
        assert await look(sender(store, clock)) == 1
        assert (await told.deliveries(hook.id), await told.untaken()) == ((), ())
        (taken,) = await told.deliveries(hook.id, taken_too=True)
        assert (taken.delivered_at, taken.error) == (clock.now, None)
        with pytest.raises(BadInput, match="no such delivery"):
            await told.send_again(hook, None, by="a", at=clock.now)
    assert len({headers["Line123-Delivery"] for headers, _ in receiver.got}) == 1


async def test_nothing_is_told_of_a_webhook_that_has_ended(store: Store) -> None:
    clock, told = Clock(), DeliveryStore(store)
    async with receiving(500) as (_, url):
        hook = await hooked(store, url)
        await save_form(store, "170.1")
        await look(sender(store, clock))
        assert len(await told.untaken()) == 1
        ended = await WebhookStore(store).end(hook.id, by="a", at=clock.now)
        assert await told.untaken() == ()
        with pytest.raises(BadInput, match="has ended"):
            await told.send_again(ended, None, by="a", at=clock.now)


async def test_what_was_taken_is_forgotten_after_a_time_but_for_held_calls(store: Store) -> None:
    clock, told = Clock(), DeliveryStore(store)
    async with receiving(200) as (_, url):
        await hooked(store, url)
        for name in ("170.1", "170.2"):
            await save_form(store, name, key=name)
        assert await look(sender(store, clock)) == 1
    reason = "asked for by the court"
    held = await HoldStore(store).hold(HoldKind.CALL, "170.2", reason, by="a", at=clock.now)
    clock.now += timedelta(days=6)
    await sender(store, clock).clear()
    assert len(await told.deliveries(None, taken_too=True)) == 2
    clock.now += timedelta(days=2)
    await sender(store, clock).clear()
    (left,) = await told.deliveries(None, taken_too=True)
    await HoldStore(store).release(held.id, by="a", at=clock.now)
    await sender(store, clock).clear()
    assert await told.deliveries(None, taken_too=True) == ()
    assert left.event.startswith("form-")


async def test_what_cannot_be_noted_is_not_sent_again_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: else the same would go out each second."""

    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(DeliveryStore, "delivered", full)
    monkeypatch.setattr(webhook_sender, "AFTER_TROUBLE_S", 600.0)
    async with receiving(200) as (receiver, url):
        hook = await hooked(store, url)
        await save_form(store, "170.1")
        sending = sender(store, Clock())
        async with asyncio.TaskGroup() as tasks:
            assert await sending.look(tasks) == 1
            await got(receiver, 1)
            for _ in range(20):
                assert await sending.look(tasks) == 0
            names = {task.get_name(): task for task in asyncio.all_tasks()}
            names[f"webhook {hook.id}"].cancel()
    assert len(receiver.got) == 1


async def test_who_does_not_answer_in_time_is_asked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "ANSWER_WITHIN_S", 0.01)
    async with hanging() as (_, _, slow):
        hook = await hooked(store, slow)
        await save_form(store, "170.1")
        assert await look(sender(store, Clock())) == 1
        assert await WebhookStore(store).waiting() == {hook.id: 1}


async def test_a_name_that_stands_for_this_machine_is_not_sent_to(store: Store) -> None:
    async with receiving(200) as (receiver, url):
        port = url.split(":")[2].split("/")[0]
        await hooked(store, f"https://localhost:{port}/hook", private=False)
        await save_form(store, "170.1")
        assert await look(sender(store, Clock())) == 1
        assert await WebhookStore(store).waiting()
    assert receiver.got == []


@pytest.mark.parametrize(
    ("url", "private", "said"),
    [
        ("ftp://example.org/", False, "no address"),
        ("https:///x", False, "no address"),
        ("https://example.org:99999/", False, "no address"),
        ("https://a b/", False, "no address"),
        ("https://example.org/\n", True, "no address"),
        ("https://me:pw@example.org/", False, "user"),
        ("http://example.org/", False, "https"),
        ("https://127.0.0.1/", False, "within this house"),
        ("https://10.0.0.7/", False, "within this house"),
        ("https://169.254.169.254/latest", False, "within this house"),
        ("https://[::1]/", False, "within this house"),
        ("https://[::ffff:127.0.0.1]/", False, "within this house"),
    ],
)
def test_addresses_that_nothing_is_sent_to(url: str, private: bool, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_url(url, private=private)


def test_addresses_that_something_may_be_sent_to() -> None:
    check_url("https://example.org/hook?x=1", private=False)
    check_url("http://10.0.0.7:8080/", private=True)
    assert is_public("2001:4860:4860::8888")
    assert not is_public("224.0.0.1")


def test_delays_grow_up_to_two_hours_and_end_after_a_day() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    days_later = at + timedelta(days=3)
    assert next_try_at(at, 4, days_later) == days_later + timedelta(seconds=80)
    assert next_try_at(at, 5, days_later) is None, "each was tried five times at least"
    assert next_try_at(at, 5, at) == at + timedelta(seconds=160)
    assert next_try_at(at, 5, at, refused=True) is None
    assert next_try_at(at, 1, at) == at + timedelta(seconds=10)
    assert next_try_at(at, 2, at) == at + timedelta(seconds=20)
    assert next_try_at(at, 10**6, at) == at + timedelta(hours=2)
    assert next_try_at(at, 20, at + timedelta(hours=23)) is None


def test_an_admin_adds_a_webhook_whose_secret_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    home = Settings(home=tmp_path)

    async def install() -> None:
        people = [person for person in load_persons(PROJECT / "deploy" / "demo") if person.grants]
        given = {person.id: PASSWORD for person in people}
        async with await Store.open(home) as store:
            now = datetime.now(UTC)
            await PeopleStore(store).take_in(people, by="installation", now=now, passwords=given)

    async def secrets() -> list[str]:
        async with await Store.open(home) as store:
            return [hook.secret for hook in await WebhookStore(store).all()]

    async def given_up() -> int:
        async with await Store.open(home) as store:
            await save_form(store, "170.1")
            told = DeliveryStore(store)
            delivery = await told.next_of(1, NOW)
            assert delivery is not None
            await told.failed(delivery, "answered 500", None)
            return delivery.id

    def run(*words: str, who: str = "national-admin") -> str:
        env = {"IVR_USER": who, "IVR_PASSWORD": PASSWORD}
        result = CliRunner().invoke(app, ["webhook", *words], env=env, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    asyncio.run(install())
    add = ("add", "https://example.org/hook", "--event", "outcome.saved")
    secret = run(*add).strip()
    (sealed,) = asyncio.run(secrets())
    assert secret not in sealed
    assert Vault.open(home).reveal_secret(sealed) == secret
    listed = run("list", "--json")
    (hook,) = json.loads(listed)
    assert (hook["events"], hook["waiting"], hook["private"]) == (["outcome.saved"], 0, False)
    assert sealed not in listed
    with pytest.raises(NotAllowed):
        run(*add, who="national-auditor")
    with pytest.raises(BadInput, match="--private"):
        run("add", "https://127.0.0.1/", "--event", "outcome.saved")
    assert json.loads(run("deliveries", "--json", "--all")) == []
    assert run("deliveries") == "Everything that was tried was taken.\n"
    with pytest.raises(BadInput, match="no such delivery"):
        run("resend", "1")
    with pytest.raises(BadInput, match="no webhook 7"):
        run("resend", "7")
    with pytest.raises(NotAllowed):
        run("resend", "1", who="national-auditor")
    failed_id = asyncio.run(given_up())
    (row,) = json.loads(run("deliveries", "1", "--json"))
    assert (row["id"], row["next_at"], row["error"]) == (failed_id, None, "answered 500")
    assert "given up" in run("deliveries")
    assert run("resend", "1", "--delivery", str(failed_id)) == "To be sent again: 1\n"
    assert run("end", "1") == "Ended: webhook 1 to https://example.org/hook\n"
