"""Means over seeds with 95 % intervals; seeds are independent, so Student's t is right enough."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

# The 0.975 quantile of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of
# Statistical Methods, 1.3.6.7.2); for more, that of 30 is a little too wide.
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and half the width of its 95 % interval."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half


def interval(samples: Sequence[float]) -> Interval:
    """Of independent samples, at least two."""
    t = _T_975[min(len(samples) - 1, len(_T_975)) - 1]
    return Interval(statistics.fmean(samples), t * statistics.stdev(samples) / sqrt(len(samples)))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Of the differences, seed by seed."""
    return interval([one - other for one, other in zip(ours, theirs, strict=True)])


def nearest_rank(samples: Sequence[float], share: float) -> float:
    """The smallest value that so many of the samples do not exceed."""
    return sorted(samples)[ceil(share * len(samples)) - 1]
