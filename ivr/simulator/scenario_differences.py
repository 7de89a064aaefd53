"""The one place for differences between the simulated and a real Asterisk that we accept.

A story gives the same history on both, except for what stands here, each with its reason. An entry
that no longer occurs fails the tests, so that the list stays as short as it can be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Histories = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In `scenario`, the call of `caller` has the fact `real` where the simulation has another."""

    scenario: str
    caller: str
    simulated: str
    real: str
    reason: str


DIFFERENCES: tuple[Difference, ...] = ()


def as_simulated(
    scenario: str, real: Histories, allowed: tuple[Difference, ...] = DIFFERENCES
) -> dict[str, list[str]]:
    """What the simulation must have where the real Asterisk has `real`."""
    histories = {caller: list(facts) for caller, facts in real.items()}
    for one in allowed:
        if one.scenario == scenario:
            facts = histories[one.caller]
            if one.real in facts:
                facts[facts.index(one.real)] = one.simulated
            else:
                facts.append(f"the allowed difference «{one.real}» no longer occurs")
    return histories
