"""The floor under random histories: the promises of design §2 hold after every event.

The machine plays callers, counsellors, Asterisk and the clock, with events that come late, twice
or never. What it keeps of the world is only what decides which events are possible.
"""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ivr import effects as do
from ivr import events as ev
from ivr.model import (
    CallFacts,
    CallId,
    CallPhase,
    CounsellorId,
    DeviceId,
    DeviceState,
    EndedBy,
    ExchangeSnapshot,
    Lane,
    LiveCall,
    Offer,
    OfferId,
    OfferResult,
    RoutePlan,
)
from ivr.queues import Floor
from ivr.waiting import FloorCall
from tests.core.floor_kit import LIMITS, MARKAZI, START, Kit, counsellor, plan_of

NAMES = ("ali", "sara", "mina", "reza")
PEOPLE = tuple(counsellor(name, "markazi-saveh") for name in NAMES)
PLANS = (
    plan_of((None, NAMES)),
    plan_of((20, ("ali",)), (None, NAMES)),
    plan_of((20, ("sara",)), (15, ("mina",)), (None, NAMES)),
    plan_of((None, ("reza",))),
)
IN_OFFER = (CallPhase.OFFERED, CallPhase.CONNECTING, CallPhase.TALKING)
RESULTS = st.sampled_from(
    [
        OfferResult.RONA,
        OfferResult.REJECTED,
        OfferResult.BUSY,
        OfferResult.UNREACHABLE,
        OfferResult.FAILED,
    ]
)


