"""The order of the line as a province sets it: what urgency and waiting count, and the cap.

`ivr.order` has the formula. No source gives any of these numbers: they are ours.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ivr.model.plan import Weight
from ivr.rules.fields import Count, Record, Seconds, Times

Rate = Annotated[Times, Field(ge=0.5, le=5)]


class Urgency(StrEnum):
    """Life or safety now; harm under way or a child alone; acute but not physical; advice."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Level(Record):
    """What one urgency counts in line."""

    head_start_s: Seconds = Field(
        ge=0, le=600, description="the seconds that such a call counts as waited when it joins"
    )
    rate: Rate = Field(description="how many seconds each second of its waiting counts")


class Priority(Record):
    """How ordinary calls are ordered: head start + rate × waited; the highest sum goes first."""

    p1: Level = Field(Level(head_start_s=60, rate=1.1), description="what urgency P1 counts")
    p2: Level = Field(Level(head_start_s=30, rate=1.05), description="what urgency P2 counts")
    p3: Level = Field(Level(head_start_s=10, rate=1.02), description="what urgency P3 counts")
    p4: Level = Field(Level(head_start_s=0, rate=1), description="what urgency P4 counts")
    unknown: Urgency = Field(
        Urgency.P2, description="the urgency of callers who have not said what it is about"
    )
    cap_s: Seconds = Field(
        450,
        ge=60,
        le=3600,
        description="the wait after which no later caller goes before this one, danger apart",
    )
    returning_silence_h: Count = Field(
        24,
        ge=0,
        le=168,
        description="how many hours a silent caller is remembered, to go first of the silent",
    )

    def weight(self, urgency: Urgency | None, rate: float | None) -> Weight:
        """`urgency` None: nothing is known of the call; `rate` is the category's own, if any."""
        level = self._levels[urgency or self.unknown]
        return Weight(head_start_s=level.head_start_s, rate=rate or level.rate, cap_s=self.cap_s)

    @property
    def _levels(self) -> dict[Urgency, Level]:
        return {
            Urgency.P1: self.p1,
            Urgency.P2: self.p2,
            Urgency.P3: self.p3,
            Urgency.P4: self.p4,
        }
