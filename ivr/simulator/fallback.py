"""One round of a caller in the static queue: ivr/dialplan/static_fallback.py as behaviour."""

import asyncio
from collections.abc import Coroutine
from typing import Protocol

from ivr.dialplan.static import FALLBACK_S
from ivr.dialplan.static_fallback import DANGER_PRIORITY, SILENCE_PRIORITY, WAKE_AFTER
from ivr.dialplan.static_lines import fallback_queue
from ivr.model import Lane
from ivr.simulator.bridges import Bridges
from ivr.simulator.channel import Channel, EndedBy, Hangup
from ivr.simulator.devices import Device, Devices, Leg
from ivr.simulator.static_queues import Attempt, Queue, StaticQueues, Waiting
from ivr.simulator.timing import Timing

RETRY_S = 1.0  # queues.conf: retry
TICK_S = 0.001  # what is left of a round when a timer of its very length has come
MUSIC = "ivr"
_PRIORITIES = {"danger": DANGER_PRIORITY, "silence": SILENCE_PRIORITY}


class Exchange(Protocol):
    """What a round needs of the exchange."""

    timing: Timing
    bridges: Bridges
    devices: Devices
    static: StaticQueues

    def wall_time(self) -> float: ...

    def new_leg(self, device: Device, *, linked_id: str | None = None) -> Leg: ...

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None: ...

    def finish(self, channel: Channel) -> None: ...


class Fallback:
    """The rounds of all callers of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def round(self, channel: Channel) -> None:
        """At most FALLBACK_S of waiting, then a talk if somebody came."""
        variables = channel.variables
        self._count_round(channel)
        if not variables.get("IVR_JOINED_AT"):
            variables["IVR_JOINED_AT"] = str(int(self._exchange.wall_time()))  # as ${EPOCH}
        channel.note("fallback")
        channel.start_music(MUSIC)
        leg = await self._wait(channel)
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

    def _count_round(self, channel: Channel) -> None:
        again = channel.get("IVR_PHASE") == "fallback"
        rounds = int(channel.get("IVR_ROUNDS") or 0) + 1 if again else 1
        channel.variables.update(IVR_PHASE="fallback", IVR_ROUNDS=str(rounds))

    async def _wait(self, channel: Channel) -> Leg | None:
        queue = self._queue(channel)
        if channel.get("IVR_ROUNDS") == str(WAKE_AFTER):
            self._exchange.static.wake(queue)
        joined_s = int(channel.get("IVR_JOINED_AT").partition(".")[0])
        waited_s = int(self._exchange.wall_time()) - joined_s
        caller = Waiting(
            channel,
            priority=waited_s + _PRIORITIES.get(channel.get("IVR_LANE"), 0),
            raised=waited_s // FALLBACK_S,
        )
        queue.enter(caller)
        try:
            return await self._first_to_answer(queue, caller)
        finally:
            queue.waiting.remove(caller)

    def _queue(self, channel: Channel) -> Queue:
        """The county's queue if it has one of its own, else the province's."""
        static, province, lane = self._exchange.static, channel.get("IVR_PROVINCE"), Lane.ORDINARY
        if channel.get("IVR_LANE").upper() in Lane.__members__:
            lane = Lane[channel.get("IVR_LANE").upper()]
        stage = static.stage(province, self._exchange.wall_time())
        county = province if lane is Lane.DANGER else channel.get("IVR_COUNTY")
        for place in (county, province):
            if queue := static.find(fallback_queue(place, lane, stage)):
                return queue
        return static.of_province(province)

    async def _first_to_answer(self, queue: Queue, caller: Waiting) -> Leg | None:
        """Ring one member after the other until somebody comes or the round is over."""
        now, scaled = asyncio.get_running_loop().time, self._exchange.timing.scaled
        until_at = now() + scaled(FALLBACK_S)
        while not caller.channel.interrupted and until_at - now() > TICK_S:
            leg = await self._attempt(queue, caller, until_at)
            if leg:
                return leg
            pause_s = min(scaled(RETRY_S), max(until_at - now(), 0.0))
            await caller.channel.until(lambda: caller.channel.interrupted, pause_s)
        return None

    async def _attempt(self, queue: Queue, caller: Waiting, until_at: float) -> Leg | None:
        """Ring member after member; who refuses is followed at once by the next."""
        attempt, now = Attempt(), asyncio.get_running_loop().time
        try:
            while until_at - now() > TICK_S and not caller.channel.interrupted:
                device = self._exchange.static.choose(queue, caller, attempt)
                if device is None:
                    return None
                caller.ringing = True
                leg = self._ring(device, caller.channel)
                if await self._is_answered(leg, caller.channel, until_at - now()):
                    return leg
            return None
        finally:
            caller.ringing = False
            if attempt.tried:
                queue.end_attempt(caller.raised, attempt)

    async def _is_answered(self, leg: Leg, channel: Channel, limit_s: float) -> bool:
        await channel.until(lambda: channel.interrupted or leg.talkable or leg.ended, limit_s)
        if leg.talkable:
            return True
        leg.hang_up(Hangup(EndedBy.MACHINE))
        return False

    def _ring(self, device: Device, caller: Channel) -> Leg:
        leg = self._exchange.new_leg(device, linked_id=caller.linked_id)
        self._exchange.spawn(self._serve_leg(leg, caller), f"leg {leg.name}")
        return leg

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
