"""What counsellors and their phones do, and what the caller has of it."""

from contextlib import AsyncExitStack

import pytest

from ivr.simulator.tone import COUNSELLOR_HZ
from tests.real.exchange import MUSIC_HZ
from tests.real.parties import Caller
from tests.real.product import PATIENCE_S
from tests.real.scene import (
    CONFIRMING,
    LONG_WHISPERED,
    VAIN_LINE,
    Scene,
    both_hear_each_other,
    hears_words,
    instant,
    offers,
)

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

# Callers that are told apart by ear.
FIRST_HZ, SECOND_HZ, THIRD_HZ = 600.0, 750.0, 1250.0


@pytest.mark.parametrize(("answer", "result"), [(603, "rejected"), (486, "busy")])
async def test_who_refuses_is_followed_by_the_next(scene: Scene, answer: int, result: str) -> None:
    async with (
        scene.counsellor("arak-1", refuse=answer) as first,
        scene.counsellor("arak-2", answer_after_s=0) as second,
        scene.caller() as caller,
    ):
        await caller.presses("0")
        call = await second.offered()
        await both_hear_each_other(caller, call)
        assert len(first.calls) == 1
    assert offers(await scene.the_call()) == [("arak-1", result), ("arak-2", "connected")]


async def test_who_does_not_answer_is_followed_by_the_next(scene: Scene) -> None:
    async with (
        scene.counsellor("ilam-1") as first,
        scene.counsellor("ilam-2", answer_after_s=0) as second,
        scene.caller(line=VAIN_LINE) as caller,
    ):
        await caller.presses("0")
        missed = await first.offered()
        call = await second.offered()
        assert await missed.ended() == "there"
        await both_hear_each_other(caller, call)
    assert offers(await scene.the_call()) == [("ilam-1", "rona"), ("ilam-2", "connected")]


async def test_who_is_not_registered_is_not_rung(scene: Scene) -> None:
    async with scene.counsellor("arak-1"):
        pass
    await scene.until(lambda: scene.state("arak-1") == "off_duty")
    async with scene.counsellor("arak-2", answer_after_s=0) as second, scene.caller() as caller:
        await caller.presses("214")
        await both_hear_each_other(caller, await second.offered())
    assert offers(await scene.the_call()) == [("arak-2", "connected")]


async def test_a_phone_that_lost_its_power_unseen_is_followed_by_the_next(scene: Scene) -> None:
    async with (
        scene.counsellor("ilam-1") as first,
        scene.counsellor("ilam-2", answer_after_s=0) as second,
    ):
        await first.vanish()
        async with scene.caller(line=VAIN_LINE) as caller:
            await caller.presses("0")
            await both_hear_each_other(caller, await second.offered())
        async with scene.counsellor("ilam-1"):  # power again: it leaves properly
            record = await scene.the_call()
    assert offers(record) == [("ilam-1", "unreachable"), ("ilam-2", "connected")]


async def test_key_1_accepts_where_a_voicemail_might_answer(scene: Scene) -> None:
    async with scene.counsellor(CONFIRMING[0], answer_after_s=0) as phone, scene.caller() as caller:
        await caller.presses("284")
        call = await phone.offered()
        await call.answered()
        await hears_words(call)
        assert [row["phase"] for row in scene.waiting()] == ["offered"]
        await phone.presses(call, "1")
        await both_hear_each_other(caller, call)
    assert offers(await scene.the_call()) == [(CONFIRMING[0], "connected")]


async def test_where_nobody_presses_key_1_the_next_is_rung(scene: Scene) -> None:
    async with (
        scene.counsellor(CONFIRMING[0], answer_after_s=0) as voicemail,
        scene.counsellor("khondab-1", answer_after_s=0) as person,
        scene.caller() as caller,
    ):
        await caller.presses("284")
        swallowed = await voicemail.offered()
        call = await person.offered()
        assert await swallowed.ended() == "there"
        await both_hear_each_other(caller, call)
    record = await scene.the_call()
    assert offers(record) == [(CONFIRMING[0], "declined"), ("khondab-1", "connected")]


