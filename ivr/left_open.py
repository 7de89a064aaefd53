"""Lines that nobody hangs up after the talk: never cut, told of, and looked after once.

A handset beside its cradle, or somebody who can neither speak nor press a key. The caller hears the
way back now and then. After a while, in danger at once, an alarm stands and the call joins the line
at the lowest rank: when nobody else waits a counsellor listens in (docs/decisions/0010).
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr import announcing, matching
from ivr import events as ev
from ivr.floor_alarms import lift_alarm, raise_alarm
from ivr.model import CallId, CallPhase, Lane
from ivr.notices import AlarmCode
from ivr.order import Place, micros, standing_of
from ivr.waiting import FloorCall

if TYPE_CHECKING:
    from ivr.queues import Floor

_AFTER_A_TALK = (CallPhase.CLOSING, CallPhase.MENU, CallPhase.TALKING)  # its end may be told late
_IN_LINE = (CallPhase.WAITING, CallPhase.OFFERED, CallPhase.CONNECTING)


def line_left_open(floor: "Floor", event: ev.LineLeftOpen) -> None:
    call = floor.calls.get(event.call)
    if call is not None and call.phase in _AFTER_A_TALK:
        floor.take_out(call, CallPhase.LEFT_OPEN)
        call.left_open_at = call.record.talk_ended_at or floor.now
        look_after(floor, call.id)


def look_after(floor: "Floor", call_id: CallId) -> None:
    """Once it has been open for long. A call that nobody of ours holds waits for them first."""
    call = floor.calls.get(call_id)
    if call is None or call.phase is not CallPhase.LEFT_OPEN:
        return
    if (due_at := _due_at(floor, call)) > floor.now:
        floor.wake(due_at, "left_open", call.id)
        return
    danger = _after_danger(call)
    code = AlarmCode.LEFT_OPEN_IN_DANGER if danger else AlarmCode.HANDSET_OFF_HOOK
    raise_alarm(floor, code, call.id, since_at=call.left_open_at)
    if call.attached and call.record.plan is not None and not call.looked_after:
        call.looked_after = True
        _join_last(floor, call)


def over(floor: "Floor", call: FloorCall) -> None:
    """The caller has come back or hung up, or the talk of whoever listened in broke off."""
    if call.left_open_at is not None:
        call.left_open_at, call.looked_after = None, False
        for code in (AlarmCode.LEFT_OPEN_IN_DANGER, AlarmCode.HANDSET_OFF_HOOK):
            lift_alarm(floor, code, call.id)


def is_open(call: FloorCall) -> bool:
    """Nobody talks with the caller, who has not asked to come back."""
    return call.phase is CallPhase.LEFT_OPEN or in_line(call)


def was_let_go(call: FloorCall) -> bool:
    """Whether a counsellor has ended the talk, and nobody has asked to come back."""
    after_it = call.phase is CallPhase.CLOSING or is_open(call)
    return after_it and call.record.connected_at is not None


def phase_of_return(call: FloorCall) -> CallPhase:
    """Of a call whose channel comes to us again: after its talk it has been let go already.

    A caller who hangs up before `LineLeftOpen` or `CallJoined` comes has not ended the talk.
    """
    talked = call.phase is CallPhase.TALKING and call.record.connected_at is not None
    return CallPhase.CLOSING if talked or was_let_go(call) else CallPhase.MENU


def in_line(call: FloorCall) -> bool:
    """At the lowest rank, or rung for there."""
    return call.stands_last and call.phase in _IN_LINE


def _due_at(floor: "Floor", call: FloorCall) -> datetime:
    assert call.left_open_at is not None, "a line left open is so since an instant"
    after_s = 0.0 if _after_danger(call) else floor.limits_of(call).left_open_s
    return call.left_open_at + timedelta(seconds=after_s)


def _after_danger(call: FloorCall) -> bool:
    return call.record.facts is not None and call.record.facts.lane is Lane.DANGER


def _join_last(floor: "Floor", call: FloorCall) -> None:
    assert call.record.facts is not None, "who has a plan has facts"
    standing = standing_of(call.record.facts, call.plan.weight, left_open=True)
    call.place = Place(standing, micros(floor.now), floor.line.next_number(), floor.now)
    floor.change(call, phase=CallPhase.WAITING)
    call.start_plan(floor.now)
    matching.enter_line(floor, call)
    announcing.say_nothing(call)
