"""A telephone exchange inside the process: channels and devices without a wire.

It offers what conversations and controller ask of Asterisk (`dialplan.channel.Channel`, the
controller's `Exchange`) and posts the same events in the same order as `ivr.asterisk` does. The
simulated Asterisk with its AMI and AGI is truer and slower; a whole day of calls goes through here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from ivr import events as ev
from ivr.dialplan.channel import RoomRole
from ivr.errors import HungUp
from ivr.model import CallId, Device, DeviceId, DeviceState, EndedBy, Offer, OfferId, OfferResult
from ivr.reception import LEG_PREFIX
from ivr.simulator.day_people import Reaction
from ivr.simulator.watched import Watched

PROMPT_S = 3.0  # the catalogue's mean
RING_MARGIN_S = 0.2  # Asterisk ends the ringing a moment before the offer's deadline
NETWORK_S = 0.02  # what an action takes to have an effect

Ask = Callable[[Sequence[str]], tuple[str, float] | None]
_FAILURES = {"rejected": OfferResult.REJECTED, "busy": OfferResult.BUSY}


class Telephone(Watched):
    """One party's channel. `asks` gives the key that the party presses, and after how long."""

    def __init__(self, exchange: "DayExchange", name: str, asks: Ask | None = None) -> None:
        super().__init__()
        self.name = name
        self.variables: dict[str, str] = {}
        self.gone = False
        self.fetched = False  # a redirect ends the session, not the call
        self.room: Room | None = None
        self._exchange = exchange
        self._asks = asks
        self._press: tuple[str, float] | None = None  # key, and the loop's time of the press

    def hang_up(self) -> None:
        self.gone = True
        self.changed()

    async def play(self, prompts: Sequence[str], keys: str = "") -> str | None:
        now = asyncio.get_running_loop().time()
        answer = self._asks(prompts) if keys and self._asks else None
        self._press = (answer[0], now + answer[1]) if answer else None
        return await self._key_within(PROMPT_S * len(prompts), keys)

    async def wait_key(self, timeout_s: float | None) -> str | None:
        return await self._key_within(timeout_s, "any")

    async def start_music(self) -> None:
        self._check()

    async def set_variables(self, values: Mapping[str, str]) -> None:
        self._check()
        self.variables |= values

    async def enter_room(self, room: str, role: RoomRole) -> None:
        self._check()
        await self._exchange.stay(self, OfferId(room), role)
        self._check()

    async def _key_within(self, limit_s: float | None, keys: str) -> str | None:
        press, now = self._press, asyncio.get_running_loop().time()
        comes_s = max(press[1] - now, 0.0) if press and keys else None
        pressed = comes_s is not None and (limit_s is None or comes_s <= limit_s)
        await self.until(self._over, comes_s if pressed else limit_s)
        self._check()
        if press is None or not pressed:
            return None
        self._press = None
        return press[0]

    def _over(self) -> bool:
        return self.gone or self.fetched

    def _check(self) -> None:
        if self._over():
            raise HungUp(self.name)


@dataclass(slots=True)
class Room:
    """Where a caller and a counsellor talk; it is over for the caller when the counsellor goes."""

    offer: OfferId
    caller: Telephone | None = None
    counsellor: Telephone | None = None
    over: bool = False


@dataclass(slots=True)
class Phone:
    """A counsellor's device."""

    device: DeviceId
    reachable: bool = False
    leg: "Leg | None" = None

    @property
    def state(self) -> DeviceState:
        if self.leg is not None:
            return DeviceState.IN_USE if self.leg.picked_up else DeviceState.RINGING
        return DeviceState.IDLE if self.reachable else DeviceState.UNREACHABLE


class Leg(Telephone):
    """The counsellor's channel of one offer."""

    picked_up = False
    withdrawn = False
    ended_by = EndedBy.COUNSELLOR


def _accepts(_prompts: Sequence[str]) -> tuple[str, float]:
    """Key 1, where it is asked for."""
    return "1", PROMPT_S


