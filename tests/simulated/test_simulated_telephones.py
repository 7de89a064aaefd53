"""Telephones and desk phones on the simulated Asterisk, with the controller's own edges."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ivr import events as ev
from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.exchange import Exchange
from ivr.controller import Clock, Controller
from ivr.desk_phone import DeskPhones, not_kept
from ivr.model import (
    CallFacts,
    CallId,
    CounsellorId,
    Device,
    DeviceId,
    DeviceKind,
    DeviceState,
    Offer,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.settings import Settings
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.devices import NOT_FOUND
from ivr.simulator.memory_journal import MemoryJournal
from ivr.simulator.parties import NEVER, Behaviour, SimulatedCounsellor, answers, busy
from ivr.simulator.timing import Timing
from tests.core.floor_kit import LIMITS, counsellor
from tests.patience import PATIENCE_S
from tests.simulated.simulator_kit import FAST
from tests.simulated.test_simulator_joined import HOURS_S, Edge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOME = DeviceId("ali-home")
NUMBER = "09180000001"
OFFER = Offer(
    id=OfferId("1-1"),
    call=CallId("1.1"),
    counsellor=CounsellorId("ali"),
    device=Device(id=HOME, kind=DeviceKind.TELEPHONE),
    facts=CallFacts(province=ProvinceId("markazi")),
    offered_at=NOW,
    deadline_at=NOW + timedelta(seconds=HOURS_S),
)


class TelephoneEdge(Edge):
    """An edge that may ring telephones."""

    def __init__(self, ami_port: int) -> None:
        super().__init__(ami_port)
        settings = Settings(ami_port=ami_port, trunk_outbound="192.0.2.1:5060")
        self.exchange = Exchange(settings, "secret", self._post, now=lambda: NOW)


@asynccontextmanager
async def edge_of(exchange: SimulatedAsterisk) -> AsyncIterator[TelephoneEdge]:
    edge = TelephoneEdge(exchange.ami_port)
    edge.exchange.set_numbers({HOME: NUMBER})
    running = asyncio.create_task(edge.exchange.run())
    try:
        await edge.seen()
        yield edge
    finally:
        running.cancel()
        await asyncio.wait([running])


def asterisk(agi_port: int = 1, timing: Timing = FAST) -> SimulatedAsterisk:
    telephones = {HOME: NUMBER}
    return SimulatedAsterisk(
        agi_port=agi_port, devices=["ali-phone"], telephones=telephones, timing=timing
    )


@pytest.mark.parametrize(
    ("behaviour", "result"),
    [
        (busy(), OfferResult.BUSY),
        (NEVER, OfferResult.RONA),
        (Behaviour(refuse_after_s=0, refuse_code=NOT_FOUND), OfferResult.NO_SUCH_NUMBER),
    ],
)
async def test_a_telephone_that_does_not_take_a_call(
    behaviour: Behaviour, result: OfferResult
) -> None:
    async with asterisk() as exchange, edge_of(exchange) as edge:
        at_home = exchange.counsellor(HOME, behaviour)
        snapshot = (await edge.seen()).snapshot
        assert (HOME, DeviceState.IDLE) in snapshot.devices
        soon = replace(OFFER, deadline_at=NOW + timedelta(seconds=20))
        await edge.exchange.ring(soon if result is OfferResult.RONA else OFFER, "Saveh")
        await edge.posted(ev.OfferFailed(offer=OFFER.id, result=result))
        assert [(offer.name, offer.number) for offer in at_home.offers] == [("", "123")]
        told = [event for event in edge.events if isinstance(event, ev.DeviceChanged)]
        assert {event.device for event in told} == {HOME}, "it has no state of its own"


async def test_a_number_that_nobody_has_cannot_be_rung() -> None:
    async with asterisk() as exchange, edge_of(exchange) as edge:
        edge.exchange.set_numbers({HOME: "09180000099"})
        exchange.counsellor(HOME, answers())
        await edge.exchange.ring(OFFER, "Saveh")
        failed = ev.OfferFailed(offer=OFFER.id, result=OfferResult.UNREACHABLE)
        await edge.posted(failed)


@asynccontextmanager
async def desk() -> AsyncIterator[tuple[SimulatedAsterisk, Controller]]:
    """A floor with ali on it, whose own calls are taken over FastAGI; the PIN is 4711."""
    floor = Floor(epoch=1, limits=LIMITS)
    controller = Controller(floor, Clock(), MemoryJournal(), Planner((), ()))
    controller.post(ev.StaffChanged(counsellors=(counsellor("ali", "markazi-saveh"),)))

    async def check_pin(_who: CounsellorId, pin: str) -> bool:
        return pin == "4711"

    phones = DeskPhones(controller=controller, check_pin=check_pin, keep_signed_out=not_kept)

    async def take(session: AgiSession) -> None:
        await phones.take(session.arguments, AgiChannel(session))

    agi = AgiServer("127.0.0.1", 0, {"desk": take})
    agi.open()
    # Sentences are short, and yet there is all the time for a key.
    async with asterisk(agi.port, Timing(prompt_s=0.015)) as exchange:
        edge = Edge(exchange.ami_port)
        tasks = [asyncio.create_task(agi.run()), asyncio.create_task(controller.run(edge.exchange))]
        try:
            yield exchange, controller
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def type_when_asked(person: SimulatedCounsellor, key: str) -> None:
    """A key between two commands is lost; people are not as fast as that."""
    leg = person.leg
    assert leg is not None
    assert await leg.until(lambda: leg.accepts(key), PATIENCE_S)
    person.press(key)
    assert await leg.until(lambda: not leg.accepts(key), PATIENCE_S)


async def test_signing_out_and_in_from_a_desk_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.dialplan.desk._FIRST_KEY_S", PATIENCE_S)
    monkeypatch.setattr("ivr.dialplan.desk._NEXT_KEY_S", PATIENCE_S)
    async with desk() as (exchange, controller):
        exchange.counsellor("ali-phone")
        ali = exchange.dial("ali-phone", "*0")
        await ali.heard("desk-off-duty", PATIENCE_S)
        await ali.free(PATIENCE_S)
        assert [row.signed_in for row in controller.view().counsellors] == [False]
        exchange.dial("ali-phone", "*1")
        await ali.heard("desk-pin", PATIENCE_S)
        for key in "4711#":
            await type_when_asked(ali, key)
        await ali.heard("desk-on-duty", PATIENCE_S)
        assert [row.signed_in for row in controller.view().counsellors] == [True]


async def test_a_desk_phone_without_a_controller_hears_so() -> None:
    async with asterisk() as exchange:
        exchange.counsellor("ali-phone")
        await exchange.dial("ali-phone", "*0").heard("desk-try-again", PATIENCE_S)
