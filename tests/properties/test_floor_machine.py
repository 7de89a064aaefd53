"""The floor under random histories: the promises of design §2 hold after every event.

The machine plays callers, counsellors, Asterisk and the clock, with events that come late, twice
or never. What it keeps of the world is only what decides which events are possible.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ivr import effects as do
from ivr import events as ev
from ivr import several
from ivr.heard import Heard
from ivr.limits import Limits
from ivr.model import (
    CallFacts,
    CallId,
    CallPhase,
    CounsellorId,
    DeviceId,
    DeviceState,
    EndedBy,
    Lane,
    Offer,
    OfferId,
    OfferResult,
)
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from ivr.model.plan import RoutePlan, Weight
from ivr.model.record import CallRecord, EndedTalk
from ivr.notices import AlarmCode
from ivr.queues import Floor
from ivr.waiting import FloorCall
from tests.core.floor_kit import LIMITS, MARKAZI, START, Kit, counsellor, plan_of
from tests.properties.naive_floor import NaiveFloor, joined, may_be_rung, order_of

NAMES = ("ali", "sara", "mina", "reza")
PEOPLE = tuple(counsellor(name, "markazi-saveh") for name in NAMES)
STEPS = (
    plan_of((None, NAMES)),
    plan_of((20, ("ali",)), (None, NAMES)),
    plan_of((20, ("sara",)), (15, ("mina",)), (None, NAMES)),
    plan_of((None, ("reza",))),
)
WEIGHTS = (
    Weight(),
    Weight(head_start_s=60, rate=1.5, cap_s=90),
    Weight(head_start_s=20, cap_s=90),
    Weight(head_start_s=5, rate=0.5, cap_s=40),
)
PLANS = tuple(
    replace(plan, weight=weight, heavy=heavy, wrap_up_s=60.0 if heavy else None)
    for plan in STEPS
    for weight in WEIGHTS
    for heavy in (False, True)
)
ONE_AT_ONCE = replace(LIMITS, rona_pause_after=2, stretch_most_s=90, rest_s=20, heavy_gap_s=90)
LIMITS_TRIED = (ONE_AT_ONCE, replace(ONE_AT_ONCE, ring_at_once=2, ring_at_once_danger=3))
LEFT_OPEN = (AlarmCode.HANDSET_OFF_HOOK, AlarmCode.LEFT_OPEN_IN_DANGER)
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
FACTS = st.builds(
    CallFacts,
    province=st.just(MARKAZI),
    lane=st.sampled_from(Lane),
    returning_silence=st.booleans(),
)


def _ends(record: CallRecord) -> bool:
    """Acknowledging a lost call saves it once more."""
    return record.ended_at is not None and record.acknowledged_at is None


def _in_danger(call: FloorCall) -> bool:
    facts = call.record.facts
    return facts is not None and facts.lane is Lane.DANGER and not call.stands_last


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.limits = ONE_AT_ONCE
        self.journal: list[tuple[ev.Event, timedelta]] = []
        self.decided: list[list[do.Effect]] = []
        self.alive: list[CallId] = []
        self.offers: list[Offer] = []
        self.final: dict[CallId, int] = {}
        self.arrived = 0
        self.said: dict[CallId, tuple[Heard, int | None, datetime | None]] = {}

    def post(self, event: ev.Event) -> None:
        effects = self.kit.post(event)
        assert self.naive.decide(event, self.kit.now) == effects
        self.journal.append((event, self.kit.now - START))
        self.decided.append(effects)
        for effect in effects:
            if isinstance(effect, do.OfferCall):
                self.offers.append(effect.offer)
            elif isinstance(effect, do.Announce):
                self._gets_no_worse(effect)
            elif isinstance(effect, do.SaveCall) and _ends(effect.record):
                call = effect.record.call
                self.final[call] = self.final.get(call, 0) + 1

    def _gets_no_worse(self, effect: do.Announce) -> None:
        """Within one wait no place and no wait is said that is worse than the one before."""
        call, note = self.kit.floor.calls[effect.call], effect.note
        assert call.heard is not None
        assert call.record.facts is not None
        if call.record.facts.lane is not Lane.ORDINARY:
            assert (note.place, note.minutes) == (None, None)
        wait, place, until_at = self.said.get(call.id, (call.heard, None, None))
        if wait is call.heard:
            assert note.place is None or place is None or note.place < place
            assert until_at is None or (call.heard.said_until_at or until_at) <= until_at
        self.said[call.id] = (call.heard, call.heard.place, call.heard.said_until_at)

    @initialize(limits=st.sampled_from(LIMITS_TRIED))
    def begin(self, limits: Limits) -> None:
        self.limits = limits
        self.kit = Kit(floor=Floor(epoch=7, limits=limits))
        self.naive = NaiveFloor(epoch=7, limits=limits)
        self.post(ev.StaffChanged(counsellors=PEOPLE))
        self.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))

    # ------------------------------------------------------------------ callers

    @rule(plan=st.sampled_from(PLANS), facts=FACTS, joins=st.booleans())
    def a_call_comes(self, plan: RoutePlan, facts: CallFacts, *, joins: bool) -> None:
        if joins:
            self._comes_and_joins(plan, facts)
        else:
            self._comes()

    @rule(
        plans=st.lists(st.sampled_from(PLANS), min_size=2, max_size=5), lane=st.sampled_from(Lane)
    )
    def many_come_at_once(self, plans: list[RoutePlan], lane: Lane) -> None:
        for plan in plans:
            self._comes_and_joins(plan, CallFacts(province=MARKAZI, lane=lane))

    def _comes_and_joins(self, plan: RoutePlan, facts: CallFacts) -> None:
        self._join(self._comes(), plan, facts)

    def _comes(self) -> CallId:
        self.arrived += 1
        call = CallId(f"c{self.arrived}")
        self.alive.append(call)
        self._arrive(call)
        return call

    def _arrive(self, call: CallId) -> None:
        now = self.kit.now
        self.post(
            ev.CallArrived(call=call, province=MARKAZI, line="123", caller=None, arrived_at=now)
        )

    def _join(
        self, call: CallId, plan: RoutePlan, facts: CallFacts, *, waited_s: float = 0.0
    ) -> None:
        joined_at = self.kit.now - timedelta(seconds=waited_s)
        at_once = replace(plan, all_at_once=facts.lane is Lane.DANGER)
        self.post(ev.CallJoined(call=call, facts=facts, plan=at_once, joined_at=joined_at))

    @rule()
    def duty_changes(self) -> None:
        self.post(ev.DutyChanged())

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), plan=st.sampled_from(PLANS))
    def a_call_is_planned_again(self, data: st.DataObject, plan: RoutePlan) -> None:
        call = data.draw(st.sampled_from(self.alive))
        known = self.kit.floor.calls.get(call)
        danger = known is not None and _in_danger(known)
        again = replace(plan, rules_version="u", all_at_once=danger)
        self.post(ev.PlansChanged(plans=((call, again),)))

    @precondition(lambda self: self.alive)
    @rule(
        data=st.data(),
        plan=st.sampled_from(PLANS),
        facts=FACTS,
        waited_s=st.sampled_from([-3.0, 0.0, 0.0, 7.5, 50.0]),
    )
    def a_caller_joins_or_comes_back(
        self, data: st.DataObject, plan: RoutePlan, facts: CallFacts, waited_s: float
    ) -> None:
        """From the static queue some bring the time that they have waited there."""
        self._join(data.draw(st.sampled_from(self.alive)), plan, facts, waited_s=waited_s)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.alive))
        self.alive.remove(call)
        self.post(ev.CallHungUp(call=call))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def nobody_hangs_up_after_a_talk(self, data: st.DataObject) -> None:
        """Also where no talk was: such an event comes late."""
        self.post(ev.LineLeftOpen(call=data.draw(st.sampled_from(self.alive))))

    @precondition(lambda self: self.final)
    @rule(data=st.data())
    def a_supervisor_takes_a_lost_call_up(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.final)))
        self.post(ev.SupervisorAcknowledged(call=call, by="boss"))

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
    def somebody_becomes_ready(self, name: str) -> None:
        self._is_ready(name)

    def _is_ready(self, name: str) -> None:
        self.post(ev.DeviceChanged(device=DeviceId(f"{name}-phone"), state=DeviceState.IDLE))

    @rule()
    def everybody_is_ready(self) -> None:
        for name in NAMES:
            self._is_ready(name)

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def a_device_is_lost_and_comes_back(self, data: st.DataObject) -> None:
        """In a talk or while it rings; the leg's end may be told before or after."""
        offer = data.draw(st.sampled_from(self.offers[-3:]))
        events = [
            ev.DeviceChanged(device=offer.device.id, state=DeviceState.UNREACHABLE),
            ev.LegEnded(offer=offer.id, ended_by=EndedBy.DEVICE_LOST),
        ]
        for event in data.draw(st.permutations(events)):
            self.post(event)
        self.post(ev.DeviceChanged(device=offer.device.id, state=DeviceState.IDLE))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def an_outcome_is_saved(self, data: st.DataObject) -> None:
        self.post(ev.OutcomeSaved(call=data.draw(st.sampled_from(self.alive))))

    @rule(name=st.sampled_from(NAMES), choice=st.integers(0, 8))
    def a_counsellor_decides(self, name: str, choice: int) -> None:
        who = CounsellorId(name)
        self.post(
            [
                ev.CounsellorPaused(counsellor=who, reason="break"),
                ev.CounsellorResumed(counsellor=who),
                ev.WrapUpEnded(counsellor=who),
                ev.WrapUpKept(counsellor=who),
                ev.CounsellorSignedOut(counsellor=who),
                ev.CounsellorSignedIn(counsellor=who),
                ev.CounsellorWillPause(counsellor=who, reason="lunch"),
                ev.BreakAsked(counsellor=who),
                ev.WrapUpExtended(counsellor=who, by_s=300.0),
            ][choice]
        )

    @rule(
        name=st.sampled_from(NAMES),
        ended_s=st.sampled_from([-5.0, 0.0, 10.0, 70.0]),
        danger=st.booleans(),
        heavy=st.booleans(),
    )
    def a_talk_is_remembered(self, name: str, ended_s: float, *, danger: bool, heavy: bool) -> None:
        """Told at the start alone; late as well it must change no call and no offer."""
        ended_at = self.kit.now - timedelta(seconds=ended_s)
        talk = EndedTalk(
            call=CallId("c1"),
            province=MARKAZI,
            counsellor=CounsellorId(name),
            began_at=ended_at - timedelta(seconds=60),
            ended_at=ended_at,
            danger=danger,
            heavy=heavy,
        )
        self.post(ev.TalksRemembered(talks=(talk,)))

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
                for offer in call.offers.values():
                    whole = call.plan.circles[-1] if offer.back else call.eligible
                    assert offer.counsellor in whole

    @invariant()
    def nobody_waits_while_an_eligible_counsellor_is_free(self) -> None:
        """Nor while somebody's back-off yields, nor danger while a wrap-up does."""
        floor = self.kit.floor
        if floor.exchange_up:
            for call in floor.line:
                for presence in floor.staff:
                    relief = _in_danger(call) and presence.relief(floor.now)
                    could = presence.free or presence.is_last_resort(floor.now) or relief
                    assert not could or not may_be_rung(presence, call)

    @invariant()
    def nobody_waits_for_somebody_s_rest(self) -> None:
        """Whoever is to be spared takes the caller for whom nobody else is free."""
        floor = self.kit.floor
        spared = [one for one in floor.staff if one.load.protections(floor.now)]
        for call in floor.line if floor.exchange_up else ():
            assert not any(one.free and may_be_rung(one, call) for one in spared)

    @invariant()
    def a_second_telephone_rings_for_nobody_s_loss(self) -> None:
        floor = self.kit.floor
        second = [
            offer.counsellor
            for call in floor.calls.values()
            for offer in call.offers.values()
            if len(call.offers) > 1 and not offer.picked_up
        ]
        for call in floor.line if floor.exchange_up else ():
            assert several.is_promised(floor, call) or call.eligible.isdisjoint(second)

    @invariant()
    def no_more_telephones_ring_than_are_allowed(self) -> None:
        """And that of somebody who is back after a lost talk."""
        for call in self.kit.floor.calls.values():
            most = self.limits.ring_at_once_danger if call.in_danger else self.limits.ring_at_once
            back = any(entry.result is OfferResult.CONNECTED for entry in call.record.offers)
            assert len(call.offers) <= most + back

    @invariant()
    def who_did_not_answer_is_paused_only_while_others_are_there(self) -> None:
        floor = self.kit.floor
        for call in floor.line:
            if not any(floor.staff.could_serve(name, expected=True) for name in call.eligible):
                paused = {one.profile.id for one in floor.staff.not_answering()}
                assert call.eligible.isdisjoint(paused)

    @invariant()
    def a_wished_pause_waits_for_nothing_but_call_and_wrap_up(self) -> None:
        for presence in self.kit.floor.staff:
            if presence.will_pause is not None:
                assert presence.offer is not None or presence.wrap_up_until_at is not None

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
    def the_line_is_in_the_published_order(self) -> None:
        floor = self.kit.floor
        in_order = [call.id for call in floor.line.in_order(floor.now)]
        calls = sorted(floor.line, key=lambda call: order_of(call, floor.now))
        assert in_order == [call.id for call in calls]

    @invariant()
    def after_the_cap_only_danger_goes_before(self) -> None:
        """Promise 4, without the formula: looked at when an offer has just been made."""
        for effect in self.decided[-1] if self.decided else []:
            if isinstance(effect, do.OfferCall):
                served = self.kit.floor.calls.get(effect.offer.call)
                assert served is None or _in_danger(served) or not self._passed_over(effect.offer)

    def _passed_over(self, offer: Offer) -> list[CallId]:
        floor = self.kit.floor
        served = floor.calls[offer.call]
        return [
            call.id
            for call in floor.line
            if offer.counsellor in call.eligible
            and joined(call) < joined(served)
            and (floor.now - joined(call)[0]).total_seconds() >= call.plan.weight.cap_s
            and not call.stands_last
        ]

    @invariant()
    def who_was_lost_in_danger_stands_until_somebody_takes_it_up(self) -> None:
        floor = self.kit.floor
        records = self.kit.records
        waiting = {
            call
            for call in self.final
            if records[call].lost_at is not None and records[call].acknowledged_at is None
        }
        standing = {
            alarm.subject for alarm in floor.alarms if alarm.code is AlarmCode.LOST_IN_DANGER
        }
        assert waiting == set(floor.lost) == standing
        for call in self.final:
            facts, talked = records[call].facts, records[call].connected_at is not None
            if facts is not None and facts.lane is Lane.DANGER and not talked:
                assert records[call].lost_at is not None

    @invariant()
    def a_line_left_open_stands_last_with_its_alarm(self) -> None:
        floor = self.kit.floor
        alarmed = {alarm.subject for alarm in floor.alarms if alarm.code in LEFT_OPEN}
        last = {call.id for call in floor.line if call.stands_last}
        assert last <= alarmed <= set(floor.calls)
        for call in floor.calls.values():
            if call.phase is CallPhase.LEFT_OPEN and _in_danger(call):
                assert call.id in alarmed, "in danger it is told of at once"
        in_order = [call.stands_last for call in floor.line.in_order(floor.now)]
        assert in_order == sorted(in_order)

    @invariant()
    def an_ended_call_has_one_record(self) -> None:
        assert set(self.final.values()) <= {1}
        assert not set(self.final) & set(self.kit.floor.calls)

    def teardown(self) -> None:
        """Replaying the journal gives the same decisions (promise 7)."""
        again = Floor(epoch=7, limits=self.limits)
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
