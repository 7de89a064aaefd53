"""How long a call will probably wait: from who is busy since when, and how long talks lately took.

Pure: facts in, a forecast out. It plays the line forward some times over, each time with other
lengths of talks out of those that were measured lately, and says what is enough in nine of ten.
Nothing is said where that would be a guess (`Withheld`). All times are seconds from now.

Asterisk's app_queue announces the mean wait of all who were answered plus 30 s less what this
caller has waited, without the sign (app_queue.c, say_position): whatever the place in line, for
nobody on duty as well, and rising again once the mean has passed.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, cycle
from random import Random

from ivr.model import CounsellorState

RUNS = 20
SPREAD = tuple((run + 0.5) / RUNS for run in range(RUNS))
LIKELY, SAFE = RUNS // 2, RUNS * 9 // 10  # the median, and what is enough in nine of ten
MOST_AHEAD = 20  # of calls: beyond it small errors add up, and so does the work
MOST_COUNSELLORS = 12  # who are free first; leaving others out can only make it longer
LEAST_TALKS = 5.0  # recent ones, an older one counting less
WIDEST = 3.0  # nine of ten may take so many times the median …
NARROW_ENOUGH_S = 120.0  # … or all of it is no longer than this
FARTHEST_PLACE = 99  # said; farther back no number helps
MINUTES = (0, 2, 3, 4, 5, 7, 10)  # what is said, 0 for less than one; beyond it no number helps
_DRAWS = 64


class Withheld(StrEnum):
    """Why no wait is said."""

    URGENT = "urgent"  # danger and silence: there a number helps nobody
    CAME_BACK = "came_back"  # what the caller heard before is not known
    LINE_NOT_WHOLE = "line_not_whole"  # callers will come back from the static queue
    NOBODY_ON_DUTY = "nobody_on_duty"
    TOO_FAR = "too_far"  # too many calls ahead
    TOO_FEW_TALKS = "too_few_talks"
    TOO_UNCERTAIN = "too_uncertain"
    TOO_LONG = "too_long"
    EXCHANGE_DOWN = "exchange_down"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Half of such calls wait at most `likely_s` more, nine of ten at most `safe_s`."""

    likely_s: float
    safe_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A counsellor who may serve the call, and for how long they have done what they do.

    Free at the earliest after `not_before_s`: the end of a wrap-up or back-off, or the opening of
    the step that has them.
    """

    state: CounsellorState
    for_s: float = 0.0
    not_before_s: float = 0.0


class Lengths:
    """Measured lengths, each with the weight that its age leaves it.

    `spread_s` are those that as many in a hundred do not reach as SPREAD says; zeros where nothing
    was measured.
    """

    def __init__(self, samples: Iterable[tuple[float, float]] = ()) -> None:
        ordered = sorted(samples)
        self._lengths_s = [length_s for length_s, _ in ordered]
        self._weights = list(accumulate(weight for _, weight in ordered))
        self.spread_s = self._spread_s(0)

    @property
    def weight(self) -> float:
        return self._weights[-1] if self._weights else 0.0

    def left_s(self, after_s: float) -> tuple[float, ...]:
        """The spread of what remains after `after_s`: of those that took longer.

        As if begun anew, where none did.
        """
        first = bisect_right(self._lengths_s, after_s)
        if first == len(self._lengths_s):
            return self.spread_s
        return tuple(length_s - after_s for length_s in self._spread_s(first))

    def _spread_s(self, first: int) -> tuple[float, ...]:
        """Of the lengths from that one on."""
        lengths_s, weights = self._lengths_s, self._weights
        if not weights:
            return (0.0,) * RUNS
        before, last = (weights[first - 1] if first else 0.0), len(weights) - 1
        rest = weights[-1] - before
        places = (bisect_left(weights, before + share * rest) for share in SPREAD)
        return tuple(lengths_s[min(place, last)] for place in places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What was measured lately at the desks that may serve the call.

    `answers` run from the first ring to both talking, `failures` are offers that came to nothing;
    `urgent_per_s` is how often calls came that are served before ordinary ones.
    """

    talks: Lengths
    wrap_ups: Lengths
    answers: Lengths
    failures: Lengths
    urgent_per_s: float = 0.0


