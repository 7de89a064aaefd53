"""Who should be there: rosters, on-call and closures as one book, and its page for an instant.

Rosters say who should be there, the floor who is: whoever is there may be rung, rostered or not
(design §3). A desk that no roster names expects everybody who sits at it; so does a desk whose
roster has run out, because too many are safer than none.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, chain, pairwise

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
class PlannedDuty:
    """One person's duty for one desk in [from_at, until_at)."""

    desk: DeskId
    counsellor: CounsellorId
    kind: DutyKind
    from_at: datetime
    until_at: datetime

    def in_force(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry(PlannedDuty):
    """One duty as it stands in the roster."""

    id: int


@dataclass(frozen=True, kw_only=True)
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
        return self._of_desk.get(desk, ())

    def of_desks(self, desks: tuple[DeskId, ...]) -> tuple[CounsellorId, ...]:
        """Who may be rung at any of the desks, each once."""
        return self._once(self.of_desk, desks)

    def at_desks(self, desks: tuple[DeskId, ...]) -> tuple[CounsellorId, ...]:
        """Who should be at any of the desks, each once."""
        return self._once(self.at_desk, desks)

    def _once(
        self, of: Callable[[DeskId], tuple[CounsellorId, ...]], desks: tuple[DeskId, ...]
    ) -> tuple[CounsellorId, ...]:
        """Kept for the page's life: every call asks for the whole province."""
        if len(desks) == 1:
            return of(desks[0])
        key = of.__name__, desks
        if key not in self._joined:
            self._joined[key] = tuple(dict.fromkeys(chain.from_iterable(map(of, desks))))
        return self._joined[key]

    @cached_property
    def _joined(self) -> dict[tuple[str, tuple[DeskId, ...]], tuple[CounsellorId, ...]]:
        return {}

    @cached_property
    def _of_desk(self) -> Mapping[DeskId, tuple[CounsellorId, ...]]:
        return {
            desk: tuple(dict.fromkeys((*self.at_desk(desk), *self.members.get(desk, ()))))
            for desk in (*self.expected, *self.members)
        }

    @property
    def everybody(self) -> tuple[CounsellorId, ...]:
        """Each expected counsellor once, in the order of the desks."""
        return tuple(dict.fromkeys(chain.from_iterable(self.expected.values())))


class _Turns:
    """The entries of one desk and kind, so that the few of an instant are found among many."""

    def __init__(self, entries: Iterable[RosterEntry]) -> None:
        rows = sorted(enumerate(entries), key=lambda row: row[1].from_at)
        self._rows = rows
        self._begin = [entry.from_at for _, entry in rows]
        # The latest end of each entry and all before it: where the search backwards may stop.
        self._ended = list(accumulate((entry.until_at for _, entry in rows), max))

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self._begin[0], self._ended[-1]

    @property
    def edges(self) -> list[datetime]:
        """Every instant at which somebody begins or ends."""
        return sorted({*self._begin, *(entry.until_at for _, entry in self._rows)})

    def last_end(self, at: datetime) -> datetime | None:
        """When the latest entry ended that is over at `at`."""
        return max((end for _, entry in self._rows if (end := entry.until_at) <= at), default=None)

    def at(self, at: datetime) -> tuple[RosterEntry, ...]:
        """Those in force, in the order in which they were given."""
        found = []
        index = bisect_right(self._begin, at) - 1
        while index >= 0 and self._ended[index] > at:
            if self._rows[index][1].until_at > at:
                found.append(self._rows[index])
            index -= 1
        return tuple(entry for _, entry in sorted(found, key=lambda row: row[0]))


@dataclass(frozen=True)
class DutyBook:
    """All rosters and closures that may still matter; their ids are the store's.

    A page for 100 desks and 500 people is found in about a millisecond among a month of entries.
    """

    roster: tuple[RosterEntry, ...] = ()
    closures: tuple[Closure, ...] = ()

    @cached_property
    def _at_desk(self) -> Mapping[DeskId, _Turns]:
        return _by_desk(self.roster, DutyKind.DESK)

    @cached_property
    def _on_call(self) -> Mapping[DeskId, _Turns]:
        return _by_desk(self.roster, DutyKind.ON_CALL)

    @cached_property
    def _of_person(self) -> Mapping[CounsellorId, tuple[RosterEntry, ...]]:
        found: dict[CounsellorId, list[RosterEntry]] = defaultdict(list)
        for entry in self.roster:
            if entry.kind is DutyKind.DESK:
                found[entry.counsellor].append(entry)
        return {person: tuple(entries) for person, entries in found.items()}

    @property
    def rostered_desks(self) -> tuple[DeskId, ...]:
        """The desks of which the roster speaks at any time."""
        return tuple(self._at_desk)

    def of_desks(self, desks: Collection[DeskId]) -> "DutyBook":
        """What the book has of these desks alone."""
        return DutyBook(
            roster=tuple(entry for entry in self.roster if entry.desk in desks),
            closures=tuple(closure for closure in self.closures if closure.desk in desks),
        )

    def span(self, desk: DeskId) -> tuple[datetime, datetime] | None:
        """From the first to the last instant that the desk's roster speaks of; None without one."""
        turns = self._at_desk.get(desk)
        return turns.span if turns else None

    def entries_at(self, desk: DeskId, at: datetime) -> tuple[RosterEntry, ...]:
        """Whose duty at the desk it is, by the roster."""
        turns = self._at_desk.get(desk)
        return turns.at(at) if turns else ()

    def rostered(self, desk: DeskId, at: datetime) -> tuple[CounsellorId, ...] | None:
        """Whom the roster expects at the desk; None where it says nothing of this instant."""
        span = self.span(desk)
        if span is None or not span[0] <= at < span[1]:
            return None
        return _people(self.entries_at(desk, at))

    def on_duty_since(self, person: CounsellorId, at: datetime) -> datetime:
        """When the person's stretch at any desks that lasts at `at` began; `at` without one."""
        since_at = at
        entries = self._of_person.get(person, ())
        while earlier := [
            entry.from_at for entry in entries if entry.from_at < since_at <= entry.until_at
        ]:
            since_at = min(earlier)
        return since_at

    def empty_since(self, desk: DeskId, at: datetime) -> datetime:
        """When the last entry of the desk ended that is over at `at`; `at` without one."""
        turns = self._at_desk.get(desk)
        return (turns.last_end(at) if turns else None) or at

    def on_call(self, at: datetime) -> dict[DeskId, tuple[CounsellorId, ...]]:
        found = {desk: _people(turns.at(at)) for desk, turns in self._on_call.items()}
        return {desk: people for desk, people in found.items() if people}

    def closed(self, at: datetime) -> dict[DeskId, Closure]:
        """The closure that counts for each desk: see `counts_for`."""
        found: dict[DeskId, list[Closure]] = defaultdict(list)
        for closure in self.closures:
            if closure.in_force(at):
                found[closure.desk].append(closure)
        return {desk: max(closures, key=counts_for) for desk, closures in found.items()}

    def next_change_at(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which any page differs from the one before."""
        page = self._page(after)
        later = self._edges[bisect_right(self._edges, after) :]
        return next((at for at in later if self._page(at) != page), None)

    @cached_property
    def _edges(self) -> tuple[datetime, ...]:
        items = chain[RosterEntry | Closure](self.roster, self.closures)
        return tuple(sorted({at for item in items for at in (item.from_at, item.until_at)}))

    def _page(self, at: datetime) -> tuple[object, ...]:
        rostered = {desk: self.rostered(desk, at) for desk in self._at_desk}
        return rostered, self.on_call(at), self.closed(at)

    def gaps(
        self, desk: DeskId, from_at: datetime, until_at: datetime
    ) -> tuple[tuple[datetime, datetime], ...]:
        """When in [from_at, until_at) the desk has a roster and nobody is on it."""
        turns = self._at_desk.get(desk)
        within = [at for at in turns.edges if from_at < at < until_at] if turns else []
        pieces = pairwise((from_at, *within, until_at))
        return tuple(piece for piece in pieces if self.rostered(desk, piece[0]) == ())


def counts_for(closure: Closure) -> tuple[bool, datetime, int]:
    """How much a closure counts beside others of its desk that are in force; the greatest counts.

    One that takes the desk away counts before one that leaves it short of people, then the one that
    lasts longest, then the newest.
    """
    return closure.kind is not ClosureKind.SHORT_STAFFED, closure.until_at, closure.id


def _by_desk(roster: Iterable[RosterEntry], kind: DutyKind) -> dict[DeskId, _Turns]:
    found: dict[DeskId, list[RosterEntry]] = defaultdict(list)
    for entry in roster:
        if entry.kind is kind:
            found[entry.desk].append(entry)
    return {desk: _Turns(entries) for desk, entries in found.items()}


def _people(entries: Iterable[RosterEntry]) -> tuple[CounsellorId, ...]:
    return tuple(dict.fromkeys(entry.counsellor for entry in entries))


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
    desks = dict.fromkeys((*whole, *book.rostered_desks))
    expected = {desk: _expected(book, desk, whole.get(desk, ()), at) for desk in desks}
    return Duty(
        at=at,
        members=whole,
        expected=_known(expected, skills),
        on_call=_known(book.on_call(at), skills),
        closures=book.closed(at),
        skills=skills,
    )


def _expected(
    book: DutyBook, desk: DeskId, members: tuple[CounsellorId, ...], at: datetime
) -> tuple[CounsellorId, ...]:
    """As rostered, also people of other desks who help out; without a roster whoever sits there."""
    rostered = book.rostered(desk, at)
    return members if rostered is None else rostered


def _known(
    pages: Mapping[DeskId, tuple[CounsellorId, ...]], known: Collection[CounsellorId]
) -> dict[DeskId, tuple[CounsellorId, ...]]:
    """Without whoever has left us."""
    return {desk: tuple(name for name in names if name in known) for desk, names in pages.items()}
