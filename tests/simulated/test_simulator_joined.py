"""The simulated Asterisk joined with the controller's own AMI edge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ivr.asterisk.exchange import Exchange
from ivr.events import (
    CallHungUp,
    DeviceChanged,
    Event,
    ExchangeLost,
    ExchangeSeen,
    LegEnded,
    OfferFailed,
    TalkStarted,
)
from ivr.model import (
    CallFacts,
    CallId,
    CounsellorId,
    Device,
    DeviceId,
    DeviceState,
    EndedBy,
    Offer,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.settings import Settings
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.parties import NEVER, Behaviour, answers, answers_then_hangs_up, busy, rejects
from ivr.simulator.watched import Watched
from tests.patience import PATIENCE_S
from tests.simulated.simulator_kit import FAST, Controller, controlled

OFFER = OfferId("1-1")
HOURS_S = 36_000.0  # minutes at FAST: whatever is to happen while it rings does
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Edge(Watched):
    """The controller's exchange and what it has posted."""

    def __init__(self, ami_port: int) -> None:
        super().__init__()
        self.events: list[Event] = []
        settings = Settings(ami_port=ami_port)
        self.exchange = Exchange(settings, "secret", self._post, now=lambda: NOW)

    async def posted(self, event: Event) -> None:
        assert await self.until(lambda: event in self.events, PATIENCE_S), self.events

    async def seen(self, count: int = 1) -> ExchangeSeen:
        """The latest snapshot, once there were `count`."""
        assert await self.until(lambda: len(self._snapshots()) >= count, PATIENCE_S)
        return self._snapshots()[-1]

    async def ring(self, call: str, within_s: float = HOURS_S) -> None:
        offer = Offer(
            id=OFFER,
            call=CallId(call),
            counsellor=CounsellorId("c"),
            device=Device(id=DeviceId("sara")),
            facts=CallFacts(province=ProvinceId("markazi")),
            offered_at=NOW,
            deadline_at=NOW + timedelta(seconds=within_s),
        )
        await self.exchange.ring(offer, "Saveh")

    def _snapshots(self) -> list[ExchangeSeen]:
        return [event for event in self.events if isinstance(event, ExchangeSeen)]

    def _post(self, event: Event) -> None:
        self.events.append(event)
        self.changed()


@asynccontextmanager
async def joined() -> AsyncIterator[tuple[SimulatedAsterisk, Edge, Controller]]:
    async with (
        controlled() as controller,
        SimulatedAsterisk(agi_port=controller.port, timing=FAST, devices=["sara"]) as asterisk,
    ):
        edge = Edge(asterisk.ami_port)
        running = asyncio.create_task(edge.exchange.run())
        try:
            await edge.seen()
            yield asterisk, edge, controller
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("behaviour", "result"),
    [
        (rejects(), OfferResult.REJECTED),
        (busy(), OfferResult.BUSY),
        (NEVER, OfferResult.RONA),
        (None, OfferResult.UNREACHABLE),
    ],
)
async def test_offers_that_come_to_nothing(
    behaviour: Behaviour | None, result: OfferResult
) -> None:
    async with joined() as (asterisk, edge, _controller):
        if behaviour:
            asterisk.counsellor("sara", behaviour)
            await edge.posted(DeviceChanged(device=DeviceId("sara"), state=DeviceState.IDLE))
        await edge.ring("1.0", 20 if result is OfferResult.RONA else HOURS_S)
        await edge.posted(OfferFailed(offer=OFFER, result=result))


async def test_a_withdrawn_offer() -> None:
    async with joined() as (asterisk, edge, _controller):
        sara = asterisk.counsellor("sara")
        await edge.ring("1.0")
        await sara.ringing()
        await edge.exchange.hang_up_leg(OFFER)
        await edge.posted(OfferFailed(offer=OFFER, result=OfferResult.WITHDRAWN))


async def test_picked_up_and_put_down() -> None:
    async with joined() as (asterisk, edge, controller):
        asterisk.counsellor("sara", answers_then_hangs_up(0, 0))
        await edge.ring("1.0")
        leg = await controller.session()
        assert await leg.line() == "HANGUP"
        leg.close()
        await edge.posted(LegEnded(offer=OFFER, ended_by=EndedBy.COUNSELLOR))


async def test_a_talk_the_loss_of_the_link_and_the_end() -> None:
    async with joined() as (asterisk, edge, controller):
        sara = asterisk.counsellor("sara", answers(0))
        caller = asterisk.place_call()
        agi = await controller.session()
        await edge.ring(caller.call)
        leg = await controller.session()
        agi.send("EXEC ConfBridge 1-1,ivr_room,ivr_caller")
        leg.send("EXEC ConfBridge 1-1,ivr_room,ivr_counsellor")
        await edge.posted(TalkStarted(offer=OFFER))

        asterisk.kill_ami()
        await edge.posted(ExchangeLost())
        snapshot = (await edge.seen(2)).snapshot
        assert [(call.call, call.offer) for call in snapshot.calls] == [(caller.call, OFFER)]
        assert snapshot.legs == {OFFER}
        assert snapshot.devices == ((DeviceId("sara"), DeviceState.IN_USE),)

        caller.hang_up()
        await edge.posted(CallHungUp(call=CallId(caller.call)))
        agi.close()
        sara.vanish()
        assert [await leg.line(), await leg.line()] == ["200 result=0", "HANGUP"]
        leg.close()
        await edge.posted(LegEnded(offer=OFFER, ended_by=EndedBy.DEVICE_LOST))
