"""A dry run from beginning to end: what is the same for both sets of rules, and both runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ivr.calendar import TEHRAN
from ivr.coverage import relevant
from ivr.dry_run.calls import PastCall
from ivr.dry_run.compare import Comparison, compare
from ivr.dry_run.presence import Presence, presence_of
from ivr.dry_run.replay import World, replay
from ivr.duty import DutyBook
from ivr.model import Counsellor
from ivr.rules.schema import ProvinceRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole days of Tehran: `from_at` is a midnight."""

    from_at: datetime
    days: int

    @property
    def until_at(self) -> datetime:
        return self.from_at + timedelta(days=self.days)

    @property
    def first_day(self) -> date:
        return self.from_at.astimezone(TEHRAN).date()

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What came of it. `people` may be rung by one of the two sets of rules."""

    people: tuple[Counsellor, ...]
    presence: Presence
    comparison: Comparison


def dry_run(
    old: ProvinceRules,
    new: ProvinceRules,
    *,
    calls: Sequence[PastCall],
    people: Sequence[Counsellor],
    book: DutyBook,
    period: Period,
    seed: int,
) -> DryRun:
    """The same calls, people and chance by both sets of rules of one province."""
    either = [relevant(rules, people, book)[0] for rules in (old, new)]
    ids = {person.id for theirs in either for person in theirs}
    staff = tuple(person for person in people if person.id in ids)
    presence = presence_of(staff, book, (period.from_at, period.until_at), seed)
    world = World(
        calls=calls,
        people=staff,
        changes=presence.changes,
        began_at=period.from_at,
        book=book,
        seed=seed,
    )
    comparison = compare(replay(world, old), replay(world, new))
    return DryRun(people=staff, presence=presence, comparison=comparison)
