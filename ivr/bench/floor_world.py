"""A country's line on one floor, without any wire: callers, counsellors and Asterisk as events.

25 provinces of 40 desks with 5 counsellors each. Whoever leaves the line is followed by somebody
new, so that it stays as long as it is to be. All chance comes from one seed.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, count
from random import Random

from ivr import effects as do
from ivr import events as ev
from ivr.limits import Limits
from ivr.model import (
    CallFacts,
    CallId,
    CategoryId,
    Counsellor,
    CounsellorId,
    CountyId,
    CountySource,
    DeskId,
    Device,
    DeviceId,
    DeviceState,
    EndedBy,
    Lane,
    Offer,
    OfferResult,
    ProvinceId,
)
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.plan import Reason, ReasonCode, RoutePlan, Step
from ivr.queues import Floor
from ivr.rules.priority import Priority, Urgency

PROVINCES, DESKS, AT_A_DESK = 25, 40, 5
COUNSELLORS = PROVINCES * DESKS * AT_A_DESK
START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
Take = Callable[[ev.Event, datetime], list[do.Effect]]

_TALK_S, _PATIENCE_S = 300.0, 900.0  # means
_RING_S = 15.0
_COMING_PER_S = 400.0  # while the line fills: far more than are served meanwhile
_ROUNDS = 3  # until nearly everybody talks
_CATEGORIES = tuple(
    (CategoryId(f"category-{urgency.lower()}-{n}"), Priority().weight(urgency, None))
    for urgency in Urgency
    for n in range(2)
)
_FAILURES = (OfferResult.REJECTED, OfferResult.BUSY, OfferResult.UNREACHABLE)
_Due = tuple[datetime, int, Callable[[], None]]


class World:
    """Callers and counsellors around a floor. `take` is given every event, to be decided on."""

    def __init__(self, waiting: int, *, seed: int = 7) -> None:
        self.floor = Floor(epoch=1, limits=Limits())
        self.take: Take = self.floor.decide
        self.now = START
        self._wanted = waiting
        self._filled = False
        self._chance = Random(seed)  # noqa: S311
        self._numbers = count(1)
        self._due: list[_Due] = []
        self._plans: dict[tuple[int, CategoryId, Lane], RoutePlan] = {}
        self._people = tuple(_people())

    def begin(self) -> None:
        """Everybody is there, and nearly everybody talks with somebody."""
        self.post(ev.StaffChanged(counsellors=self._people))
        devices = tuple((person.devices[0].id, DeviceState.IDLE) for person in self._people)
        self.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=(), devices=devices)))
        for _ in range(_ROUNDS):
            for presence in list(self.floor.staff):
                if presence.free:
                    self._call(_desk(presence.profile), Lane.ORDINARY)
            until_at = self.now + timedelta(seconds=_RING_S)
            while self.now < until_at:
                self.step()

    def fill(self) -> None:
        """As many callers as are to wait; they come one after the other, and all else goes on.

        Always equally fast: where fewer are to wait there is less time for others to be served.
        """
        comes_at = self.now
        while len(self.floor.line) < self._wanted:
            comes_at += timedelta(seconds=1 / _COMING_PER_S)
            while self._next_at() <= comes_at:
                self.step()
            self.now = comes_at
            self._somebody_calls()
        self._filled = True

    def _next_at(self) -> datetime:
        """When something happens by itself; somebody's talk ends some time."""
        deadline_at = self.floor.next_deadline()
        return min(deadline_at, self._due[0][0]) if deadline_at is not None else self._due[0][0]

    def step(self) -> None:
        """What comes next: somebody does something, or a deadline of the floor."""
        deadline_at = self.floor.next_deadline()
        if deadline_at is not None and (not self._due or deadline_at <= self._due[0][0]):
            self.now = max(self.now, deadline_at)
            self.post(ev.TimePassed())
        else:
            at, _, action = heapq.heappop(self._due)
            self.now = max(self.now, at)
            action()
        if self._filled and len(self.floor.line) < self._wanted:
            self._somebody_calls()

    def post(self, event: ev.Event) -> None:
        for effect in self.take(event, self.now):
            if isinstance(effect, do.OfferCall):
                self._rings(effect.offer)

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(
            self._due, (self.now + timedelta(seconds=seconds), next(self._numbers), action)
        )

    # ---------------------------------------------------------------------- callers

    def _somebody_calls(self) -> None:
        lane = self._chance.choices(tuple(Lane), (3, 10, 87))[0]
        self._call(self._chance.randrange(PROVINCES * DESKS), lane)

    def _call(self, desk: int, lane: Lane) -> None:
        call = CallId(f"{next(self._numbers)}.1")
        province = ProvinceId(f"province-{desk // DESKS}")
        category = self._chance.choice(_CATEGORIES)[0]
        facts = CallFacts(
            province=province,
            county=CountyId(f"county-{desk}"),
            county_source=CountySource.KEYPAD,
            category=category,
            lane=lane,
        )
        self.post(
            ev.CallArrived(
                call=call, province=province, line="123", caller=None, arrived_at=self.now
            )
        )
        plan = self._plan(desk, category, lane)
        self.post(ev.CallJoined(call=call, facts=facts, plan=plan, joined_at=self.now))
        self._in(self._chance.expovariate(1 / _PATIENCE_S), lambda: self._loses_patience(call))

    def _loses_patience(self, call: CallId) -> None:
        if call in self.floor.line:
            self.post(ev.CallHungUp(call=call))

    def _plan(self, desk: int, category: CategoryId, lane: Lane) -> RoutePlan:
        """One for calls of the same kind, as `ivr.planner` makes them."""
        key = (desk, category, lane)
        if key not in self._plans:
            self._plans[key] = plan_of(desk, category, lane)
        return self._plans[key]

    # ------------------------------------------------------------------ counsellors

    def _rings(self, offer: Offer) -> None:
        draw = self._chance.random()
        if draw < 0.05:
            return  # nobody answers: a deadline of the floor
        if draw < 0.1:
            failure = self._chance.choice(_FAILURES)
            self._in(1, lambda: self.post(ev.OfferFailed(offer=offer.id, result=failure)))
            return
        self._in(self._chance.uniform(1, 8), lambda: self._picks_up(offer))

    def _picks_up(self, offer: Offer) -> None:
        if offer.id in self.floor.offers:
            self.post(ev.DeviceChanged(device=offer.device.id, state=DeviceState.IN_USE))
            self.post(ev.OfferPickedUp(offer=offer.id))
            self._in(3, lambda: self._accepts(offer))

    def _accepts(self, offer: Offer) -> None:
        if offer.id in self.floor.offers:
            self.post(ev.OfferAccepted(offer=offer.id))
            self.post(ev.CallerEntered(call=offer.call, offer=offer.id))
            self.post(ev.TalkStarted(offer=offer.id))
            self._in(self._chance.expovariate(1 / _TALK_S), lambda: self._ends(offer))

    def _ends(self, offer: Offer) -> None:
        """The counsellor hangs up and the caller soon after; some telephones drop out for a bit."""
        self.post(ev.LegEnded(offer=offer.id, ended_by=EndedBy.COUNSELLOR))
        self.post(ev.DeviceChanged(device=offer.device.id, state=DeviceState.IDLE))
        self._in(5, lambda: self.post(ev.CallHungUp(call=offer.call)))
        if self._chance.random() < 0.02:
            self._drops_out(offer.device.id)

    def _drops_out(self, device: DeviceId) -> None:
        self.post(ev.DeviceChanged(device=device, state=DeviceState.UNREACHABLE))
        back = ev.DeviceChanged(device=device, state=DeviceState.IDLE)
        self._in(20, lambda: self.post(back))


