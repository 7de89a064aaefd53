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

from ivr import effects as do
from ivr import events as ev
from ivr.model import (
    CallEnd,
    CallId,
    CallPhase,
    CallRecord,
    Counsellor,
    CounsellorId,
    DeskId,
    EndedBy,
    Offer,
    OfferEntry,
    OfferId,
    OfferResult,
    ProvinceId,
)
from ivr.presence import Limits, Presence
from ivr.reconcile import reconcile
from ivr.staff import Staff
from ivr.timers import Timers
from ivr.waiting import FloorCall, Line

_MAY_JOIN = (CallPhase.MENU, CallPhase.CLOSING, CallPhase.TALKING)


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
        self.line = Line()
        self.exchange_up = False
        self.sequence = 0
        self.restored: dict[CallId, CallRecord] = {}
        self.offers: dict[OfferId, FloorCall] = {}
        self._down_since_at: datetime | None = None
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
        saves = [do.SaveCall(record=call.record) for call in self._changed.values()]
        self._changed = {}
        return [*self._effects, *saves]

    def next_deadline(self) -> datetime | None:
        return self._timers.next_at()

    def limits_of(self, call: FloorCall) -> Limits:
        return self._limits_by_province.get(call.record.province, self.limits)

    # ------------------------------------------------------------------ calls

    def call_arrived(self, event: ev.CallArrived) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            self._take_out(call, CallPhase.MENU)
        else:
            new = CallRecord(
                call=event.call,
                province=event.province,
                line=event.line,
                caller=event.caller,
                arrived_at=event.arrived_at,
                phase=CallPhase.MENU,
            )
            restored = self.restored.pop(event.call, new)
            call = self.admit(replace(restored, phase=CallPhase.MENU))
        call.attached = True

    def call_located(self, event: ev.CallLocated) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            self.change(call, location=event.location, caller=event.caller or call.record.caller)

    def admit(self, record: CallRecord) -> FloorCall:
        call = self.calls[record.call] = FloorCall(record)
        self._changed[call.id] = call
        return call

    def call_joined(self, event: ev.CallJoined) -> None:
        """Out of a talk as well: its end may be told late, or never while the link is down."""
        call = self.calls.get(event.call)
        if call is None or call.phase not in _MAY_JOIN:
            return
        joined_at = min(event.joined_at, self.now)  # Asterisk's clock may be ahead of ours
        self._take_out(call, CallPhase.WAITING)
        first_at = call.record.joined_at or joined_at
        self.change(call, facts=event.facts, plan=event.plan, joined_at=first_at)
        self._join_line(call, joined_at)

    def _join_line(self, call: FloorCall, joined_at: datetime, *, first: bool = False) -> None:
        call.start_plan(joined_at)
        self._timers.set(call.step_due_at(), "step", call.id)
        self.line.join(call, joined_at, first=first)

    def call_hung_up(self, event: ev.CallHungUp) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            closing = call.phase is CallPhase.CLOSING
            self.end_call(call, EndedBy.COUNSELLOR if closing else EndedBy.CALLER)

    def call_finished(self, event: ev.CallFinished) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            self.end_call(call, EndedBy.COUNSELLOR)

    def call_detached(self, event: ev.CallDetached) -> None:
        call = self.calls.get(event.call)
        if call is not None:
            call.attached = False
            if call.phase is not CallPhase.TALKING:  # a talk goes on in Asterisk without us
                self._take_out(call, CallPhase.FALLBACK)

    def hang_up_leg(self, offer: OfferId, why: OfferResult) -> None:
        self._effects.append(do.HangUpLeg(offer=offer, why=why))

    def end_call(self, call: FloorCall, ended_by: EndedBy) -> None:
        end = _end_of(call.record, self.now, self.limits_of(call))
        self._take_out(call, CallPhase.ENDED)
        self.change(call, ended_at=self.now, ended_by=ended_by, end=end)
        del self.calls[call.id]

    def _take_out(self, call: FloorCall, phase: CallPhase) -> None:
        """Out of the line, the offer or the talk, into a phase where nobody is rung for it."""
        self.line.leave(call)
        if call.offer is not None:
            talking = call.phase is CallPhase.TALKING
            result = OfferResult.CONNECTED if talking else OfferResult.WITHDRAWN
            self.hang_up_leg(call.offer.id, result)
            self._end_offer(call, result)
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
        self._changed[call.id] = call

    # ----------------------------------------------------------------- offers

    def _dispatch(self) -> None:
        if not self.exchange_up:
            self._hand_over()
            return
        for call in self.line:
            if call.open_steps(self.now, self.staff.could_serve):
                self._timers.set(call.step_due_at(), "step", call.id)
            best = self.staff.best(call.eligible) if self.staff.anyone_free() else None
            if best is not None:
                self._offer(call, best)

    def _hand_over(self) -> None:
        """Without AMI nobody can be rung by us; Asterisk's own queue still can."""
        if self._down_since_at is None:
            self._down_since_at = self.now
        give_up_at = self._down_since_at + timedelta(seconds=self.limits.exchange_down_s)
        if give_up_at <= self.now:
            self._effects += [do.SendToFallback(call=call.id) for call in self.line]
        else:
            self._timers.set(give_up_at, "exchange", "")

    def _offer(self, call: FloorCall, presence: Presence) -> None:
        device, facts = presence.idle_device(), call.record.facts
        assert device is not None, "a free counsellor has an idle device"
        assert facts is not None, "a call in line has facts"
        self._offer_count += 1
        offer = Offer(
            id=OfferId(f"{self._epoch}-{self._offer_count}"),
            call=call.id,
            counsellor=presence.profile.id,
            device=device,
            facts=facts,
            offered_at=self.now,
            deadline_at=self.now + timedelta(seconds=self.limits_of(call).ring_s),
        )
        self.line.leave(call)
        self.start_offer(call, offer, presence)
        first_at = call.record.first_offered_at or self.now
        self.change(call, phase=CallPhase.OFFERED, first_offered_at=first_at)
        self._timers.set(offer.deadline_at, "offer", offer.id)
        self._effects.append(do.OfferCall(offer=offer))

    def start_offer(self, call: FloorCall, offer: Offer, presence: Presence) -> None:
        call.offer, call.picked_up = offer, False
        self.offers[offer.id] = call
        self.staff.take(presence, offer.id, call.id, self.now)

    def offer_picked_up(self, event: ev.OfferPickedUp) -> None:
        call = self.offers.get(event.offer)
        if call is not None and not call.picked_up:
            call.picked_up = True
            self._extend(call, self.limits_of(call).whisper_s)

    def offer_accepted(self, event: ev.OfferAccepted) -> None:
        call = self.offers.get(event.offer)
        if call is None or call.offer is None or call.phase is not CallPhase.OFFERED:
            return
        call.picked_up = True
        self._extend(call, self.limits_of(call).connect_s)
        self.change(call, phase=CallPhase.CONNECTING)
        counsellor = call.offer.counsellor
        self._effects.append(do.Connect(call=call.id, offer=event.offer, counsellor=counsellor))

    def _extend(self, call: FloorCall, seconds: float) -> None:
        assert call.offer is not None
        call.offer = replace(call.offer, deadline_at=self.now + timedelta(seconds=seconds))
        self._timers.set(call.offer.deadline_at, "offer", call.offer.id)

    def offer_failed(self, event: ev.OfferFailed) -> None:
        call = self.offers.get(event.offer)
        if call is not None and call.phase is not CallPhase.TALKING:
            self._offer_came_to_nothing(call, event.result)

    def _offer_came_to_nothing(self, call: FloorCall, result: OfferResult) -> None:
        """The caller keeps their place; one who was on the way into the room is fetched back."""
        was_connecting = call.phase is CallPhase.CONNECTING
        self._end_offer(call, result)
        self.change(call, phase=CallPhase.WAITING)
        self.line.return_to_place(call)
        if was_connecting:
            self._fetch_back(call)

    def _fetch_back(self, call: FloorCall) -> None:
        self._effects.append(do.HoldCall(call=call.id))
        self.recall(call)

    def recall(self, call: FloorCall) -> None:
        self._effects.append(do.RecallCaller(call=call.id))

    def caller_entered(self, event: ev.CallerEntered) -> None:
        """The caller first: a counsellor who has gone meanwhile leaves nobody alone unnoticed."""
        call = self.calls.get(event.call)
        if call is None:
            return
        if call.offer is None or call.offer.id != event.offer:
            self._effects.append(do.RecallCaller(call=call.id))
        elif call.phase is CallPhase.CONNECTING:
            self._effects.append(do.LetIn(offer=event.offer))

    def talk_started(self, event: ev.TalkStarted) -> None:
        call = self.offers.get(event.offer)
        if call is None or call.offer is None or call.phase is CallPhase.TALKING:
            return
        presence = self.staff.get(call.offer.counsellor)
        assert presence is not None, "who has an offer is on the floor"
        self.staff.start_talk(presence, self.now)
        self.change(
            call,
            phase=CallPhase.TALKING,
            connected_at=call.record.connected_at or self.now,
            counsellor=call.offer.counsellor,
            desk=_desk_for(presence.profile, call),
        )

    def leg_ended(self, event: ev.LegEnded) -> None:
        call = self.offers.get(event.offer)
        if call is None:
            return
        if call.phase is not CallPhase.TALKING:
            result = OfferResult.DECLINED if call.picked_up else OfferResult.FAILED
            self._offer_came_to_nothing(call, result)
        elif event.ended_by is EndedBy.DEVICE_LOST:
            self._talk_broke_off(call)
        else:
            self._end_offer(call, OfferResult.CONNECTED)
            self.change(call, phase=CallPhase.CLOSING, talk_ended_at=self.now)
            if call.attached:
                self._effects.append(do.CloseCall(call=call.id))

    def _talk_broke_off(self, call: FloorCall) -> None:
        """The counsellor's device was lost: the caller is first of their lane."""
        assert call.offer is not None
        counsellor = call.offer.counsellor
        self._end_offer(call, OfferResult.CONNECTED)
        self.staff.hold_lost(counsellor, self.limits_of(call), self.now)
        phase = CallPhase.WAITING if call.attached else CallPhase.FALLBACK
        self.change(call, phase=phase, talk_ended_at=self.now)
        if call.attached:
            self._join_line(call, self.now, first=True)
            self._fetch_back(call)

    def _end_offer(self, call: FloorCall, result: OfferResult) -> None:
        offer = call.offer
        assert offer is not None
        call.offer = None
        del self.offers[offer.id]
        entry = OfferEntry(
            offer=offer.id,
            counsellor=offer.counsellor,
            offered_at=offer.offered_at,
            ended_at=self.now,
            result=result,
        )
        self.change(call, offers=(*call.record.offers, entry))
        presence = self.staff.get(offer.counsellor)
        assert presence is not None, "who has an offer is on the floor"
        if self.staff.release(presence, result, self.limits_of(call), self.now):
            self._effects.append(do.RaiseAlarm(code="not_answering", subject=offer.counsellor))

    # ------------------------------------------------------------ counsellors

    def counsellor_paused(self, event: ev.CounsellorPaused) -> None:
        presence = self.staff.get(event.counsellor)
        if presence is None:
            return
        self.staff.pause(presence, event.reason, self.now)
        self._take_back_offer(presence)

    def _take_back_offer(self, presence: Presence) -> None:
        """Who is no longer to be rung; an accepted offer and a talk go on."""
        call = self.offers.get(presence.offer) if presence.offer is not None else None
        if call is not None and call.phase is CallPhase.OFFERED:
            self._withdraw(call, OfferResult.WITHDRAWN)

    def _withdraw(self, call: FloorCall, why: OfferResult) -> None:
        assert call.offer is not None
        self.hang_up_leg(call.offer.id, why)
        self._offer_came_to_nothing(call, why)

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

    def staff_changed(self, event: ev.StaffChanged) -> None:
        self.staff.replace_all(event.counsellors, self.now)

    def device_changed(self, event: ev.DeviceChanged) -> None:
        self.staff.device_changed(event.device, event.state, self.now)

    # --------------------------------------------------------------- Asterisk

    def calls_restored(self, event: ev.CallsRestored) -> None:
        self.restored = {record.call: record for record in event.records}

    def exchange_lost(self, _event: ev.ExchangeLost) -> None:
        self.exchange_up = False

    def exchange_seen(self, event: ev.ExchangeSeen) -> None:
        self.exchange_up = True
        self._down_since_at = None
        self.staff.all_devices(dict(event.snapshot.devices), self.now)
        reconcile(self, event.snapshot)

    # ------------------------------------------------------------------ timers

    def _timer_due(self, kind: str, subject: str) -> None:
        """Steps and the exchange need no more than the dispatch step that follows."""
        if kind == "offer":
            self._offer_due(OfferId(subject))
        elif kind == "counsellor":
            self.staff.time_is_up(CounsellorId(subject), self.now)

    def _offer_due(self, offer_id: OfferId) -> None:
        call = self.offers.get(offer_id)
        if call is None or call.offer is None or call.phase is CallPhase.TALKING:
            return
        if call.offer.deadline_at <= self.now:
            self._withdraw(call, OfferResult.DECLINED if call.picked_up else OfferResult.RONA)

    def time_passed(self, _event: ev.TimePassed) -> None:
        """The timers and the dispatch step, which every event sets off, do what is due."""

    _HANDLERS: ClassVar[dict[type, Callable[["Floor", Any], None]]] = {
        ev.CallArrived: call_arrived,
        ev.CallLocated: call_located,
        ev.CallJoined: call_joined,
        ev.CallHungUp: call_hung_up,
        ev.CallDetached: call_detached,
        ev.CallFinished: call_finished,
        ev.OfferPickedUp: offer_picked_up,
        ev.OfferAccepted: offer_accepted,
        ev.OfferFailed: offer_failed,
        ev.CallerEntered: caller_entered,
        ev.TalkStarted: talk_started,
        ev.LegEnded: leg_ended,
        ev.DeviceChanged: device_changed,
        ev.CounsellorPaused: counsellor_paused,
        ev.CounsellorResumed: counsellor_resumed,
        ev.CounsellorSignedIn: counsellor_signed_in,
        ev.CounsellorSignedOut: counsellor_signed_out,
        ev.WrapUpEnded: wrap_up_ended,
        ev.StaffChanged: staff_changed,
        ev.CallsRestored: calls_restored,
        ev.ExchangeLost: exchange_lost,
        ev.ExchangeSeen: exchange_seen,
        ev.TimePassed: time_passed,
    }


def _desk_for(profile: Counsellor, call: FloorCall) -> DeskId | None:
    """Where this counsellor served the call: the first desk of the plan that they sit at."""
    steps = call.record.plan.steps if call.record.plan is not None else ()
    planned = (desk for step in steps for desk in step.desks if desk in profile.desks)
    return next(planned, profile.desks[0] if profile.desks else None)


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
