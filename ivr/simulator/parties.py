"""Scripted people: callers and counsellors, with what they did, heard and can be asked for.

The asynchronous interface is what a harness of real SIP phones can offer too. Every wait ends:
after `within_s`, or at once when the party's call is over, it raises NeverHappened, which tells
the party's history.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from ivr.errors import LineError
from ivr.simulator.channel import Channel, EndedBy, Hangup
from ivr.simulator.devices import BUSY, DECLINE, Device, Devices, Leg
from ivr.simulator.feed import Feed
from ivr.simulator.timing import Timing
from ivr.simulator.watched import Watched

KEY_GAP_S = 0.3  # between keys of one `press`
WAIT_S = 30.0
RTP_TIMEOUT_S = 30.0  # of counsellors' endpoints, pjsip.conf
MEDIA_LOST = 44  # the cause of a channel that rtp_timeout ended

Spawn = Callable[[Coroutine[object, object, None], str], None]


class NeverHappened(LineError):
    """What a scripted party waited for did not come."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing a party experienced; `at` is the loop's time."""

    at: float
    what: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.detail}".rstrip()


class Party(Watched):
    """Somebody with a telephone at the ear."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Moment] = []
        self.talks_with: str | None = None
        self._heard_up_to = 0

    @property
    def story(self) -> list[str]:
        """The history in words, such as "answered", "prompt welcome", "key 2", "talk 8601"."""
        return [str(moment) for moment in self.history]

    def note(self, what: str, detail: str = "") -> None:
        self.history.append(Moment(asyncio.get_running_loop().time(), what, detail))
        if what == "talk":
            self.talks_with = detail
        elif what in {"talk ended", "ended"}:
            self.talks_with = None
        self.changed()

    async def experienced(self, what: str, detail: str = "", within_s: float = WAIT_S) -> None:
        """Wait for the next such moment; a moment counts for one wait only."""
        wanted = str(Moment(0.0, what, detail))
        await self._await(lambda: wanted in self.story[self._heard_up_to :], wanted, within_s)
        self._heard_up_to = self.story.index(wanted, self._heard_up_to) + 1

    async def heard(self, prompt: str, within_s: float = WAIT_S) -> None:
        """Wait until this prompt starts; each start counts for one wait only."""
        await self.experienced("prompt", prompt, within_s)

    async def talking(self, within_s: float = WAIT_S) -> str:
        """Wait until this party talks; returns with whom ("caller" or a device's id)."""
        await self._await(lambda: self.talks_with, "a talk", within_s)
        return self.talks_with or ""

    def _over(self) -> bool:
        """Whether nothing more can come."""
        return False

    async def _await(self, ready: Callable[[], object], what: str, within_s: float) -> None:
        await self.until(lambda: ready() or self._over(), within_s)
        if not ready():
            raise NeverHappened(f"Waited for {what}; the history is: {', '.join(self.story)}.")


class SimulatedCaller(Party):
    """Somebody who dials the line."""

    def __init__(self, channel: Channel, *, feed: Feed, timing: Timing) -> None:
        super().__init__()
        self.channel = channel
        self._feed = feed
        self._timing = timing
        channel.ears = self

    @property
    def call(self) -> str:
        """The call's id: the linkedid."""
        return self.channel.linked_id

    async def answered(self, within_s: float = WAIT_S) -> None:
        await self._await(lambda: "answered" in self.story, "an answer", within_s)

    async def ended(self, within_s: float = WAIT_S) -> str:
        """Wait for the call's end; returns who ended it, "caller" or "machine"."""
        await self._await(self._over, "the end", within_s)
        return self.history[-1].detail

    def press(self, keys: str) -> None:
        """Press keys, KEY_GAP_S apart."""
        loop = asyncio.get_running_loop()
        for position, key in enumerate(keys):
            if position:
                gap_s = self._timing.scaled(KEY_GAP_S) * position
                loop.call_later(gap_s, self._press, key)
            else:
                self._press(key)

    async def press_when_asked(self, keys: str, pause_s: float = 1.0) -> None:
        """Press each key `pause_s` after the line began to ask for it; ends with the call."""
        for key in keys:
            while not self.channel.interrupted and not await self._pressed(key, pause_s):
                pass

    async def _pressed(self, key: str, pause_s: float) -> bool:
        """Wait until the key is asked for and press it; False where the moment passed."""
        channel = self.channel
        await channel.until(lambda: channel.interrupted or channel.accepts(key))
        await channel.until(lambda: channel.interrupted, self._timing.scaled(pause_s))
        asked = channel.accepts(key)
        if asked:
            self._press(key)
        return asked

    def hang_up(self) -> None:
        """Put the receiver down, in whatever state the call is."""
        self.channel.hang_up(Hangup(EndedBy.CALLER))

    def hang_up_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(self._timing.scaled(seconds), self.hang_up)

    def hang_up_at_step(self, step: int) -> None:
        """Hang up right after the exchange's `step`-th observable step from now.

        With every number from 1 on, a scenario meets a hang-up at each of its instants.
        """
        last = self._feed.steps + step

        def count(_what: str) -> None:
            if self._feed.steps >= last:
                self._feed.taps.remove(count)
                self.hang_up()

        self._feed.taps.append(count)

    def _press(self, key: str) -> None:
        if not self.channel.interrupted:
            self.channel.press(key)

    def _over(self) -> bool:
        return self.channel.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a counsellor treats a ringing device; times are scaled by the exchange's speed.

    Without any field set the device rings until somebody calls `pick_up` or `refuse`.
    """

    answer_after_s: float | None = None
    refuse_after_s: float | None = None
    refuse_code: int = DECLINE
    keys: str = ""  # pressed when the first prompt starts after picking up
    hang_up_after_s: float | None = None  # after picking up
    talk_s: float | None = None  # hangs up when the talk has lasted so long


NEVER = Behaviour()


def answers(after_s: float = 1.0, *, keys: str = "", talk_s: float | None = None) -> Behaviour:
    return Behaviour(answer_after_s=after_s, keys=keys, talk_s=talk_s)


def answers_then_hangs_up(after_s: float = 1.0, hang_up_after_s: float = 0.0) -> Behaviour:
    return Behaviour(answer_after_s=after_s, hang_up_after_s=hang_up_after_s)


def rejects(after_s: float = 0.0) -> Behaviour:
    return Behaviour(refuse_after_s=after_s)


def busy(after_s: float = 0.0) -> Behaviour:
    return Behaviour(refuse_after_s=after_s, refuse_code=BUSY)


@dataclass(frozen=True, slots=True)
class OfferSeen:
    """One ringing of a device: when, its leg's id, what the display showed."""

    at: float
    leg: str
    name: str
    number: str
    variables: dict[str, str] = field(default_factory=dict)


class SimulatedCounsellor(Party):
    """Somebody at a device."""

    def __init__(
        self,
        device: Device,
        behaviour: Behaviour = NEVER,
        *,
        devices: Devices,
        timing: Timing,
        spawn: Spawn,
    ) -> None:
        super().__init__()
        self.device = device
        self.behaviour = behaviour
        self.offers: list[OfferSeen] = []
        self.leg: Leg | None = None
        self._devices = devices
        self._timing = timing
        self._spawn = spawn
        device.phone = self

    def register(self) -> None:
        if not self.device.registered:
            self._devices.register(self.device)

    def unregister(self) -> None:
        if self.device.registered:
            self._devices.unregister(self.device)

    async def ringing(self, within_s: float = WAIT_S) -> None:
        """Wait until the device rings and was not yet picked up."""
        await self._await(
            lambda: self.leg and not (self.leg.picked_up or self.leg.ended), "ringing", within_s
        )

    async def free(self, within_s: float = WAIT_S) -> None:
        """Wait until the device is neither ringing nor in use."""
        await self._await(lambda: self.device.leg is None, "a free device", within_s)

    def pick_up(self) -> None:
        self._now().pick_up()

    def refuse(self, sip_code: int = DECLINE) -> None:
        self._now().refuse(sip_code)

    def press(self, key: str) -> None:
        self._now().press(key)

    def hang_up(self) -> None:
        self._now().hang_up(Hangup(EndedBy.COUNSELLOR))

    def vanish(self) -> None:
        """The device dies without a word: its registration is lost, a talk after RTP_TIMEOUT_S."""
        self.unregister()
        if self.leg and not self.leg.ended:
            lost = Hangup(EndedBy.MACHINE, cause=MEDIA_LOST)
            after_s = self._timing.scaled(RTP_TIMEOUT_S)
            asyncio.get_running_loop().call_later(after_s, self.leg.hang_up, lost)

    def took(self, leg: Leg) -> None:
        """The party has this leg at the ear from now on."""
        self.leg = leg
        leg.ears = self

    def rung(self, leg: Leg) -> None:
        """The exchange rings the device."""
        self.took(leg)
        now = asyncio.get_running_loop().time()
        shown = leg.caller
        self.offers.append(
            OfferSeen(now, leg.unique_id, shown.name, shown.number, dict(leg.variables))
        )
        self.note("ringing", leg.unique_id)
        self._spawn(self._behave(leg), f"counsellor {self.device.name}")

    async def _behave(self, leg: Leg) -> None:
        behaviour = self.behaviour
        if behaviour.refuse_after_s is not None:
            if await self._pause(leg, behaviour.refuse_after_s):
                leg.refuse(behaviour.refuse_code)
            return
        answer_s = behaviour.answer_after_s
        if answer_s is not None and await self._pause(leg, answer_s):
            leg.pick_up()
            await self._after_pick_up(leg, behaviour)

    async def _after_pick_up(self, leg: Leg, behaviour: Behaviour) -> None:
        start = len(self.history)
        if behaviour.keys:
            await self.until(
                lambda: leg.interrupted or self.talks_with or self._prompt_since(start)
            )
            for key in behaviour.keys if self._prompt_since(start) else "":
                leg.press(key)
        lasts_s = behaviour.hang_up_after_s
        if behaviour.talk_s is not None:
            await self.until(lambda: leg.interrupted or self.talks_with)
            lasts_s = behaviour.talk_s
        if lasts_s is not None and await self._pause(leg, lasts_s):
            leg.hang_up(Hangup(EndedBy.COUNSELLOR))

    def _prompt_since(self, start: int) -> bool:
        return any(moment.what == "prompt" for moment in self.history[start:])

    async def _pause(self, leg: Leg, seconds: float) -> bool:
        """Let time pass; False where the leg was gone meanwhile."""
        await leg.until(lambda: leg.interrupted, self._timing.scaled(seconds))
        return not leg.interrupted

    def _now(self) -> Leg:
        if self.leg is None or self.leg.ended:
            raise NeverHappened(f"Device {self.device.name} has no call now; wait for ringing().")
        return self.leg
