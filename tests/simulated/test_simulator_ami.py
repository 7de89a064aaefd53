"""The simulated Asterisk's AMI, compared with what a real Asterisk 22 was recorded to send."""

import asyncio
import hashlib
import random

import pytest

from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.parties import answers, answers_then_hangs_up, busy, rejects
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.simulated.simulator_kit import FAST, Ami, line, manager

LEG = "ivr-1-7"
HOURS_MS = 36_000_000  # minutes at FAST
CHANNEL = [
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
]
BRIDGE = [
    "BridgeUniqueid",
    "BridgeType",
    "BridgeTechnology",
    "BridgeCreator",
    "BridgeName",
    "BridgeNumChannels",
    "BridgeVideoSourceMode",
]
DEST = [f"Dest{name}" for name in CHANNEL]
# Header names in their order, from the transcripts of Asterisk 22.10.1.
RECORDED = {
    "Newchannel": CHANNEL,
    "Newstate": CHANNEL,
    "NewCallerid": [*CHANNEL, "CID-CallingPres"],
    "NewConnectedLine": CHANNEL,
    "DialBegin": [*DEST, "DialString"],
    "DialState": [*DEST, "DialStatus"],
    "DialEnd": [*DEST, "DialStatus"],
    "OriginateResponse": [
        "ActionID",
        "Response",
        "Channel",
        "Context",
        "Exten",
        "Reason",
        "Uniqueid",
        "CallerIDNum",
        "CallerIDName",
    ],
    "DeviceStateChange": ["Device", "State"],
    "BridgeEnter": [*BRIDGE, *CHANNEL],
    "ConfbridgeStart": ["Conference", *BRIDGE],
    "ConfbridgeJoin": ["Conference", *BRIDGE, *CHANNEL, "Admin", "Muted"],
    "ConfbridgeLeave": ["Conference", *BRIDGE, *CHANNEL, "Admin"],
    "ConfbridgeEnd": ["Conference", *BRIDGE],
    "HangupRequest": CHANNEL,
    "SoftHangupRequest": [*CHANNEL, "Cause"],
    "Hangup": [*CHANNEL, "Cause", "Cause-txt"],
    "MusicOnHoldStart": [*CHANNEL, "Class"],
    "DTMFEnd": [*CHANNEL, "Digit", "DurationMs", "Direction"],
    "ContactStatus": ["URI", "ContactStatus", "AOR", "EndpointName", "RoundtripUsec"],
    "PeerStatus": ["ChannelType", "Peer", "PeerStatus"],
}


async def originate(ami: Ami, timeout_ms: int = HOURS_MS, device: str = "sara") -> dict[str, str]:
    """Rings for so long that whatever is to happen meanwhile does."""
    return await ami.act(
        "Originate",
        "IVR_OFFER=1-7,IVR_CALL=1.0",
        Channel=f"PJSIP/{device}",
        Context="offer",
        Exten="s",
        Priority="1",
        Timeout=str(timeout_ms),
        CallerID='"Saveh" <123>',
        ChannelId=LEG,
        Async="true",
    )