@dataclass(slots=True, kw_only=True)
class DayExchange:
    """`post` takes events, `react` says what a counsellor does, `take_leg` is the reception's.

    `talk` is told of each talk that begins. Everything lasts as long as the loop's time says.
    """

    post: Callable[[ev.Event], None]
    react: Callable[[], Reaction]
    spawn: Callable[[Coroutine[None, None, None], str], None]
    remaining_s: Callable[[Offer], float]  # until the offer's deadline
    talk: Callable[[CallId, Telephone, Leg], None]
    take_leg: Callable[[str, Leg], Awaitable[None]]
    callers: dict[CallId, Telephone] = field(default_factory=dict)
    phones: dict[DeviceId, Phone] = field(default_factory=dict)
    legs: dict[OfferId, Leg] = field(default_factory=dict)
    rooms: dict[OfferId, Room] = field(default_factory=dict)

    # -- what the controller wants

    async def ring(self, offer: Offer) -> None:
        await asyncio.sleep(NETWORK_S)
        self.spawn(self._lead(offer), f"leg {offer.id}")

    async def hang_up_leg(self, offer: OfferId, _why: OfferResult) -> None:
        leg = self.legs.get(offer)
        if leg is not None:
            leg.withdrawn = True
            leg.hang_up()

    async def recall(self, call: CallId) -> None:
        caller = self.callers.get(call)
        if caller is not None and not caller.gone:
            caller.variables["IVR_PHASE"] = "line"
            caller.fetched = True
            caller.changed()

    # -- counsellors' devices

    def set_reachable(self, device: Device, *, reachable: bool) -> None:
        phone = self.phones.setdefault(device.id, Phone(device.id))
        phone.reachable = reachable
        self._tell_state(phone)

    def lose(self, device: Device) -> None:
        """The device dies: its talk breaks off, and nobody can ring it."""
        phone = self.phones.setdefault(device.id, Phone(device.id))
        phone.reachable = False
        if phone.leg is not None:
            phone.leg.ended_by = EndedBy.DEVICE_LOST
            phone.leg.hang_up()
        self._tell_state(phone)

    def _tell_state(self, phone: Phone) -> None:
        self.post(ev.DeviceChanged(device=phone.device, state=phone.state))

    async def _lead(self, offer: Offer) -> None:
        phone = self.phones.setdefault(offer.device.id, Phone(offer.device.id))
        if not phone.reachable or phone.leg is not None:
            result = OfferResult.BUSY if phone.leg else OfferResult.UNREACHABLE
            self.post(ev.OfferFailed(offer=offer.id, result=result))
            return
        leg = phone.leg = self.legs[offer.id] = Leg(self, offer.id, _accepts)
        self._tell_state(phone)
        failure = await self._ringing(leg, offer)
        if failure is None:
            leg.picked_up = True
            self._tell_state(phone)
            await self._serve(leg, offer)
            self.post(ev.LegEnded(offer=offer.id, ended_by=leg.ended_by))
        else:
            self.post(ev.OfferFailed(offer=offer.id, result=failure))
        leg.gone = True
        phone.leg = None
        del self.legs[offer.id]
        self._tell_state(phone)

    async def _ringing(self, leg: Leg, offer: Offer) -> OfferResult | None:
        """How the ringing failed; None where somebody picked up."""
        reaction = self.react()
        limit_s = self.remaining_s(offer) - RING_MARGIN_S
        late = reaction.kind == "rona" or reaction.after_s >= limit_s
        await leg.until(lambda: leg.gone, limit_s if late else reaction.after_s)
        if leg.gone:
            return OfferResult.WITHDRAWN if leg.withdrawn else OfferResult.UNREACHABLE
        if late:
            return OfferResult.RONA
        if reaction.kind == "declined":
            asyncio.get_running_loop().call_later(PROMPT_S / 2, leg.hang_up)
        return _FAILURES.get(reaction.kind)

    async def _serve(self, leg: Leg, offer: Offer) -> None:
        try:
            await self.take_leg(LEG_PREFIX + offer.id, leg)
        except HungUp:
            return

    # -- rooms

    async def stay(self, party: Telephone, offer: OfferId, role: RoomRole) -> None:
        """Be in the room until the party goes, or the counsellor has gone."""
        room = self.rooms.setdefault(offer, Room(offer))
        self._enter(room, party, role)
        await party.until(lambda: party.gone or party.fetched or room.over)
        self._leave(room, party)

    def _enter(self, room: Room, party: Telephone, role: RoomRole) -> None:
        party.room = room
        if role is RoomRole.CALLER:
            room.caller = party
            self.post(ev.CallerEntered(call=CallId(party.name), offer=room.offer))
        else:
            room.counsellor = party
        if room.caller and isinstance(room.counsellor, Leg):
            self.post(ev.TalkStarted(offer=room.offer))
            self.talk(CallId(room.caller.name), room.caller, room.counsellor)

    def _leave(self, room: Room, party: Telephone) -> None:
        party.room = None
        if party is room.counsellor:
            room.counsellor, room.over = None, True
            if room.caller:
                room.caller.changed()
        else:
            room.caller = None
        if room.caller is None and room.counsellor is None:
            self.rooms.pop(room.offer, None)
