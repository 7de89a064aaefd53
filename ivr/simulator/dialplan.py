"""The generated dialplan (docs/architecture.md) as behaviour: line, offer and the fallback."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol

from ivr.dialplan.desk_static import DIALLED, NOT_NOW_PROMPT
from ivr.dialplan.static import CALL_ARGUMENTS, CLOSING_PROMPT, CLOSING_WAIT_S, FALLBACK_S
from ivr.simulator.agi_client import AgiSession
from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import KEYS, Channel, EndedBy, Gone, Hangup, Redirected
from ivr.simulator.devices import Device, Devices, Leg
from ivr.simulator.fallback import Fallback
from ivr.simulator.static_queues import StaticQueues
from ivr.simulator.timing import Timing

_DESK_ARGUMENTS = (
    ("wish", "IVR_WISH"),
    ("reason", "IVR_REASON"),
    ("device", "CHANNEL(endpoint)"),
)


class Exchange(Protocol):
    """What the dialplan needs of the exchange around it."""

    timing: Timing
    bridges: Bridges
    devices: Devices
    sessions: set[AgiSession]
    static: StaticQueues

    @property
    def agi_url(self) -> str: ...

    def wall_time(self) -> float: ...

    def new_leg(self, device: Device, *, linked_id: str | None = None) -> Leg: ...

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None: ...

    def finish(self, channel: Channel) -> None: ...


class Dialplan:
    """Leads a channel through its contexts until it is hung up."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._fallback = Fallback(exchange)
        self.contexts: dict[str, Callable[[Channel], Awaitable[None]]] = {
            "line": self._line,
            "offer": self._offer,
            "desk": self._desk,
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

    async def _desk(self, channel: Channel) -> None:
        """What a counsellor's own device dialled; a number that is none ends the call."""
        dialled = DIALLED.get(channel.place.exten)
        if dialled is None:
            return
        channel.answer()
        channel.variables |= {"IVR_WISH": dialled.wish, "IVR_REASON": dialled.reason}
        await self._agi(channel, "desk", _DESK_ARGUMENTS)
        if channel.get("IVR_DONE") != "1":
            channel.note("prompt", NOT_NOW_PROMPT)

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
                    await self._fallback.round(channel)
                    step = "ask"
                case "quiet":
                    pressed = await self._pressed(channel, FALLBACK_S)
                    step = "back" if pressed else "closing"
                case "closing":
                    if await self._hears_closing(channel):
                        step = "back"
                    else:
                        variables |= {"IVR_PHASE": "left_open", "IVR_OFFER": ""}
                        step = "ask"
                case "back":
                    variables |= {"IVR_PHASE": "fallback", "IVR_JOINED_AT": self._epoch()}
                    step = "ask"
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

    async def _hears_closing(self, channel: Channel) -> bool:
        """The static closing sentence; whether a key asks for another talk."""
        channel.stop_music()
        channel.note("prompt", CLOSING_PROMPT)
        length_s = self._exchange.timing.prompt_length_s(f"ivr/{CLOSING_PROMPT}") or 0.0
        return await self._pressed(channel, length_s + CLOSING_WAIT_S)

    async def _pressed(self, channel: Channel, within_s: float) -> bool:
        """`Read` of one key."""
        channel.listen(KEYS.replace("#", ""))  # "#" ends Read without a key
        await channel.until(
            lambda: channel.interrupted or channel.has_key(),
            self._exchange.timing.scaled(within_s),
        )
        pressed = channel.has_key()
        channel.listen("")
        channel.check()
        return pressed


def _after_conversation(variables: Mapping[str, str]) -> str:
    """The step after our conversation has let the channel go."""
    if variables.get("IVR_OFFER") and variables.get("CONFBRIDGE_RESULT") != "ENDMARKED":
        return "fallback"  # on the way into a room that no counsellor has left
    return {"talk": "closing", "left_open": "quiet"}.get(variables.get("IVR_PHASE", ""), "fallback")
