"""The simulated FastAGI client: what Asterisk 22 was measured to do with each command."""

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.parties import SimulatedCaller, answers
from ivr.simulator.timing import Timing
from tests.patience import PATIENCE_S
from tests.simulated.simulator_kit import FAST, Agi, Ami, Controller, begin, line

LONG = Timing(prompt_s=3600)  # nothing ends by itself


@asynccontextmanager
async def talking_to(timing: Timing = LONG) -> AsyncIterator[tuple[SimulatedCaller, Agi, Ami]]:
    async with line("sara", timing=timing) as (exchange, ami, controller):
        caller = exchange.place_call(number="09121234567", called="086123")
        yield caller, await controller.session(), ami


class TestCommands:
    async def test_environment_and_arguments(self) -> None:
        async with talking_to() as (caller, agi, _ami):
            assert agi.env["uniqueid"] == caller.call
            assert agi.env["callerid"] == "09121234567"
            assert list(agi.arguments) == [
                "province",
                "line",
                "arrived_at",
                "pres",
                "phase",
                "lane",
                "county",
                "county_source",
                "category",
                "joined_at",
                "offer",
                "counsellor",
            ]
            assert agi.arguments["province"] == "markazi"
            assert agi.arguments["line"] == "086123"
            assert agi.arguments["phase"] == ""

    async def test_a_prompt_to_its_end(self) -> None:
        async with talking_to(FAST) as (caller, agi, _ami):
            assert await agi.ask('STREAM FILE "ivr/welcome" "12"') == "200 result=0 endpos=12000"
            assert caller.story == ["answered", "prompt welcome"]

    async def test_a_key_cuts_a_prompt_short(self) -> None:
        async with talking_to() as (caller, agi, ami):
            agi.send('STREAM FILE "ivr/menu" "12"')
            await caller.heard("menu")
            caller.press("92")  # 9 is not asked for
            assert (await agi.line()).startswith(f"200 result={ord('2')} endpos=")
            await ami.event("DTMFEnd", Digit="9", Direction="Received")

    async def test_a_key_that_nobody_waits_for_is_lost(self) -> None:
        async with talking_to(FAST) as (caller, agi, _ami):
            caller.press("5")
            assert await agi.ask("WAIT FOR DIGIT 1000") == "200 result=0"

    async def test_a_key_while_waiting_with_music(self) -> None:
        async with line() as (exchange, ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            assert await agi.ask("SET MUSIC ON ivr") == "200 result=0"
            await begin(exchange, agi, "WAIT FOR DIGIT -1")
            caller.press("1")
            assert await agi.line() == f"200 result={ord('1')}"
            assert "MusicOnHoldStop" not in ami.names()
            agi.send('STREAM FILE "ivr/still" ""')
            await ami.event("MusicOnHoldStop")  # a prompt ends it, and it does not come back

    async def test_variables(self) -> None:
        async with talking_to() as (_caller, agi, _ami):
            assert await agi.ask('SET VARIABLE "IVR_X" "a \\"b\\" c"') == "200 result=1"
            assert await agi.ask("GET VARIABLE IVR_X") == '200 result=1 (a "b" c)'
            assert await agi.ask("GET VARIABLE IVR_Y") == "200 result=0"
            assert await agi.ask('EXEC MSet "IVR_X=,IVR_Y=1-2,IVR_Z=3"') == "200 result=0"
            assert await agi.ask("GET VARIABLE IVR_Y") == "200 result=1 (1-2)"
            assert await agi.ask("GET VARIABLE IVR_X") == "200 result=0"
            full = await agi.ask('GET FULL VARIABLE "${IVR_PROVINCE}/${CALLERID(num)}"')
            assert full == "200 result=1 (markazi/09121234567)"

    async def test_what_is_wrong(self) -> None:
        async with talking_to() as (_caller, agi, _ami):
            assert await agi.ask("DANCE") == "510 Invalid or unknown command"
            assert (await agi.ask("SET VARIABLE one")).startswith("520")
            assert await agi.ask("EXEC Dance now") == "200 result=-2"
            assert await agi.ask("NOOP") == "200 result=0"

    async def test_prompts_last_as_long_as_their_files(self, tmp_path: Path) -> None:
        (tmp_path / "ivr").mkdir()
        with wave.open(str(tmp_path / "ivr" / "there.wav"), "wb") as audio:
            audio.setparams((1, 2, 8000, 0, "NONE", ""))
            audio.writeframes(bytes(2 * 4000))
        async with talking_to(Timing(speed=100, sounds_dir=tmp_path)) as (_caller, agi, _ami):
            assert await agi.ask('STREAM FILE ivr/there ""') == "200 result=0 endpos=4000"
            assert await agi.ask('STREAM FILE ivr/missing ""') == "200 result=-1 endpos=0"
            assert await agi.ask("NOOP") == "200 result=0"  # it was no hang-up


class TestPreemption:
    async def test_a_next_command_ends_waiting_with_result_1(self) -> None:
        async with line() as (exchange, _ami, controller):
            exchange.place_call()
            agi = await controller.session()
            await begin(exchange, agi, "WAIT FOR DIGIT -1")
            assert await agi.ask("NOOP") == "200 result=1"
            assert await agi.line() == "200 result=0"

    async def test_a_preempted_prompt_sends_no_reply(self) -> None:
        async with talking_to() as (caller, agi, _ami):
            agi.send('STREAM FILE "ivr/long" ""')
            await caller.heard("long")
            assert await agi.ask("GET VARIABLE IVR_LINE") == "200 result=1 (086123)"

    async def test_a_second_line_in_one_piece_is_not_seen(self) -> None:
        async with talking_to() as (caller, agi, _ami):
            agi.send('STREAM FILE "ivr/long" ""', "NOOP")
            await caller.heard("long")
            agi.send("NOOP")
            assert [await agi.line(), await agi.line()] == ["200 result=0", "200 result=0"]

    async def test_an_application_cannot_be_preempted(self) -> None:
        async with talking_to() as (caller, agi, _ami):
            agi.send("EXEC ConfBridge r,ivr_room,ivr_caller")
            await caller.experienced("room", "alone")
            agi.send("NOOP")
            caller.hang_up()
            assert [await agi.line(), await agi.line()] == ["200 result=0", "HANGUP"]
            assert await agi.line() == "200 result=0"


class TestHangUp:
    async def test_while_idle(self) -> None:
        async with talking_to() as (caller, agi, ami):
            caller.hang_up()
            assert await agi.line() == "HANGUP"
            assert (await agi.ask("WAIT FOR DIGIT -1")).startswith("511 ")
            assert await agi.ask("SET VARIABLE IVR_DONE 1") == "200 result=1"
            await ami.event("HangupRequest", Uniqueid=caller.call)
            assert "Hangup" not in ami.names()
            agi.close()
            await ami.event("Hangup", Uniqueid=caller.call, Cause="16")
            assert await caller.ended() == "caller"

    @pytest.mark.parametrize(
        ("command", "reply"),
        [
            ("WAIT FOR DIGIT -1", "200 result=-1"),
            ('STREAM FILE "ivr/x" ""', "200 result=-1 endpos="),
            ("EXEC Wait 3600", "200 result=0"),
        ],
    )
    async def test_during_a_command(self, command: str, reply: str) -> None:
        async with line(timing=LONG) as (exchange, _ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            await begin(exchange, agi, command)
            caller.hang_up()
            assert (await agi.line()).startswith(reply)
            assert await agi.line() == "HANGUP"

    async def test_by_the_controller(self) -> None:
        async with talking_to() as (caller, agi, ami):
            assert await agi.ask("HANGUP") == "200 result=1"
            assert await agi.line() == "HANGUP"
            agi.close()
            assert await caller.ended() == "machine"
            assert "HangupRequest" not in ami.names()

    async def test_by_redirect_the_channel_goes_elsewhere(self) -> None:
        async with line() as (exchange, ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            await begin(exchange, agi, "WAIT FOR DIGIT -1")
            await ami.act(
                "Redirect", Channel=caller.call, Context="line", Exten="s", Priority="ask"
            )
            assert [await agi.line(), await agi.line()] == ["200 result=-1", "HANGUP"]
            agi.close()
            again = await controller.session()
            assert again.env["uniqueid"] == caller.call
            assert await again.ask("WAIT FOR DIGIT 0") == "200 result=0"


class TestRooms:
    async def test_the_caller_comes_back_when_the_counsellor_leaves(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            caller, agi, leg = await _talk(exchange, ami, controller)
            exchange.counsellors["sara"].hang_up()
            assert await agi.line() == "200 result=0"
            assert await agi.ask("GET VARIABLE CONFBRIDGE_RESULT") == "200 result=1 (ENDMARKED)"
            assert [await leg.line(), await leg.line()] == ["200 result=0", "HANGUP"]
            assert caller.story[-2:] == ["talk sara", "talk ended counsellor"]
            await ami.event("ConfbridgeEnd", Conference="r")

    async def test_the_counsellor_stays_when_the_caller_leaves(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            caller, agi, leg = await _talk(exchange, ami, controller)
            caller.hang_up()
            assert [await agi.line(), await agi.line()] == ["200 result=0", "HANGUP"]
            await ami.event("ConfbridgeLeave", Uniqueid=caller.call)
            assert "ConfbridgeEnd" not in ami.names()
            await ami.act("Hangup", Channel="leg")
            assert [await leg.line(), await leg.line()] == ["200 result=0", "HANGUP"]
            await ami.event("ConfbridgeEnd", Conference="r")
            assert exchange.counsellors["sara"].story[-1] == "talk ended caller"

    async def test_music_that_was_set_on_drowns_a_counsellor_who_was_there_first(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            caller, agi, leg = await _connect(exchange, ami, controller)
            leg.send("EXEC ConfBridge r,ivr_room,ivr_counsellor")
            await ami.event("ConfbridgeJoin", Uniqueid="leg")
            await agi.ask("SET MUSIC ON ivr")
            agi.send("EXEC ConfBridge r,ivr_room,ivr_caller")
            await ami.event("ConfbridgeJoin", Uniqueid=caller.call)
            assert caller.talks_with is None
            assert exchange.counsellors["sara"].story[-1] == "talk caller"

    async def test_a_caller_who_comes_too_late_waits_alone(self) -> None:
        async with line("sara") as (exchange, ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            agi.send("EXEC ConfBridge r,ivr_room,ivr_caller")
            await caller.experienced("room", "alone")
            await ami.act(
                "Redirect", Channel=caller.call, Context="line", Exten="s", Priority="ask"
            )
            assert [await agi.line(), await agi.line()] == ["200 result=0", "HANGUP"]
            agi.close()
            await controller.session()

    async def test_a_dead_controller_ends_no_talk(self) -> None:
        async with line("sara", timing=LONG) as (exchange, ami, controller):
            caller, _agi, _leg = await _talk(exchange, ami, controller)
            await ami.act("Setvar", Channel=caller.call, Variable="IVR_PHASE", Value="talk")
            await controller.die()
            await ami.act("Ping")
            assert caller.talks_with == "sara"
            await controller.start()
            exchange.counsellors["sara"].hang_up()
            await caller.heard("closing")
            caller.press("1")
            assert (await controller.session()).env["uniqueid"] == caller.call


async def _talk(
    exchange: SimulatedAsterisk, ami: Ami, controller: Controller
) -> tuple[SimulatedCaller, Agi, Agi]:
    caller, agi, leg = await _connect(exchange, ami, controller)
    agi.send("EXEC ConfBridge r,ivr_room,ivr_caller")
    await ami.event("ConfbridgeJoin", Uniqueid=caller.call)
    leg.send("EXEC ConfBridge r,ivr_room,ivr_counsellor")
    assert await caller.talking() == "sara"
    return caller, agi, leg


async def _connect(
    exchange: SimulatedAsterisk, ami: Ami, controller: Controller
) -> tuple[SimulatedCaller, Agi, Agi]:
    """A caller and a counsellor who has picked up, neither in a room yet."""
    caller = exchange.place_call()
    agi = await controller.session()
    exchange.counsellor("sara", answers(0))
    where = {"Context": "offer", "Exten": "s", "Priority": "1"}
    await ami.act("Originate", Channel="PJSIP/sara", ChannelId="leg", Async="true", **where)
    return caller, agi, await controller.session()


async def _talk_and_wait(channel: AgiChannel) -> None:
    await channel.enter_room("r", RoomRole.CALLER)
    await channel.wait_key(None)


async def test_our_own_session_understands_it() -> None:
    """Joined with the controller's real FastAGI server: every method of Channel."""
    done: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()

    async def call(session: AgiSession) -> None:
        channel = AgiChannel(session)
        heard: list[object] = []
        heard.append(await channel.play(["welcome", "menu"], "12"))
        await channel.set_variables({"IVR_PHASE": "line"})
        await channel.start_music()
        heard.append(await channel.wait_key(None))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await channel.wait_key(None)
        heard.append(await channel.play(["goodbye"], "9"))
        with pytest.raises(HungUp):
            await _talk_and_wait(channel)
        done.set_result(heard)

    async def script(caller: SimulatedCaller) -> None:
        await caller.heard("welcome")
        caller.press("2")
        await caller.experienced("music", "ivr")
        await caller.until(lambda: caller.channel.variables.get("IVR_PHASE") == "line", PATIENCE_S)
        await wait_commanded.wait()
        caller.press("7")
        await caller.heard("goodbye")
        caller.press("9")
        await caller.experienced("room", "alone")
        caller.hang_up()

    wait_commanded = asyncio.Event()
    server = AgiServer("127.0.0.1", 0, {"call": call})
    server.open()
    serving = asyncio.create_task(server.run())
    async with SimulatedAsterisk(agi_port=server.port, timing=LONG) as exchange:
        exchange.feed.taps.append(
            lambda what: wait_commanded.set() if what.startswith("AGI WAIT FOR DIGIT") else None
        )
        caller = exchange.place_call(script=script)
        assert await caller.ended() == "caller"
        assert await asyncio.wait_for(done, PATIENCE_S) == ["2", "7", "9"]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