def expected_wait(counsellors: Sequence[Busy], ahead: int, recent: Recent) -> Forecast | Withheld:
    """From now to both talking, for a call with so many `ahead` that need the same counsellors."""
    if not counsellors:
        return Withheld.NOBODY_ON_DUTY
    if ahead > MOST_AHEAD:
        return Withheld.TOO_FAR
    if recent.talks.weight < LEAST_TALKS:
        return Withheld.TOO_FEW_TALKS
    soonest = sorted(counsellors, key=_rough_order)[:MOST_COUNSELLORS]
    people = [(one, recent.talks.left_s(one.for_s)) for one in soonest]
    waits_s = sorted(_Run(draws, recent).wait_s(people, ahead) for draws in _RUNS)
    forecast = Forecast(likely_s=waits_s[LIKELY - 1], safe_s=waits_s[SAFE - 1])
    too_wide = forecast.safe_s > max(WIDEST * forecast.likely_s, NARROW_ENOUGH_S)
    return Withheld.TOO_UNCERTAIN if too_wide else forecast


def minutes_for(wait_s: float) -> int | None:
    """The first of MINUTES that is enough; None where none is."""
    return next((minutes for minutes in MINUTES if wait_s <= seconds_of(minutes)), None)


def seconds_of(minutes: int) -> float:
    """What a caller takes one of MINUTES for."""
    return 60.0 * max(minutes, 1)


# Who is in a call that is not ours is not here: nobody knows when they are free.
FREE_FIRST = {
    CounsellorState.AVAILABLE: 0,
    CounsellorState.WRAP_UP: 1,
    CounsellorState.TALKING: 2,
    CounsellorState.OFFERED: 3,
    CounsellorState.PAUSED: 3,
    CounsellorState.OFF_DUTY: 3,
}


def _rough_order(one: Busy) -> tuple[int, float, float]:
    return FREE_FIRST[one.state], one.not_before_s, -one.for_s


def _draws() -> tuple[tuple[int, ...], ...]:
    """Places in a spread, the same ones for ever: at each draw every run has another one."""
    chance = Random(123)  # noqa: S311 - a simulation
    columns = [chance.sample(range(RUNS), RUNS) for _ in range(_DRAWS)]
    return tuple(tuple(column[run] for column in columns) for run in range(RUNS))


_RUNS = _draws()
_Person = tuple[Busy, tuple[float, ...]]  # and the spread of what would be left of a talk


class _Run:
    """The line played forward once."""

    def __init__(self, draws: tuple[int, ...], recent: Recent) -> None:
        self._next = cycle(draws).__next__
        self._talks_s = recent.talks.spread_s
        self._wrap_ups_s = recent.wrap_ups.spread_s
        self._answers_s = recent.answers.spread_s
        self._failures_s = recent.failures.spread_s
        self._urgent_per_s = recent.urgent_per_s
        failed, answered = recent.failures.weight, recent.answers.weight
        self._failing = RUNS * failed / (failed + answered) if failed else 0.0

    def wait_s(self, people: Sequence[_Person], ahead: int) -> float:
        answer_s, urgent = self._answer(), SPREAD[self._next()]
        free_at = [self._free_after(one, left_s) for one, left_s in people]
        heapq.heapify(free_at)
        served = 0
        while served < min(ahead + int(free_at[0] * self._urgent_per_s + urgent), _DRAWS):
            heapq.heapreplace(free_at, free_at[0] + self._whole_call())
            served += 1
        return free_at[0] + answer_s

    def _free_after(self, one: Busy, left_s: tuple[float, ...]) -> float:
        match one.state:
            case CounsellorState.OFFERED:
                busy_s = max(self._whole_call() - one.for_s, 0.0)
            case CounsellorState.TALKING:
                busy_s = left_s[self._next()] + self._wrap_ups_s[self._next()]
            case _:
                busy_s = 0.0
        return max(busy_s, one.not_before_s)

    def _whole_call(self) -> float:
        next_ = self._next
        return self._answer() + self._talks_s[next_()] + self._wrap_ups_s[next_()]

    def _answer(self) -> float:
        answer_s = self._answers_s[self._next()]
        if self._failing and self._next() < self._failing:
            answer_s += self._failures_s[self._next()]
        return answer_s
