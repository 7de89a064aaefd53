"""The single writer: one inbox, one floor, one clock; effects are handed to ports in order."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ivr import effects as do
from ivr import events as ev
from ivr.dialplan.conversation import Conversation, Mail, News
from ivr.dialplan.whisper import Whisper
from ivr.errors import LineError
from ivr.floor_view import (
    Attendance,
    AtWork,
    Break,
    at_work_on,
    attendance_of,
    breaks_on,
    resting,
    view_of,
)
from ivr.model import CallId, CounsellorId, DeviceId, Offer, OfferId, OfferResult
from ivr.model.record import CallRecord
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.view import FloorView

log = structlog.get_logger()

# A caller whom the marked counsellor's leaving does not bring out of the room is fetched by force.
ROOM_LEAVE_S = 1.0


class Exchange(Protocol):
    """What the controller wants of Asterisk; failures of `ring` come back as events."""

    async def ring(self, offer: Offer) -> None: ...
    async def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None: ...
    async def recall(self, call: CallId) -> None: ...


class Journal(Protocol):
    """Where records and events go; never blocks, never raises."""

    def put(self, record: CallRecord) -> None: ...
    def journal(self, event: ev.Event, at: datetime) -> None: ...


@dataclass(slots=True)
class Clock:
    """UTC that never runs backwards nor jumps: the wall at start plus the loop's monotonic time."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _loop_start_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def now(self) -> datetime:
        elapsed_s = asyncio.get_running_loop().time() - self._loop_start_s
        return self.started_at + timedelta(seconds=elapsed_s)

    def wall(self) -> datetime:
        """The time of day by which people decide: closures, shifts, hours."""
        return self.now()


