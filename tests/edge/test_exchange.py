import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.ami import LoginRefused
from ivr.asterisk.exchange import LINE_AGAIN, LINE_CONTEXT, OFFER_CONTEXT, Exchange
from ivr.dialplan.static import render_dialplan
from ivr.dialplan.static_lines import StaticLine
from ivr.events import CallHungUp, DeviceChanged, ExchangeLost, ExchangeSeen, LegEnded, OfferFailed
from ivr.model import CallFacts, Device, DeviceState, Offer, OfferResult
from ivr.settings import Settings
from tests.edge.fake_ami import FAST, a_list, block, error, fake_ami, success
from tests.patience import PATIENCE_S

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OFFER = Offer(
    id="1-1",
    call="1700000000.1",
    counsellor="c1",
    device=Device(id="markazi-a"),
    facts=CallFacts(province="markazi", county="markazi-saveh"),
    offered_at=NOW,
    deadline_at=NOW + timedelta(seconds=20),
)


class Inbox:
    def __init__(self) -> None:
        self.events: list[object] = []
        self._changed = asyncio.Event()

    def post(self, event: object) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def has(self, event: object) -> None:
        await self.until(lambda: event in self.events)


@asynccontextmanager
async def exchanging(fake, timing=FAST):
    inbox = Inbox()
    exchange = Exchange(
        Settings(ami_port=fake.port), "secret", inbox.post, now=lambda: NOW, timing=timing
    )
    task = asyncio.create_task(exchange.run())
    try:
        await inbox.until(lambda: len(inbox.events) >= 1)
        yield exchange, inbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def fake():
    async with fake_ami() as fake:
        yield fake


def kinds(inbox: Inbox) -> list[type]:
    return [type(event) for event in inbox.events]


async def test_ringing_originates_one_leg_with_its_limits(fake):
    async with exchanging(fake) as (exchange, _):
        await exchange.ring(OFFER, "ساوه")
    (originate,) = fake.named("Originate")
    assert originate == {
        "Action": "Originate",
        "ActionID": "ivr-1-1",
        "Channel": "PJSIP/markazi-a",
        "ChannelId": "ivr-1-1",
        "Context": "offer",
        "Exten": "s",
        "Priority": "1",
        "Timeout": "19500",
        "CallerID": '"ساوه" <123>',
        "Async": "true",
        "Variable": ["IVR_OFFER=1-1", "IVR_CALL=1700000000.1", "IVR_COUNSELLOR=c1"],
    }


async def test_the_leg_s_end_comes_back_as_an_event(fake):
    async with exchanging(fake) as (exchange, inbox):
        await exchange.ring(OFFER, "ساوه")
        fake.send(
            block(Event="OriginateResponse", ActionID="ivr-1-1", Response="Failure", Reason=0)
        )
        await inbox.has(OfferFailed(offer="1-1", result=OfferResult.UNREACHABLE))


@pytest.mark.parametrize("name", ["x\r\nAction: Hangup", 'a"b', "<1>"])
async def test_an_unsafe_name_fails_the_offer_and_sends_nothing(fake, name):
    async with exchanging(fake) as (exchange, inbox):
        await exchange.ring(OFFER, name)
        assert inbox.events[1:] == [OfferFailed(offer="1-1", result=OfferResult.FAILED)]
    assert fake.named("Originate") == []


async def test_a_refused_originate_fails_the_offer(fake):
    fake.answers["Originate"] = lambda fields: error(fields, "Originate failed")
    async with exchanging(fake) as (exchange, inbox):
        await exchange.ring(OFFER, "ساوه")
        assert inbox.events[1:] == [OfferFailed(offer="1-1", result=OfferResult.FAILED)]


