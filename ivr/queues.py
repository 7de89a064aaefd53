"""The floor: waiting calls x counsellors -> offers. Decides; does nothing.

`decide(event, now)` changes the floor and returns the effects, `next_deadline()` says when to
look again. One dispatch step runs after every event: there is no other way for a call to leave
the line towards a counsellor.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from ivr import (
    announcing,
    breaks,
    floor_alarms,
    left_open,
    lost,
    matching,
    offers,
    remembered,
    replanning,
    returning,
    several,
)
from ivr import effects as do
from ivr import events as ev
from ivr.announcing import Announcer
from ivr.floor_alarms import AlarmBoard
from ivr.limits import Limits
from ivr.line import Line
from ivr.model import (
    CallEnd,
    CallId,
    CallPhase,
    CounsellorId,
    DeskId,
    EndedBy,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.notices import ClosedDesk
from ivr.order import Place, micros, standing_of
from ivr.presence import Presence
from ivr.reconcile import reconcile
from ivr.staff import Staff
from ivr.timers import Timers
from ivr.waiting import FloorCall

_MAY_JOIN = (CallPhase.MENU, CallPhase.CLOSING, CallPhase.TALKING, CallPhase.LEFT_OPEN)


class Floor:
    """All live calls and counsellors of one writer.

    `epoch` is the writer's number; it makes offer ids unique over restarts. A call goes by the
    limits of its province, or by `limits` where it has none of its own.
    """

    def __init__(
        self,
        *,
        epoch: int,
        limits: Limits,
        limits_by_province: Mapping[ProvinceId, Limits] = MappingProxyType({}),
    ) -> None:
        self.limits = limits
        self._limits_by_province = limits_by_province
        self.calls: dict[CallId, FloorCall] = {}
        self.in_fallback: dict[CallId, FloorCall] = {}
        self.line = Line()
        self.announcer = Announcer()
        self.exchange_up = False
        self.alarms = AlarmBoard()
        self.closed_desks: tuple[ClosedDesk, ...] = ()
        self.sequence = 0
        self.restored: dict[CallId, CallRecord] = {}
        self.lost: dict[CallId, CallRecord] = {}  # in danger, and nobody has acknowledged it
        self.offers: dict[OfferId, FloorCall] = {}
        self.ringing: dict[CounsellorId, FloorCall] = {}  # for whom; no talk yet
        self.wanting: dict[CallId, FloorCall] = {}  # calls for which more telephones may ring
        self.several: dict[CallId, FloorCall] = {}  # calls for which more than one rings
        self.broken_off: dict[CallId, FloorCall] = {}  # and may go back to their counsellor
        self._down_since_at: datetime | None = None
        self._handed_over = False
        self._timers = Timers()
        self.staff = Staff(self._timers)
        self._epoch = epoch
        self._offer_count = 0
        self.now = datetime.min.replace(tzinfo=UTC)
        self._effects: list[do.Effect] = []
        self._changed: dict[CallId, FloorCall] = {}

    def decide(self, event: ev.Event, now: datetime) -> list[do.Effect]:
        """Take in one event at `now` (aware UTC) and say what to do.

        A clock that steps back stands still here until it has caught up.
        """
        self.sequence += 1
        self.now = now = max(self.now, now)
        self._effects = []
        for kind, subject in self._timers.due(now):
            self._timer_due(kind, subject)
        self._HANDLERS[type(event)](self, event)
        self._dispatch()
        floor_alarms.lift_what_is_over(self)
        saves = [do.SaveCall(record=call.record) for call in self._changed.values()]
        self._changed = {}
        return [*self._effects, *saves]

    def act(self, effect: do.Effect) -> None:
        self._effects.append(effect)

    def wake(self, at: datetime | None, kind: str, subject: str) -> None:
        """Look at the subject again at `at`; never, where that is None."""
        self._timers.set(at, kind, subject)

    def new_offer_id(self) -> OfferId:
        self._offer_count += 1
        return OfferId(f"{self._epoch}-{self._offer_count}")

    def next_deadline(self) -> datetime | None:
        return self._timers.next_at()

    def limits_of(self, call: FloorCall) -> Limits:
        return self.limits_in(call.record.province)

    def limits_in(self, province: ProvinceId) -> Limits:
        return self._limits_by_province.get(province, self.limits)

    def limits_at(self, desk: DeskId) -> Limits:
        """A desk's id is its province's, or begins with it (`model.DeskId`)."""
        of_desk = (
            limits
            for province, limits in self._limits_by_province.items()
            if f"{desk}-".startswith(f"{province}-")
        )
        return next(of_desk, self.limits)

    # ------------------------------------------------------------------ calls

    def call_arrived(self, event: ev.CallArrived) -> None:
        call = self.calls.get(event.call)
        if call is None:
            new = CallRecord(
                call=event.call,
                province=event.province,
                line=event.line,
                caller=event.caller,
                arrived_at=event.arrived_at,
                phase=CallPhase.MENU,
            )
            known = self.restored.pop(event.call, new)
            remembered.talk_ended_unseen(self, known)
            call = self.admit(known)
        self.take_out(call, left_open.phase_of_return(call))
        call.attached = True

    def call_located(self, event: ev.CallLocated) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            self.change(call, location=event.location, caller=event.caller or call.record.caller)

    def admit(self, record: CallRecord) -> FloorCall:
        call = self.calls[record.call] = FloorCall(record)
        self._note_change(call)
        return call

    def call_joined(self, event: ev.CallJoined) -> None:
        """Out of a talk as well: its end may be told late, or never while the link is down."""
        call = self.calls.get(event.call)
        if call is None or not (call.phase in _MAY_JOIN or left_open.in_line(call)):
            return
        joined_at = min(event.joined_at, self.now)  # Asterisk's clock may be ahead of ours
        self.take_out(call, CallPhase.WAITING)
        first_at = call.record.joined_at or joined_at
        self.change(call, facts=event.facts, plan=event.plan, joined_at=first_at)
        self.join_line(call, joined_at)

    def join_line(self, call: FloorCall, joined_at: datetime, *, broken_off: bool = False) -> None:
        """`broken_off`: its talk was lost; it has its old place, and its plan begins anew."""
        facts = call.record.facts
        assert facts is not None, "a call in line has facts"
        left_open.over(self, call)
        standing = standing_of(facts, call.plan.weight, broken_off=broken_off)
        call.place = Place(standing, micros(joined_at), self.line.next_number(), joined_at)
        call.start_plan(self.now if broken_off else joined_at)
        matching.enter_line(self, call)
        announcing.start(self, call, self.now if broken_off else joined_at)

    def call_hung_up(self, event: ev.CallHungUp) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            let_go = left_open.was_let_go(call)
            self.end_call(call, EndedBy.COUNSELLOR if let_go else EndedBy.CALLER)

    def call_finished(self, event: ev.CallFinished) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            self.end_call(call, EndedBy.COUNSELLOR)

    def call_detached(self, event: ev.CallDetached) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            call.attached = False
            if left_open.is_open(call):
                self.take_out(call, CallPhase.LEFT_OPEN)
            elif call.phase is not CallPhase.TALKING:  # a talk goes on in Asterisk without us
                self.take_out(call, CallPhase.FALLBACK)

    def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None:
        self.act(do.HangUpLeg(offer=offer, why=why))

    def end_call(self, call: FloorCall, ended_by: EndedBy) -> None:
        end = _end_of(call.record, self.now, self.limits_of(call))
        lost.note_end(self, call, ended_by)
        self.take_out(call, CallPhase.ENDED)
        self.change(call, ended_at=self.now, ended_by=ended_by, end=end)
        lost.stand(self, call.record)
        left_open.over(self, call)
        del self.calls[call.id]

    def take_out(self, call: FloorCall, phase: CallPhase) -> None:
        """Out of the line, the offer or the talk, into a phase where nobody is rung for it."""
        self.line.leave(call)
        talking = call.phase is CallPhase.TALKING
        result = OfferResult.CONNECTED if talking else OfferResult.WITHDRAWN
        for offer in list(call.offers.values()):
            self.hang_up_leg(offer.id, result)
            offers.end_offer(self, call, offer, result)
        if talking:
            self.change(call, talk_ended_at=self.now)
        self.change(call, phase=phase, fallback_s=self._fallback_s(call, phase))

    def _fallback_s(self, call: FloorCall, phase: CallPhase) -> float:
        """Seconds that Asterisk's static queue has had the caller so far."""
        spent_s = call.record.fallback_s
        if call.fallback_since_at is not None:
            spent_s += (self.now - call.fallback_since_at).total_seconds()
        call.fallback_since_at = self.now if phase is CallPhase.FALLBACK else None
        return spent_s

    def change(self, call: FloorCall, **fields: Any) -> None:
        call.record = replace(call.record, **fields)
        self._note_change(call)

    def _note_change(self, call: FloorCall) -> None:
        self._changed[call.id] = call
        if call.phase is CallPhase.FALLBACK:
            self.in_fallback[call.id] = call
        else:
            self.in_fallback.pop(call.id, None)

    # ------------------------------------------------------------- dispatching

    def _dispatch(self) -> None:
        breaks.grant(self)
        self._widen()
        breaks.call_back_the_last(self)
        if not self.exchange_up:
            self._hand_over()
            return
        returning.free_the_returned(self)
        self._match()
        returning.ring_the_returned(self)
        several.ring_more(self)
        while several.stop_for_others(self):
            self._widen()
            self._match()
            several.ring_more(self)

    def _widen(self) -> None:
        matching.leave_steps_to_nobody(self)

    def _match(self) -> None:
        matching.match(self)

    def _hand_over(self) -> None:
        """Without AMI nobody can be rung by us; Asterisk's own queue still can.

        Those who wait are told once, those who join later as they do, whoever is first in line
        first: it is the order in which Asterisk's queue serves them.
        """
        if self._down_since_at is None:
            self._down_since_at = self.now
        give_up_at = self._down_since_at + timedelta(seconds=self.limits.exchange_down_s)
        if give_up_at > self.now:
            self.wake(give_up_at, "exchange", "")
            return
        fresh = {call.id for call in self.line.take_fresh()}
        calls = [call for call in self.line.in_order(self.now) if not call.stands_last]
        told, self._handed_over = self._handed_over, True
        self._effects += [
            do.SendToFallback(call=call.id) for call in calls if call.id in fresh or not told
        ]

    def recall(self, call: FloorCall) -> None:
        self.act(do.RecallCaller(call=call.id))

    # ------------------------------------------------------------ counsellors

    def counsellor_paused(self, event: ev.CounsellorPaused) -> None:
        presence = self.staff.get(event.counsellor)
        if presence is None:
            return
        self.staff.pause(presence, event.reason, self.now)
        self._take_back_offer(presence)

    def _take_back_offer(self, presence: Presence) -> None:
        """Who is no longer to be rung; an accepted offer and a talk go on."""
        offer_id = presence.offer
        call = self.offers.get(offer_id) if offer_id is not None else None
        if offer_id is not None and call is not None and call.phase is CallPhase.OFFERED:
            offers.withdraw(self, call, call.offers[offer_id], OfferResult.WITHDRAWN)

    def counsellor_will_pause(self, event: ev.CounsellorWillPause) -> None:
        presence = self.staff.get(event.counsellor)
        if presence is not None:
            self.staff.pause_after(presence, event.reason, self.now)

    def break_asked(self, event: ev.BreakAsked) -> None:
        presence = self.staff.get(event.counsellor)
        if presence is not None:
            self.staff.ask_for_break(presence, self.now)

    def counsellor_resumed(self, event: ev.CounsellorResumed) -> None:
        self.staff.resume(event.counsellor, self.now)

    def counsellor_signed_in(self, event: ev.CounsellorSignedIn) -> None:
        self.staff.sign_in(event.counsellor, self.now)

    def counsellor_signed_out(self, event: ev.CounsellorSignedOut) -> None:
        presence = self.staff.get(event.counsellor)
        if presence is not None:
            self.staff.sign_out(presence, self.now)
            self._take_back_offer(presence)

    def wrap_up_ended(self, event: ev.WrapUpEnded) -> None:
        self.staff.end_wrap_up(event.counsellor, self.now)

    def wrap_up_extended(self, event: ev.WrapUpExtended) -> None:
        self.staff.extend_wrap_up(event.counsellor, event.by_s, self.now)

    def outcome_saved(self, event: ev.OutcomeSaved) -> None:
        self.staff.outcome_saved(event.call, self.now)

    def wrap_up_kept(self, event: ev.WrapUpKept) -> None:
        self.staff.keep_wrap_up(event.counsellor, self.now)

    def staff_changed(self, event: ev.StaffChanged) -> None:
        self.staff.replace_all(event.counsellors, self.now)

    def limits_changed(self, event: ev.LimitsChanged) -> None:
        """For deadlines that are set from now on."""
        self._limits_by_province = dict(event.limits)

    def device_changed(self, event: ev.DeviceChanged) -> None:
        self.staff.device_changed(event.device, event.state, self.now)

    # --------------------------------------------------------------- Asterisk

    def calls_restored(self, event: ev.CallsRestored) -> None:
        self.restored = {record.call: record for record in event.records}
        for record in event.lost:
            lost.stand(self, record)

    def exchange_lost(self, _event: ev.ExchangeLost) -> None:
        self.exchange_up = False

    def exchange_seen(self, event: ev.ExchangeSeen) -> None:
        self.exchange_up = True
        self._down_since_at = None
        self._handed_over = False
        self.staff.all_devices(dict(event.snapshot.devices), self.now)
        reconcile(self, event.snapshot)

    # ------------------------------------------------------------------ timers

    def _timer_due(self, kind: str, subject: str) -> None:
        """The exchange needs no more than the dispatch step that follows."""
        if kind == "offer":
            offers.offer_due(self, OfferId(subject))
        elif kind == "step":
            matching.step_due(self, CallId(subject))
        elif kind == "counsellor":
            self.staff.time_is_up(CounsellorId(subject), self.now)
            breaks.look_after(self, self.staff.get(CounsellorId(subject)))
        elif kind == "left_open":
            left_open.look_after(self, CallId(subject))
        elif kind == "announce":
            announcing.due(self)

    def time_passed(self, _event: ev.TimePassed) -> None:
        """The timers and the dispatch step, which every event sets off, do what is due."""

    _HANDLERS: ClassVar[dict[type, Callable[["Floor", Any], None]]] = {
        ev.CallArrived: call_arrived,
        ev.CallLocated: call_located,
        ev.CallJoined: call_joined,
        ev.CallHungUp: call_hung_up,
        ev.CallDetached: call_detached,
        ev.CallFinished: call_finished,
        ev.LineLeftOpen: left_open.line_left_open,
        ev.OfferPickedUp: offers.offer_picked_up,
        ev.OfferAccepted: offers.offer_accepted,
        ev.OfferFailed: offers.offer_failed,
        ev.CallerEntered: offers.caller_entered,
        ev.TalkStarted: offers.talk_started,
        ev.LegEnded: offers.leg_ended,
        ev.DeviceChanged: device_changed,
        ev.CounsellorPaused: counsellor_paused,
        ev.CounsellorResumed: counsellor_resumed,
        ev.CounsellorSignedIn: counsellor_signed_in,
        ev.CounsellorSignedOut: counsellor_signed_out,
        ev.WrapUpEnded: wrap_up_ended,
        ev.WrapUpKept: wrap_up_kept,
        ev.WrapUpExtended: wrap_up_extended,
        ev.OutcomeSaved: outcome_saved,
        ev.CounsellorWillPause: counsellor_will_pause,
        ev.BreakAsked: break_asked,
        ev.StaffChanged: staff_changed,
        ev.DutyChanged: replanning.duty_changed,
        ev.PlansChanged: replanning.plans_changed,
        ev.LimitsChanged: limits_changed,
        ev.NoticesChanged: floor_alarms.notices_changed,
        ev.SupervisorAcknowledged: lost.supervisor_acknowledged,
        ev.CallsRestored: calls_restored,
        ev.TalksRemembered: remembered.talks_remembered,
        ev.ExchangeLost: exchange_lost,
        ev.ExchangeSeen: exchange_seen,
        ev.TimePassed: time_passed,
    }


def _end_of(record: CallRecord, now: datetime, limits: Limits) -> CallEnd:
    if record.connected_at is not None:
        return CallEnd.CONNECTED
    if record.phase is CallPhase.FALLBACK:
        return CallEnd.FALLBACK_ABANDONED
    if record.joined_at is None:
        return CallEnd.IN_MENU
    waited_s = (now - record.joined_at).total_seconds()
    short = waited_s < limits.short_abandonment_s
    return CallEnd.SHORT_ABANDONMENT if short else CallEnd.ABANDONED