class TestLogin:
    async def test_plain(self) -> None:
        async with SimulatedAsterisk(agi_port=1) as exchange, manager(exchange) as ami:
            await ami.event("FullyBooted", Status="Fully Booted")

    async def test_challenge_and_md5(self) -> None:
        async with SimulatedAsterisk(agi_port=1) as exchange, manager(exchange, none="") as ami:
            challenge = (await ami.act("Challenge", AuthType="MD5"))["Challenge"]
            key = hashlib.md5(f"{challenge}secret".encode()).hexdigest()  # noqa: S324
            response = await ami.act("Login", Username="ivr", AuthType="md5", Key=key)
            assert response["Message"] == "Authentication accepted"

    async def test_a_wrong_password_is_refused_and_the_connection_closed(self) -> None:
        async with (
            SimulatedAsterisk(agi_port=1, timing=FAST) as exchange,
            manager(exchange, none="") as ami,
        ):
            response = await ami.act("Login", Username="ivr", Secret="wrong")
            assert (response["Response"], response["Message"]) == (
                "Error",
                "Authentication failed",
            )
            assert await ami.until(lambda: ami.closed, PATIENCE_S)

    async def test_nothing_is_allowed_before(self) -> None:
        async with SimulatedAsterisk(agi_port=1) as exchange, manager(exchange, none="") as ami:
            assert (await ami.act("Status"))["Message"] == "Permission denied"

    async def test_who_wants_no_events_gets_none(self) -> None:
        async with (
            SimulatedAsterisk(agi_port=1, devices=["sara"]) as exchange,
            manager(exchange, none="") as ami,
        ):
            await ami.act("Login", Username="ivr", Secret="secret", Events="off")
            exchange.counsellor("sara")
            await ami.act("Ping")
            assert ami.names() == []


