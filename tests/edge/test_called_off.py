"""Several phones are picked up, and one gets the caller: what the others hear, and who is cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from ivr import events as ev
from ivr.controller import Clock, Controller
from ivr.dialplan.whisper import Whisper
from ivr.model import (
    CallFacts,
    CallId,
    CounsellorId,
    CountyId,
    DeviceId,
    DeviceState,
    Offer,
    OfferId,
    OfferResult,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.simulator.memory_journal import MemoryJournal
from tests.core.floor_kit import LIMITS, MARKAZI, START, counsellor, plan_of
from tests.core.scripted_channel import ScriptedChannel
from tests.patience import PATIENCE_S

NAMES = ("ali", "reza", "sara")
CALL = CallId("1.1")
COUNTY = "county-markazi-saveh"
FACTS = CallFacts(province=MARKAZI, county=CountyId("markazi-saveh"))


@dataclass
class Phones:
    """Asterisk as far as the controller uses it: who is rung, whose leg is ended by force."""

    rung: dict[str, Offer] = field(default_factory=dict)
    cut: list[tuple[OfferId, OfferResult]] = field(default_factory=list)

    async def ring(self, offer: Offer) -> None:
        self.rung[offer.counsellor] = offer

    async def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None:
        self.cut.append((offer, why))

    async def recall(self, call: CallId) -> None: ...


@dataclass
class Ear:
    """A counsellor with the phone at the ear; the whisper lasts until it may go on."""

    whisper: Whisper
    channel: ScriptedChannel
    listening: asyncio.Task[None]

    async def over(self) -> list[str]:
        await self.listening
        return self.channel.heard


@dataclass
class Scene:
    controller: Controller
    phones: Phones
    ears: dict[str, Ear] = field(default_factory=dict)

    async def until(self, condition: Callable[[], object]) -> None:
        changed = self.controller.watch()
        while not condition():
            await changed.wait()
            changed.clear()
        self.controller.unwatch(changed)

    async def pick_up(self, name: str) -> Ear:
        whisper = self.controller.parties.legs[self.phones.rung[name].id]
        channel = ScriptedChannel(long=[COUNTY])
        ear = Ear(whisper, channel, asyncio.create_task(whisper.run(channel, {})))
        await channel.playing.wait()
        return ear


@asynccontextmanager
async def three_rung() -> AsyncIterator[Scene]:
    limits = replace(LIMITS, ring_at_once=3)
    floor = Floor(epoch=1, limits=limits)
    controller = Controller(floor, Clock(started_at=START), MemoryJournal(), Planner((), ()))
    scene = Scene(controller, Phones())
    idle = tuple((DeviceId(f"{name}-phone"), DeviceState.IDLE) for name in NAMES)
    for event in (
        ev.StaffChanged(counsellors=tuple(counsellor(name, "markazi-saveh") for name in NAMES)),
        ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(), devices=idle)),
        ev.CallArrived(call=CALL, province=MARKAZI, line="1", caller=None, arrived_at=START),
        ev.CallJoined(call=CALL, facts=FACTS, plan=plan_of((None, NAMES)), joined_at=START),
    ):
        controller.post(event)
    running = asyncio.create_task(controller.run(scene.phones))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await scene.until(lambda: len(scene.phones.rung) == len(NAMES))
            yield scene
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_the_first_to_accept_wins_the_second_hears_so_the_third_stops_ringing() -> None:
    async with three_rung() as scene:
        ali, reza = await scene.pick_up("ali"), await scene.pick_up("reza")
        ali.channel.go_on()
        assert await reza.over() == ["whisper-county", COUNTY, "whisper-taken"]
        assert reza.channel.cut == [COUNTY]
        assert reza.channel.rooms == []
        sara = scene.phones.rung["sara"].id
        assert scene.phones.cut == [(sara, OfferResult.ANSWERED_ELSEWHERE)]
        scene.controller.post(ev.CallerEntered(call=CALL, offer=ali.whisper.offer.id))
        await ali.channel.in_room.wait()
        ali.channel.leave_room()
        assert "whisper-taken" not in await ali.over()


@pytest.mark.parametrize(
    "event",
    [
        ev.CallHungUp(call=CALL),
        ev.CallDetached(call=CALL),
    ],
    ids=["the caller has left", "Asterisk's own queue has the caller"],
)
async def test_who_hears_the_whisper_is_told_that_nobody_comes(event: ev.Event) -> None:
    async with three_rung() as scene:
        ali = await scene.pick_up("ali")
        scene.controller.post(event)
        assert (await ali.over())[-1] == "whisper-over"
        assert len(scene.phones.cut) == 2


async def test_a_pause_takes_back_the_offer_that_rings_and_leaves_the_others() -> None:
    async with three_rung() as scene:
        ali = await scene.pick_up("ali")
        scene.controller.post(ev.CounsellorPaused(counsellor=CounsellorId("ali"), reason="meal"))
        scene.controller.post(ev.CounsellorPaused(counsellor=CounsellorId("sara"), reason="meal"))
        assert (await ali.over())[-1] == "whisper-over"
        sara = scene.phones.rung["sara"].id
        assert scene.phones.cut == [(sara, OfferResult.WITHDRAWN)]
        (row,) = scene.controller.view().waiting
        assert [ringing.counsellor for ringing in row.offered_to] == ["reza"]
