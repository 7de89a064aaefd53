"""The edge to Asterisk against the real one: what AGI and AMI do is what agi.py and ami.py say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.agi import AgiChannel, AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.instance import ami_secret
from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp
from ivr.events import (
    CallHungUp,
    DeviceChanged,
    ExchangeSeen,
    LegEnded,
    OfferFailed,
    TalkStarted,
)
from ivr.model import CallFacts, Device, DeviceState, EndedBy, Offer, OfferResult
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from tests.real.exchange import NUMBER, write_tone
from tests.real.exchange import Exchange as Asterisk
from tests.real.patient_ivr import be_patient

pytestmark = pytest.mark.real

PATIENCE_S = 90.0
LONG_S = 60.0
BEFORE_IT_ENDS_S = 45.0  # `long`
RINGS_UNANSWERED_S = 10.0  # what never rang is unreachable: a busy machine takes its time to ring
_offer_numbers = count(1)


class Edge:
    """Our edge attached to the real Asterisk, with the test in the controller's place."""

    def __init__(self, asterisk: Asterisk) -> None:
        settings = asterisk.settings
        self.asterisk = asterisk
        self.events: list[object] = []
        self.sessions: dict[str, asyncio.Queue[AgiSession]] = {
            "call": asyncio.Queue(),
            "offer": asyncio.Queue(),
        }
        handlers = {path: self._handler(path) for path in self.sessions}
        self.server = AgiServer(settings.host, settings.agi_port, handlers)
        self.exchange = Exchange(settings, ami_secret(settings), self._post)
        self._changed = asyncio.Event()
        self._end = asyncio.Event()

    def _handler(self, path: str):
        async def handler(session: AgiSession) -> None:
            self.sessions[path].put_nowait(session)
            await self._end.wait()

        return handler

    def _post(self, event: object) -> None:
        self.events.append(event)
        self._changed.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Edge"]:
        self.server.open()
        tasks = [asyncio.create_task(self.server.run()), asyncio.create_task(self.exchange.run())]
        try:
            await self.until(lambda: bool(self.all(ExchangeSeen)))
            yield self
        finally:
            self._end.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def all(self, kind: type) -> list[object]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def has(self, event: object) -> None:
        await self.until(lambda: event in self.events)

    async def session(self, path: str) -> AgiSession:
        return await asyncio.wait_for(self.sessions[path].get(), PATIENCE_S)

    async def channel(self, path: str) -> AgiChannel:
        return AgiChannel(await self.session(path))

    def phone(self, number: int = 0, **habits: object) -> CounsellorPhone:
        device = self.asterisk.devices[number]
        return CounsellorPhone(self.asterisk.address, device.user, device.password, **habits)

    def caller(self) -> CallerPhone:
        return CallerPhone(self.asterisk.address, NUMBER)

    def offer(self, call: str = "1.1", rings_s: float = 15.0, device: int = 0) -> Offer:
        now = datetime.now(UTC)
        return Offer(
            id=f"real-{next(_offer_numbers)}",
            call=call,
            counsellor="c1",
            device=Device(id=self.asterisk.devices[device].user),
            facts=CallFacts(province="markazi"),
            offered_at=now,
            deadline_at=now + timedelta(seconds=rings_s),
        )

    def ends_of(self, offer: Offer) -> list[object]:
        return [
            event
            for event in self.events
            if isinstance(event, OfferFailed | LegEnded) and event.offer == offer.id
        ]

    async def end_of(self, offer: Offer) -> object:
        await self.until(lambda: bool(self.ends_of(offer)))
        return self.ends_of(offer)[0]

    async def channels(self) -> list[str]:
        """Which application each living channel is in."""
        status = await self.exchange._link.list_action({"Action": "Status"})
        return [channel.get("Application", "") for channel in status]

    async def settled(self) -> None:
        """No channel is left; each look is a round trip, so that its end has been told."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.channels():
                pass


@pytest.fixture
async def edge(asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch):
    be_patient(monkeypatch.setattr)
    sound = asterisk.settings.home / "sounds" / "ivr" / "long.wav"
    if not sound.exists():
        write_tone(sound, 600.0, LONG_S)
    async with Edge(asterisk).running() as edge:
        yield edge


async def answered_leg(edge: Edge, offer: Offer) -> AgiChannel:
    await edge.exchange.ring(offer, "ساوه")
    return await edge.channel("offer")


@asynccontextmanager
async def a_talk(edge: Edge):
    """Caller and counsellor in a room: their phones, the caller's session and task, the offer."""
    async with edge.phone(answer_after_s=0.05) as phone, edge.caller() as caller:
        session = await edge.session("call")
        offer = edge.offer(call=session.uniqueid)
        leg = await answered_leg(edge, offer)
        channel = AgiChannel(session)
        await channel.set_variables({"IVR_OFFER": offer.id, "IVR_COUNSELLOR": "c1"})
        talking = asyncio.create_task(channel.enter_room(offer.id, RoomRole.CALLER))
        counselling = asyncio.create_task(leg.enter_room(offer.id, RoomRole.COUNSELLOR))
        try:
            await edge.has(TalkStarted(offer=offer.id))
            yield phone, caller, session, talking, offer
        finally:
            counselling.cancel()
            talking.cancel()
            await asyncio.gather(talking, counselling, return_exceptions=True)