class TestOriginate:
    async def test_answered(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            sara = exchange.counsellor("sara", answers(0))
            response = await originate(ami)
            assert response["Message"] == "Originate successfully queued"
            leg = await controller.session()
            assert (leg.env["network_script"], leg.env["uniqueid"]) == ("offer", LEG)
            assert leg.env["context"] == "offer"
            assert await leg.ask('GET VARIABLE "IVR_CALL"') == "200 result=1 (1.0)"
            sara.press("1")
            leg.close()
            await ami.event("Hangup", Uniqueid=LEG)
            assert ami.about(LEG) == [
                "Newchannel",
                "NewCallerid",
                "NewConnectedLine",
                "DialBegin",
                "Newstate",
                "DialState",
                "OriginateResponse",
                "Newstate",
                "DialEnd",
                "DTMFEnd",
                "SoftHangupRequest",
                "Hangup",
            ]
            outcome = await ami.event("OriginateResponse")
            assert (outcome["Response"], outcome["Reason"]) == ("Success", "4")
            assert outcome["Channel"] == leg.env["channel"]
            assert [m["State"] for m in ami.matching("Event", Device="PJSIP/sara")] == [
                "NOT_INUSE",
                "RINGING",
                "INUSE",
                "NOT_INUSE",
            ]
            assert [(offer.name, offer.number) for offer in sara.offers] == [("Saveh", "123")]

    @pytest.mark.parametrize(
        ("behaviour", "cause", "sip_code", "status"),
        [(rejects(1), "21", "603", "NOANSWER"), (busy(1), "17", "486", "BUSY")],
    )
    async def test_refused(self, behaviour, cause: str, sip_code: str, status: str) -> None:
        async with line("sara") as (exchange, ami, _controller):
            exchange.counsellor("sara", behaviour)
            await originate(ami)
            await ami.event("Hangup", Cause=cause, TechCause=sip_code)
            await ami.event("DialEnd", DialStatus=status)
            assert ami.about(LEG)[-4:] == [
                "HangupRequest",
                "DialEnd",
                "OriginateResponse",
                "Hangup",
            ]
            outcome = await ami.event("OriginateResponse")
            assert (outcome["Response"], outcome["Reason"]) == ("Failure", "0")
            assert (outcome["Channel"], outcome["Uniqueid"]) == ("PJSIP/sara", LEG)

    async def test_not_answered_in_time_has_no_dial_end(self) -> None:
        async with line("sara") as (exchange, ami, _controller):
            sara = exchange.counsellor("sara")
            await originate(ami, timeout_ms=3000)
            await ami.event("OriginateResponse", Response="Failure", Reason="3")
            await ami.event("Hangup", Uniqueid=LEG, Cause="19")
            assert "DialEnd" not in ami.names()
            await sara.free()

    async def test_not_registered_fails_at_once(self) -> None:
        async with line("sara") as (_exchange, ami, _controller):
            await originate(ami)
            await ami.event("OriginateResponse", Response="Failure", Reason="0", Uniqueid=LEG)
            assert ami.about(LEG) == ["OriginateResponse"]

    async def test_a_device_in_a_call_is_busy(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            exchange.counsellor("sara", answers(0))
            await originate(ami)
            await controller.session()
            await ami.act(
                "Originate",
                Channel="PJSIP/sara",
                ChannelId="ivr-1-8",
                Context="offer",
                Exten="s",
                Priority="1",
                Async="true",
            )
            await ami.event("Hangup", Uniqueid="ivr-1-8", Cause="17")
            assert "ivr-1-7" in exchange.channels

    async def test_taken_back_while_ringing(self) -> None:
        async with line("sara") as (exchange, ami, _controller):
            sara = exchange.counsellor("sara")
            await originate(ami)
            await sara.ringing()
            assert (await ami.act("Hangup", Channel=LEG))["Message"] == "Channel Hungup"
            await ami.event("DialEnd", DialStatus="NOANSWER")
            await ami.event("OriginateResponse", Response="Failure", Reason="0")
            assert (await ami.event("Hangup", Uniqueid=LEG))["Cause"] == "0"
            assert (await ami.act("Hangup", Channel=LEG))["Message"] == "No such channel"

    async def test_picked_up_and_gone(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            exchange.counsellor("sara", answers_then_hangs_up(1, 1))
            await originate(ami)
            leg = await controller.session()
            assert await leg.line() == "HANGUP"
            assert "Hangup" not in ami.names()  # the channel lives until the socket closes
            leg.close()
            await ami.event("Hangup", Uniqueid=LEG)

    @pytest.mark.parametrize(
        ("headers", "message"),
        [
            ({"Channel": ""}, "Channel not specified"),
            ({"Channel": "sara"}, "Invalid channel"),
            ({"Context": "nowhere"}, "Extension does not exist."),
            ({"Timeout": "soon"}, "Invalid timeout"),
        ],
    )
    async def test_wrong_requests(self, headers: dict[str, str], message: str) -> None:
        right = {"Channel": "PJSIP/sara", "Context": "offer", "Exten": "s", "Priority": "1"}
        async with line("sara") as (_exchange, ami, _controller):
            response = await ami.act("Originate", **{**right, **headers})
            assert (response["Response"], response["Message"]) == ("Error", message)


class TestActions:
    async def test_channel_and_global_variables(self) -> None:
        async with line() as (exchange, ami, _controller):
            caller = exchange.place_call()
            name = caller.channel.name
            await ami.act("Setvar", Channel=name, Value="saveh", Variable="IVR_COUNTY")
            await ami.act("Setvar", Variable="DESK", Value="open")
            county = await ami.act("Getvar", Channel=caller.call, Variable="IVR_COUNTY")
            assert county["Value"] == "saveh"
            assert (await ami.act("Getvar", Variable="DESK"))["Value"] == "open"
            gone = await ami.act("Getvar", Channel="PJSIP/x", Variable="DESK")
            assert gone["Message"] == "No such channel"

    async def test_status_with_variables(self) -> None:
        async with line() as (exchange, ami, controller):
            caller = exchange.place_call(called="084123")
            await controller.session()
            response = await ami.act("Status", Variables="IVR_PROVINCE,IVR_LINE")
            assert response["EventList"] == "start"
            status = await ami.event("Status")
            assert (status["Uniqueid"], status["Context"]) == (caller.call, "line")
            assert status["Variable"] == "IVR_LINE=084123"
            assert (await ami.event("StatusComplete"))["ListItems"] == "1"

    async def test_states_of_devices_and_bridges(self) -> None:
        async with line("sara", "ali") as (exchange, ami, _controller):
            exchange.counsellor("sara")
            listing = await ami.act("DeviceStateList")
            await ami.event("DeviceStateListComplete", ListItems="2")
            states = {m["Device"]: m["State"] for m in ami.matching("Event", **_of(listing))}
            assert states["PJSIP/sara"] == "NOT_INUSE"
            assert states["PJSIP/ali"] == "UNAVAILABLE"
            await ami.act("BridgeList")
            await ami.event("BridgeListComplete", ListItems="0")

    async def test_registration_and_its_loss(self) -> None:
        async with line("sara") as (exchange, ami, _controller):
            sara = exchange.counsellor("sara")
            sara.unregister()
            await ami.event("ContactStatus", ContactStatus="Removed")
            await ami.event("DeviceStateChange", State="UNAVAILABLE")
            await ami.event("PeerStatus", PeerStatus="Unreachable")

    async def test_what_our_rights_refuse_and_what_nobody_knows(self) -> None:
        async with line() as (_exchange, ami, _controller):
            assert (await ami.act("Command"))["Message"] == "Permission denied"
            assert "unknown command: Bridges" in (await ami.act("Bridges"))["Message"]
            assert (await ami.act("Ping"))["Ping"] == "Pong"
            assert "line too long" in (await ami.act("Ping", X="x" * 1100))["Message"]


class TestFaults:
    async def test_killed_and_refused_and_back(self) -> None:
        async with SimulatedAsterisk(agi_port=1, ami_port=free_port()) as exchange:
            async with manager(exchange) as ami:
                exchange.refuse_ami()
                exchange.kill_ami()
                assert await ami.until(lambda: ami.closed, PATIENCE_S)
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", exchange.ami_port)
            await exchange.accept_ami()
            async with manager(exchange) as ami:
                assert (await ami.act("Ping"))["Ping"] == "Pong"

    async def test_dropped_and_doubled_events(self) -> None:
        async with line("sara", "ali") as (exchange, ami, _controller):
            exchange.faults.drop.append("PeerStatus")
            exchange.faults.duplicate.append("ContactStatus")
            exchange.counsellor("sara")
            await ami.act("Ping")
            names = ami.names()
            assert names.count("PeerStatus") == 0
            assert names.count("ContactStatus") == 3

    async def test_torn_and_late_messages_still_come_whole_and_in_order(self) -> None:
        async with line("sara") as (exchange, ami, _controller):
            exchange.faults.chunks = random.Random(7)
            exchange.faults.delay_s = 0.001
            sara = exchange.counsellor("sara", busy(0))
            await originate(ami)
            await ami.event("Hangup", Uniqueid=LEG)
            await sara.free()
            assert ami.about(LEG)[0] == "Newchannel"

    async def test_frozen(self) -> None:
        async with line("sara") as (exchange, ami, _controller):
            exchange.faults.freeze()
            ping = asyncio.create_task(ami.act("Ping"))
            exchange.counsellor("sara")
            exchange.faults.thaw()
            assert (await ping)["Ping"] == "Pong"


async def test_every_event_has_the_recorded_headers_in_the_recorded_order() -> None:
    async with line("sara") as (exchange, ami, controller):
        caller = exchange.place_call()
        agi = await controller.session()
        await agi.ask("SET MUSIC ON ivr")
        sara = exchange.counsellor("sara", answers(0))
        await originate(ami)
        leg = await controller.session()
        sara.press("1")
        agi.send("EXEC ConfBridge 1-7,ivr_room,ivr_caller")
        await ami.event("ConfbridgeJoin", Uniqueid=caller.call)
        leg.send("EXEC ConfBridge 1-7,ivr_room,ivr_counsellor")
        await caller.talking()
        sara.hang_up()
        assert await leg.line() == "200 result=0"
        leg.close()
        await ami.event("Hangup", Uniqueid=LEG)
        seen = {m["Event"]: [k for k in m if k not in {"Event", "Privilege"}] for m in _events(ami)}
        assert {name: seen[name] for name in RECORDED} == RECORDED


def _of(listing: dict[str, str]) -> dict[str, str]:
    return {"ActionID": listing["ActionID"], "Event": "DeviceStateChange"}


def _events(ami: Ami) -> list[dict[str, str]]:
    return [message for message in ami.messages if "Event" in message]
