"""A floor in a test's hands: short words for events, and a clock that only the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

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
from ivr.model.plan import RoutePlan, Step
from ivr.model.record import CallRecord
from ivr.queues import Floor

E = TypeVar("E", bound=do.Effect)
START = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
LIMITS = Limits(wrap_up_s=30, ring_s=20, rona_s=10)
MARKAZI = ProvinceId("markazi")


def counsellor(name: str, desk: str, *, confirm: bool = False) -> Counsellor:
    device = Device(id=DeviceId(f"{name}-phone"), confirm=confirm)
    return Counsellor(id=CounsellorId(name), name_fa=name, desks=(DeskId(desk),), devices=(device,))


def plan_of(*circles: tuple[float | None, tuple[str, ...]], at_once: bool = False) -> RoutePlan:
    """Steps as (lasts_s, counsellors)."""
    steps, after_s = [], 0.0
    for lasts_s, names in circles:
        steps.append(
            Step(
                after_s=after_s,
                lasts_s=lasts_s,
                desks=(),
                counsellors=tuple(CounsellorId(name) for name in names),
                reasons=(),
            )
        )
        after_s += lasts_s or 0.0
    return RoutePlan(steps=tuple(steps), rules_version="test", all_at_once=at_once)


@dataclass
class Kit:
    floor: Floor = field(default_factory=lambda: Floor(epoch=7, limits=LIMITS))
    now: datetime = START
    province: ProvinceId = MARKAZI  # of the calls that come in
    effects: list[do.Effect] = field(default_factory=list)
    records: dict[str, CallRecord] = field(default_factory=dict)

    def post(self, event: ev.Event) -> list[do.Effect]:
        self.effects = self.floor.decide(event, self.now)
        for effect in self.all(do.SaveCall):
            self.records[effect.record.call] = effect.record
        return self.effects

    def all(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def only(self, kind: type[E]) -> E:
        (effect,) = self.all(kind)
        return effect

    def offer(self) -> Offer:
        """The one offer that the last event brought about."""
        return self.only(do.OfferCall).offer

    def pass_s(self, seconds: float) -> list[do.Effect]:
        self.now += timedelta(seconds=seconds)
        return self.post(ev.TimePassed())

    # -- people

    def staff(self, *people: Counsellor) -> "Kit":
        self.post(ev.StaffChanged(counsellors=people))
        self.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
        return self

    def on_duty(self, *names: str) -> "Kit":
        for name in names:
            self.device(name, DeviceState.IDLE)
            self.now += timedelta(milliseconds=1)
        return self

    def device(self, name: str, state: DeviceState) -> list[do.Effect]:
        return self.post(ev.DeviceChanged(device=DeviceId(f"{name}-phone"), state=state))

    # -- calls

    def arrive(self, call: str) -> list[do.Effect]:
        return self.post(
            ev.CallArrived(
                call=CallId(call),
                province=self.province,
                line="086123",
                caller=None,
                arrived_at=self.now,
            )
        )

    def join(
        self,
        call: str,
        plan: RoutePlan,
        *,
        lane: Lane = Lane.ORDINARY,
        joined_at: datetime | None = None,
    ) -> list[do.Effect]:
        facts = CallFacts(
            province=self.province,
            county=CountyId("markazi-saveh"),
            county_source=CountySource.KEYPAD,
            category=CategoryId("family_dispute"),
            lane=lane,
        )
        return self.post(
            ev.CallJoined(
                call=CallId(call), facts=facts, plan=plan, joined_at=joined_at or self.now
            )
        )

    def call(self, call: str, plan: RoutePlan, *, lane: Lane = Lane.ORDINARY) -> list[do.Effect]:
        self.arrive(call)
        return self.join(call, plan, lane=lane)

    def hang_up(self, call: str) -> list[do.Effect]:
        return self.post(ev.CallHungUp(call=CallId(call)))

    # -- offers

    def accept(self, offer: Offer) -> list[do.Effect]:
        self.post(ev.OfferPickedUp(offer=offer.id))
        return self.post(ev.OfferAccepted(offer=offer.id))

    def enter(self, offer: Offer) -> list[do.Effect]:
        return self.post(ev.CallerEntered(call=offer.call, offer=offer.id))

    def talk(self, offer: Offer) -> list[do.Effect]:
        self.device(offer.counsellor, DeviceState.IN_USE)
        self.accept(offer)
        self.enter(offer)
        return self.post(ev.TalkStarted(offer=offer.id))

    def leg_ended(self, offer: Offer, by: EndedBy = EndedBy.COUNSELLOR) -> list[do.Effect]:
        return self.post(ev.LegEnded(offer=offer.id, ended_by=by))

    def fail(self, offer: Offer, result: OfferResult) -> list[do.Effect]:
        return self.post(ev.OfferFailed(offer=offer.id, result=result))
