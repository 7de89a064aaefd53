"""Samples of one measure, and the few numbers that are told of them."""

import math
import statistics
from collections.abc import Sequence


def median(samples: Sequence[float]) -> float | None:
    """The middle sample; None where there are none."""
    return statistics.median(samples) if samples else None


def percentile(samples: Sequence[float], percent: float) -> float | None:
    """The smallest sample that at least `percent` of them do not exceed (nearest rank)."""
    if not samples:
        return None
    rank = math.ceil(percent / 100 * len(samples))
    return sorted(samples)[max(rank, 1) - 1]


def in_ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.1f}"