def _people() -> Iterator[Counsellor]:
    for desk in range(PROVINCES * DESKS):
        for name in _at(desk):
            yield Counsellor(
                id=name,
                name_fa=name,
                desks=(DeskId(f"county-{desk}"),),
                devices=(Device(id=DeviceId(f"{name}-phone")),),
            )


def _desk(person: Counsellor) -> int:
    return int(person.id.partition("-")[0])


@cache
def _named(*desks: int) -> tuple[DeskId, ...]:
    return tuple(DeskId(f"county-{one}") for one in desks)


@cache
def _at(*desks: int) -> tuple[CounsellorId, ...]:
    """One tuple for the same desks, as `ivr.router` makes one for each page of duty."""
    if len(desks) > 1:
        return tuple(chain.from_iterable(map(_at, desks)))
    return tuple(CounsellorId(f"{desks[0]}-{n}") for n in range(AT_A_DESK))


def plan_of(desk: int, category: CategoryId, lane: Lane) -> RoutePlan:
    """The county's desk, the two beside it, the whole province."""
    first = desk // DESKS * DESKS
    others = tuple(first + (desk + n) % DESKS for n in (1, 2))
    at_once = lane is Lane.DANGER
    circles = ((desk,), others, tuple(range(first, first + DESKS)))
    steps = tuple(
        Step(
            after_s=0.0 if at_once else after_s,
            lasts_s=0.0 if at_once else lasts_s,
            desks=_named(*desks),
            counsellors=_at(*desks),
            on_duty=_at(*desks),
            reasons=(Reason(code, f"county-{desks[0]}"),),
        )
        for (after_s, lasts_s, code), desks in zip(_STEPS, circles, strict=True)
    )
    return RoutePlan(
        steps=(*steps[:-1], replace(steps[-1], lasts_s=None)),
        rules_version="bench",
        all_at_once=at_once,
        weight=dict(_CATEGORIES)[category],
    )


_STEPS = (
    (0.0, 20.0, ReasonCode.OWN_DESK),
    (20.0, 20.0, ReasonCode.SUPPORTING_COUNTY),
    (40.0, 60.0, ReasonCode.WHOLE_PROVINCE),
)
