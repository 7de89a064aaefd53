"""The telephones of the tests against a real Asterisk: what they report is what happened."""

import pytest

from ivr.asterisk.provision import find_root
from ivr.bench.connect_ami import Ami
from ivr.bench.connect_exchange import (
    DEVICES,
    FALLBACK_HZ,
    OBSERVER,
    PASSWORD,
    running_exchange,
)
from ivr.settings import load_settings
from ivr.simulator.sip_call import Ended
from ivr.simulator.sip_message import SipError
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from ivr.simulator.sipp import SippCaller, SippCounsellor
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("trial-exchange")]
DEVICE = DEVICES[0]
PATIENCE_S = 60.0
RINGS_UNANSWERED_MS = 8_000  # by then it has rung, on a slow machine too


@pytest.fixture
async def exchange():
    root = find_root(load_settings())
    if root is None:
        pytest.skip("no private Asterisk in the cache: run `ivr asterisk install`")
    async with running_exchange(root.path) as running:
        yield running


@pytest.fixture
async def ami(exchange):
    async with Ami.connected(exchange.ami_port, OBSERVER, PASSWORD) as connection:
        yield connection


async def ring(ami, exten="11", timeout_ms=60_000):
    """Ring the device; on answer it is sent to the dialplan, whose controller is not there."""
    await ami.ask(
        "Originate",
        Channel=f"PJSIP/{DEVICE}",
        Context="trial",
        Exten=exten,
        Priority="1",
        Timeout=str(timeout_ms),
        CallerID='"Saveh" <123>',
        Async="true",
    )


async def channel_of(ami):
    """The only channel there was."""
    seen = await ami.wait(lambda seen: seen.event == "Newchannel", PATIENCE_S, past=True)
    return seen["Channel"]


def is_key(key):
    return lambda seen: seen.event == "DTMFEnd" and seen["Digit"] == key


async def test_a_caller_phone_hears_speaks_presses_and_hangs_up(exchange, ami):
    async with CallerPhone(exchange.server, "123") as caller:
        answered_at = await caller.answered()
        assert await caller.hears_tone(FALLBACK_HZ) > answered_at
        for key in "1#":
            caller.press(key)
            await ami.wait(is_key(key), PATIENCE_S, past=True)
        caller.hang_up()
        assert await caller.ended() is Ended.HERE
    await ami.wait(lambda seen: seen.event == "Hangup", PATIENCE_S, past=True)


async def test_a_counsellor_phone_answers_on_order_and_sees_the_far_end_hang_up(exchange, ami):
    async with CounsellorPhone(exchange.server, DEVICE, PASSWORD) as phone:
        await ring(ami)
        call = await phone.offered()
        assert (call.from_name, call.from_number) == ("Saveh", "123")
        assert call.answered_at is None
        await call.answer()
        await call.stream.hears_tone(FALLBACK_HZ, PATIENCE_S)
        await ami.ask("Hangup", Channel=await channel_of(ami))
        assert await call.ended() is Ended.THERE


@pytest.mark.parametrize(("refuse", "cause"), [(486, "17"), (603, "21")])
async def test_a_counsellor_phone_refuses(exchange, ami, refuse, cause):
    async with CounsellorPhone(exchange.server, DEVICE, PASSWORD, refuse=refuse) as phone:
        await ring(ami)
        call = await phone.offered()
        assert await call.ended() is Ended.HERE
        gone = await ami.wait(lambda seen: seen.event == "Hangup", PATIENCE_S, past=True)
        assert gone["Cause"] == cause


async def test_a_call_taken_back_while_it_rings_ends_there(exchange, ami):
    async with CounsellorPhone(exchange.server, DEVICE, PASSWORD) as phone:
        await ring(ami)
        call = await phone.offered()
        await ami.ask("Hangup", Channel=await channel_of(ami))
        assert await call.ended() is Ended.THERE
        assert call.status == 487


async def test_a_wrong_password_is_refused_in_words(exchange):
    with pytest.raises(SipError, match="password"):
        async with CounsellorPhone(exchange.server, DEVICE, "wrong"):
            pass


async def test_tones_cross_between_two_phones(exchange, ami):
    async with (
        CounsellorPhone(exchange.server, DEVICES[1], PASSWORD, answer_after_s=0) as other,
        CounsellorPhone(
            exchange.server, DEVICE, PASSWORD, answer_after_s=0, tone_hz=CALLER_HZ
        ) as phone,
    ):
        await ami.ask(
            "Originate",
            Channel=f"PJSIP/{DEVICE}",
            Application="Dial",
            Data=f"PJSIP/{DEVICES[1]}",
            Async="true",
        )
        mine, theirs = await phone.offered(), await other.offered()
        await mine.stream.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
        await theirs.stream.hears_tone(CALLER_HZ, PATIENCE_S)


async def test_sipp_calls_presses_keys_and_hangs_up(exchange, ami):
    async with SippCaller(exchange.server, "123", led=True) as caller:
        await caller.answered()
        for key in "1*":
            caller.press(key)
            await ami.wait(is_key(key), PATIENCE_S, past=True)
        caller.hang_up()
        assert not await caller.ended()
    pressed = [seen["Digit"] for seen in ami.seen if seen.event == "DTMFEnd"]
    assert pressed == ["1", "*"]


async def test_sipp_speaks_and_reports_the_far_ends_bye(exchange, ami):
    async with SippCounsellor(
        exchange.server, DEVICE, PASSWORD, tone_hz=COUNSELLOR_HZ, led=True, calls=1
    ) as counsellor:
        await ring(ami)
        await counsellor.traced(False, "ACK", "ACK")
        counsellor.hang_up()
        assert await counsellor.exited(PATIENCE_S) == 0
        assert len(counsellor.offered()) == 1
        assert counsellor.find(sent=True, method="BYE", start="BYE")


@pytest.mark.parametrize(
    ("habit", "reason"), [({"refuse": "486 Busy Here"}, "17"), ({"answer_after_s": None}, "19")]
)
async def test_sipp_refuses_or_lets_it_ring(exchange, ami, habit, reason):
    async with SippCounsellor(exchange.server, DEVICE, PASSWORD, calls=1, **habit) as counsellor:
        await ring(ami, timeout_ms=RINGS_UNANSWERED_MS)
        assert await counsellor.exited(PATIENCE_S) == 0
    gone = await ami.wait(lambda seen: seen.event == "Hangup", PATIENCE_S, past=True)
    assert gone["Cause"] == reason
