"""Counsellors' devices as the exchange knows them, and how one of them is rung."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from ivr.simulator.channel import Channel, EndedBy, Hangup, State
from ivr.simulator.feed import Feed
from ivr.simulator.timing import Timing

# SIP answers of a phone that does not take a call, and of a network that has no such number.
BUSY, DECLINE, NOT_FOUND, UNAVAILABLE = 486, 603, 404, 503  # RFC 3261
TRUNK = "line123-trunk"
_CAUSES = {BUSY: 17, DECLINE: 21, NOT_FOUND: 1, UNAVAILABLE: 34}
_DIAL_STATUS = {BUSY: "BUSY"}  # every other refusal shows as NOANSWER (main/dial.c)
_NO_ANSWER = Hangup(EndedBy.MACHINE, cause=19, sip_code=480)


class Leg(Channel):
    """A channel to a device, with what its phone answered."""

    picked_up = False
    refused: int | None = None

    @property
    def talkable(self) -> bool:
        """Whether the phone was picked up and is still there."""
        return self.state is State.UP and not self.ended

    def pick_up(self) -> None:
        self.picked_up = True
        self.changed()

    def refuse(self, sip_code: int) -> None:
        """Reject (603) or busy (486) while it rings."""
        self.refused = sip_code
        self.changed()


class Phone(Protocol):
    """Whoever sits at a device."""

    def rung(self, leg: Leg) -> None: ...


class Device:
    """One SIP account; it has at most one leg, a second is answered with busy.

    With a `number` it is an ordinary telephone: rung through the trunk, without a state.
    """

    def __init__(self, name: str, number: str = "") -> None:
        self.name = name
        self.number = number
        self.registered = bool(number)
        self.leg: Leg | None = None
        self.phone: Phone | None = None

    @property
    def endpoint(self) -> str:
        return TRUNK if self.number else self.name

    @property
    def state(self) -> str:
        """The state as AMI's DeviceStateChange names it."""
        if self.leg is not None:
            return "INUSE" if self.leg.state is State.UP else "RINGING"
        return "NOT_INUSE" if self.registered else "UNAVAILABLE"

    @property
    def idle(self) -> bool:
        return self.registered and self.leg is None


class Devices:
    """All devices; tells AMI of registrations and states, and rings.

    `telephones` are the numbers of ordinary ones by name. Iterating gives the SIP accounts alone.
    """

    def __init__(
        self, feed: Feed, timing: Timing, names: Iterable[str], telephones: Mapping[str, str]
    ) -> None:
        self._feed = feed
        self._timing = timing
        self._devices = {name: Device(name) for name in names}
        self._devices |= {name: Device(name, number) for name, number in telephones.items()}

    def __iter__(self) -> Iterator[Device]:
        return (device for device in self._devices.values() if not device.number)

    def get(self, name: str) -> Device | None:
        return self._devices.get(name)

    def dialled(self, target: str) -> Device | None:
        """What `PJSIP/<target>` rings: an account, or `<number>@` the trunk's endpoint."""
        number, at, endpoint = target.partition("@")
        if not at:
            known = self._devices.get(target)
            return known if known is not None and not known.number else None
        numbers = {device.number: device for device in self._devices.values() if device.number}
        return numbers.get(number) if endpoint == TRUNK else None

    def occupy(self, device: Device, leg: Leg) -> None:
        """The device itself has begun a call."""
        device.leg = leg
        self.tell_state(device)

    def register(self, device: Device) -> None:
        device.registered = True
        self._tell_peer(device, "Reachable")
        self._tell_contact(device, "NonQualified")
        self.tell_state(device)
        self._tell_contact(device, "Reachable", round_trip_us=500)

    def unregister(self, device: Device) -> None:
        """The registration ended, or the qualifying OPTIONS stayed unanswered."""
        device.registered = False
        self.tell_state(device)
        self._tell_peer(device, "Unreachable")
        self._tell_contact(device, "Removed")

    def tell_state(self, device: Device) -> None:
        if not device.number:
            headers = [("Device", f"PJSIP/{device.name}"), ("State", device.state)]
            self._feed.send("DeviceStateChange", headers)

    def release(self, leg: Leg) -> None:
        """The leg is over."""
        device = self._devices[leg.label]
        if device.leg is leg:
            device.leg = None
            self.tell_state(device)

    async def ring(self, leg: Leg, limit_s: float, source: Channel | None = None) -> bool:
        """Ring until the phone is picked up (True; then `connect`) or not: `leg.hung_up` says why.

        `source` is the channel on whose behalf a dialling application rings; none for Originate.
        """
        self._tell_dial(leg, source, "DialBegin", [("DialString", leg.label)])
        self._alert(leg, source)
        await leg.until(
            lambda: leg.picked_up or leg.refused or leg.interrupted,
            self._timing.scaled(limit_s),
        )
        if leg.interrupted:
            self._tell_end(leg, source, "CANCEL" if source else "NOANSWER")
        elif leg.refused:
            leg.hang_up(Hangup(EndedBy.COUNSELLOR, _CAUSES[leg.refused], leg.refused))
            self._tell_end(leg, source, _DIAL_STATUS.get(leg.refused, "NOANSWER"))
        elif not leg.picked_up:
            leg.hang_up(_NO_ANSWER)
            if source:  # an Originate that nobody answers has no DialEnd
                self._tell_end(leg, source, "NOANSWER")
        return leg.picked_up and not leg.interrupted

    def connect(self, leg: Leg, source: Channel | None = None) -> None:
        """The phone was picked up: the leg is a talkable channel from now on."""
        leg.answer()
        self._tell_end(leg, source, "ANSWER")
        self.tell_state(self._devices[leg.label])

    def _alert(self, leg: Leg, source: Channel | None) -> None:
        device = self._devices[leg.label]
        if device.leg is not None:
            leg.refuse(BUSY)
            return
        device.leg = leg
        leg.set_state(State.RINGING)
        self.tell_state(device)
        self._tell_dial(leg, source, "DialState", [("DialStatus", "RINGING")])
        if device.phone:
            device.phone.rung(leg)

    def _tell_end(self, leg: Leg, source: Channel | None, status: str) -> None:
        self._tell_dial(leg, source, "DialEnd", [("DialStatus", status)])

    def _tell_dial(
        self, leg: Leg, source: Channel | None, event: str, extra: list[tuple[str, str]]
    ) -> None:
        about = source.headers() if source else ()
        self._feed.send(event, [*about, *leg.headers("Dest"), *extra])

    def _tell_peer(self, device: Device, status: str) -> None:
        headers = [("ChannelType", "PJSIP"), ("Peer", f"PJSIP/{device.name}")]
        self._feed.send("PeerStatus", [*headers, ("PeerStatus", status)], "system,all")

    def _tell_contact(self, device: Device, status: str, round_trip_us: int = 0) -> None:
        headers = [
            ("URI", f"sip:{device.name}@127.0.0.1:5062"),
            ("ContactStatus", status),
            ("AOR", device.name),
            ("EndpointName", device.name),
            ("RoundtripUsec", str(round_trip_us)),
        ]
        self._feed.send("ContactStatus", headers, "system,all")
