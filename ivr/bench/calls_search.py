"""The search for the highest rate: pure, so that it can be tried without a telephone."""

import math
from dataclasses import dataclass, field

STEP = 1.05  # rates are told apart by a twentieth
_LEAST = 0.5
_FROM_RAMP = 0.9  # a ramp is over before its last calls are


@dataclass(slots=True)
class Search:
    """Which rate to try next, in calls a second; `good` is the highest without a failure.

    Nothing above `up_to` is tried.
    """

    up_to: float = math.inf
    good: float | None = None
    bad: float | None = None
    _start: float = _LEAST
    tried: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def begin(self, ramped: float) -> None:
        """Start below where a ramp first failed, or at its end."""
        self._start = min(max(ramped * _FROM_RAMP, _LEAST), self.up_to)

    def next_rate(self) -> float | None:
        """None once the highest rate is known to a step, or even the least fails."""
        if self.good is None and self.bad is None:
            return self._start
        if self.good is None:
            return self.bad / STEP**2 if self.bad and self.bad > _LEAST else None
        if self.bad is None:
            return min(self.good * STEP**4, self.up_to) if self.good < self.up_to else None
        if self.bad / self.good <= STEP * 1.001:
            return None
        return math.sqrt(self.bad * self.good)

    def note(self, rate: float, failed: dict[str, int]) -> None:
        self.tried.append((rate, failed))
        if not failed:
            self.good = max(self.good or rate, rate)
        elif self.good is None or rate > self.good:
            self.bad = min(self.bad or rate, rate)


def ramp_rates(first: float, highest: float, growth: float) -> list[float]:
    rates = [first]
    while rates[-1] * growth <= highest:
        rates.append(rates[-1] * growth)
    return rates
