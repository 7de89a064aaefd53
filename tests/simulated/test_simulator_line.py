"""The simulated dialplan and its people: the circle of the line, the fallback, virtual time."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from ivr.dialplan.static_lines import Stage, StaticLine, StaticMember, StaticQueue
from ivr.errors import BadInput
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.parties import (
    NEVER,
    NeverHappened,
    SimulatedCaller,
    answers,
    answers_then_hangs_up,
    busy,
    rejects,
)
from ivr.simulator.timing import Timing
from ivr.simulator.virtual_time import VirtualTimeLoop
from tests.patience import PATIENCE_S
from tests.simulated.simulator_kit import FAST, Controller, controlled, line, manager

NOBODY = 1  # a port where nobody listens
SLOW = Timing()  # only for virtual time


def one_queue(*devices: str) -> StaticLine:
    """Markazi with one queue for all callers."""
    members = tuple(StaticMember(device) for device in devices)
    return StaticLine("markazi", ("086123",), (Stage((StaticQueue("fallback-markazi", members),)),))


def at_once(scenario: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a scenario in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(scenario())


class TestWithoutController:
    def test_the_caller_stays_and_the_fallback_is_tried_again_and_again(self) -> None:
        async def scenario() -> None:
            loop = asyncio.get_running_loop()
            async with SimulatedAsterisk(agi_port=NOBODY, timing=SLOW) as exchange:
                caller = exchange.place_call()
                for _round in range(4):
                    await caller.experienced("fallback")
                assert 45 <= loop.time() < 50
                assert not caller.channel.ended

        at_once(scenario)

    def test_somebody_of_the_static_queue_answers(self) -> None:
        async def scenario() -> None:
            async with SimulatedAsterisk(
                agi_port=NOBODY,
                timing=SLOW,
                devices=["sara", "ali", "other"],
                static=[one_queue("sara", "ali")],
            ) as exchange:
                other = exchange.counsellor("other", answers(0))
                ali = exchange.counsellor("ali", answers(2))
                caller = exchange.place_call(called="086123")
                assert await caller.talking() == "ali"
                ali.hang_up()
                await caller.heard("closing")
                caller.hang_up()
                await caller.ended()
                assert caller.story == [
                    "answered",
                    "fallback",
                    "music ivr",
                    "talk ali",
                    "talk ended counsellor",
                    "prompt closing",
                    "ended caller",
                ]
                assert other.offers == []

        at_once(scenario)

    def test_members_are_rung_in_turn_until_one_takes_it(self) -> None:
        async def scenario() -> None:
            names = ["sara", "ali", "reza"]
            async with SimulatedAsterisk(agi_port=NOBODY, timing=SLOW, devices=names) as exchange:
                for name, behaviour in zip(names, (rejects(), busy(), answers()), strict=True):
                    exchange.counsellor(name, behaviour)
                caller = exchange.place_call()
                assert await caller.talking() == "reza"
                assert [len(exchange.counsellors[name].offers) for name in names] == [1, 1, 1]

        at_once(scenario)

    def test_a_key_after_the_closing_sentence_leads_back(self) -> None:
        async def scenario() -> None:
            async with SimulatedAsterisk(
                agi_port=NOBODY, timing=SLOW, devices=["sara"]
            ) as exchange:
                sara = exchange.counsellor("sara", answers_then_hangs_up(0, 1))
                caller = exchange.place_call()
                await caller.talking()
                await caller.heard("closing")
                caller.press("1")
                await caller.experienced("talk", "sara")
                assert len(sara.offers) == 2

        at_once(scenario)

    async def test_the_caller_leaves_while_a_phone_rings(self) -> None:
        async with SimulatedAsterisk(agi_port=NOBODY, timing=FAST, devices=["sara"]) as exchange:
            sara = exchange.counsellor("sara", NEVER)
            async with manager(exchange) as ami:
                caller = exchange.place_call()
                await sara.ringing()
                caller.hang_up()
                await exchange.until(lambda: not exchange.channels, PATIENCE_S)
                await ami.event("DialEnd", DialStatus="CANCEL", Uniqueid=caller.call)
                assert exchange.channels == {}


class TestWithController:
    async def test_a_line_left_open_comes_back_to_us_after_the_closing_sentence(self) -> None:
        async with line() as (exchange, _ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            await agi.ask('SET VARIABLE "IVR_PHASE" "left_open"')
            agi.close()
            await caller.heard("closing")
            again = await controller.session()
            assert again.arguments["phase"] == "left_open"

    async def test_a_crash_brings_the_caller_back_with_place_and_facts(self) -> None:
        async with line() as (exchange, _ami, controller):
            caller = exchange.place_call(called="061123")
            agi = await controller.session()
            for name, value in {"JOINED_AT": "1700000000.5", "COUNTY": "ahvaz"}.items():
                await agi.ask(f"SET VARIABLE IVR_{name} {value}")
            agi.send("WAIT FOR DIGIT -1")
            agi.die()
            again = await controller.session()
            assert again.env["uniqueid"] == caller.call
            assert again.arguments["phase"] == "fallback"
            assert again.arguments["joined_at"] == "1700000000.5"
            assert again.arguments["county"] == "ahvaz"
            assert again.arguments["province"] == "khuzestan"

    async def test_connections_can_be_cut_from_the_other_side(self) -> None:
        async with line() as (exchange, _ami, controller):
            exchange.place_call()
            agi = await controller.session()
            exchange.cut_agi()
            assert await agi.line() == ""  # the end of the stream
            await controller.session()

    async def test_a_number_that_is_no_line_is_served_all_the_same(self) -> None:
        async with line() as (exchange, _ami, controller):
            exchange.place_call(called="999")
            assert (await controller.session()).arguments["line"] == "123"

    async def test_the_redirected_caller_enters_the_fallback(self) -> None:
        async with line() as (exchange, ami, controller):
            caller = exchange.place_call()
            agi = await controller.session()
            where = {"Context": "line", "Exten": "s", "Priority": "fallback"}
            await ami.act("Redirect", Channel=caller.call, **where)
            agi.close()
            await caller.experienced("fallback")


class TestHangUpAtEveryStep:
    """A small call with a talk in it, and the caller gone after its n-th observable step."""

    async def test_nothing_is_left_behind(self) -> None:
        step = 0
        while not await self._leaves_cleanly(step := step + 1):
            assert step < 200
        assert step > 20  # so many until the closing sentence was said again

    async def _leaves_cleanly(self, step: int) -> bool:
        """Whether the line had come round once, which the caller alone ends."""
        async with (
            controlled() as controller,
            SimulatedAsterisk(agi_port=controller.port, timing=FAST, devices=["sara"]) as exchange,
        ):
            exchange.counsellor("sara", answers(0, talk_s=1))
            serving = asyncio.create_task(_serve_nothing(controller))
            caller = exchange.place_call()
            caller.hang_up_at_step(step)
            assert await caller.ended() == "caller"
            assert await exchange.until(lambda: not exchange.channels, PATIENCE_S)
            assert exchange.bridges.all() == []
            assert exchange.counsellors["sara"].device.idle
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            return caller.story.count("prompt closing") > 1


async def _serve_nothing(controller: Controller) -> None:
    """A controller that plays one prompt and gives the channel back."""
    while True:
        agi = await controller.session()
        agi.send("STREAM FILE ivr/welcome 1")
        await agi.line()
        agi.close()


class TestPeople:
    def test_what_never_comes_says_what_came(self) -> None:
        async def scenario() -> None:
            async with SimulatedAsterisk(agi_port=NOBODY, timing=SLOW) as exchange:
                caller = exchange.place_call()
                with pytest.raises(NeverHappened, match=r"prompt dance.*answered, fallback"):
                    await caller.heard("dance", within_s=5)
                caller.hang_up()
                with pytest.raises(NeverHappened, match="ended caller"):
                    await caller.heard("dance")

        at_once(scenario)

    def test_a_script_acts_in_its_own_time(self) -> None:
        async def impatient(caller: SimulatedCaller) -> None:
            await caller.answered()
            caller.hang_up_after(7)

        async def scenario() -> None:
            async with SimulatedAsterisk(agi_port=NOBODY, timing=SLOW) as exchange:
                caller = exchange.place_call(script=impatient)
                assert await caller.ended() == "caller"
                assert asyncio.get_running_loop().time() == pytest.approx(7)

        at_once(scenario)

    async def test_there_is_nobody_at_an_unknown_device(self) -> None:
        async with SimulatedAsterisk(agi_port=NOBODY, devices=["sara"]) as exchange:
            with pytest.raises(BadInput, match="no device ali"):
                exchange.counsellor("ali")

    async def test_a_failing_script_ends_the_exchange_loudly(self) -> None:
        async def broken(_caller: SimulatedCaller) -> None:
            raise ZeroDivisionError

        exchange = SimulatedAsterisk(agi_port=NOBODY, timing=FAST)
        await exchange.__aenter__()
        exchange.place_call(script=broken)
        assert await exchange.until(lambda: exchange.failed, PATIENCE_S)
        with pytest.raises(ExceptionGroup) as caught:
            await exchange.__aexit__(None, None, None)
        assert caught.group_contains(ZeroDivisionError)
