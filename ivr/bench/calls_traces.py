"""What became of each call of a load, from what both sides saw, and what counts as a failure."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ivr.simulator.sipp import Traced

ANSWER_S = 1.0
CONNECT_S = 1.0  # from the last key to the counsellor's phone being picked up
_CUT_OFF_S = 0.5
_OVER_S = 3.0
_CALLED = re.compile(r"INVITE sip:([^@]+)@")


@dataclass(slots=True)
class CallSeen:
    """A caller's side; Unix times, None for what did not happen."""

    started_at: float
    answered_at: float | None = None
    thrown_out: bool = False  # the far end hung up
    left_at: float | None = None
    closed: bool = False  # our hang-up was confirmed
    number: str = ""  # of the caller


@dataclass(slots=True)
class LegSeen:
    """A counsellor's side, from being rung to the end."""

    rung_at: float
    up_at: float | None = None
    ended_at: float | None = None
    device: str = ""


class Talk(NamedTuple):
    """A call, and the counsellor's phone that was picked up for it."""

    call: CallSeen
    leg: LegSeen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a call goes: from the answer to the last key, and from there to the caller's BYE."""

    keys_s: float
    talk_s: float

    @property
    def whole_s(self) -> float:
        return self.keys_s + self.talk_s


def calls_of(traces: Iterable[Traced]) -> list[CallSeen]:
    found: dict[str, CallSeen] = {}
    for one in traces:
        at, answer = one.at.timestamp(), one.what.startswith("SIP/2.0 200")
        method = one.cseq.rpartition(" ")[2]
        if one.sent and one.what.startswith("INVITE"):
            found.setdefault(one.call_id, CallSeen(at))
        elif (call := found.get(one.call_id)) is None:
            continue
        elif method == "INVITE" and answer and not one.sent:
            call.answered_at = call.answered_at or at
        elif method == "BYE" and not one.sent and one.what.startswith("BYE"):
            call.thrown_out = True
        elif method == "BYE" and one.sent and one.what.startswith("BYE"):
            call.left_at = call.left_at or at
        elif method == "BYE" and answer and not one.sent:
            call.closed = True
    return list(found.values())


def legs_of(traces: Iterable[Traced]) -> list[LegSeen]:
    found: dict[str, LegSeen] = {}
    for one in traces:
        at = one.at.timestamp()
        if one.sent:
            continue
        if called := _CALLED.match(one.what):
            found.setdefault(one.call_id, LegSeen(at, device=called[1]))
        elif (leg := found.get(one.call_id)) is None:
            continue
        elif one.what.startswith("ACK"):
            leg.up_at = leg.up_at or at
        elif one.what.startswith(("BYE", "CANCEL")):
            leg.ended_at = leg.ended_at or at
    return list(found.values())


def failures(talks: Iterable[Talk], course: Course, now: float) -> list[tuple[float, str]]:
    """What failed, each with the call's beginning; what is not due yet is not judged."""
    found = []
    for call, leg in talks:
        if why := _arrival(call, now):
            found.append((call.started_at, why))
        if call.answered_at and (why := _talk(call, leg, call.answered_at, course, now)):
            found.append((call.started_at, why))
    return sorted(found)


def counted(found: Iterable[tuple[float, str]]) -> dict[str, int]:
    return dict(Counter(why for _, why in found))


def _arrival(call: CallSeen, now: float) -> str | None:
    if call.answered_at is None:
        return "not answered" if now > call.started_at + ANSWER_S else None
    return "answered late" if call.answered_at > call.started_at + ANSWER_S else None


def _talk(
    call: CallSeen, leg: LegSeen | None, answered_at: float, course: Course, now: float
) -> str | None:
    keyed_at = answered_at + course.keys_s
    if call.thrown_out:
        return "ended by the machine"
    if leg is None or leg.up_at is None:
        return "not connected" if now > keyed_at + CONNECT_S else None
    if leg.up_at > keyed_at + CONNECT_S:
        return "connected late"
    return _ending(call, leg) if now > keyed_at + course.talk_s + _OVER_S else None


def _ending(call: CallSeen, leg: LegSeen) -> str | None:
    if call.left_at is None or not call.closed:
        return "broken off"
    if leg.ended_at is None:
        return "counsellor not let go"
    return "cut off" if leg.ended_at < call.left_at - _CUT_OFF_S else None
