"""Conversations and their controller when mail, recalls and sessions cross each other."""

import asyncio
from contextlib import suppress

from ivr import effects as do
from ivr import events as ev
from ivr.controller import Clock, Controller
from ivr.dialplan.channel import RoomRole
from ivr.model import CallId, CounsellorId, Offer, OfferId, OfferResult
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.simulator.memory_journal import MemoryJournal
from tests.core.floor_kit import LIMITS
from tests.core.scripted_channel import ScriptedChannel
from tests.core.test_conversation import CALL, CONNECT, Talk


async def test_a_verdict_that_comes_during_the_closing_does_not_close_the_next_wait() -> None:
    talk = Talk(ScriptedChannel({"closing": ["1"]}))
    async with talk.running() as running:
        await talk.channel.music.wait()
        talk.tell(CONNECT)
        await talk.channel.in_room.wait()
        talk.joined.clear()
        talk.channel.music.clear()
        talk.tell(do.CloseCall(call=CALL))
        talk.tell(do.CloseCall(call=CALL))
        talk.channel.leave_room()
        await talk.joined.wait()
        await talk.channel.music.wait()
        assert not running.done()
    assert talk.channel.heard.count("closing") == 1


class _SlowToKeep(ScriptedChannel):
    """The counsellor goes while the caller's variables are being written."""

    def __init__(self, talk: "list[Talk]") -> None:
        super().__init__({})
        self._talk = talk

    async def set_variables(self, values):  # type: ignore[no-untyped-def]
        await super().set_variables(values)
        if "IVR_OFFER" in values:
            self._talk[0].tell(do.HoldCall(call=CALL))


async def test_a_counsellor_who_goes_on_the_caller_s_way_leaves_nobody_in_a_room() -> None:
    talks: list[Talk] = []
    talks.append(Talk(_SlowToKeep(talks)))
    async with talks[0].running():
        await talks[0].channel.music.wait()
        talks[0].channel.music.clear()
        talks[0].tell(CONNECT)
        await talks[0].channel.music.wait()
    assert talks[0].channel.rooms == []


class _Exchange:
    def __init__(self) -> None:
        self.recalled: list[CallId] = []
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def ring(self, offer: Offer) -> None: ...
    async def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None: ...

    async def recall(self, call: CallId) -> None:
        self.recalled.append(call)
        self.asked.set()
        await self.answer.wait()


async def test_two_reasons_to_fetch_a_caller_fetch_once_and_end_the_old_conversation() -> None:
    """A second redirect would end the conversation that the first one began, as a hang-up."""
    exchange, talk = _Exchange(), Talk(ScriptedChannel({}))
    floor, journal = Floor(epoch=7, limits=LIMITS), MemoryJournal()
    controller = Controller(floor, Clock(), journal, Planner((), ()))
    running = asyncio.create_task(controller.run(exchange))
    arrived = ev.CallArrived(
        call=CALL,
        province=talk.conversation.province,
        line="",
        caller=None,
        arrived_at=controller.clock.now(),
    )
    async with talk.running() as conversing:
        controller.parties.calls[CALL] = talk.conversation
        controller.post(arrived)
        await talk.channel.music.wait()
        talk.tell(do.Connect(call=CALL, offer=OfferId("7-1"), counsellor=CounsellorId("ali")))
        await talk.channel.in_room.wait()
        for _ in range(2):
            controller.post(ev.CallerEntered(call=CALL, offer=OfferId("7-1")))
        await exchange.asked.wait()
        await asyncio.wait([conversing], timeout=60)
        assert conversing.cancelled()
        exchange.answer.set()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert exchange.recalled == [CALL]
    assert talk.channel.rooms == [("7-1", RoomRole.CALLER)]