async def test_an_unanswered_originate_fails_the_offer_and_its_late_leg_is_hung_up(fake):
    fake.answers["Originate"] = lambda _: None
    timing = replace(FAST, answer_s=0.05)
    async with exchanging(fake, timing) as (exchange, inbox):
        await exchange.ring(OFFER, "ساوه")
        assert inbox.events[1:] == [OfferFailed(offer="1-1", result=OfferResult.FAILED)]
        fake.send(block(Event="Newchannel", Uniqueid="ivr-1-1", Context="offer"))
        await fake.until(lambda: bool(fake.named("Hangup")))
        fake.send(block(Event="Hangup", Uniqueid="ivr-1-1", Cause=16))
        fake.send(block(Event="DeviceStateChange", Device="PJSIP/z", State="INUSE"))
        await inbox.has(DeviceChanged(device="z", state=DeviceState.IN_USE))
    assert len(inbox.events) == 3


async def test_ringing_while_the_link_is_down_fails_the_offer():
    inbox = Inbox()
    exchange = Exchange(Settings(), "secret", inbox.post)
    await exchange.ring(OFFER, "ساوه")
    assert inbox.events == [OfferFailed(offer="1-1", result=OfferResult.FAILED)]


async def test_an_originate_that_a_lost_link_swallowed_is_not_sent_again(fake):
    fake.answers["Originate"] = lambda _: None
    async with exchanging(fake) as (exchange, inbox):
        ringing = asyncio.create_task(exchange.ring(OFFER, "ساوه"))
        await fake.until(lambda: bool(fake.named("Originate")))
        fake.drop()
        await ringing
        await inbox.until(lambda: kinds(inbox).count(ExchangeSeen) == 2)
        await exchange.hang_up_leg("9-9")  # answered: all that a login sends has come before
    assert len(fake.named("Originate")) == 1
    assert OfferFailed(offer="1-1", result=OfferResult.FAILED) in inbox.events


async def test_hanging_up_a_leg(fake):
    async with exchanging(fake) as (exchange, inbox):
        await exchange.ring(OFFER, "ساوه")
        fake.send(block(Event="Newchannel", Uniqueid="ivr-1-1"))
        fake.send(block(Event="DeviceStateChange", Device="PJSIP/a", State="RINGING"))
        await inbox.has(DeviceChanged(device="a", state=DeviceState.RINGING))
        await exchange.hang_up_leg("1-1")
        assert fake.named("Hangup")[0]["Channel"] == "ivr-1-1"
        fake.send(block(Event="Hangup", Uniqueid="ivr-1-1", Cause=0))
        await inbox.has(OfferFailed(offer="1-1", result=OfferResult.WITHDRAWN))


async def test_a_phone_is_told_that_somebody_else_has_answered(fake):
    async with exchanging(fake) as (exchange, _):
        await exchange.ring(OFFER, "ساوه")
        await exchange.hang_up_leg("1-1", OfferResult.ANSWERED_ELSEWHERE)
        await exchange.hang_up_leg("1-1", OfferResult.RONA)
        elsewhere, in_vain = fake.named("Hangup")
    assert elsewhere["Cause"] == "26"  # AST_CAUSE_ANSWERED_ELSEWHERE
    assert "Cause" not in in_vain


async def test_a_hang_up_that_overtakes_the_channel_is_done_when_it_comes(fake):
    fake.answers["Hangup"] = lambda fields: error(fields, "No such channel")
    async with exchanging(fake) as (exchange, inbox):
        await exchange.ring(OFFER, "ساوه")
        await exchange.hang_up_leg("1-1")
        fake.answers["Hangup"] = success
        fake.send(block(Event="Newchannel", Uniqueid="ivr-1-1"))
        await fake.until(lambda: len(fake.named("Hangup")) == 2)
        fake.send(block(Event="OriginateResponse", Uniqueid="ivr-1-1", Response="Success"))
        fake.send(block(Event="Hangup", Uniqueid="ivr-1-1", Cause=16))
        await inbox.until(lambda: LegEnded in kinds(inbox))  # picked up in between


