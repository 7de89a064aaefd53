"""The calls of a dry run: recorded ones, or simulated ones where too few are recorded.

What a record cannot know is drawn by chance, for each call by itself, so that both sets of rules
meet the same callers. What is drawn, and from what, is that of the simulated day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from ivr.model import UNKNOWN_CATEGORY, CallFacts, CallId, CountyId, CountySource, Lane
from ivr.model.record import CallRecord
from ivr.rules.schema import ProvinceRules
from ivr.simulator.day_people import (
    DANGER,
    HUMAN,
    PATIENCE_S,
    SHORT_TALK_S,
    Load,
    arrivals,
    caller_plan,
    talk_length_s,
)

LEAST_PATIENCE_S = 30.0  # as on the simulated day


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """A call as it joined the line, and what the caller does: no rule changes either.

    Who is not connected within `patience_s` of joining hangs up.
    """

    id: CallId
    facts: CallFacts
    joined_at: datetime
    patience_s: float
    talk_s: float


def chance(seed: int, whose: str) -> Random:
    """A generator of one's own, so that nobody's chance depends on what others do."""
    return Random(f"{seed} {whose}")  # noqa: S311 - a simulation


# -------------------------------------------------------------------------- recorded


def recorded_calls(records: Iterable[CallRecord], seed: int) -> tuple[PastCall, ...]:
    """Those that joined the line, by their place in it.

    Who gave up is as patient as they were; who was connected would have waited longer, for a time
    that is drawn. A talk lasts as long as it did; where there was none, its length is drawn.
    """
    found = (_recorded(record, chance(seed, f"caller {record.call}")) for record in records)
    return tuple(sorted((call for call in found if call), key=lambda call: call.joined_at))


def _recorded(record: CallRecord, rng: Random) -> PastCall | None:
    facts, joined_at = record.facts, record.joined_at
    if facts is None or joined_at is None:
        return None
    more_s = rng.expovariate(1 / PATIENCE_S)
    drawn_s = rng.uniform(*SHORT_TALK_S) if facts.lane is Lane.SILENCE else talk_length_s(rng)
    connected_at = record.connected_at
    gave_up_at = None if connected_at else record.ended_at
    waited_s = _seconds(joined_at, connected_at) or 0.0
    return PastCall(
        id=record.call,
        facts=facts,
        joined_at=joined_at,
        patience_s=_seconds(joined_at, gave_up_at) or max(waited_s, LEAST_PATIENCE_S) + more_s,
        talk_s=_seconds(connected_at, record.talk_ended_at or record.ended_at) or drawn_s,
    )


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return max((end - start).total_seconds(), 0.0) if start and end else None


# -------------------------------------------------------------------------- simulated


def simulated_calls(
    load: Load,
    rules: Sequence[ProvinceRules],
    *,
    from_at: datetime,
    days: int,
    seed: int,
    factor: float = 1.0,
) -> tuple[PastCall, ...]:
    """As many as the province's source counts (times `factor`), from `from_at` (midnight) on.

    `rules` are those compared. Counties are asked for where either set asks, and are those of
    either menu; subjects are those of the first.
    """
    coming = arrivals(load, factor, days * 24.0, chance(seed, "arrivals"))
    joining = (from_at + timedelta(seconds=at_s) for at_s in coming)
    return simulated_calls_at(joining, load, rules, seed=seed)


def simulated_calls_at(
    joining: Iterable[datetime], load: Load, rules: Sequence[ProvinceRules], *, seed: int
) -> tuple[PastCall, ...]:
    """One call for each instant; what its caller is like does not depend on it."""
    asked = _Asked(rules)
    return tuple(
        _simulated(load, asked, CallId(f"simulated-{number}"), joined_at, seed)
        for number, joined_at in enumerate(joining)
    )


def _simulated(
    load: Load, asked: "_Asked", call: CallId, joined_at: datetime, seed: int
) -> PastCall:
    rng = chance(seed, f"caller {call}")
    plan = caller_plan(load, "", rng)
    leaves_s = plan.gives_up_after_s if plan.leaves_after_s is None else plan.leaves_after_s
    return PastCall(
        id=call,
        facts=asked.silent if plan.silent else asked.facts(rng),
        joined_at=joined_at,
        patience_s=min(plan.gives_up_after_s, leaves_s),
        talk_s=plan.talk_s,
    )


class _Asked:
    """What callers answer to the questions of the menus; wrong keys are left out."""

    def __init__(self, rules: Sequence[ProvinceRules]) -> None:
        self._province = rules[0].id
        self._counties = tuple(dict.fromkeys(_heard(rules)))
        choices = rules[0].menus.category_choices
        self._danger = [choice for choice in choices if choice.lane is Lane.DANGER]
        self._others = [choice for choice in choices if choice.lane is not Lane.DANGER]
        self.silent = CallFacts(province=self._province, lane=Lane.SILENCE)

    def facts(self, rng: Random) -> CallFacts:
        """Of somebody who presses keys: three questions, and at each some want a person at once."""
        if rng.random() < HUMAN:
            return CallFacts(province=self._province)
        if rng.random() < DANGER:
            return CallFacts(province=self._province, lane=Lane.DANGER)
        county = self._county(rng)
        source = CountySource.KEYPAD if county else CountySource.UNKNOWN
        category, lane = UNKNOWN_CATEGORY, Lane.ORDINARY
        choices = self._danger if rng.random() < DANGER else self._others
        if choices and rng.random() >= HUMAN:
            choice = rng.choice(choices)
            category, lane = choice.category, choice.lane
        return CallFacts(
            province=self._province,
            county=county,
            county_source=source,
            category=category,
            lane=lane,
        )

    def _county(self, rng: Random) -> CountyId | None:
        knows = rng.random() >= HUMAN
        return rng.choice(self._counties) if knows and self._counties else None


def _heard(rules: Iterable[ProvinceRules]) -> Iterator[CountyId]:
    for one in rules:
        for page in one.menus.county_pages if one.asks_county else ():
            yield from (choice.county for choice in page)