class SetClock(Clock):
    """A clock whose wall is the machine's, which somebody may set, or a time server.

    The floor's deadlines do not follow it; what people have dated does, else an evacuation would
    begin too late by as much as the clock was set.
    """

    def wall(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class Parties:
    """Conversations and legs that are alive in this process, to deliver mail to."""

    calls: dict[CallId, Conversation] = field(default_factory=dict)
    legs: dict[OfferId, Whisper] = field(default_factory=dict)

    def tell(self, call: CallId, mail: Mail) -> None:
        conversation = self.calls.get(call)
        if conversation is not None:
            conversation.mailbox.put_nowait(mail)

    def say(self, call: CallId, news: News) -> None:
        conversation = self.calls.get(call)
        if conversation is not None:
            conversation.hear(news)


class Controller:
    """Owns the floor. `post` may be called from anywhere in the loop; `run` is the one writer."""

    def __init__(self, floor: Floor, clock: Clock, journal: Journal, planner: Planner) -> None:
        self.parties = Parties()
        self.clock = clock
        self.planner = planner
        self._floor = floor
        self._journal = journal
        self._inbox: asyncio.Queue[ev.Event] = asyncio.Queue()
        self._watchers: set[asyncio.Event] = set()

    def post(self, event: ev.Event) -> None:
        self._inbox.put_nowait(event)

    def view(self) -> FloorView:
        return view_of(self._floor, self.clock.now())

    @property
    def sequence(self) -> int:
        """Of the view; greater after each change."""
        return self._floor.sequence

    def serves(self, call: CallId) -> bool:
        """Whether the call is on the floor: its end is yet to be told."""
        return call in self._floor.calls

    @property
    def exchange_up(self) -> bool:
        return self._floor.exchange_up

    def attendance(self) -> Attendance:
        return attendance_of(self._floor)

    def at_work(self) -> AtWork:
        return at_work_on(self._floor)

    def resting(self) -> frozenset[CounsellorId]:
        """Who is on a break or signed out; it costs less than a view."""
        return resting(self._floor)

    def breaks(self) -> dict[CounsellorId, Break]:
        """Who is on a break, will be, or has asked for one."""
        return breaks_on(self._floor)

    def versions_in_use(self) -> frozenset[str]:
        """The versions of the rules by which live calls were planned."""
        plans = (call.record.plan for call in self._floor.calls.values())
        return frozenset(plan.rules_version for plan in plans if plan is not None)

    def somebody_waits(self) -> bool:
        """Whether anybody is in line or rung for."""
        return bool(self._floor.line or self._floor.ringing)

    def counsellor_at(self, device: DeviceId) -> CounsellorId | None:
        """Whose device it is by the present staff list."""
        presence = self._floor.staff.at_device(device)
        return presence.profile.id if presence is not None else None

    def watch(self) -> asyncio.Event:
        """An event that is set after each change, until `unwatch`."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        return changed

    def unwatch(self, changed: asyncio.Event) -> None:
        self._watchers.discard(changed)

    async def run(self, exchange: Exchange) -> None:
        async with asyncio.TaskGroup() as tasks:
            hands = _Hands(exchange, self.parties, self._journal, self.post, tasks)
            while True:
                event = await self._next_event()
                now = self.clock.now()
                self._journal.journal(event, now)
                for effect in self._floor.decide(event, now):
                    self._carry_out(effect, hands)
                self._forget_parties(event)
                for changed in self._watchers:
                    changed.set()

    def _carry_out(self, effect: do.Effect, hands: "_Hands") -> None:
        if isinstance(effect, do.PlanAgain):
            again, now = self.planner.plan_again, self.clock.wall()
            plans = ((call, again(facts, version, now)) for call, facts, version in effect.calls)
            self.post(ev.PlansChanged(plans=tuple(plans)))
        else:
            hands.carry_out(effect)

    async def _next_event(self) -> ev.Event:
        deadline_at = self._floor.next_deadline()
        if deadline_at is None or not self._inbox.empty():
            return await self._inbox.get()
        wait_s = (deadline_at - self.clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(wait_s, 0.0)):
                return await self._inbox.get()
        except TimeoutError:
            return ev.TimePassed()

    def _forget_parties(self, event: ev.Event) -> None:
        match event:
            case ev.LegEnded(offer=offer) | ev.OfferFailed(offer=offer):
                self.parties.legs.pop(offer, None)


class _Hands:
    """Carries effects out: mail at once, actions towards Asterisk as tasks of the controller."""

    def __init__(
        self,
        exchange: Exchange,
        parties: Parties,
        journal: Journal,
        post: Callable[[ev.Event], None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._exchange = exchange
        self._parties = parties
        self._journal = journal
        self._post = post
        self._tasks = tasks
        self._recalled: set[CallId] = set()  # at this moment

    def carry_out(self, effect: do.Effect) -> None:
        match effect:
            case do.OfferCall(offer=offer):
                self._parties.legs[offer.id] = Whisper(offer=offer, post=self._post)
                self._act(self._exchange.ring(offer), "ring", offer.id)
            case do.HangUpLeg(offer=offer_id, why=why):
                self._hang_up(offer_id, why)
            case do.LetIn():
                self._let_in(effect)
            case do.Connect() | do.HoldCall() | do.CloseCall() | do.SendToFallback():
                self._parties.tell(effect.call, effect)
            case do.Announce() | do.Hush():
                self._parties.say(effect.call, effect)
            case do.RecallCaller(call=call):
                self._act(self._recall_once(call), "recall", call)
            case do.SaveCall(record=record):
                self._journal.put(record)
            case do.RaiseAlarm(code=code, subject=subject):
                log.warning("alarm", code=code, subject=subject)
            case do.LiftAlarm(code=code, subject=subject):
                log.info("alarm_over", code=code, subject=subject)

    def _hang_up(self, offer: OfferId, why: OfferResult) -> None:
        leg = self._parties.legs.pop(offer, None)
        if leg is None or not leg.call_off(why):
            self._act(self._exchange.hang_up_leg(offer, why), "hang_up_leg", offer)

    def _let_in(self, effect: do.LetIn) -> None:
        leg = self._parties.legs.get(effect.offer)
        if leg is not None:
            leg.mailbox.put_nowait(effect)

    async def _recall_once(self, call: CallId) -> None:
        """A second redirect would end the conversation that the first one began."""
        if call not in self._recalled:
            self._recalled.add(call)
            try:
                await self._recall(call)
            finally:
                self._recalled.discard(call)

    async def _recall(self, call: CallId) -> None:
        """A caller whose conversation was an earlier controller's comes out by force at once."""
        conversation = self._parties.calls.get(call)
        if conversation is not None and await _comes_out(conversation):
            return
        # The redirect ends the conversation as a hang-up would: it is given up before. Were it
        # to go on where the redirect fails, nobody would hear it nor tell it anything.
        if conversation is not None and self._parties.calls.get(call) is conversation:
            del self._parties.calls[call]
            conversation.give_up()
            self._post(ev.CallDetached(call=call))
        await self._exchange.recall(call)

    def _act(self, action: Coroutine[None, None, None], name: str, subject: str) -> None:
        self._tasks.create_task(_logged(action, name, subject), name=f"{name} {subject}")


async def _comes_out(conversation: Conversation) -> bool:
    try:
        async with asyncio.timeout(ROOM_LEAVE_S):
            await conversation.out_of_room.wait()
    except TimeoutError:
        return False
    return True


async def _logged(action: Awaitable[None], name: str, subject: str) -> None:
    """An action that fails is reported and over: deadlines and snapshots mend the rest."""
    try:
        await action
    except LineError as error:
        log.warning("action_failed", action=name, subject=subject, error=type(error).__name__)
