"""What a copy goes by at one instant: rules, people and duty, as the database has them."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ivr.accounts import BrokenGlass
from ivr.duty import NO_BOOK, DutyBook
from ivr.model import Counsellor, ProvinceId
from ivr.people import Person, counsellor_of
from ivr.rules.schema import ProvinceRules
from ivr.versions import Version


@dataclass(frozen=True, kw_only=True)
class NotTakenIn:
    """A decision that the running line could not follow: what was decided, why not, the mend."""

    subject: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class InForce:
    """`revision` is the newest decision of the audit trail that it contains, `newest` its words.

    `next_rules_at` is when a scheduled version comes in force, if any is to come;
    `to_be_reviewed` are versions that one person alone has published, `broken_glass` accounts that
    were made admin in need, both not reviewed. `unreadable` are provinces
    without rules here, because those in force cannot be read by this code. `from_copy`: the
    database was away, and this is what was kept of it.
    """

    rules: tuple[ProvinceRules, ...]
    people: tuple[Person, ...]
    book: DutyBook = field(default=NO_BOOK)
    revision: int = 0
    newest: str = ""
    next_rules_at: datetime | None = None
    to_be_reviewed: tuple[Version, ...] = ()
    broken_glass: tuple[BrokenGlass, ...] = ()
    unreadable: tuple[ProvinceId, ...] = ()
    from_copy: bool = False

    def keeping(self, before: "InForce") -> "InForce":
        """With the rules of `before` where ours cannot be read: a line is never without its own."""
        kept = tuple(item for item in before.rules if item.id in self.unreadable)
        left = set(self.unreadable) - {item.id for item in kept}
        return replace(self, rules=(*self.rules, *kept), unreadable=tuple(sorted(left)))

    @property
    def counsellors(self) -> tuple[Counsellor, ...]:
        """Everybody who may take calls: enabled, with a desk and a device."""
        return tuple(counsellor_of(person) for person in self.people if person.takes_calls)

    def next_change_at(self, after: datetime) -> datetime | None:
        """When time alone changes something: a shift, a closure's end, scheduled rules."""
        edges = (self.book.next_change_at(after), self.next_rules_at)
        return min((at for at in edges if at is not None and at > after), default=None)
