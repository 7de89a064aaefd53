"""Who should be there: rosters, on-call and closures as one book, and its page for an instant.

Rosters say who should be there, the floor who is: whoever is there may be rung, rostered or not
(design §3). A desk that no roster names expects everybody who sits at it; so does a desk whose
roster has run out, because too many are safer than none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import chain
from types import MappingProxyType

from ivr.model import Counsellor, CounsellorId, DeskId, SkillId


class ClosureKind(StrEnum):
    """Why a desk is not as the rules have it. Holidays are no closure: they are in the rules."""

    EVACUATED = "evacuated"
    LINK_LOST = "link_lost"
    NO_STAFF = "no_staff"
    SHORT_STAFFED = "short_staffed"  # it answers, but nobody waits for it alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A desk is gone or short of people, in [from_at, until_at): it ends by itself."""

    id: int
    desk: DeskId
    kind: ClosureKind
    reason: str
    from_at: datetime
    until_at: datetime
    by: str = ""

    def in_force(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


class DutyKind(StrEnum):
    DESK = "desk"  # at the desk
    ON_CALL = "on_call"  # rung at home when nobody else can be


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """One person's duty for one desk in [from_at, until_at)."""

    id: int
    desk: DeskId
    counsellor: CounsellorId
    kind: DutyKind
    from_at: datetime
    until_at: datetime

    def in_force(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """The book's page for the instant `at`, with everybody who belongs to each desk."""

    at: datetime
    members: Mapping[DeskId, tuple[CounsellorId, ...]]
    expected: Mapping[DeskId, tuple[CounsellorId, ...]]
    on_call: Mapping[DeskId, tuple[CounsellorId, ...]] = field(default_factory=dict)
    closures: Mapping[DeskId, Closure] = field(default_factory=dict)
    skills: Mapping[CounsellorId, Mapping[SkillId, int]] = field(default_factory=dict)

    def at_desk(self, desk: DeskId) -> tuple[CounsellorId, ...]:
        """Who should be there."""
        return self.expected.get(desk, ())

    def of_desk(self, desk: DeskId) -> tuple[CounsellorId, ...]:
        """Who may be rung there if they are there, expected first."""
        return tuple(dict.fromkeys((*self.at_desk(desk), *self.members.get(desk, ()))))

    @property
    def everybody(self) -> tuple[CounsellorId, ...]:
        """Each expected counsellor once, in the order of the desks."""
        return tuple(dict.fromkeys(chain.from_iterable(self.expected.values())))


@dataclass(frozen=True)
class DutyBook:
    """All rosters and closures that may still matter; their ids are the store's."""

    roster: tuple[RosterEntry, ...] = ()
    closures: tuple[Closure, ...] = ()

    @cached_property
    def _at_desk(self) -> Mapping[DeskId, tuple[RosterEntry, ...]]:
        found: dict[DeskId, list[RosterEntry]] = {}
        for entry in self.roster:
            if entry.kind is DutyKind.DESK:
                found.setdefault(entry.desk, []).append(entry)
        return MappingProxyType({desk: tuple(entries) for desk, entries in found.items()})

    def span(self, desk: DeskId) -> tuple[datetime, datetime] | None:
        """From the first to the last instant that the desk's roster speaks of; None without one."""
        entries = self._at_desk.get(desk)
        if not entries:
            return None
        return min(item.from_at for item in entries), max(item.until_at for item in entries)

    def rostered(self, desk: DeskId, at: datetime) -> tuple[CounsellorId, ...] | None:
        """Whom the roster expects at the desk; None where it says nothing of this instant."""
        span = self.span(desk)
        if span is None or not span[0] <= at < span[1]:
            return None
        found = (item.counsellor for item in self._at_desk[desk] if item.in_force(at))
        return tuple(dict.fromkeys(found))

    def on_call(self, at: datetime) -> dict[DeskId, tuple[CounsellorId, ...]]:
        found: dict[DeskId, tuple[CounsellorId, ...]] = {}
        for entry in self.roster:
            if entry.kind is DutyKind.ON_CALL and entry.in_force(at):
                found[entry.desk] = (*found.get(entry.desk, ()), entry.counsellor)
        return found

    def closed(self, at: datetime) -> dict[DeskId, Closure]:
        """The closure that counts for each desk; one that takes it away goes before."""
        found: dict[DeskId, Closure] = {}
        for closure in self.closures:
            known = found.get(closure.desk)
            if closure.in_force(at) and (known is None or known.kind is ClosureKind.SHORT_STAFFED):
                found[closure.desk] = closure
        return found

    def next_change_at(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which any page differs from the one before."""
        return min((at for at in self._edges() if at > after), default=None)

    def _edges(self) -> Iterator[datetime]:
        for item in chain[RosterEntry | Closure](self.roster, self.closures):
            yield item.from_at
            yield item.until_at


NO_BOOK = DutyBook()


def duty_at(people: Iterable[Counsellor], at: datetime, book: DutyBook = NO_BOOK) -> Duty:
    """The duty at `at`: who belongs where, who is expected, which desks are closed."""
    members: dict[DeskId, list[CounsellorId]] = {}
    skills: dict[CounsellorId, Mapping[SkillId, int]] = {}
    for person in people:
        skills[person.id] = {skill.id: skill.level for skill in person.skills}
        for desk in dict.fromkeys(person.desks):
            members.setdefault(desk, []).append(person.id)
    whole = {desk: tuple(names) for desk, names in members.items()}
    return Duty(
        at=at,
        members=whole,
        expected={desk: _expected(book, desk, names, at, skills) for desk, names in whole.items()},
        on_call=book.on_call(at),
        closures=book.closed(at),
        skills=skills,
    )


def _expected(
    book: DutyBook,
    desk: DeskId,
    names: tuple[CounsellorId, ...],
    at: datetime,
    known: Mapping[CounsellorId, object],
) -> tuple[CounsellorId, ...]:
    """As rostered, also people of other desks who help out; whoever has left us is left out."""
    rostered = book.rostered(desk, at)
    return names if rostered is None else tuple(name for name in rostered if name in known)
