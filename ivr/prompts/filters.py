"""Butterworth filters for the telephone band: numbers in, numbers out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Quality factors of a Butterworth filter's second-order parts: 1 / (2 cos(angle of the poles)).
FOURTH_ORDER = tuple(1 / (2 * math.cos(math.pi * k / 8)) for k in (1, 3))
SIXTH_ORDER = tuple(1 / (2 * math.cos(math.pi * k / 12)) for k in (1, 3, 5))


@dataclass(frozen=True, slots=True)
class Biquad:
    """y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]."""

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float


def low_pass(cutoff_hz: float, rate_hz: int, q: float) -> Biquad:
    """Source: R. Bristow-Johnson, Cookbook formulae for audio equalizer biquad coefficients."""
    cosine, alpha = _angles(cutoff_hz, rate_hz, q)
    side = (1 - cosine) / 2
    return _scaled(side, 1 - cosine, side, cosine, alpha)


def high_pass(cutoff_hz: float, rate_hz: int, q: float) -> Biquad:
    """Source as for `low_pass`."""
    cosine, alpha = _angles(cutoff_hz, rate_hz, q)
    side = (1 + cosine) / 2
    return _scaled(side, -(1 + cosine), side, cosine, alpha)


def run(samples: Iterable[float], parts: Sequence[Biquad]) -> list[float]:
    """Send samples through the parts one after the other."""
    out = list(samples)
    for part in parts:
        out = _run_one(out, part)
    return out


def _angles(cutoff_hz: float, rate_hz: int, q: float) -> tuple[float, float]:
    angle = 2 * math.pi * cutoff_hz / rate_hz
    return math.cos(angle), math.sin(angle) / (2 * q)


def _scaled(b0: float, b1: float, b2: float, cosine: float, alpha: float) -> Biquad:
    a0 = 1 + alpha
    return Biquad(b0 / a0, b1 / a0, b2 / a0, -2 * cosine / a0, (1 - alpha) / a0)


def _run_one(samples: list[float], part: Biquad) -> list[float]:
    """Transposed direct form II: two memories, in locals because this loop is the build's cost."""
    b0, b1, b2, a1, a2 = part.b0, part.b1, part.b2, part.a1, part.a2
    s1 = s2 = 0.0
    out = []
    for x in samples:
        y = b0 * x + s1
        s1 = b1 * x - a1 * y + s2
        s2 = b2 * x - a2 * y
        out.append(y)
    return out
