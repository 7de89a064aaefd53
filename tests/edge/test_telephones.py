"""Counsellors' ordinary telephones: rung through the trunk, idle while its far side answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from panoramisk.message import Message
from pydantic import ValidationError
from structlog.testing import capture_logs

from ivr.asterisk import wire
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.telephones import TRUNK_ENDPOINT, Telephones
from ivr.asterisk.translate import Translator
from ivr.dialplan.whisper import Whisper
from ivr.errors import BadInput, UnsafeValue
from ivr.events import DeviceChanged, Event, LegEnded, OfferAccepted, OfferFailed
from ivr.model import Device, DeviceId, DeviceKind, DeviceState, EndedBy, OfferId, OfferResult
from ivr.settings import Settings
from tests.core.scripted_channel import ScriptedChannel
from tests.edge.fake_ami import FAST, FakeAmi, fake_ami
from tests.edge.test_exchange import NOW, OFFER

HOME = DeviceId("ali-home")
NUMBER = "09180000001"
AT_HOME = replace(OFFER, device=Device(id=HOME, kind=DeviceKind.TELEPHONE))
OFFER_ID = OfferId("1-1")


def exchange_on(post: Callable[[Event], None], port: int = 1, outbound: str | None = "far:5080"):
    settings = Settings(ami_port=port, trunk_outbound=outbound)
    return Exchange(settings, "secret", post, now=lambda: NOW, timing=FAST)


def changed(state: DeviceState, device: DeviceId = HOME) -> DeviceChanged:
    return DeviceChanged(device=device, state=state)


# ------------------------------------------------------------------ ringing


@asynccontextmanager
async def running(exchange: Exchange, fake: FakeAmi) -> AsyncIterator[None]:
    task = asyncio.create_task(exchange.run())
    try:
        await fake.until(lambda: bool(fake.named("DeviceStateList")))
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def originated(number: str) -> tuple[FakeAmi, list[Event]]:
    told: list[Event] = []
    async with fake_ami() as fake:
        exchange = exchange_on(told.append, fake.port)
        exchange.set_numbers({HOME: number})
        async with running(exchange, fake):
            await exchange.ring(AT_HOME, "ساوه")
    return fake, told


async def test_a_telephone_is_rung_through_the_trunk_and_sees_123_alone() -> None:
    fake, _ = await originated(NUMBER)
    (originate,) = fake.named("Originate")
    assert originate["Channel"] == f"PJSIP/{NUMBER}@{TRUNK_ENDPOINT}"
    assert originate["CallerID"] == '"" <123>'
    assert originate["ChannelId"] == "ivr-1-1"


NO_NUMBERS = ["", "12", "0918 000", "09180000001/x", "0\r\nAction: Ping", "۰۹۱"]


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_what_is_no_number_is_not_dialled_and_not_shown(number: str) -> None:
    with capture_logs() as logs:
        fake, told = await originated(number)
    assert fake.named("Originate") == []
    assert OfferFailed(offer=OFFER_ID, result=OfferResult.FAILED) in told
    (entry,) = (entry for entry in logs if entry["event"] == "offer_not_rung")
    assert not number or number not in str(entry)


async def test_a_telephone_without_a_number_fails_and_says_whose() -> None:
    told: list[Event] = []
    with capture_logs() as logs:
        await exchange_on(told.append).ring(AT_HOME, "ساوه")
    assert told == [OfferFailed(offer=OFFER_ID, result=OfferResult.FAILED)]
    assert "ali-home" in logs[0]["why"]


def test_without_a_way_out_no_telephone_is_there() -> None:
    told: list[Event] = []
    exchange = exchange_on(told.append, outbound=None)
    with capture_logs() as logs:
        exchange.set_numbers({HOME: NUMBER})
    assert told == []
    assert exchange.translator.snapshot([], []).devices == ()
    assert [entry["event"] for entry in logs] == ["telephones_not_rung"]
    assert NUMBER not in str(logs)


@pytest.mark.parametrize("text", ["sip:x", "a b", "host:port", "host;transport=tcp", ""])
def test_the_way_out_is_a_host_and_a_port(text: str) -> None:
    with pytest.raises(ValidationError, match=r"192\.0\.2\.7:5060|HOST"):
        Settings(trunk_outbound=text)


# ------------------------------------------------------------------ what came of it


@pytest.mark.parametrize(
    ("cause", "result"),
    [
        ("1", OfferResult.NO_SUCH_NUMBER),
        ("28", OfferResult.NO_SUCH_NUMBER),
        ("17", OfferResult.BUSY),
        ("21", OfferResult.REJECTED),
        ("34", OfferResult.UNREACHABLE),
        ("38", OfferResult.UNREACHABLE),
        ("19", OfferResult.UNREACHABLE),
    ],
)
def test_the_causes_of_the_network_are_told_apart(cause: str, result: OfferResult) -> None:
    translator = Translator()
    translator.expect_leg(OFFER_ID, DeviceId(TRUNK_ENDPOINT))
    channel = {"Uniqueid": "ivr-1-1", "Context": "trunk"}
    stream = [{"Event": "Newchannel"} | channel, {"Event": "Hangup", "Cause": cause} | channel]
    told = [event for message in stream for event in translator.feed(message)]
    assert told == [OfferFailed(offer=OFFER_ID, result=result)]


def test_a_number_that_is_none_is_logged_by_its_offer() -> None:
    told: list[Event] = []
    exchange = exchange_on(told.append)
    exchange.translator.snapshot([], [])
    exchange._held = None  # as after a login
    exchange.translator.expect_leg(OFFER_ID, DeviceId(TRUNK_ENDPOINT))
    with capture_logs() as logs:
        for event in ("Newchannel", "Hangup"):
            exchange._on_message(_message(event))
    assert told == [OfferFailed(offer=OFFER_ID, result=OfferResult.NO_SUCH_NUMBER)]
    assert [entry["offer"] for entry in logs] == [OFFER_ID]


def _message(event: str) -> Message:
    return Message({"Event": event, "Uniqueid": "ivr-1-1", "Context": "trunk", "Cause": "1"})


def test_a_leg_of_an_earlier_controller_is_no_caller() -> None:
    """Both stand in the trunk's context; a leg says by its id whose it is."""
    translator = Translator()
    leg = {"Uniqueid": "ivr-0-9", "Context": "trunk"}
    for event in ("Newchannel", "HangupRequest", "Hangup"):
        assert translator.feed({"Event": event} | leg) == []


