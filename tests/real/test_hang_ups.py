"""A caller may hang up at any moment: counsellors are freed at once, one record says the truth."""

import pytest

from ivr.simulator.sip_call import SipCall
from tests.real.product import Json
from tests.real.scene import (
    LONG_WHISPERED,
    VAIN_LINE,
    Scene,
    both_hear_each_other,
    hears_words,
    offers,
)

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def gone(scene: Scene) -> Json:
    """No channel is left, and there is one record."""
    await scene.until(lambda: not scene.channels())
    return await scene.the_call()


async def freed(scene: Scene, call: SipCall, counsellor: str = "arak-1") -> None:
    """The counsellor's phone was hung up by us, and may be rung again."""
    assert await call.ended() == "there"
    await scene.available(counsellor)


async def test_in_the_first_prompt(scene: Scene) -> None:
    async with scene.caller() as caller:
        await caller.answered()
        await hears_words(caller)
        caller.hang_up()
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("in_menu", "caller")
    assert (record["lane"], record["joined_at"]) == (None, None)


@pytest.mark.parametrize("keys", ["2", "29", "21"])
async def test_in_the_menus(scene: Scene, keys: str) -> None:
    async with scene.caller() as caller:
        await caller.presses(keys)
        await hears_words(caller)
        caller.hang_up()
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("in_menu", "caller")
    assert record["joined_at"] is None


async def test_in_line(scene: Scene) -> None:
    async with scene.caller() as caller:
        await caller.presses("0")
        await scene.in_line()
        caller.hang_up()
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("short_abandonment", "caller")
    assert offers(record) == []


async def test_while_a_phone_rings(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as counsellor, scene.caller() as caller:
        await caller.presses("0")
        call = await counsellor.offered()
        caller.hang_up()
        await freed(scene, call)
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("short_abandonment", "caller")
    assert offers(record) == [("arak-1", "withdrawn")]


async def test_after_a_phone_rang_in_vain(scene: Scene) -> None:
    async with scene.counsellor("ilam-1") as counsellor, scene.caller(line=VAIN_LINE) as caller:
        await caller.presses("0")
        first = await counsellor.offered()
        assert await first.ended() == "there"
        again = await counsellor.offered()
        caller.hang_up()
        await freed(scene, again, "ilam-1")
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("abandoned", "caller")
    assert offers(record) == [("ilam-1", "rona"), ("ilam-1", "withdrawn")]


async def test_during_the_whisper(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor, scene.caller() as caller:
        await caller.presses(f"21{LONG_WHISPERED}")
        call = await counsellor.offered()
        await call.answered()
        await hears_words(call)
        caller.hang_up()
        await freed(scene, call)
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("short_abandonment", "caller")
    assert offers(record) == [("arak-1", "withdrawn")]


async def test_in_talk(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor, scene.caller() as caller:
        await caller.presses("0")
        call = await counsellor.offered()
        await both_hear_each_other(caller, call)
        caller.hang_up()
        await freed(scene, call)
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("connected", "caller")
    assert offers(record) == [("arak-1", "connected")]


async def test_during_the_closing_sentence(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0) as counsellor, scene.caller() as caller:
        await caller.presses("0")
        call = await counsellor.offered()
        await both_hear_each_other(caller, call)
        call.hang_up()
        await hears_words(caller)
        await scene.available("arak-1")
        caller.hang_up()
        record = await gone(scene)
    assert (record["end"], record["ended_by"]) == ("connected", "counsellor")
