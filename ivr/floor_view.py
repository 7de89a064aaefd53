"""One immutable picture of the floor for those who watch it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ivr.model import CallPhase, CounsellorId, CounsellorState, DeviceState, Overtaking
from ivr.order import Place, micros, overtaking
from ivr.presence import NOT_ANSWERING, Presence
from ivr.queues import Floor
from ivr.view import CounsellorView, FloorView, TalkView, WaitingCall
from ivr.waiting import FloorCall

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
        waiting=_line(in_line, now_us),
        talks=tuple(_talk(call) for call in calls if call.phase is CallPhase.TALKING),
        counsellors=tuple(_counsellor(presence, floor, now) for presence in floor.staff),
        alarms=tuple(floor.alarms),
        closed_desks=floor.closed_desks,
        in_menu=sum(call.phase is CallPhase.MENU for call in calls),
        in_fallback=sum(call.phase is CallPhase.FALLBACK for call in calls),
        exchange_up=floor.exchange_up,
    )


def _place(call: FloorCall) -> Place:
    assert call.place is not None, "it has joined"
    return call.place


def _line(in_line: Sequence[FloorCall], now_us: int) -> tuple[WaitingCall, ...]:
    """From the last to the first, so that each sees who joined earlier and stands behind it."""
    rows: list[WaitingCall] = []
    earliest: FloorCall | None = None
    for call in reversed(in_line):
        overtook = None
        if earliest is not None:
            overtook = overtaking(_place(call), earliest.id, _place(earliest), now_us)
        if earliest is None or overtook is None:
            earliest = call
        rows.append(_waiting(call, overtook))
    return tuple(reversed(rows))


def _waiting(call: FloorCall, overtook: Overtaking | None) -> WaitingCall:
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
        offered_to=tuple(offer.counsellor for offer in call.offers.values()),
        precedence=overtook.reason if overtook else None,
        ahead_of=overtook.over if overtook else None,
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
        precedence=offer.overtook.reason if offer.overtook else None,
        ahead_of=offer.overtook.over if offer.overtook else None,
    )


def _counsellor(presence: Presence, floor: Floor, now: datetime) -> CounsellorView:
    call = floor.offers.get(presence.offer) if presence.offer is not None else None
    offer = call.offers.get(presence.offer) if call and presence.offer is not None else None
    states = [presence.devices.get(device.id) for device in presence.profile.devices]
    reachable = [state for state in states if state not in (None, DeviceState.UNREACHABLE)]
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
        protections=presence.load.protections(now),
        relief=offer.relief if offer else None,
        sparing=offer.sparing if offer else None,
        signed_in=presence.signed_in,
    )
