"""The floor as one would write it without a thought for speed: sort everything, ask everybody.

It takes the same events and must do the same as the real one. The order is written here a second
time, from docs/rules.md, in fractions of seconds.
"""

from datetime import datetime
from fractions import Fraction

from ivr import offers
from ivr.model import CallFacts, Lane, Overtaking, Precedence
from ivr.order import Place, Rank
from ivr.presence import Presence
from ivr.queues import Floor
from ivr.waiting import FloorCall

_BROKEN_OFF = (Rank.DANGER_BROKEN_OFF, Rank.SILENCE_BROKEN_OFF, Rank.BROKEN_OFF)
_Order = tuple[int, Fraction, datetime, int]


class NaiveFloor(Floor):
    def _widen(self) -> None:
        for call in self.line:
            _open_steps(self, call)

    def _match(self) -> None:
        self.line.take_fresh()
        for call in sorted(self.line, key=lambda call: order_of(call, self.now)):
            presence = self.best(call)
            if presence is not None:
                overtook = self.overtaken(call, presence)
                offers.make_offer(self, call, presence, overtook=overtook)

    def best(self, call: FloorCall) -> Presence | None:
        there = [presence for presence in self.staff if may_be_rung(presence, call)]
        found = [presence for presence in there if presence.free]
        if not found and in_danger(call):
            found = [presence for presence in there if presence.relief(self.now)]
        elif not found:
            found = [presence for presence in there if presence.is_last_resort(self.now)]
        return min(found, key=lambda one: _preference(one, call, self.now), default=None)

    def overtaken(self, call: FloorCall, presence: Presence) -> Overtaking | None:
        """The earliest of those who could have had the counsellor and are passed over."""
        passed = [
            other
            for other in self.line
            if joined(other) < joined(call)
            and may_be_rung(presence, other)
            and (presence.free or presence.is_last_resort(self.now) or in_danger(other))
        ]
        if not passed:
            return None
        other = min(passed, key=joined)
        return Overtaking(
            reason=_reason(call, other, self.now),
            over=other.id,
            waited_s=float(_waited_s(call, self.now)),
            score_s=float(_score_s(call, self.now)),
            over_waited_s=float(_waited_s(other, self.now)),
            over_score_s=float(_score_s(other, self.now)),
        )


def may_be_rung(presence: Presence, call: FloorCall) -> bool:
    name = presence.profile.id
    device = presence.idle_device(expected=name in call.expected)
    return name in call.eligible and device is not None


def _preference(presence: Presence, call: FloorCall, now: datetime) -> tuple[object, ...]:
    """Whose talk it was, then skill, then whoever need not be spared, then by the plan.

    Among equals the longest idle.
    """
    skill, near, expected = call.plan.ranks[presence.profile.id]
    load = presence.load
    tired = load.tired_at is not None and load.tired_at <= now
    rested = load.rested_at is not None and load.rested_at <= now
    heavy = call.plan.heavy and load.heavy_until_at is not None and now < load.heavy_until_at
    spared = (tired and not rested) or heavy or load.break_asked_at is not None
    mine = presence.profile.id == call.back_to
    return not mine, skill, spared, near, expected, presence.idle_since_at, presence.profile.id


def _open_steps(floor: Floor, call: FloorCall) -> None:
    if call.open_steps(floor.now, floor.staff.could_serve):
        floor.line.step_opened(call)
        floor.wake(call.step_due_at, "step", call.id)


def order_of(call: FloorCall, now: datetime) -> _Order:
    """Danger, who has waited for the cap, silence, the others by score."""
    lane = facts_of(call).lane
    if call.stands_last:
        return (8, Fraction(0), *joined(call))
    broken_off = place_of(call).standing.rank in _BROKEN_OFF
    first = 0 if broken_off else 1
    if lane is not Lane.DANGER and _capped(call, now):
        return (2, Fraction(0), *joined(call))
    if lane is Lane.DANGER:
        return (first, Fraction(0), *joined(call))
    if lane is Lane.SILENCE:
        again = 0 if facts_of(call).returning_silence else 1
        return (3 if broken_off else 4 + again, Fraction(0), *joined(call))
    return (6 if broken_off else 7, -_score_s(call, now), *joined(call))


def in_danger(call: FloorCall) -> bool:
    """A line that was left open after the talk is nobody's danger any more."""
    return facts_of(call).lane is Lane.DANGER and not call.stands_last


def joined(call: FloorCall) -> tuple[datetime, int]:
    return place_of(call).joined_at, place_of(call).number


def facts_of(call: FloorCall) -> CallFacts:
    assert call.record.facts is not None
    return call.record.facts


def place_of(call: FloorCall) -> Place:
    assert call.place is not None
    return call.place


def _waited_s(call: FloorCall, now: datetime) -> Fraction:
    waited = now - place_of(call).joined_at
    return Fraction(
        (waited.days * 86_400 + waited.seconds) * 1_000_000 + waited.microseconds, 10**6
    )


def _capped(call: FloorCall, now: datetime) -> bool:
    return _waited_s(call, now) >= Fraction(str(call.plan.weight.cap_s))


def _score_s(call: FloorCall, now: datetime) -> Fraction:
    if place_of(call).standing.rank is not Rank.ORDINARY:
        return Fraction(0)
    weight = call.plan.weight
    return Fraction(str(weight.head_start_s)) + Fraction(str(weight.rate)) * _waited_s(call, now)


def _reason(call: FloorCall, other: FloorCall, now: datetime) -> Precedence:
    mine, theirs = facts_of(call), facts_of(other)
    if other.stands_last:
        return Precedence.LEFT_OPEN
    if mine.lane is Lane.DANGER and theirs.lane is not Lane.DANGER:
        return Precedence.DANGER
    if mine.lane is not Lane.DANGER and _capped(call, now):
        return Precedence.CAP
    if mine.lane is not theirs.lane:
        return Precedence.SILENCE
    if place_of(call).standing.rank in _BROKEN_OFF:
        return Precedence.BROKEN_OFF
    again = mine.lane is Lane.SILENCE and mine.returning_silence
    return Precedence.RETURNING_SILENCE if again else Precedence.SCORE
