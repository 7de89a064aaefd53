"""Somebody who works out hidden counts of a published report: knows every sum, and all zeros.

Written apart from what it attacks; the sums are spelled out here once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_NOT_TOLD = ("unrelated", "silent", "prank", "test")
_SUMS = {
    "calls": (
        ("calls_related", "calls_pending", *(f"calls_{it}" for it in _NOT_TOLD)),
        ("connected", "abandoned", "abandoned_short", "left_in_menu", "end_unknown"),
    ),
    "connected": (
        tuple(
            f"where.{it}"
            for it in ("own", "supporting", "province", "elsewhere", "fallback", "unknown")
        ),
    ),
    "abandoned": (
        tuple(
            f"abandoned.{it}"
            for it in ("nobody_on_duty", "not_taken", "too_busy", "in_fallback", "unknown")
        ),
    ),
    "dispatches": (tuple(f"dispatches.{it}" for it in ("own", "supporting", "cover", "other")),),
    **{
        f"persons.{who}": (
            tuple(f"persons.{who}.age.{it}" for it in ("0-11", "12-17", "18-59", "60+", "unknown")),
            tuple(f"persons.{who}.sex.{it}" for it in ("female", "male", "unknown")),
        )
        for who in ("line", "mobile_team", "crisis_centre")
    },
}
# True of most reports: no call had two outcomes of these, and one touch wrote both.
_GUESSES = {
    "outcome.crisis_centre": (
        ("outcome.crisis_centre_outpatient", "outcome.crisis_centre_admission"),
    ),
    "outcome.other_centres": (
        ("outcome.service_base", "outcome.internal_other", "outcome.external"),
    ),
    "outcome.phone_resolved": (
        tuple(f"outcome.phone_resolved.{it}" for it in ("psychology", "social_work", "legal")),
    ),
    "outcome.external": (
        tuple(f"outcome.external.{it}" for it in ("police", "judiciary", "emergency_115", "other")),
    ),
    **{f"calls_{it}": ((f"outcome.{it}",),) for it in _NOT_TOLD},
}
Counts = Mapping[str, int]


@dataclass
class Attacker:
    """`truth` is asked for what is printed, for zeros, and to begin a search near it."""

    truth: Counts
    hidden: frozenset[str]
    _equations: list[dict[str, int]] = field(init=False)  # sums of figure times factor are nothing

    def __post_init__(self) -> None:
        self._equations = list(self._known_sums())

    def _known_sums(self) -> list[dict[str, int]]:
        found = [_equation([whole], parts) for whole, ways in _SUMS.items() for parts in ways]
        families = {
            name: [one for one in self.truth if one.startswith(f"{name}.")]
            for name in ("county", "hour", "category")
        }
        found += [_equation(["calls"], families[name]) for name in ("county", "hour")]
        found.append(_equation(["calls_related", "calls_pending"], families["category"]))
        guesses = [_equation([whole], parts) for whole, ways in _GUESSES.items() for parts in ways]
        found += [one for one in guesses if not self._left_over(one, self.truth)]
        assert not any(self._left_over(one, self.truth) for one in found)
        return found

    def _left_over(self, equation: Mapping[str, int], counts: Counts) -> int:
        return sum(factor * counts[figure] for figure, factor in equation.items())

    def another(self, figure: str) -> Counts | None:
        """A report that is printed just the same, with another number there; None: there is none.

        Sums of whole numbers that hang together as a tree allow a step of one, if they allow any.
        """
        for step in (1, -1):
            found = self._stepped(self.truth, {figure: step})
            if found is not None:
                return found
        return None

    def _stepped(self, counts: Counts, steps: Mapping[str, int]) -> Counts | None:
        """The report after these steps and others that set the sums right again."""
        stepped = {**counts, **{it: self.truth[it] + step for it, step in steps.items()}}
        if any(stepped[it] < min(self.truth[it], 1) for it in steps):
            return None
        wrong = next((one for one in self._equations if self._left_over(one, stepped)), None)
        if wrong is None:
            return stepped
        for other in sorted(wrong.keys() & self.hidden - steps.keys()):
            step = -self._left_over(wrong, stepped) * wrong[other]
            found = self._stepped(stepped, {**steps, other: step})
            if found is not None:
                return found
        return None


def _equation(left: list[str], right: tuple[str, ...] | list[str]) -> dict[str, int]:
    return {**dict.fromkeys(left, 1), **dict.fromkeys(right, -1)}
