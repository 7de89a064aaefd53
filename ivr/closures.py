"""What a closure must be before it is written: dated, reasoned, never without an end. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.duty import ClosureKind
from ivr.errors import BadInput
from ivr.model import DeskId

LONGEST = timedelta(days=30)  # longer is no closure: then the rules are wrong
FARTHEST = timedelta(days=366)  # ahead; farther is a mistake in writing the year
LONGEST_REASON = 400  # letters


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClosure:
    """A closure that somebody asks for."""

    desk: DeskId
    kind: ClosureKind
    reason: str
    from_at: datetime
    until_at: datetime


def check_closure(new: NewClosure, now: datetime) -> None:
    """Raises BadInput that says what is wrong with it at the instant `now`."""
    if not 0 < len(new.reason) <= LONGEST_REASON:
        raise BadInput(
            f"--reason: write why, in 1 to {LONGEST_REASON} letters; whoever comes later must "
            "understand it."
        )
    if new.until_at <= now:
        raise BadInput("--until: lies in the past; a closure must end in the future.")
    if new.until_at <= new.from_at:
        raise BadInput("--until: the closure would end before it begins.")
    if new.until_at - new.from_at > LONGEST:
        raise BadInput(
            f"--until: a closure lasts {LONGEST.days} days at most, so that none is forgotten. "
            "Close for less and do it again, or change the rules."
        )
    if new.from_at > now + FARTHEST:
        raise BadInput("--from: lies more than a year ahead. Check the year.")
