"""The generated dialplan (docs/architecture.md) as behaviour: line, offer and the fallback."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol

from ivr.dialplan.static import CALL_ARGUMENTS, CLOSING_PROMPT, CLOSING_WAIT_S, FALLBACK_S
from ivr.simulator.agi_client import AgiSession
from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import KEYS, Channel, EndedBy, Gone, Hangup, Redirected
from ivr.simulator.devices import Device, Devices, Leg
from ivr.simulator.timing import Timing

RETRY_S = 1.0  # queues.conf: retry
MUSIC = "ivr"


class Exchange(Protocol):
    """What the dialplan needs of the exchange around it."""

    timing: Timing
    bridges: Bridges
    devices: Devices
    sessions: set[AgiSession]

    @property
    def agi_url(self) -> str: ...

    def wall_time(self) -> float: ...

    def members(self, province: str) -> list[Device]: ...

    def new_leg(self, device: Device, *, linked_id: str | None = None) -> Leg: ...

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None: ...

    def finish(self, channel: Channel) -> None: ...


class Dialplan:
    """Leads a channel through its contexts until it is hung up."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._turns: dict[str, int] = {}  # by province: whose turn it is in the static queue
        self.contexts: dict[str, Callable[[Channel], Awaitable[None]]] = {
            "line": self._line,
            "offer": self._offer,
        }

    async def run(self, channel: Channel) -> None:
        """From the channel's place to its end; owns the channel's clean-up."""
        try:
            await self._follow(channel)
        except Gone:
            pass
        finally:
            self._empty_the_room(channel)
            channel.hang_up(Hangup(EndedBy.MACHINE))
            channel.tell("SoftHangupRequest", [("Cause", "16")])
            self._exchange.finish(channel)

    async def _follow(self, channel: Channel) -> None:
        while True:
            try:
                channel.check()
                await self.contexts[channel.place.context](channel)
            except Redirected:
                channel.arrive()
            else:
                return

    async def _offer(self, channel: Channel) -> None:
        await self._agi(channel, "offer", ())
        room = channel.get("IVR_OFFER")
        if channel.get("IVR_TALKED") != "1" and room in self._exchange.bridges.rooms:
            await self._exchange.bridges.confbridge(channel, room, "ivr_counsellor")
            channel.check()

    def _empty_the_room(self, channel: Channel) -> None:
        """Extension `h`: nobody stays alone in the talk's room."""
        self._exchange.bridges.kick_all(channel.get("IVR_OFFER"))

    async def _line(self, channel: Channel) -> None:
        """The circle of `[line]`; the place's priority says at which label it is entered."""
        variables = channel.variables
        step: str | None = self._first_step(channel)
        while step is not None:
            match step:
                case "ask":
                    await self._agi(channel, "call", CALL_ARGUMENTS)
                    step = _after_conversation(variables)
                case "fallback":
                    await self._fallback(channel)
                    step = "ask"
                case "closing":
                    wants_back = await self._wants_back(channel)
                    step = "ask" if wants_back else None
                case _:
                    return

    def _first_step(self, channel: Channel) -> str:
        if channel.place.priority != "1":
            return channel.place.priority
        channel.answer()
        channel.variables["IVR_ARRIVED_AT"] = self._epoch()
        channel.variables["IVR_PRES"] = channel.presentation
        return "ask"

    def _epoch(self) -> str:
        return f"{self._exchange.wall_time():.0f}"

    async def _agi(
        self, channel: Channel, script: str, arguments: Sequence[tuple[str, str]]
    ) -> None:
        exchange = self._exchange
        values = {name: channel.get(variable) for name, variable in arguments}
        session = AgiSession(channel=channel, bridges=exchange.bridges, timing=exchange.timing)
        exchange.sessions.add(session)
        try:
            status = await session.run(f"{exchange.agi_url}/{script}", values)
        finally:
            exchange.sessions.discard(session)
        channel.variables["AGISTATUS"] = status
        channel.check()

    async def _wants_back(self, channel: Channel) -> bool:
        """The static closing sentence; True where a key asks for another talk."""
        timing = self._exchange.timing
        channel.stop_music()
        channel.note("prompt", CLOSING_PROMPT)
        channel.listen(KEYS.replace("#", ""))  # "#" ends Read without a key
        length_s = timing.prompt_length_s(f"ivr/{CLOSING_PROMPT}") or 0.0
        await channel.until(
            lambda: channel.interrupted or channel.has_key(),
            timing.scaled(length_s + CLOSING_WAIT_S),
        )
        pressed = channel.has_key()
        channel.listen("")
        channel.check()
        if pressed:
            channel.variables.update(IVR_PHASE="fallback", IVR_JOINED_AT=self._epoch())
        return pressed

    async def _fallback(self, channel: Channel) -> None:
        """The static queue, once: at most FALLBACK_S of waiting, then a talk if somebody came."""
        variables = channel.variables
        variables["IVR_PHASE"] = "fallback"
        if not variables.get("IVR_JOINED_AT"):
            variables["IVR_JOINED_AT"] = self._epoch()
        channel.note("fallback")
        channel.start_music(MUSIC)
        leg = await self._first_to_answer(channel)
        try:
            channel.stop_music()
            channel.check()
            if leg:
                await self._exchange.bridges.talk(channel, leg)
                channel.check()
                variables.update(IVR_PHASE="talk", IVR_OFFER="")
        finally:
            if leg:
                leg.hang_up(Hangup(EndedBy.MACHINE))

    async def _first_to_answer(self, channel: Channel) -> Leg | None:
        """Ring idle members one after the other, in turn (strategy rrmemory)."""
        now = asyncio.get_running_loop().time
        scaled = self._exchange.timing.scaled
        until_at = now() + scaled(FALLBACK_S)
        while not channel.interrupted and now() < until_at:
            leg = self._ring_next(channel)
            if leg and await self._is_answered(leg, channel, until_at - now()):
                return leg
            pause_s = min(scaled(RETRY_S), max(until_at - now(), 0.0))
            await channel.until(lambda: channel.interrupted, pause_s)
        return None

    async def _is_answered(self, leg: Leg, channel: Channel, limit_s: float) -> bool:
        await channel.until(lambda: channel.interrupted or leg.talkable or leg.ended, limit_s)
        if leg.talkable:
            return True
        leg.hang_up(Hangup(EndedBy.MACHINE))
        return False

    def _ring_next(self, caller: Channel) -> Leg | None:
        province = caller.get("IVR_PROVINCE")
        members = self._exchange.members(province)
        turn = self._turns.get(province, 0) % (len(members) or 1)
        for device in members[turn:] + members[:turn]:
            if device.idle:
                self._turns[province] = members.index(device) + 1
                leg = self._exchange.new_leg(device, linked_id=caller.linked_id)
                self._exchange.spawn(self._serve_leg(leg, caller), f"leg {leg.name}")
                return leg
        return None

    async def _serve_leg(self, leg: Leg, caller: Channel) -> None:
        """A counsellor's leg of the static queue, from ringing to its end."""
        try:
            if await self._exchange.devices.ring(leg, FALLBACK_S, source=caller):
                self._exchange.devices.connect(leg, caller)
                caller.changed()
                await leg.until(lambda: leg.interrupted)
                caller.changed()
                await leg.until(lambda: leg.bridge is None)
        finally:
            self._exchange.finish(leg)
            caller.changed()


def _after_conversation(variables: Mapping[str, str]) -> str:
    """The step after our conversation has let the channel go."""
    if variables.get("IVR_DONE") == "1":
        return "done"
    if variables.get("IVR_OFFER") and variables.get("CONFBRIDGE_RESULT") != "ENDMARKED":
        return "fallback"  # on the way into a room that no counsellor has left
    return "closing" if variables.get("IVR_PHASE") == "talk" else "fallback"