# ------------------------------------------------------------------------------- FastAGI


async def test_the_call_hands_over_its_facts(edge):
    async with edge.caller():
        session = await edge.session("call")
        assert session.path == "call"
        assert session.arguments["province"] == "markazi"
        assert session.arguments["line"] == NUMBER
        assert session.arguments["joined_at"] == ""


async def test_keys_and_missing_prompts(edge):
    async with edge.caller() as caller:
        channel = await edge.channel("call")
        with capture_logs() as logs:
            assert await channel.play(["there-is-no-such-prompt"]) is None
        assert [entry["event"] for entry in logs] == ["prompt_not_playable"]
        playing = asyncio.create_task(channel.play(["long"], "12"))
        await caller.hears_tone(600.0)
        caller.press("2")
        assert await asyncio.wait_for(playing, PATIENCE_S) == "2"
        assert await channel.wait_key(0.01) is None


@pytest.mark.parametrize("activity", ["wait", "play"])
@pytest.mark.parametrize("turns", [0, 1, 5, 50])
async def test_pre_emption_at_any_moment_keeps_commands_and_replies_in_step(edge, activity, turns):
    """Cancelled at once, the first line and the next may reach Asterisk in one read."""
    async with edge.caller():
        session = await edge.session("call")
        channel = AgiChannel(session)
        await channel.start_music()
        with capture_logs() as logs:
            for _ in range(25):
                begun = channel.wait_key(None) if activity == "wait" else channel.play(["long"])
                task = asyncio.create_task(begun)
                for _ in range(turns + 1):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait({task})
                async with asyncio.timeout(BEFORE_IT_ENDS_S):
                    assert await channel.wait_key(0.001) is None
        assert not session._expected
        assert logs == []


async def test_a_heard_prompt_is_pre_empted(edge):
    async with edge.caller() as caller:
        channel = await edge.channel("call")
        task = asyncio.create_task(channel.play(["long"]))
        await caller.hears_tone(600.0)
        task.cancel()
        async with asyncio.timeout(BEFORE_IT_ENDS_S):
            await channel.start_music()
        await caller.hears_tone(500.0)


@pytest.mark.parametrize("activity", ["wait", "play", "room", "nothing"])
async def test_a_hang_up_is_noticed_in_whatever_happens(edge, activity):
    async with edge.caller() as caller:
        session = await edge.session("call")
        channel = AgiChannel(session)
        begin = {
            "wait": lambda: channel.wait_key(None),
            "play": lambda: channel.play(["long"]),
            "room": lambda: channel.enter_room("a-room", RoomRole.CALLER),
            "nothing": lambda: asyncio.sleep(0),
        }
        task = asyncio.create_task(begin[activity]())
        await caller.answered()
        if activity == "play":
            await caller.hears_tone(600.0)
        caller.hang_up()
        await edge.has(CallHungUp(call=session.uniqueid))
        if activity == "nothing":
            await task
            task = asyncio.create_task(channel.wait_key(None))
        with pytest.raises(HungUp):
            await asyncio.wait_for(task, PATIENCE_S)
    await edge.settled()
    assert edge.all(CallHungUp) == [CallHungUp(call=session.uniqueid)]


# ------------------------------------------------------------------------------- AMI


@pytest.mark.parametrize(
    ("habits", "rings_s", "result"),
    [
        ({"refuse": 603}, 15.0, OfferResult.REJECTED),
        ({"refuse": 486}, 15.0, OfferResult.BUSY),
        ({"refuse": 480}, 15.0, OfferResult.RONA),
        ({}, RINGS_UNANSWERED_S, OfferResult.RONA),
    ],
)
async def test_an_offer_that_comes_to_nothing(edge, habits, rings_s, result):
    async with edge.phone(**habits):
        offer = edge.offer(rings_s=rings_s)
        await edge.exchange.ring(offer, "ساوه")
        assert await edge.end_of(offer) == OfferFailed(offer=offer.id, result=result)
        await edge.settled()
    assert len(edge.ends_of(offer)) == 1


async def test_a_device_that_is_not_registered(edge):
    offer = edge.offer(device=5)
    await edge.exchange.ring(offer, "ساوه")
    assert await edge.end_of(offer) == OfferFailed(offer=offer.id, result=OfferResult.UNREACHABLE)


async def test_a_device_that_vanished_is_not_taken_for_a_sleeping_counsellor(edge):
    async with edge.phone(1) as phone:
        await phone.vanish()
        offer = edge.offer(rings_s=1.0, device=1)
        await edge.exchange.ring(offer, "ساوه")
        end = await edge.end_of(offer)
    assert end == OfferFailed(offer=offer.id, result=OfferResult.UNREACHABLE)


async def test_an_offer_shows_the_county_and_the_line(edge):
    async with edge.phone() as phone:
        offer = edge.offer()
        await edge.exchange.ring(offer, "ساوه")
        call = await phone.offered(PATIENCE_S)
        assert (call.from_name, call.from_number) == ("ساوه", "123")
        await edge.exchange.hang_up_leg(offer.id)


