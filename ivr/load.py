"""What work has asked of one counsellor lately, and which named rules spare them because of it.

To be spared is a preference and gives way: whoever is spared goes behind others who are free for
the same call, and is rung all the same where nobody else is (docs/decisions/0009).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.limits import Limits
from ivr.model import Protection


@dataclass(slots=True)
class Load:
    """Of one counsellor; all instants are None while there is nothing to say.

    A stretch of work begins with a talk and ends with a rest: `rest_s` without talk or wrap-up.
    """

    heavy_until_at: datetime | None = None  # since the last talk of a heavy category
    tired_at: datetime | None = None  # when the present stretch becomes too long
    rested_at: datetime | None = None  # when the present stretch ends; None during a talk
    break_asked_at: datetime | None = None
    _rest_s: float = 0.0

    @property
    def marked(self) -> bool:
        """Whether any rule might spare them now or later."""
        return (self.heavy_until_at or self.tired_at or self.break_asked_at) is not None

    def talk_begins(self, limits: Limits, now: datetime) -> datetime:
        """Returns when the stretch becomes too long."""
        if self.tired_at is None or (self.rested_at is not None and self.rested_at <= now):
            self.tired_at = now + timedelta(seconds=limits.stretch_most_s)
        self.rested_at = None
        self._rest_s = limits.rest_s
        return self.tired_at

    def talk_ends(self, limits: Limits, now: datetime, *, heavy: bool) -> None:
        if heavy and limits.heavy_gap_s > 0:
            self.heavy_until_at = now + timedelta(seconds=limits.heavy_gap_s)

    def work_ends(self, at: datetime) -> datetime:
        """The wrap-up is over at `at`; returns when the rest that follows is long enough."""
        self.rested_at = at + timedelta(seconds=self._rest_s)
        return self.rested_at

    def needs_break(self, now: datetime) -> bool:
        tired = self.tired_at is not None and self.tired_at <= now
        return tired and (self.rested_at is None or now < self.rested_at)

    def spared_from(self, now: datetime, *, heavy: bool) -> Protection | None:
        """The rule that spares them a call now; `heavy`: the call's category is heavy."""
        if heavy and self.heavy_until_at is not None and now < self.heavy_until_at:
            return Protection.HEAVY_CALL
        if self.needs_break(now):
            return Protection.NEEDS_BREAK
        return Protection.ASKED_FOR_BREAK if self.break_asked_at is not None else None

    def protections(self, now: datetime) -> tuple[Protection, ...]:
        """All that stand, whatever call comes."""
        heavy = self.heavy_until_at is not None and now < self.heavy_until_at
        standing = {
            Protection.HEAVY_CALL: heavy,
            Protection.NEEDS_BREAK: self.needs_break(now),
            Protection.ASKED_FOR_BREAK: self.break_asked_at is not None,
        }
        return tuple(name for name, stands in standing.items() if stands)
