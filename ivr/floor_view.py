"""One immutable picture of the floor for those who watch it."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr import events as ev
from ivr.desk_view import desk_of, desks_of
from ivr.model import (
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    DeviceState,
    Offer,
    Overtaking,
    Protection,
)
from ivr.model.record import CallRecord
from ivr.offers import desk_for
from ivr.order import Place, Rank, micros, overtaking
from ivr.presence import NOT_ANSWERING, Presence
from ivr.queues import Floor
from ivr.view import (
    CounsellorView,
    FloorView,
    LostCall,
    Ringing,
    Said,
    TalkView,
    WaitingCall,
)
from ivr.waiting import FloorCall

_BROKEN_OFF = (Rank.DANGER_BROKEN_OFF, Rank.SILENCE_BROKEN_OFF, Rank.BROKEN_OFF)

Break = ev.CounsellorPaused | ev.CounsellorWillPause | ev.BreakAsked

IN_LINE = (CallPhase.WAITING, CallPhase.OFFERED, CallPhase.CONNECTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """Who is there; `away_since` says of everybody else since when they are not."""

    present: frozenset[CounsellorId]
    away_since: Mapping[CounsellorId, datetime]


def attendance_of(floor: Floor) -> Attendance:
    """Whoever is on a break or in a call is there; it costs less than a view."""
    present, away_since = set(), {}
    for presence in floor.staff:
        if presence.noted_state is not CounsellorState.OFF_DUTY:
            present.add(presence.profile.id)
        elif presence.state_since_at is not None:
            away_since[presence.profile.id] = presence.state_since_at
    return Attendance(present=frozenset(present), away_since=away_since)


@dataclass(frozen=True, slots=True)
class AtWork:
    """The calls that counsellors talk in, and those that they wrap up."""

    talking: frozenset[CallId]
    wrapped_up: frozenset[CallId]


def at_work_on(floor: Floor) -> AtWork:
    """It costs less than a view."""
    return AtWork(
        talking=frozenset(one.call for one in floor.staff if one.talking and one.call),
        wrapped_up=frozenset(
            one.wrap_up_of for one in floor.staff if one.wrap_up_until_at and one.wrap_up_of
        ),
    )


def breaks_on(floor: Floor) -> dict[CounsellorId, Break]:
    """Who is on a break that they or a supervisor began, will be, or has asked for one."""
    found = ((presence.profile.id, _break_of(presence)) for presence in floor.staff)
    return {counsellor: event for counsellor, event in found if event is not None}


def _break_of(presence: Presence) -> Break | None:
    """As it would be told the floor."""
    who, reason = presence.profile.id, presence.pause_reason
    if reason is not None and reason != NOT_ANSWERING:
        return ev.CounsellorPaused(counsellor=who, reason=reason)
    if presence.will_pause is not None:
        return ev.CounsellorWillPause(counsellor=who, reason=presence.will_pause)
    return ev.BreakAsked(counsellor=who) if presence.load.break_asked_at is not None else None


def resting(floor: Floor) -> frozenset[CounsellorId]:
    """Who must not be rung for a while: on a break, or signed out.

    Not who merely cannot be reached, or did not answer: they may be back when nobody of us is
    there to say so.
    """
    return frozenset(
        presence.profile.id
        for presence in floor.staff
        if presence.pause_reason not in (None, NOT_ANSWERING) or not presence.signed_in
    )


def view_of(floor: Floor, now: datetime) -> FloorView:
    """The floor as it is at `now`; an offered call keeps its place in the order of the line."""
    calls = list(floor.calls.values())
    now_us = micros(max(floor.now, now))  # a clock that stepped back stands still there
    in_line = sorted(
        (call for call in calls if call.phase in IN_LINE), key=lambda call: _place(call).key(now_us)
    )
    return FloorView(
        sequence=floor.sequence,
        at=now,
        lost=tuple(_lost(record) for record in floor.lost.values()),
        waiting=_line(floor, in_line, now_us),
        talks=tuple(_talk(call) for call in calls if call.phase is CallPhase.TALKING),
        counsellors=tuple(_counsellor(presence, floor, now) for presence in floor.staff),
        desks=desks_of(floor, in_line),
        alarms=tuple(floor.alarms),
        closed_desks=floor.closed_desks,
        in_menu=sum(call.phase is CallPhase.MENU for call in calls),
        in_fallback=sum(call.phase is CallPhase.FALLBACK for call in calls),
        exchange_up=floor.exchange_up,
    )


def _place(call: FloorCall) -> Place:
    assert call.place is not None, "it has joined"
    return call.place


@dataclass(slots=True)
class _Later:
    """Calls of the line, first to last, each of which joined later than all before it."""

    calls: list[FloorCall] = field(default_factory=list)
    joined: list[tuple[int, int]] = field(default_factory=list)

    def add(self, call: FloorCall) -> None:
        joined = _joined(_place(call))
        if not self.joined or joined > self.joined[-1]:
            self.calls.append(call)
            self.joined.append(joined)

    def first_after(self, call: FloorCall) -> FloorCall | None:
        """The first in line of those that joined later than the call."""
        found = bisect_right(self.joined, _joined(_place(call)))
        return self.calls[found] if found < len(self.calls) else None


def _joined(place: Place) -> tuple[int, int]:
    return place.joined_us, place.number


def _line(floor: Floor, in_line: Sequence[FloorCall], now_us: int) -> tuple[WaitingCall, ...]:
    overtook = _overtook(in_line, now_us)
    later, rows = _Later(), []
    for call in in_line:
        first = later.first_after(call)
        behind = overtaking(_place(first), call.id, _place(call), now_us) if first else None
        rows.append(_waiting(floor, call, overtook.get(call.id), behind, first))
        later.add(call)
    return tuple(rows)


def _overtook(in_line: Sequence[FloorCall], now_us: int) -> dict[str, Overtaking]:
    """From the last to the first, so that each sees who joined earlier and stands behind it."""
    found: dict[str, Overtaking] = {}
    earliest: FloorCall | None = None
    for call in reversed(in_line):
        overtook = None
        if earliest is not None:
            overtook = overtaking(_place(call), earliest.id, _place(earliest), now_us)
        if overtook is None:
            earliest = call
        else:
            found[call.id] = overtook
    return found


def _waiting(
    floor: Floor,
    call: FloorCall,
    overtook: Overtaking | None,
    behind: Overtaking | None,
    first: FloorCall | None,
) -> WaitingCall:
    record = call.record
    assert record.facts is not None, "it has joined"
    assert record.joined_at is not None, "it has joined"
    return WaitingCall(
        call=call.id,
        lane=record.facts.lane,
        province=record.province,
        county=record.facts.county,
        category=record.facts.category,
        joined_at=record.joined_at,
        phase=call.phase,
        step=call.step,
        desk=desk_of(call),
        offered_to=tuple(_ringing(floor, call, offer) for offer in call.offers.values()),
        precedence=overtook.reason if overtook else None,
        ahead_of=overtook.over if overtook else None,
        overtaken=behind.reason if behind else None,
        behind=first.id if first else None,
        broken_off=_place(call).standing.rank in _BROKEN_OFF,
        left_open=_place(call).standing.rank is Rank.LEFT_OPEN,
        said=_said(call),
    )


def _ringing(floor: Floor, call: FloorCall, offer: Offer) -> Ringing:
    presence = floor.staff.get(offer.counsellor)
    assert presence is not None, "who has an offer is on the floor"
    return Ringing(
        counsellor=offer.counsellor,
        device=offer.device.id,
        kind=offer.device.kind,
        desk=desk_for(presence.profile, call),
        since_at=offer.offered_at,
        picked_up=offer.picked_up,
        back=offer.back,
    )


def _said(call: FloorCall) -> Said:
    heard = call.heard
    if heard is None:
        return Said()
    return Said(
        place=heard.place,
        until_at=heard.said_until_at,
        longer=heard.told_longer,
        withheld=heard.withheld,
    )


def _lost(record: CallRecord) -> LostCall:
    assert record.lost_at is not None, "it stands on the list since then"
    joined_at, until_at = record.joined_at, record.connected_at or record.lost_at
    return LostCall(
        call=record.call,
        province=record.province,
        category=record.facts.category if record.facts else None,
        arrived_at=record.arrived_at,
        lost_at=record.lost_at,
        waited_s=(until_at - joined_at).total_seconds() if joined_at else None,
        counsellor=record.counsellor,
    )


def _talk(call: FloorCall) -> TalkView:
    record = call.record
    (offer,) = call.offers.values()
    assert record.facts is not None, "it was offered with its facts"
    assert record.connected_at is not None, "talk_started sets it"
    return TalkView(
        call=call.id,
        counsellor=offer.counsellor,
        county=record.facts.county,
        category=record.facts.category,
        connected_at=record.connected_at,
        desk=record.desk,
        precedence=offer.overtook.reason if offer.overtook else None,
        ahead_of=offer.overtook.over if offer.overtook else None,
        back=offer.back,
    )


def _counsellor(presence: Presence, floor: Floor, now: datetime) -> CounsellorView:
    call = floor.offers.get(presence.offer) if presence.offer is not None else None
    offer = call.offers.get(presence.offer) if call and presence.offer is not None else None
    states = [presence.devices.get(device.id) for device in presence.profile.devices]
    reachable = [state for state in states if state not in (None, DeviceState.UNREACHABLE)]
    wraps_up = presence.wrap_up_until_at is not None
    load, protections = presence.load, presence.load.protections(now)
    return CounsellorView(
        counsellor=presence.profile.id,
        name_fa=presence.profile.name_fa,
        desks=presence.profile.desks,
        state=presence.state(),
        since_at=presence.state_since_at or now,
        call=presence.call,
        device_state=reachable[0] if reachable and reachable[0] else DeviceState.UNREACHABLE,
        pause_reason=presence.pause_reason or "",
        hold=presence.hold or "",
        held_until_at=presence.held_until_at,
        wrap_up_until_at=presence.wrap_up_until_at,
        will_pause=presence.will_pause or "",
        wrap_up_latest_at=presence.wrap_up_latest_at if wraps_up else None,
        wrap_up_lengthened=presence.wrap_up_lengthened if wraps_up else 0,
        protections=protections,
        heavy_until_at=load.heavy_until_at if Protection.HEAVY_CALL in protections else None,
        tired_since_at=load.tired_at if Protection.NEEDS_BREAK in protections else None,
        break_asked_at=load.break_asked_at,
        relief=offer.relief if offer else None,
        sparing=offer.sparing if offer else None,
        signed_in=presence.signed_in,
    )
