"""What a set of rules did for many calls, in figures; counts and instants only, no judgement."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.dry_run.replay import Served
from ivr.model import CallEnd, CounsellorId
from ivr.model.plan import ReasonCode, RoutePlan

SERVICE_S = (15.0, 20.0)  # T of the service level


class Where(StrEnum):
    """Who answered, as seen from the caller's county."""

    OWN = "own"  # the county's own desk, or the provincial desk that answers for all
    SUPPORTING = "supporting"
    TAKES_OVER = "takes_over"  # in place of a desk that duty has closed
    NEIGHBOUR = "neighbour"
    PROVINCIAL = "provincial"
    PROVINCE = "province"
    OTHER = "other"
    ON_CALL = "on_call"


NEAR = frozenset({Where.OWN, Where.SUPPORTING})
_WHERE = {
    ReasonCode.OWN_DESK: Where.OWN,
    ReasonCode.CENTRAL_ANSWERING: Where.OWN,
    ReasonCode.SUPPORTING_COUNTY: Where.SUPPORTING,
    ReasonCode.TAKES_OVER: Where.TAKES_OVER,
    ReasonCode.NEIGHBOUR: Where.NEIGHBOUR,
    ReasonCode.PROVINCIAL_CENTRE: Where.PROVINCIAL,
    ReasonCode.WHOLE_PROVINCE: Where.PROVINCE,
    ReasonCode.LAST_RESORT: Where.PROVINCE,
    ReasonCode.OTHER_DESK: Where.OTHER,
    ReasonCode.ON_CALL: Where.ON_CALL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of the calls that joined the line. Waits are from joining to connect, of those connected.

    `wait_p95_s` is the nearest rank: 95 of 100 waited no longer. `service_level` has the share
    connected within each T of `SERVICE_S`; what has no calls to be counted of is None.
    """

    calls: int
    connected: int
    abandoned: int  # after the short threshold
    short_abandoned: int
    nobody_on_duty: int  # joined while nobody of the whole plan was there
    wait_mean_s: float | None = None
    wait_median_s: float | None = None
    wait_p95_s: float | None = None
    wait_longest_s: float | None = None
    service_level: Mapping[float, float | None] = field(default_factory=dict)
    answered: Mapping[Where, int] = field(default_factory=dict)

    @property
    def answered_near(self) -> int:
        """By the own or a supporting county."""
        return sum(self.answered.get(where, 0) for where in NEAR)

    @property
    def near(self) -> float | None:
        """Their share of those connected."""
        return self.answered_near / self.connected if self.connected else None


def figures_of(served: Sequence[Served]) -> Figures:
    waits = sorted(one.wait_s for one in served if one.is_connected)
    ends = Counter(one.record.end for one in served)
    answered = Counter(filter(None, map(answered_where, served)))
    counted = len(waits) + ends[CallEnd.ABANDONED]
    return Figures(
        calls=len(served),
        connected=len(waits),
        abandoned=ends[CallEnd.ABANDONED],
        short_abandoned=ends[CallEnd.SHORT_ABANDONMENT],
        nobody_on_duty=sum(one.nobody_there for one in served),
        wait_mean_s=math.fsum(waits) / len(waits) if waits else None,
        wait_median_s=_rank(waits, 0.5),
        wait_p95_s=_rank(waits, 0.95),
        wait_longest_s=waits[-1] if waits else None,
        service_level={within_s: _share(waits, within_s, counted) for within_s in SERVICE_S},
        answered={where: answered[where] for where in Where},
    )


def _rank(ordered: Sequence[float], share: float) -> float | None:
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


def _share(waits: Iterable[float], within_s: float, of: int) -> float | None:
    """Nobody is sent elsewhere unserved here: the machine lets nobody go."""
    return sum(wait_s <= within_s for wait_s in waits) / of if of else None


def answered_where(served: Served) -> Where | None:
    """By the step of the plan in which the counsellor stands first; None where nobody answered."""
    plan, counsellor = served.record.plan, served.record.counsellor
    if plan is None or counsellor is None or not served.is_connected:
        return None
    return _where(plan, counsellor)


def _where(plan: RoutePlan, counsellor: CounsellorId) -> Where | None:
    for step in plan.steps:
        if counsellor in step.counsellors:
            return next((_WHERE[one.code] for one in step.reasons if one.code in _WHERE), None)
    return None
