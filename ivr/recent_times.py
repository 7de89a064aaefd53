"""How long rings, talks and wrap-ups lately took, desk by desk, and how often urgent calls came.

Noted on the floor as it happens, so that the same journal gives the same times. What is older
counts for less: the evening is not the night.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from itertools import islice

from ivr.expected_wait import Lengths, Recent
from ivr.model import CounsellorId, CounsellorState, DeskId, ProvinceId
from ivr.presence import Presence

KEPT = 30  # of each kind, for each desk
LOOKED_AT = 120  # of each kind, of all desks together: more would hardly say anything else
HALF_LIFE_S = 6 * 3600.0  # of a measured length
URGENT_HALF_LIFE_S = 1800.0
_LN_2 = 0.6931471805599453


class _Kind(Enum):
    ANSWER = auto()
    FAILURE = auto()
    TALK = auto()
    WRAP_UP = auto()


_Sample = tuple[datetime, CounsellorId, float]  # when it ended, whose it was, how long it took


@dataclass(slots=True)
class _Rate:
    """A count that fades."""

    count: float = 0.0
    at: datetime | None = None

    def note(self, now: datetime) -> None:
        self.count, self.at = self._faded(now) + 1, now

    def per_s(self, now: datetime) -> float:
        return self._faded(now) * _LN_2 / URGENT_HALF_LIFE_S

    def _faded(self, now: datetime) -> float:
        return self.count * _weight(self.at, now, URGENT_HALF_LIFE_S) if self.at else 0.0


@dataclass(slots=True)
class RecentTimes:
    """The newest measured lengths of each desk."""

    _lengths: dict[tuple[_Kind, DeskId], deque[_Sample]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT))
    )
    _urgent: dict[ProvinceId, _Rate] = field(default_factory=dict)

    def observe(self, presence: Presence, now: datetime) -> None:
        """Before a counsellor's new state is noted: the old one lasted until now."""
        state, was = presence.state(), presence.noted_state
        if state is was or presence.state_since_at is None:
            return
        kind = _kind(was, state, held=presence.hold is not None)
        if kind is not None:
            length_s = (now - presence.state_since_at).total_seconds()
            for desk in presence.profile.desks:
                self._lengths[kind, desk].append((now, presence.profile.id, length_s))

    def note_urgent(self, province: ProvinceId, now: datetime) -> None:
        """A call came that is served before ordinary ones."""
        self._urgent.setdefault(province, _Rate()).note(now)

    def at(self, desks: Iterable[DeskId], province: ProvinceId, now: datetime) -> Recent:
        """What was measured at these desks."""
        known = tuple(desks)
        return Recent(
            talks=self._of(_Kind.TALK, known, now),
            wrap_ups=self._of(_Kind.WRAP_UP, known, now),
            answers=self._of(_Kind.ANSWER, known, now),
            failures=self._of(_Kind.FAILURE, known, now),
            urgent_per_s=self._urgent.get(province, _Rate()).per_s(now),
        )

    def _of(self, kind: _Kind, desks: tuple[DeskId, ...], now: datetime) -> Lengths:
        """Each once, also where a counsellor sits at several of the desks."""
        newest = LOOKED_AT // max(len(desks), 1)
        samples = {
            sample
            for desk in desks
            for sample in islice(reversed(self._lengths.get((kind, desk), ())), newest)
        }
        return Lengths((length_s, _weight(at, now, HALF_LIFE_S)) for at, _, length_s in samples)


def _kind(was: CounsellorState, state: CounsellorState, *, held: bool) -> _Kind | None:
    """A ring that was taken back is nobody's failure: only one that holds the counsellor is."""
    match was:
        case CounsellorState.TALKING:
            return _Kind.TALK
        case CounsellorState.WRAP_UP:
            return _Kind.WRAP_UP
        case CounsellorState.OFFERED if state is CounsellorState.TALKING:
            return _Kind.ANSWER
        case CounsellorState.OFFERED if held:
            return _Kind.FAILURE
    return None


def _weight(at: datetime, now: datetime, half_life_s: float) -> float:
    return float(0.5 ** ((now - at).total_seconds() / half_life_s))
