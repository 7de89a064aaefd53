"""How long a dry run of a year takes: drawing the calls, both runs, and the comparison."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from ivr.calendar import day_began_at
from ivr.dry_run.calls import simulated_calls
from ivr.dry_run.run import Period, dry_run
from ivr.duty import NO_BOOK
from ivr.model import Counsellor
from ivr.rules.schema import ProvinceRules
from ivr.simulator.day_people import LOADS

DAYS = 365


def years(
    old: ProvinceRules,
    new: ProvinceRules,
    people: Sequence[Counsellor],
    now: datetime,
    *,
    times: int,
) -> tuple[float, ...]:
    """Seconds for the year before `now`, so many times; with no roster, at the load of the source.

    Raises KeyError for a province without a load.
    """
    period = Period(from_at=day_began_at(now) - timedelta(days=DAYS), days=DAYS)
    samples = []
    for seed in range(times):
        began_s = time.perf_counter()
        calls = simulated_calls(
            LOADS[old.id], (old, new), from_at=period.from_at, days=DAYS, seed=seed
        )
        dry_run(old, new, calls=calls, people=people, book=NO_BOOK, period=period, seed=seed)
        samples.append(time.perf_counter() - began_s)
    return tuple(samples)