async def test_cancelled_while_ringing(edge):
    async with edge.phone():
        offer = edge.offer()
        user = offer.device.id
        await edge.exchange.ring(offer, "ساوه")
        await edge.has(DeviceChanged(device=user, state=DeviceState.RINGING))
        await edge.exchange.hang_up_leg(offer.id)
        end = await edge.end_of(offer)
        assert end == OfferFailed(offer=offer.id, result=OfferResult.WITHDRAWN)
        await edge.settled()
    assert len(edge.ends_of(offer)) == 1


async def test_cancelled_in_the_moment_of_ringing(edge):
    """The hang-up overtakes the channel's creation, or the answer overtakes the hang-up."""
    async with edge.phone(answer_after_s=0.0):
        for _ in range(10):
            offer = edge.offer()
            await asyncio.gather(
                edge.exchange.ring(offer, "ساوه"), edge.exchange.hang_up_leg(offer.id)
            )
            end = await edge.end_of(offer)
            assert isinstance(end, LegEnded) or end.result is OfferResult.WITHDRAWN
            await edge.settled()
            assert len(edge.ends_of(offer)) == 1


async def test_asterisk_sends_only_what_is_heard(edge):
    async with a_talk(edge):
        pass
    await edge.settled()
    assert set(edge.exchange.translator.ignored) <= {"FullyBooted"}


async def test_presence_is_told(edge):
    user = edge.asterisk.devices[2].user
    async with edge.phone(2):
        await edge.has(DeviceChanged(device=user, state=DeviceState.IDLE))
        edge.events.clear()
    await edge.has(DeviceChanged(device=user, state=DeviceState.UNREACHABLE))


async def test_a_counsellor_who_hangs_up_in_the_whisper(edge):
    async with edge.phone(answer_after_s=0.05) as phone:
        offer = edge.offer()
        leg = await answered_leg(edge, offer)
        whisper = asyncio.create_task(leg.play(["long"]))
        phone.calls[0].hang_up()
        with pytest.raises(HungUp):
            await asyncio.wait_for(whisper, PATIENCE_S)
        assert await edge.end_of(offer) == LegEnded(offer=offer.id, ended_by=EndedBy.COUNSELLOR)


async def test_a_talk_that_the_counsellor_ends(edge):
    async with a_talk(edge) as (phone, _, _, talking, offer):
        phone.calls[0].hang_up()
        await asyncio.wait_for(talking, PATIENCE_S)  # and lives on
        assert await edge.end_of(offer) == LegEnded(offer=offer.id, ended_by=EndedBy.COUNSELLOR)
        assert edge.all(TalkStarted) == [TalkStarted(offer=offer.id)]
        assert edge.all(CallHungUp) == []


async def test_a_talk_that_the_caller_ends(edge):
    async with a_talk(edge) as (_, caller, session, talking, offer):
        caller.hang_up()
        with pytest.raises(HungUp):
            await asyncio.wait_for(talking, PATIENCE_S)
        await edge.has(CallHungUp(call=session.uniqueid))
        assert edge.ends_of(offer) == []  # the counsellor's leg is ours to end
        await edge.exchange.hang_up_leg(offer.id)
        assert isinstance(await edge.end_of(offer), LegEnded)


async def test_a_talk_in_a_snapshot(edge):
    async with a_talk(edge) as (_, _, session, _, offer):
        seen: list[object] = []
        settings = edge.asterisk.settings
        second = Exchange(settings, ami_secret(settings), lambda e: (seen.append(e), done.set()))
        done = asyncio.Event()
        task = asyncio.create_task(second.run())
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        snapshot = seen[0].snapshot
        assert snapshot.legs == {offer.id}
        (call,) = snapshot.calls
        assert (call.call, call.offer, call.counsellor) == (session.uniqueid, offer.id, "c1")
        assert (call.province, call.line) == ("markazi", NUMBER)
        states = dict(snapshot.devices)
        assert states[offer.device.id] is DeviceState.IN_USE
        assert states[edge.asterisk.devices[5].user] is DeviceState.UNREACHABLE


async def test_a_recalled_caller_is_asked_anew_and_lives(edge):
    async with edge.caller() as caller:
        session = await edge.session("call")
        channel = AgiChannel(session)
        await channel.set_variables({"IVR_PHASE": "talk", "IVR_JOINED_AT": "1700000000.500"})
        waiting = asyncio.create_task(channel.enter_room("nobody-comes", RoomRole.CALLER))
        await caller.answered()
        async with asyncio.timeout(PATIENCE_S):
            while "ConfBridge" not in await edge.channels():
                pass
        await edge.exchange.recall(session.uniqueid)
        with pytest.raises(HungUp):
            await asyncio.wait_for(waiting, PATIENCE_S)
        again = await edge.session("call")
        assert again.uniqueid == session.uniqueid
        assert again.arguments["phase"] == "line"
        assert again.arguments["joined_at"] == "1700000000.500"
        await AgiChannel(again).start_music()
        await caller.hears_tone(500.0)
        assert edge.all(CallHungUp) == []
