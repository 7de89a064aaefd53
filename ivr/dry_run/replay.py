"""Calls through the real planner and the real floor, in virtual time: no Asterisk, no event loop.

The floor decides, `_Replay` does what callers, counsellors and the exchange would do. What an offer
comes to is drawn for each call, counsellor and time of asking by itself: whatever else differs
between two runs, the same counsellor treats the same call in the same way.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Any, ClassVar

from ivr import effects as do
from ivr import events as ev
from ivr.dry_run.calls import PastCall, chance
from ivr.duty import NO_BOOK, Closure, DutyBook, PlannedDuty
from ivr.limits import Limits
from ivr.model import (
    CallId,
    CallPhase,
    Counsellor,
    CounsellorId,
    DeviceId,
    DeviceState,
    EndedBy,
    OfferId,
    OfferResult,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.plan import RoutePlan
from ivr.model.record import CallRecord
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.rules.schema import ProvinceRules
from ivr.simulator.day_people import reaction

WHISPER_S = 4.0  # what a counsellor hears first lasts no longer
_FAILURES = {"rejected": OfferResult.REJECTED, "busy": OfferResult.BUSY}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that both sets of rules meet alike. `calls` are in the order in which they join.

    `alike`: what ringing comes to is drawn for each ring of a call, whoever is rung.
    """

    calls: Sequence[PastCall]
    people: Sequence[Counsellor]
    changes: Sequence[tuple[datetime, DeviceId, DeviceState]]  # of devices, in order
    began_at: datetime
    book: DutyBook = NO_BOOK
    seed: int = 0
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What became of a call: its record, and the plan as it was when it joined.

    `nobody_there`: at that moment nobody of the whole plan was there, busy or not.
    """

    call: PastCall
    plan: RoutePlan
    nobody_there: bool
    record: CallRecord

    @property
    def wait_s(self) -> float:
        """From joining until connected, or until the caller gave up."""
        until_at = self.record.connected_at or self.record.ended_at
        assert until_at is not None, "a call that was replayed is over"
        return (until_at - self.call.joined_at).total_seconds()

    @property
    def is_connected(self) -> bool:
        return self.record.connected_at is not None

    @property
    def rung_first(self) -> CounsellorId | None:
        return self.record.offers[0].counsellor if self.record.offers else None


def replay(world: World, rules: ProvinceRules, floor: Floor | None = None) -> tuple[Served, ...]:
    """Every call of the world by these rules, in the order in which they joined.

    `floor` is a new one of whoever wants to look on.
    """
    return _Replay(world, rules, floor or new_floor(rules)).run()


def new_floor(rules: ProvinceRules) -> Floor:
    return Floor(epoch=1, limits=Limits(**rules.limits.model_dump()))


@dataclass(frozen=True, slots=True)
class _Joined:
    call: PastCall
    plan: RoutePlan
    nobody_there: bool


class _Replay:
    """One run. Everything that will happen stands in a heap by its instant."""

    def __init__(self, world: World, rules: ProvinceRules, floor: Floor) -> None:
        self._world, self._rules, self._floor = world, rules, floor
        self._planner = Planner([rules], world.people, world.book)
        self._now = world.began_at
        self._number = count()
        self._coming: list[tuple[datetime, int, Callable[..., None], tuple[Any, ...]]] = []
        self._told: deque[ev.Event] = deque()
        self._joined: dict[CallId, _Joined] = {}
        self._records: dict[CallId, CallRecord] = {}
        self._asked: Counter[str] = Counter()

    def run(self) -> tuple[Served, ...]:
        """Until nothing is left to happen; deadlines of the floor come before others.

        While nobody waits they may come together with the next event: the floor looks at what is
        due before anything else, and half of all deadlines are of offers that were accepted.
        """
        self._begin()
        while True:
            due_at = self._floor.next_deadline() if self._somebody_waits() else None
            if self._coming and (due_at is None or self._coming[0][0] < due_at):
                self._now, _, act, about = heapq.heappop(self._coming)
                act(*about)
            elif due_at is not None:
                self._now = max(self._now, due_at)
                self._tell(ev.TimePassed())
            else:
                break
        return tuple(self._served(joined) for joined in self._joined.values())

    def _somebody_waits(self) -> bool:
        return any(call.phase is not CallPhase.TALKING for call in self._floor.calls.values())

    def _begin(self) -> None:
        self._tell(ev.StaffChanged(counsellors=tuple(self._world.people)))
        self._tell(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        for at, device, state in self._world.changes:
            self._at(at, self._tell, ev.DeviceChanged(device=device, state=state))
        for call in self._world.calls:
            self._at(call.joined_at, self._join, call)
        items = chain[PlannedDuty | Closure](self._world.book.roster, self._world.book.closures)
        for at in sorted({at for item in items for at in (item.from_at, item.until_at)}):
            if at > self._now:
                self._at(at, self._duty_changes)

    def _served(self, joined: _Joined) -> Served:
        return Served(
            call=joined.call,
            plan=joined.plan,
            nobody_there=joined.nobody_there,
            record=self._records[joined.call.id],
        )

    def _at(self, at: datetime, act: Callable[..., None], *about: Any) -> None:
        heapq.heappush(self._coming, (at, next(self._number), act, about))

    def _in(self, seconds: float, act: Callable[..., None], *about: Any) -> None:
        self._at(self._now + timedelta(seconds=seconds), act, *about)

    def _tell(self, event: ev.Event) -> None:
        """And what the exchange answers at once."""
        self._told.append(event)
        while self._told:
            for effect in self._floor.decide(self._told.popleft(), self._now):
                carry_out = self._HANDLERS.get(type(effect))
                if carry_out is not None:
                    carry_out(self, effect)

    # -- duty

    def _duty_changes(self) -> None:
        """It may; calls whose plan stays the same are left alone by the floor."""
        if self._floor.calls:
            self._tell(ev.DutyChanged())

    def _plan_again(self, effect: do.PlanAgain) -> None:
        plans = tuple(
            (call, self._planner.plan_again(facts, version, self._now))
            for call, facts, version in effect.calls
        )
        self._told.append(ev.PlansChanged(plans=plans))

    # -- callers

    def _join(self, call: PastCall) -> None:
        plan = self._planner.plan(call.facts, self._now)
        self._joined[call.id] = _Joined(call, plan, self._nobody_there(plan))
        line, province = self._rules.lines[0], self._rules.id
        self._tell(
            ev.CallArrived(
                call=call.id, province=province, line=line, caller=None, arrived_at=self._now
            )
        )
        self._tell(
            ev.CallJoined(call=call.id, facts=call.facts, plan=plan, joined_at=call.joined_at)
        )
        self._in(call.patience_s, self._give_up, call.id)

    def _nobody_there(self, plan: RoutePlan) -> bool:
        expected, could_serve = plan.expected[-1], self._floor.staff.could_serve
        return not any(could_serve(name, name in expected) for name in plan.circles[-1])

    def _give_up(self, call: CallId) -> None:
        waiting = self._floor.calls.get(call)
        if waiting is not None and waiting.phase in {CallPhase.WAITING, CallPhase.OFFERED}:
            self._hang_up(call)

    def _hang_up(self, call: CallId) -> None:
        self._tell(ev.CallHungUp(call=call))

    # -- counsellors; what is told of an offer that is over changes nothing

    def _ring(self, effect: do.OfferCall) -> None:
        offer = effect.offer
        whose = offer.call if self._world.alike else f"{offer.call} {offer.counsellor}"
        self._asked[whose] += 1
        does = reaction(chance(self._world.seed, f"offer {whose} {self._asked[whose]}"))
        if does.kind in _FAILURES:
            failed = ev.OfferFailed(offer=offer.id, result=_FAILURES[does.kind])
            self._in(does.after_s, self._tell, failed)
        elif does.kind != "rona":
            self._in(does.after_s, self._pick_up, offer.id, does.kind == "answered")

    def _pick_up(self, offer: OfferId, accepts: bool) -> None:
        if offer not in self._floor.offers:
            return
        self._tell(ev.OfferPickedUp(offer=offer))
        accepted = ev.OfferAccepted(offer=offer)
        declined = ev.LegEnded(offer=offer, ended_by=EndedBy.COUNSELLOR)
        self._in(WHISPER_S, self._tell, accepted if accepts else declined)

    def _connect(self, effect: do.Connect) -> None:
        self._told.append(ev.CallerEntered(call=effect.call, offer=effect.offer))

    def _let_in(self, effect: do.LetIn) -> None:
        self._told.append(ev.TalkStarted(offer=effect.offer))
        call = self._floor.offers[effect.offer].id
        self._in(self._joined[call].call.talk_s, self._hang_up, call)

    def _save(self, effect: do.SaveCall) -> None:
        self._records[effect.record.call] = effect.record

    _HANDLERS: ClassVar[dict[type, Callable[["_Replay", Any], None]]] = {
        do.OfferCall: _ring,
        do.Connect: _connect,
        do.LetIn: _let_in,
        do.PlanAgain: _plan_again,
        do.SaveCall: _save,
    }