async def test_a_counsellor_who_leaves_in_the_whisper_costs_no_place(scene: Scene) -> None:
    keys = f"21{LONG_WHISPERED}"
    async with scene.caller(tone_hz=FIRST_HZ) as caller:
        async with scene.counsellor("arak-1", answer_after_s=0) as first:
            await caller.presses(keys)
            call = await first.offered()
            await hears_words(call)
            [mine] = await scene.in_line()
            call.hang_up()
        async with scene.caller(tone_hz=SECOND_HZ) as later:
            await later.presses(keys)  # as urgent as the first
            assert (await scene.in_line(2))[0]["call"] == mine["call"]
            async with scene.counsellor("arak-2", answer_after_s=0) as second:
                await (await second.offered()).stream.hears_tone(FIRST_HZ, PATIENCE_S)
                await caller.talks()
    record, _ = await scene.ended(2)
    assert offers(record) == [("arak-1", "declined"), ("arak-2", "connected")]
    assert record["joined_at"] == mine["joined_at"]


async def test_three_callers_are_served_in_order_by_two_counsellors(scene: Scene) -> None:
    async with AsyncExitStack() as line:
        callers = []
        for count, tone_hz in enumerate((FIRST_HZ, SECOND_HZ, THIRD_HZ), start=1):
            callers.append(await line.enter_async_context(scene.caller(tone_hz=tone_hz)))
            await callers[-1].presses("0")
            await scene.in_line(count)
        async with (
            scene.counsellor("arak-1", answer_after_s=0) as one,
            scene.counsellor("arak-2", answer_after_s=0) as two,
        ):
            await (await one.offered()).stream.hears_tone(FIRST_HZ, PATIENCE_S)
            await (await two.offered()).stream.hears_tone(SECOND_HZ, PATIENCE_S)
            callers[1].hang_up()
            await (await two.offered()).stream.hears_tone(THIRD_HZ, PATIENCE_S)
            await scene.in_line(0)
    served = [offers(record) for record in await scene.ended(3)]
    arak_1, arak_2 = [("arak-1", "connected")], [("arak-2", "connected")]
    assert served == [arak_1, arak_2, arak_2]


async def test_danger_overtakes_who_came_before(scene: Scene) -> None:
    async with scene.caller(tone_hz=FIRST_HZ) as ordinary:
        await ordinary.presses("0")
        await scene.in_line()
        async with scene.caller(tone_hz=None) as silent:
            await scene.in_line(2)
            async with scene.caller(tone_hz=THIRD_HZ) as danger:
                await danger.presses("1")
                lanes = [row["lane"] for row in await scene.in_line(3)]
                assert lanes == ["danger", "silence", "ordinary"]
                await _served_in_order(scene, danger, silent, ordinary)
    served = [offers(record) for record in await scene.ended(3)]
    assert served == [[("arak-1", "connected")]] * 3


async def _served_in_order(scene: Scene, *callers: Caller) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor:
        for caller in callers:
            await counsellor.offered()
            await caller.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
            await caller.talks()
            caller.hang_up()


async def test_a_phone_that_vanishes_in_talk_puts_the_caller_first_in_line(scene: Scene) -> None:
    async with (
        scene.counsellor("saveh-1", answer_after_s=0) as lost,
        scene.caller() as caller,
    ):
        await caller.presses("220")
        await both_hear_each_other(caller, await lost.offered())
        async with scene.caller() as waiting:
            await waiting.presses("0")
            [behind] = await scene.in_line()
            await lost.vanish()
            assert (await scene.in_line(2))[1]["call"] == behind["call"]
            await caller.hears_tone(MUSIC_HZ)
            async with scene.counsellor("saveh-2") as other:
                call = await other.offered()
                waiting.hang_up()  # who is next is nobody's matter here
                await call.answer()
                await both_hear_each_other(caller, call)
                caller.hang_up()
                await scene.until(lambda: not scene.product.floor()["talks"])
        async with scene.counsellor("saveh-1"):  # power again: it leaves properly
            record, _ = await scene.ended(2)
    talks = [offer for offer in offers(record) if offer[1] == "connected"]
    assert talks == [("saveh-1", "connected"), ("saveh-2", "connected")]


async def test_key_1_after_the_closing_sentence_leads_back_to_a_counsellor(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor, scene.caller() as caller:
        await caller.presses("0")
        call = await counsellor.offered()
        await both_hear_each_other(caller, call)
        call.hang_up()
        await hears_words(caller)
        await caller.presses("1")
        again = await counsellor.offered()
        await both_hear_each_other(caller, again)
    record = await scene.the_call()
    assert offers(record) == [("arak-1", "connected"), ("arak-1", "connected")]
    assert (record["end"], record["ended_by"]) == ("connected", "caller")
    first, second = (instant(offer["offered_at"]) for offer in record["offers"])
    assert instant(record["joined_at"]) <= first < instant(record["connected_at"]) < second
