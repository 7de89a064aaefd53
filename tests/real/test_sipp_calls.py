"""Whole calls by a SIP client that is not ours: sipp as the caller and as the counsellors."""

import pytest

from tests.real.scene import Scene, offers

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def test_from_the_menus_to_the_closing_sentence(scene: Scene) -> None:
    async with scene.sipp_counsellor("saveh-1", led=True) as counsellor:
        async with scene.sipp_caller() as caller:
            await scene.presses(caller, "224")
            await scene.talking(1)
            counsellor.hang_up()
            await scene.product.watcher.heard(caller.channel, "goodbye")
            caller.hang_up()
            assert not await caller.ended(), "the exchange hangs up on nobody"
        assert counsellor.find(sent=True, method="BYE", start="BYE")
    record = await scene.the_call()
    assert (record["county"], record["category"]) == ("markazi-saveh", "family_dispute")
    assert (record["end"], record["ended_by"]) == ("connected", "counsellor")


async def test_a_supporting_county(scene: Scene) -> None:
    async with (
        scene.sipp_counsellor("arak-1") as arak,
        scene.sipp_counsellor("saveh-1") as saveh,
        scene.sipp_caller() as caller,
    ):
        await scene.presses(caller, "2924")
        await scene.talking(1)
        caller.hang_up()
        assert not await caller.ended()
        assert (len(arak.offered()), len(saveh.offered())) == (0, 1)
    record = await scene.the_call()
    assert (record["county"], record["desk"]) == ("markazi-tafresh", "markazi-saveh")
    assert (record["end"], record["ended_by"]) == ("connected", "caller")


async def test_the_danger_key(scene: Scene) -> None:
    async with scene.sipp_counsellor("khomeyn-1"), scene.sipp_caller("123") as caller:
        await scene.presses(caller, "1")
        await scene.talking(1)
        caller.hang_up()
        assert not await caller.ended()
    record = await scene.the_call()
    assert (record["lane"], record["end"]) == ("danger", "connected")


@pytest.mark.parametrize(
    ("answer", "result"), [("603 Decline", "rejected"), ("486 Busy Here", "busy")]
)
async def test_a_refusal(scene: Scene, answer: str, result: str) -> None:
    async with (
        scene.sipp_counsellor("arak-1", refuse=answer),
        scene.sipp_counsellor("arak-2"),
        scene.sipp_caller() as caller,
    ):
        await scene.presses(caller, "0")
        await scene.talking(1)
        caller.hang_up()
        assert not await caller.ended()
    assert offers(await scene.the_call()) == [("arak-1", result), ("arak-2", "connected")]


async def test_a_caller_who_leaves_while_it_rings(scene: Scene) -> None:
    async with (
        scene.sipp_counsellor("arak-1", answer_after_s=None) as counsellor,
        scene.sipp_caller() as caller,
    ):
        await scene.presses(caller, "1")
        await counsellor.traced(False, "INVITE", "INVITE")
        caller.hang_up()
        assert not await caller.ended()
        await counsellor.traced(False, "CANCEL", "CANCEL")
    record = await scene.the_call()
    assert (record["end"], record["lane"]) == ("short_abandonment", "danger")
    assert offers(record) == [("arak-1", "withdrawn")]
