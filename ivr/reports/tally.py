"""What was counted of a period: parts of it add up, month by month, to the whole exactly.

Times are kept as how many calls took how many tenths of a second: a nearest-rank percentile of
rounded times is the rounded percentile, however many parts there are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_TENTH_US = 100_000
_SECOND_US = 1_000_000


class Base(StrEnum):
    """Of how many calls a mean or a share is; those of sums are named like the sum."""

    WAIT = "wait"  # connected, with a known time of joining
    TALK = "talk"
    WRAP_UP = "wrap_up"
    MENU = "menu"
    JOINED = "joined"
    LEVEL = "level"  # the denominator of the service level
    WITHIN_15 = "within_15"
    WITHIN_20 = "within_20"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts by figure; bases; sums in microseconds; how many calls took how many tenths."""

    counts: Mapping[str, int] = field(default_factory=dict)
    bases: Mapping[str, int] = field(default_factory=dict)
    sums_us: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[int, int] = field(default_factory=dict)
    menus: Mapping[int, int] = field(default_factory=dict)
    longest_us: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "bases": dict(self.bases),
            "sums_us": dict(self.sums_us),
            "waits": sorted(self.waits.items()),
            "menus": sorted(self.menus.items()),
            "longest_us": self.longest_us,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tally":
        """The same again; raises KeyError, TypeError or ValueError for what is none."""
        times = {name: dict(data[name]) for name in ("waits", "menus")}
        return cls(**{**data, **times})


def tenths(microseconds: int) -> int:
    """Rounded half up, as the database does it."""
    return (microseconds + _TENTH_US // 2) // _TENTH_US


def added_up(tallies: Iterable[Tally]) -> Tally:
    counts: Counter[str] = Counter()
    bases: Counter[str] = Counter()
    sums_us: Counter[str] = Counter()
    waits: Counter[int] = Counter()
    menus: Counter[int] = Counter()
    longest_us = 0
    for tally in tallies:
        counts.update(tally.counts)
        bases.update(tally.bases)
        sums_us.update(tally.sums_us)
        waits.update(tally.waits)
        menus.update(tally.menus)
        longest_us = max(longest_us, tally.longest_us)
    return Tally(
        counts=counts, bases=bases, sums_us=sums_us, waits=waits, menus=menus, longest_us=longest_us
    )


def measured(tally: Tally) -> dict[str, tuple[float | None, int]]:
    """The figures that are no counts: seconds or shares, each with of how many calls it is.

    None where there was no such call.
    """
    bases = tally.bases
    level, joined = bases.get(Base.LEVEL, 0), bases.get(Base.JOINED, 0)
    talk_s, wrap_up_s = _mean_s(tally, Base.TALK), _mean_s(tally, Base.WRAP_UP)
    handled_s = None if talk_s is None else round(talk_s + (wrap_up_s or 0.0), 1)
    talked, waited = bases.get(Base.TALK, 0), bases.get(Base.WAIT, 0)
    return {
        "service_level_15": (_share(bases.get(Base.WITHIN_15, 0), level), level),
        "service_level_20": (_share(bases.get(Base.WITHIN_20, 0), level), level),
        "asa": (_mean_s(tally, Base.WAIT), waited),
        "wait_p95": (percentile_s(tally.waits, 95), waited),
        "wait_longest": (tenths(tally.longest_us) / 10 if joined else None, joined),
        "aht": (handled_s, talked),
        "talk_mean": (talk_s, talked),
        "wrap_up_mean": (wrap_up_s, bases.get(Base.WRAP_UP, 0)),
        "menu_mean": (_mean_s(tally, Base.MENU), bases.get(Base.MENU, 0)),
        "menu_p95": (percentile_s(tally.menus, 95), bases.get(Base.MENU, 0)),
    }


def percentile_s(times: Mapping[int, int], percent: int) -> float | None:
    """The smallest time that at least `percent` of 100 do not exceed; None where there are none."""
    rank = math.ceil(percent * sum(times.values()) / 100)
    passed = 0
    for each in sorted(times):
        passed += times[each]
        if passed >= rank:
            return each / 10
    return None


def _mean_s(tally: Tally, base: Base) -> float | None:
    calls = tally.bases.get(base, 0)
    return round(tally.sums_us.get(base, 0) / calls / _SECOND_US, 1) if calls else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