def test_a_leg_that_ends_after_the_trunk_was_lost_was_lost_too() -> None:
    translator = Translator()
    translator.expect_leg(OFFER_ID, DeviceId(TRUNK_ENDPOINT))
    leg = {"Uniqueid": "ivr-1-1"}
    translator.feed({"Event": "Newchannel"} | leg)
    translator.feed({"Event": "Newstate", "ChannelState": "6"} | leg)
    translator.feed(_contact("Unreachable"))
    told = translator.feed({"Event": "Hangup", "Cause": "16"} | leg)
    assert told == [LegEnded(offer=OFFER_ID, ended_by=EndedBy.DEVICE_LOST)]


# ------------------------------------------------------------------ who is there


def _contact(status: str) -> dict[str, str]:
    uri = "sip:far:5080"
    return {"Event": "ContactStatus", "AOR": TRUNK_ENDPOINT, "URI": uri, "ContactStatus": status}


def _trunk(state: str) -> dict[str, str]:
    device = f"PJSIP/{TRUNK_ENDPOINT}"
    return {"Event": "DeviceStateChange", "Device": device, "State": state}


def test_telephones_are_idle_as_soon_as_they_are_known() -> None:
    telephones = Telephones()
    assert telephones.replace({HOME: NUMBER}) == [changed(DeviceState.IDLE)]
    other = DeviceId("sara-home")
    assert telephones.replace({other: NUMBER}) == [
        changed(DeviceState.UNREACHABLE),
        changed(DeviceState.IDLE, other),
    ]
    with pytest.raises(BadInput, match="ali-home"):
        telephones.channel(HOME)


def test_a_snapshot_has_the_telephones_whatever_the_trunk_is_doing() -> None:
    translator = Translator()
    translator.telephones.replace({HOME: NUMBER})
    for word, state in (
        ("NOT_INUSE", DeviceState.IDLE),
        ("INUSE", DeviceState.IDLE),
        ("UNAVAILABLE", DeviceState.UNREACHABLE),
        ("NOT_INUSE", DeviceState.IDLE),
    ):
        assert translator.snapshot([], [_trunk(word)]).devices == ((HOME, state),)


def test_a_lost_trunk_takes_the_telephones_away_until_it_is_back() -> None:
    translator = Translator()
    translator.telephones.replace({HOME: NUMBER})
    assert translator.feed(_contact("Unreachable")) == [changed(DeviceState.UNREACHABLE)]
    assert translator.feed(_contact("Unreachable")) == []
    assert translator.feed(_contact("Reachable")) == [changed(DeviceState.IDLE)]
    assert translator.feed(_trunk("INUSE")) == []


# ------------------------------------------------------------------ key 1


async def test_a_telephone_has_to_confirm_whatever_its_entry_says() -> None:
    told: list[Event] = []
    device = Device(id=HOME, kind=DeviceKind.TELEPHONE, confirm=False)
    channel = ScriptedChannel()
    await Whisper(offer=replace(OFFER, device=device), post=told.append).run(channel, {})
    assert channel.heard[-1] == "press-1-to-accept"
    assert not any(isinstance(event, OfferAccepted) for event in told)


@pytest.mark.parametrize("number", ["123", "02112345678", "+982112345678"])
def test_numbers_that_can_be_dialled(number: str) -> None:
    assert wire.telephone_number(number) == number


@pytest.mark.parametrize("number", ["12", "+", "0" * 16, "0912a", "091 2", "tel:123", "0912\n"])
def test_numbers_that_cannot(number: str) -> None:
    with pytest.raises(UnsafeValue) as refused:
        wire.telephone_number(number)
    assert number.strip() not in str(refused.value) or number in {"+", "12"}