def _in_danger(call: FloorCall) -> bool:
    return call.record.facts is not None and call.record.facts.lane is Lane.DANGER


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.kit = Kit()
        self.journal: list[tuple[ev.Event, timedelta]] = []
        self.decided: list[list[do.Effect]] = []
        self.alive: list[CallId] = []
        self.offers: list[Offer] = []
        self.final: dict[CallId, int] = {}
        self.arrived = 0

    def post(self, event: ev.Event) -> None:
        effects = self.kit.post(event)
        self.journal.append((event, self.kit.now - START))
        self.decided.append(effects)
        for effect in effects:
            if isinstance(effect, do.OfferCall):
                self.offers.append(effect.offer)
            elif isinstance(effect, do.SaveCall) and effect.record.ended_at is not None:
                call = effect.record.call
                self.final[call] = self.final.get(call, 0) + 1

    @initialize()
    def begin(self) -> None:
        self.post(ev.StaffChanged(counsellors=PEOPLE))
        self.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))

    # ------------------------------------------------------------------ callers

    @rule(plan=st.sampled_from(PLANS), lane=st.sampled_from(Lane), joins=st.booleans())
    def a_call_comes(self, plan: RoutePlan, lane: Lane, *, joins: bool) -> None:
        self.arrived += 1
        call = CallId(f"c{self.arrived}")
        self.alive.append(call)
        self._arrive(call)
        if joins:
            self._join(call, plan, lane)

    def _arrive(self, call: CallId) -> None:
        now = self.kit.now
        self.post(
            ev.CallArrived(call=call, province=MARKAZI, line="123", caller=None, arrived_at=now)
        )

    def _join(self, call: CallId, plan: RoutePlan, lane: Lane) -> None:
        at_once = RoutePlan(steps=plan.steps, rules_version="t", all_at_once=lane is Lane.DANGER)
        facts = CallFacts(province=MARKAZI, lane=lane)
        self.post(ev.CallJoined(call=call, facts=facts, plan=at_once, joined_at=self.kit.now))

    @rule()
    def duty_changes(self) -> None:
        self.post(ev.DutyChanged())

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), plan=st.sampled_from(PLANS))
    def a_call_is_planned_again(self, data: st.DataObject, plan: RoutePlan) -> None:
        call = data.draw(st.sampled_from(self.alive))
        known = self.kit.floor.calls.get(call)
        danger = known is not None and _in_danger(known)
        again = RoutePlan(steps=plan.steps, rules_version="u", all_at_once=danger)
        self.post(ev.PlansChanged(plans=((call, again),)))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), plan=st.sampled_from(PLANS), lane=st.sampled_from(Lane))
    def a_caller_joins_or_comes_back(
        self, data: st.DataObject, plan: RoutePlan, lane: Lane
    ) -> None:
        self._join(data.draw(st.sampled_from(self.alive)), plan, lane)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.alive))
        self.alive.remove(call)
        self.post(ev.CallHungUp(call=call))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def a_conversation_breaks_and_returns(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.alive))
        self.post(ev.CallDetached(call=call))
        if data.draw(st.booleans()):
            self._arrive(call)

    # ---------------------------------------------------------- counsellors' legs

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), result=RESULTS, by=st.sampled_from(EndedBy))
    def something_happens_to_a_leg(
        self, data: st.DataObject, result: OfferResult, by: EndedBy
    ) -> None:
        """Any leg that ever was: most of these events come late and must change nothing."""
        offer = data.draw(st.sampled_from(self.offers[-6:]))
        events = [
            ev.OfferPickedUp(offer=offer.id),
            ev.OfferAccepted(offer=offer.id),
            ev.CallerEntered(call=offer.call, offer=offer.id),
            ev.TalkStarted(offer=offer.id),
            ev.OfferFailed(offer=offer.id, result=result),
            ev.LegEnded(offer=offer.id, ended_by=by),
        ]
        self.post(data.draw(st.sampled_from(events)))

    @precondition(lambda self: self.offers)
    @rule()
    def the_latest_offer_becomes_a_talk(self) -> None:
        offer = self.offers[-1]
        self.post(ev.DeviceChanged(device=offer.device.id, state=DeviceState.IN_USE))
        self.post(ev.OfferAccepted(offer=offer.id))
        self.post(ev.TalkStarted(offer=offer.id))

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from(DeviceState))
    def a_device_changes(self, name: str, state: DeviceState) -> None:
        self.post(ev.DeviceChanged(device=DeviceId(f"{name}-phone"), state=state))

    @rule(name=st.sampled_from(NAMES))
    def somebody_is_ready(self, name: str) -> None:
        self.post(ev.DeviceChanged(device=DeviceId(f"{name}-phone"), state=DeviceState.IDLE))

    @rule(name=st.sampled_from(NAMES), choice=st.integers(0, 4))
    def a_counsellor_decides(self, name: str, choice: int) -> None:
        who = CounsellorId(name)
        self.post(
            [
                ev.CounsellorPaused(counsellor=who, reason="break"),
                ev.CounsellorResumed(counsellor=who),
                ev.WrapUpEnded(counsellor=who),
                ev.CounsellorSignedOut(counsellor=who),
                ev.CounsellorSignedIn(counsellor=who),
            ][choice]
        )

    @rule(present=st.sets(st.sampled_from(NAMES), min_size=1))
    def the_staff_list_changes(self, present: set[str]) -> None:
        self.post(ev.StaffChanged(counsellors=tuple(p for p in PEOPLE if p.id in present)))

    # -------------------------------------------------------------- Asterisk, time

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 5.0, 10.0, 21.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.kit.now += timedelta(seconds=seconds)
        self.post(ev.TimePassed())

    @rule(seconds=st.sampled_from([-3600.0, -5.0, -0.1, 3600.0]))
    def the_clock_steps(self, seconds: float) -> None:
        """Somebody sets the machine's clock; no call may be lost or rung twice by that."""
        self.kit.now += timedelta(seconds=seconds)
        self.post(ev.TimePassed())

    @rule()
    def the_link_is_lost(self) -> None:
        self.post(ev.ExchangeLost())

    @rule(data=st.data())
    def the_link_is_back(self, data: st.DataObject) -> None:
        """A true snapshot: who is not in it has gone, or came after it was taken."""
        shown = [call for call in self.alive if data.draw(st.booleans())]
        ours = self.kit.floor.calls
        self.alive = [
            call for call in self.alive if call in shown or (call in ours and ours[call].attached)
        ]
        calls = tuple(_live(call) for call in shown)
        legs = [offer.id for offer in self.offers[-4:] if data.draw(st.booleans())]
        states = tuple(
            (DeviceId(f"{name}-phone"), data.draw(st.sampled_from(DeviceState))) for name in NAMES
        )
        snapshot = ExchangeSnapshot(
            calls=calls, legs=frozenset([*legs, OfferId("0-1")]), devices=states
        )
        self.post(ev.ExchangeSeen(snapshot=snapshot))

    # ------------------------------------------------------------------ promises

    @invariant()
    def a_call_is_in_exactly_one_place(self) -> None:
        floor = self.kit.floor
        in_line = [call.id for call in floor.line]
        assert len(in_line) == len(set(in_line)) == len(floor.line)
        for call in floor.calls.values():
            assert (call.id in floor.line) == (call.phase is CallPhase.WAITING)
            assert bool(call.offers) == (call.phase in IN_OFFER)

    @invariant()
    def nobody_is_rung_whom_the_plan_does_not_have(self) -> None:
        for call in self.kit.floor.calls.values():
            if call.phase is CallPhase.OFFERED:
                assert {offer.counsellor for offer in call.offers.values()} <= call.eligible

    @invariant()
    def nobody_waits_while_an_eligible_counsellor_is_free(self) -> None:
        floor = self.kit.floor
        if floor.exchange_up:
            free = {presence.profile.id for presence in floor.staff if presence.free}
            for call in floor.line:
                assert not free & call.eligible

    @invariant()
    def a_counsellor_has_at_most_one_offer_or_call(self) -> None:
        floor = self.kit.floor
        holders = [presence for presence in floor.staff if presence.offer is not None]
        assert {presence.offer for presence in holders} == set(floor.offers)
        for offer_id, call in floor.offers.items():
            assert call.offers[offer_id].id == offer_id
            assert floor.calls[call.id] is call
        held = [offer.counsellor for call in floor.calls.values() for offer in call.offers.values()]
        assert len(held) == len(set(held)) == len(holders)

    @invariant()
    def no_offer_outlives_its_deadline(self) -> None:
        for offer_id, call in self.kit.floor.offers.items():
            if call.phase is not CallPhase.TALKING:
                assert call.offers[offer_id].deadline_at > self.kit.floor.now
            if call.phase is not CallPhase.OFFERED:
                assert len(call.offers) == 1

    @invariant()
    def first_come_first_served_within_a_lane(self) -> None:
        places = [call.place for call in self.kit.floor.line]
        assert places == sorted(places)  # type: ignore[type-var]

    @invariant()
    def an_ended_call_has_one_record(self) -> None:
        assert set(self.final.values()) <= {1}
        assert not set(self.final) & set(self.kit.floor.calls)

    def teardown(self) -> None:
        """Replaying the journal gives the same decisions (promise 7)."""
        again = Floor(epoch=7, limits=LIMITS)
        for (event, after), effects in zip(self.journal, self.decided, strict=True):
            assert again.decide(event, START + after) == effects


def _live(call: CallId) -> LiveCall:
    return LiveCall(
        call=call,
        line="123",
        province=MARKAZI,
        arrived_at=START,
        facts=None,
        joined_at=None,
        offer=None,
        counsellor=None,
    )


class TestFloor(FloorMachine.TestCase):
    settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


@pytest.mark.long
class TestFloorAtLength(FloorMachine.TestCase):
    """More than 100,000 steps."""

    settings = settings(max_examples=2000, stateful_step_count=60, deadline=None)