async def test_hanging_up_while_the_link_is_down_is_no_error():
    with capture_logs() as logs:
        await Exchange(Settings(), "secret", Inbox().post).hang_up_leg("1-1")
    assert [entry["event"] for entry in logs] == ["ami_action_without_effect"]


async def test_recall_marks_the_call_as_in_line_and_asks_anew(fake):
    async with exchanging(fake) as (exchange, _):
        await exchange.recall("1700000000.1")
    actions = [fields for fields in fake.received if fields["Action"] in ("Setvar", "Redirect")]
    for fields in actions:
        del fields["ActionID"]
    assert actions == [
        {
            "Action": "Setvar",
            "Channel": "1700000000.1",
            "Variable": "IVR_PHASE",
            "Value": "line",
        },
        {
            "Action": "Redirect",
            "Channel": "1700000000.1",
            "Context": "line",
            "Exten": "s",
            "Priority": "ask",
        },
    ]


def test_the_dialplan_has_the_places_that_we_send_channels_to():
    line = StaticLine(province="markazi", numbers=("123",))
    dialplan = render_dialplan(
        [line], default_province="markazi", agi_host="127.0.0.1", agi_port=4573
    )
    _, in_line = dialplan.split(f"[{LINE_CONTEXT}]\n")
    assert f" same => n({LINE_AGAIN}),AGI(" in in_line.partition("\n[")[0]
    assert f"[{OFFER_CONTEXT}]\nexten => s,1," in dialplan


async def test_a_snapshot_at_login_and_what_happened_meanwhile_after_it(fake):
    caller = block(
        Event="Status",
        Uniqueid="1700000000.1",
        Context="line",
        Application="AGI",
        Variable="IVR_PROVINCE=markazi",
    )

    def status(fields):
        meanwhile = block(Event="HangupRequest", Uniqueid="1700000000.1")
        return meanwhile + a_list(fields, "StatusComplete", caller)

    fake.answers["Status"] = status
    fake.answers["DeviceStateList"] = lambda fields: a_list(
        fields,
        "DeviceStateListComplete",
        block(Event="DeviceStateChange", Device="PJSIP/markazi-a", State="NOT_INUSE"),
    )
    async with exchanging(fake) as (_, inbox):
        await inbox.has(CallHungUp(call="1700000000.1"))
    assert kinds(inbox) == [ExchangeSeen, CallHungUp]
    snapshot = inbox.events[0].snapshot
    assert [call.call for call in snapshot.calls] == ["1700000000.1"]
    assert snapshot.devices == (("markazi-a", DeviceState.IDLE),)
    assert "IVR_JOINED_AT" in fake.named("Status")[0]["Variables"]


async def test_loss_and_return(fake):
    async with exchanging(fake) as (_, inbox):
        fake.drop()
        await inbox.until(lambda: kinds(inbox).count(ExchangeSeen) == 2)
    assert kinds(inbox) == [ExchangeSeen, ExchangeLost, ExchangeSeen]


async def test_a_loss_during_the_snapshot_is_told_once(fake):
    async with exchanging(fake) as (_, inbox):
        fake.answers["Status"] = lambda _: None
        fake.drop()
        await fake.until(lambda: len(fake.named("Status")) == 2)
        fake.drop()
        await fake.until(lambda: len(fake.named("Status")) == 3)
        fake.answers["Status"] = lambda fields: a_list(fields, "StatusComplete")
        fake.drop()
        await inbox.until(lambda: kinds(inbox).count(ExchangeSeen) == 2)
    assert kinds(inbox) == [ExchangeSeen, ExchangeLost, ExchangeSeen]


async def test_a_refused_first_login_is_told_plainly(fake):
    fake.answers["Login"] = lambda fields: error(fields, "Authentication failed")
    exchange = Exchange(Settings(ami_port=fake.port), "wrong", Inbox().post, timing=FAST)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(LoginRefused, match="IVR_AMI_SECRET"):
            await exchange.run()
