"""What counsellors and their phones do, and what the caller has of it."""

import pytest

from ivr.simulator.sip_phone import CallerPhone
from ivr.simulator.tone import COUNSELLOR_HZ
from tests.real.exchange import MUSIC_HZ
from tests.real.scene import (
    CONFIRMING,
    RTP_TIMEOUT_S,
    Scene,
    both_hear_each_other,
    hears_words,
    instant,
    offers,
    press,
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
        await caller.answered()
        await press(caller, "0")
        call = await second.offered()
        await both_hear_each_other(caller, call)
        assert len(first.calls) == 1
    assert offers(await scene.the_call()) == [("arak-1", result), ("arak-2", "connected")]


async def test_who_does_not_answer_is_followed_by_the_next(scene: Scene) -> None:
    async with (
        scene.counsellor("arak-1") as first,
        scene.counsellor("arak-2", answer_after_s=0) as second,
        scene.caller() as caller,
    ):
        await caller.answered()
        await press(caller, "0")
        missed = await first.offered()
        call = await second.offered(30)
        assert await missed.ended() == "there"
        await both_hear_each_other(caller, call)
    assert offers(await scene.the_call()) == [("arak-1", "rona"), ("arak-2", "connected")]


async def test_who_is_not_registered_is_not_rung(scene: Scene) -> None:
    async with scene.caller() as caller:
        async with scene.counsellor("arak-1"):
            await caller.answered()
        async with scene.counsellor("arak-2", answer_after_s=0) as second:
            await scene.until(lambda: scene.state("arak-1") == "off_duty")
            await press(caller, "214")
            await both_hear_each_other(caller, await second.offered())
    assert offers(await scene.the_call()) == [("arak-2", "connected")]


async def test_a_phone_that_lost_its_power_unseen_is_followed_by_the_next(scene: Scene) -> None:
    async with (
        scene.counsellor("arak-1") as first,
        scene.counsellor("arak-2", answer_after_s=0) as second,
        scene.caller() as caller,
    ):
        await caller.answered()
        await first.vanish()
        await press(caller, "0")
        await both_hear_each_other(caller, await second.offered(30))
        caller.hang_up()
        async with scene.counsellor("arak-1"):  # power again: it leaves properly
            record = await scene.the_call()
    assert offers(record) == [("arak-1", "unreachable"), ("arak-2", "connected")]


async def test_key_1_accepts_where_a_voicemail_might_answer(scene: Scene) -> None:
    async with scene.counsellor(CONFIRMING[0], answer_after_s=0) as phone, scene.caller() as caller:
        await caller.answered()
        await press(caller, "284")
        call = await phone.offered()
        await call.answered()
        await hears_words(call)
        assert [row["phase"] for row in scene.waiting()] == ["offered"]
        await press(call, "1")
        await both_hear_each_other(caller, call)
    assert offers(await scene.the_call()) == [(CONFIRMING[0], "connected")]


async def test_where_nobody_presses_key_1_the_next_is_rung(scene: Scene) -> None:
    async with (
        scene.counsellor(CONFIRMING[0], answer_after_s=0) as voicemail,
        scene.counsellor("khondab-1", answer_after_s=0) as person,
        scene.caller() as caller,
    ):
        await caller.answered()
        await press(caller, "284")
        swallowed = await voicemail.offered()
        call = await person.offered(30)
        assert await swallowed.ended() == "there"
        await both_hear_each_other(caller, call)
    record = await scene.the_call()
    assert offers(record) == [(CONFIRMING[0], "declined"), ("khondab-1", "connected")]


async def test_a_counsellor_who_leaves_in_the_whisper_costs_no_place(scene: Scene) -> None:
    async with (
        scene.caller(tone_hz=FIRST_HZ) as caller,
        scene.caller(tone_hz=SECOND_HZ) as later,
    ):
        await caller.answered()
        await later.answered()
        async with scene.counsellor("arak-1", answer_after_s=0) as first:
            await press(caller, "214")
            call = await first.offered()
            await press(later, "214")  # as urgent as the first
            [mine, _] = await scene.in_line(2)
            await hears_words(call)
            call.hang_up()
        assert (await scene.in_line(2))[0]["call"] == mine["call"]
        async with scene.counsellor("arak-2", answer_after_s=0) as second:
            await (await second.offered()).stream.hears_tone(FIRST_HZ, 30)
            await scene.until(lambda: scene.state("arak-2") == "talking")  # the line knows it too
    record, _ = await scene.ended(2)
    assert offers(record) == [("arak-1", "declined"), ("arak-2", "connected")]
    assert record["joined_at"] == mine["joined_at"]


async def test_three_callers_are_served_in_order_by_two_counsellors(scene: Scene) -> None:
    async with (
        scene.caller(tone_hz=FIRST_HZ) as first,
        scene.caller(tone_hz=SECOND_HZ) as second,
        scene.caller(tone_hz=THIRD_HZ) as third,
    ):
        for count, caller in enumerate((first, second, third), start=1):
            await caller.answered()
            await press(caller, "0")
            await scene.in_line(count)
        async with (
            scene.counsellor("arak-1", answer_after_s=0) as one,
            scene.counsellor("arak-2", answer_after_s=0) as two,
        ):
            await (await one.offered()).stream.hears_tone(FIRST_HZ, 30)
            await (await two.offered()).stream.hears_tone(SECOND_HZ, 30)
            second.hang_up()
            await (await two.offered()).stream.hears_tone(THIRD_HZ, 30)
            assert scene.waiting() == []
    served = [offers(record) for record in await scene.ended(3)]
    arak_1, arak_2 = [("arak-1", "connected")], [("arak-2", "connected")]
    assert served == [arak_1, arak_2, arak_2]


async def test_danger_overtakes_who_came_before(scene: Scene) -> None:
    async with (
        scene.caller(tone_hz=FIRST_HZ) as ordinary,
        scene.caller(tone_hz=None) as silent,
    ):
        await ordinary.answered()
        await press(ordinary, "0")
        await silent.answered()
        await scene.until(lambda: len(scene.waiting()) == 2, 20)
        async with scene.caller(tone_hz=THIRD_HZ) as danger:
            await danger.answered()
            await press(danger, "1")
            lanes = [row["lane"] for row in await scene.in_line(3)]
            assert lanes == ["danger", "silence", "ordinary"]
            await _served_by_urgency(scene, danger, silent)
    served = [offers(record) for record in await scene.ended(3)]
    assert served == [[("arak-1", "connected")]] * 3


async def _served_by_urgency(scene: Scene, danger: CallerPhone, silent: CallerPhone) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor:
        await (await counsellor.offered()).stream.hears_tone(THIRD_HZ, 30)
        danger.hang_up()
        await counsellor.offered()
        await silent.hears_tone(COUNSELLOR_HZ, 30)
        silent.hang_up()
        await (await counsellor.offered()).stream.hears_tone(FIRST_HZ, 30)


async def test_a_phone_that_vanishes_in_talk_puts_the_caller_first_in_line(scene: Scene) -> None:
    async with (
        scene.counsellor("saveh-1", answer_after_s=0) as lost,
        scene.caller() as caller,
        scene.caller() as waiting,
    ):
        await caller.answered()
        await press(caller, "220")
        await both_hear_each_other(caller, await lost.offered())
        await waiting.answered()
        await press(waiting, "0")
        [behind] = await scene.in_line()
        await lost.vanish()
        await scene.until(lambda: len(scene.waiting()) == 2, RTP_TIMEOUT_S + 5)
        assert scene.waiting()[1]["call"] == behind["call"]
        await caller.hears_tone(MUSIC_HZ, 30)
        async with scene.counsellor("saveh-2", answer_after_s=0) as other:
            await both_hear_each_other(caller, await other.offered())
            caller.hang_up()
            waiting.hang_up()
        async with scene.counsellor("saveh-1"):  # power again: it leaves properly
            record, _ = await scene.ended(2)
    talks = [offer for offer in offers(record) if offer[1] == "connected"]
    assert talks == [("saveh-1", "connected"), ("saveh-2", "connected")]


async def test_key_1_after_the_closing_sentence_leads_back_to_a_counsellor(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor, scene.caller() as caller:
        await caller.answered()
        await press(caller, "0")
        call = await counsellor.offered()
        await both_hear_each_other(caller, call)
        call.hang_up()
        await hears_words(caller)
        await press(caller, "1")
        again = await counsellor.offered()
        await both_hear_each_other(caller, again)
    record = await scene.the_call()
    assert offers(record) == [("arak-1", "connected"), ("arak-1", "connected")]
    assert (record["end"], record["ended_by"]) == ("connected", "caller")
    first, second = (instant(offer["offered_at"]) for offer in record["offers"])
    assert instant(record["joined_at"]) <= first < instant(record["connected_at"]) < second
