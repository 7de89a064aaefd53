"""The worlds of the trial of routing: a province's people, and its calls at one of three loads."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from ivr.calendar import TEHRAN
from ivr.coverage import relevant
from ivr.deployment import Deployment
from ivr.dry_run.calls import chance, simulated_calls_at
from ivr.dry_run.presence import presence_of
from ivr.dry_run.replay import WHISPER_S, World
from ivr.duty import NO_BOOK
from ivr.model import DeviceId, DeviceState, ProvinceId
from ivr.rules.limits import Limits
from ivr.simulator.day_people import (
    ANSWER_S,
    BUSY,
    DECLINED,
    LOADS,
    NOT_ANSWERED,
    REJECTED,
    SHORT_TALK_S,
    SILENT,
    TALK_MEDIAN_S,
    TALK_SIGMA,
    Load,
    arrivals,
)

BEGAN_AT = datetime(2026, 11, 22, tzinfo=TEHRAN).astimezone(UTC)
HEAVY = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """So many times the source's calls, or (None) so many that people are busy 85 % of the time."""

    name: str
    factor: float | None
    hours: float

    @property
    def days(self) -> int:
        return math.ceil(self.hours / 24)


# So long that a seed's p95 is that of some hundred calls where calls are few.
TRAFFIC = (
    Traffic(name="1x", factor=1.0, hours=28 * 24),
    Traffic(name="10x", factor=10.0, hours=3 * 24),
    Traffic(name="85 %", factor=None, hours=12),
)


def world_of(deployment: Deployment, province: ProvinceId, traffic: Traffic, seed: int) -> World:
    """People work two of three shifts, as on the simulated day."""
    rules = deployment.lines[province].rules
    people, _ = relevant(rules, deployment.people, NO_BOOK)
    until_at = BEGAN_AT + timedelta(days=traffic.days)
    changes = presence_of(people, NO_BOOK, (BEGAN_AT, until_at), seed).changes
    load = LOADS[province]
    if traffic.factor is not None:
        coming = arrivals(load, traffic.factor, traffic.hours, chance(seed, "arrivals"))
        joining = [BEGAN_AT + timedelta(seconds=at_s) for at_s in coming]
    else:
        by_server = HEAVY / busy_s(load, rules.limits)
        period = BEGAN_AT, BEGAN_AT + timedelta(hours=traffic.hours)
        joining = list(_as_many_as_people(changes, period, by_server, chance(seed, "arrivals")))
    return World(
        calls=simulated_calls_at(joining, load, [rules], seed=seed),
        people=people,
        changes=changes,
        began_at=BEGAN_AT,
        seed=seed,
        alike=True,
    )


def _as_many_as_people(
    changes: Sequence[tuple[datetime, DeviceId, DeviceState]],
    period: tuple[datetime, datetime],
    rate: float,
    rng: Random,
) -> Iterator[datetime]:
    """A Poisson process of `rate` calls a second for everybody who is there at that moment."""
    at, until_at = period
    there = 0
    for change_at, _, state in changes:
        ends_at = min(change_at, until_at)
        while there and (at := at + timedelta(seconds=rng.expovariate(rate * there))) < ends_at:
            yield at
        at = ends_at
        there += 1 if state is DeviceState.IDLE else -1


def busy_s(load: Load, limits: Limits) -> float:
    """How long a call keeps counsellors busy on average, rung in vain included."""
    short = SILENT + (1 - SILENT) * load.unrelated
    talk_s = (1 - short) * TALK_MEDIAN_S * math.exp(TALK_SIGMA**2 / 2) + short * _mean(SHORT_TALK_S)
    answer_s = _mean(ANSWER_S)
    vain_s = (
        NOT_ANSWERED * limits.ring_s
        + REJECTED * answer_s
        + BUSY * 0.1
        + DECLINED * (answer_s + WHISPER_S)
    )
    answered = 1 - NOT_ANSWERED - REJECTED - BUSY - DECLINED
    return vain_s / answered + answer_s + WHISPER_S + talk_s + limits.wrap_up_s


def _mean(span: tuple[float, float]) -> float:
    return sum(span) / len(span)
