"""The order of the line: one published formula, its cap, and why a call goes before another. Pure.

Danger goes before everybody, then whoever has waited for the cap, then silence, then ordinary calls
by their score: the head start of the category's urgency and, for each second waited, the category's
rate (docs/rules.md). Who joined earlier goes first wherever nothing else is said. Instants and
durations are whole microseconds here, rates hundredths: equal scores are equal on every machine.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from ivr.model import CallFacts, CallId, Lane, Overtaking, Precedence
from ivr.model.plan import Weight

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_S = 1_000_000
_HUNDREDTHS = 100

Key = tuple[int, int, int, int]  # the smaller goes first


class Rank(IntEnum):
    """Parts of the line, first to last. A talk that broke off makes its caller first of a lane."""

    DANGER_BROKEN_OFF = 0
    DANGER = 1
    CAPPED = 2
    SILENCE_BROKEN_OFF = 3
    SILENCE_RETURNING = 4
    SILENCE = 5
    BROKEN_OFF = 6
    ORDINARY = 7
    LEFT_OPEN = 8


_BROKEN_OFF = {
    Lane.DANGER: Rank.DANGER_BROKEN_OFF,
    Lane.SILENCE: Rank.SILENCE_BROKEN_OFF,
    Lane.ORDINARY: Rank.BROKEN_OFF,
}
_RANKS = {Lane.DANGER: Rank.DANGER, Lane.SILENCE: Rank.SILENCE, Lane.ORDINARY: Rank.ORDINARY}
_NO_CAP = (Rank.DANGER_BROKEN_OFF, Rank.DANGER, Rank.LEFT_OPEN)


class Standing(NamedTuple):
    """What a call's order depends on besides time: among equals the earlier joined goes first."""

    rank: Rank
    head_start_us: int
    rate: int  # hundredths
    cap_us: int | None


class Place(NamedTuple):
    """Where a call stands; `number` tells apart who joined in the same instant."""

    standing: Standing
    joined_us: int
    number: int
    joined_at: datetime

    def key(self, now_us: int) -> Key:
        """The order of the line at an instant."""
        standing, joined_us, number, _ = self
        waited_us = now_us - joined_us
        if standing.cap_us is not None and waited_us >= standing.cap_us:
            return (Rank.CAPPED, 0, joined_us, number)
        score = standing.head_start_us * _HUNDREDTHS + standing.rate * waited_us
        return (standing.rank, -score, joined_us, number)

    def waited_s(self, now_us: int) -> float:
        return (now_us - self.joined_us) / _PER_S

    def score_s(self, now_us: int) -> float:
        """0 for calls that go by something else."""
        standing = self.standing
        hundredths = standing.rate * (now_us - self.joined_us)
        return (standing.head_start_us * _HUNDREDTHS + hundredths) / (_HUNDREDTHS * _PER_S)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def standing_of(
    facts: CallFacts, weight: Weight, *, broken_off: bool = False, left_open: bool = False
) -> Standing:
    """`broken_off`: the talk was lost with a device; `left_open`: nobody seems to be there."""
    rank = _BROKEN_OFF[facts.lane] if broken_off else _RANKS[facts.lane]
    if rank is Rank.SILENCE and facts.returning_silence:
        rank = Rank.SILENCE_RETURNING
    if left_open:
        rank = Rank.LEFT_OPEN
    scored = rank is Rank.ORDINARY
    return Standing(
        rank=rank,
        head_start_us=round(weight.head_start_s * _PER_S) if scored else 0,
        rate=round(weight.rate * _HUNDREDTHS) if scored else 0,
        cap_us=None if rank in _NO_CAP else round(weight.cap_s * _PER_S),
    )


def overtaking(mine: Place, over: CallId, theirs: Place, now_us: int) -> Overtaking | None:
    """Why a call goes before another that joined earlier; None where it did not."""
    if (theirs.joined_us, theirs.number) > (mine.joined_us, mine.number):
        return None
    return Overtaking(
        reason=_reason(Rank(mine.key(now_us)[0]), Rank(theirs.key(now_us)[0])),
        over=over,
        waited_s=mine.waited_s(now_us),
        score_s=mine.score_s(now_us),
        over_waited_s=theirs.waited_s(now_us),
        over_score_s=theirs.score_s(now_us),
    )


_SAME_LANE = {
    (Rank.DANGER_BROKEN_OFF, Rank.DANGER),
    (Rank.SILENCE_BROKEN_OFF, Rank.SILENCE_RETURNING),
    (Rank.SILENCE_BROKEN_OFF, Rank.SILENCE),
    (Rank.BROKEN_OFF, Rank.ORDINARY),
}
_REASONS = {
    Rank.DANGER_BROKEN_OFF: Precedence.DANGER,
    Rank.DANGER: Precedence.DANGER,
    Rank.CAPPED: Precedence.CAP,
    Rank.SILENCE_BROKEN_OFF: Precedence.SILENCE,
    Rank.SILENCE_RETURNING: Precedence.SILENCE,
    Rank.SILENCE: Precedence.SILENCE,
    Rank.ORDINARY: Precedence.SCORE,
}


def _reason(mine: Rank, theirs: Rank) -> Precedence:
    if theirs is Rank.LEFT_OPEN:
        return Precedence.LEFT_OPEN
    if (mine, theirs) in _SAME_LANE:
        return Precedence.BROKEN_OFF
    if (mine, theirs) == (Rank.SILENCE_RETURNING, Rank.SILENCE):
        return Precedence.RETURNING_SILENCE
    return _REASONS[mine]
