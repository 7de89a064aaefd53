"""Rosters and closures in the database: each decision with its audit entry in one transaction.

What a decision rests on is read again within its transaction, so that of two people who decide at
once the second is refused and told why.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.closures import NewClosure, check_closure
from ivr.duty import Closure, DutyBook, RosterEntry
from ivr.errors import BadInput
from ivr.jalali import JalaliWeek
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.rosters import (
    NewEntry,
    RestWarning,
    clashes,
    copied,
    exchanged,
    given,
    rest_warnings,
    taken_out,
    unfit_person,
    unfit_times,
)
from ivr.rules.judging import did_you_mean
from ivr.store.duty_rows import (
    ClosureRecord,
    RosterRecord,
    add_closure,
    add_entries,
    closure_record,
    closures_where,
    doubts_about,
    end_closure,
    entries_beside,
    entries_of_week,
    entries_where,
    entry_from_row,
    for_book,
    in_roster,
    overlapping,
    people_held,
    roster_record,
    take_entries_out,
)
from ivr.store.store import Store
from ivr.store.tables import closures, roster

ENTRIES_AT_ONCE = 250  # about 3 ms of the event loop's time


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterDecision:
    """What was written and taken out, what of people's rest became worse, who could not be rung."""

    added: tuple[RosterEntry, ...] = ()
    taken_out: tuple[RosterEntry, ...] = ()
    warnings: tuple[RestWarning, ...] = ()
    doubts: tuple[str, ...] = ()


class DutyStore:
    """Rosters and closures of all desks. Raises StoreError where the database cannot be used.

    `by` is a person's id, `at` the instant at which they decide. What is wrong with what they ask
    is BadInput, and nothing was changed. `known_desks` is needed to write only.
    """

    def __init__(
        self, store: Store, known_desks: Mapping[DeskId, ProvinceId] | None = None
    ) -> None:
        self._store = store
        self._known_desks = known_desks or {}

    async def book(self, at: datetime) -> DutyBook:
        """All that may still matter at `at` and after.

        Entries that ended more than a day ago are left out, but for each desk's last one of the
        past month, which tells a gap or an end from a desk without a roster.
        """
        entries = await self._entries_of_book(at)
        still = or_(closures.c.ended_at.is_(None), closures.c.ended_at > at)
        closed = await self._store.rows(
            select(closures).where(closures.c.until_at > at, still).order_by(closures.c.id)
        )
        return DutyBook(
            roster=entries,
            closures=tuple(closure_record(row).closure for row in closed),
        )

    async def _entries_of_book(self, at: datetime) -> tuple[RosterEntry, ...]:
        """Some at a time: a month of a whole country's shifts would keep the event loop for long.

        What is decided meanwhile is for the next book: its reader sees the trail grow.
        """
        found: list[RosterEntry] = []
        while True:
            after = found[-1].id if found else 0
            some = for_book(at).where(roster.c.id > after).limit(ENTRIES_AT_ONCE)
            rows = await self._store.rows(some)
            found += map(entry_from_row, rows)
            if len(rows) < ENTRIES_AT_ONCE:
                return tuple(found)

    async def entry(self, number: int) -> RosterEntry:
        """The entry, unless it was taken out; raises BadInput."""
        rows = await self._store.rows(in_roster(roster.c.id == number))
        if not rows:
            raise _no_entry(number)
        return entry_from_row(rows[0])

    async def entries(
        self, desks: Collection[DeskId], from_at: datetime, until_at: datetime
    ) -> tuple[RosterEntry, ...]:
        """The roster of these desks in [from_at, until_at), with what reaches into it."""
        within = in_roster(roster.c.desk.in_(desks), overlapping(from_at, until_at))
        return tuple(entry_from_row(row) for row in await self._store.rows(within))

    async def roster_history(
        self, desk: DeskId, from_at: datetime, until_at: datetime
    ) -> tuple[RosterRecord, ...]:
        """As `entries`, with what was taken out, and by whom."""
        statement = select(roster).where(roster.c.desk == desk, overlapping(from_at, until_at))
        rows = await self._store.rows(statement.order_by(roster.c.id))
        return tuple(roster_record(row) for row in rows)

    async def closure(self, number: int) -> ClosureRecord:
        """Raises BadInput where there is none of this number."""
        rows = await self._store.rows(select(closures).where(closures.c.id == number))
        if not rows:
            raise BadInput(f"there is no closure {number}; `ivr duty closures` lists them.")
        return closure_record(rows[0])

    async def closure_history(self, desks: Collection[DeskId]) -> tuple[ClosureRecord, ...]:
        """Every closure that these desks ever had, newest first."""
        statement = select(closures).where(closures.c.desk.in_(desks))
        rows = await self._store.rows(statement.order_by(closures.c.id.desc()))
        return tuple(closure_record(row) for row in rows)

    async def add(
        self,
        new: Sequence[NewEntry],
        *,
        by: str,
        at: datetime,
        empty: Collection[tuple[DeskId, JalaliWeek]] = (),
    ) -> RosterDecision:
        """Write entries, all or none; the weeks of `empty` must have none yet."""
        async with self._store.writing() as connection:
            await people_held(connection, {entry.counsellor for entry in new})
            for desk, week in empty:
                await _refuse_filled(connection, [desk], week)
            return await self._decide(connection, _Decided("duty.roster.add", by, at), new=new)

    async def copy(
        self,
        source: JalaliWeek,
        target: JalaliWeek,
        desks: Collection[DeskId],
        *,
        by: str,
        at: datetime,
        add: bool = False,
        without: Collection[CounsellorId] = (),
    ) -> RosterDecision:
        """Write the week `source` of these desks again in `target`.

        Without `add` the target must be empty; with it, what is there already stays as it is.
        """
        async with self._store.writing() as connection:
            kept = await entries_of_week(connection, desks, source)
            new = copied(kept, source=source, target=target, without=without)
            if not new:
                raise BadInput(f"the roster of week {source} has nothing to copy for these desks.")
            await people_held(connection, {entry.counsellor for entry in new})
            if add:
                there = {
                    NewEntry.like(one) for one in await entries_of_week(connection, desks, target)
                }
                new = tuple(entry for entry in new if entry not in there)
            else:
                await _refuse_filled(connection, desks, target)
            return await self._decide(connection, _Decided("duty.roster.copy", by, at), new=new)

    async def take_out(self, number: int, *, by: str, at: datetime) -> RosterDecision:
        """Take out what of the entry has not passed."""
        async with self._store.writing() as connection:
            entry = await _held_entry(connection, number)
            new = taken_out(entry, at)
            decided = _Decided("duty.roster.take_out", by, at)
            return await self._decide(connection, decided, new=new, out=[entry])

    async def give(self, number: int, to: CounsellorId, *, by: str, at: datetime) -> RosterDecision:
        """Let somebody else take over what of the entry has not passed."""
        async with self._store.writing() as connection:
            entry = await _held_entry(connection, number)
            new = given(entry, to, at)
            return await self._decide(
                connection, _Decided("duty.roster.swap", by, at), new=new, out=[entry]
            )

    async def swap(self, one: int, other: int, *, by: str, at: datetime) -> RosterDecision:
        """Let the people of two entries swap what of these has not passed."""
        async with self._store.writing() as connection:
            out = [await _held_entry(connection, number) for number in (one, other)]
            new = exchanged(out[0], out[1], at)
            return await self._decide(
                connection, _Decided("duty.roster.swap", by, at), new=new, out=out
            )

    async def close(self, new: NewClosure, *, by: str, at: datetime) -> Closure:
        """Close a desk at once, or from its beginning in the future on."""
        check_closure(new, at)
        self._check_desks([new.desk])
        detail = {
            "kind": new.kind.value,
            "reason": new.reason,
            "from_at": new.from_at.isoformat(),
            "until_at": new.until_at.isoformat(),
        }
        async with self._store.writing() as connection:
            closure = await add_closure(connection, new, by=by, at=at)
            decided = _Decided("duty.close", by, at)
            await self._note(
                connection,
                decided,
                desk=new.desk,
                subject=closure.id,
                detail=detail,
                rows=[f"closures/{closure.id}"],
            )
        return closure

    async def reopen(self, which: int | DeskId, *, by: str, at: datetime) -> tuple[Closure, ...]:
        """End one closure, also one that is still to come, or all in force at the desk."""
        by_number = isinstance(which, int)
        mine = closures.c.id == which if by_number else closures.c.desk == which
        async with self._store.writing() as connection:
            found = await closures_where(
                connection, mine, closures.c.ended_at.is_(None), closures.c.until_at > at
            )
            ended = [one.closure for one in found if by_number or one.in_force(at)]
            if not ended:
                raise BadInput(
                    f"{which}: no closure in force. `ivr duty closures` lists those that are."
                )
            decided = _Decided("duty.reopen", by, at)
            for closure in ended:
                await end_closure(connection, closure.id, by=by, at=at)
                detail = {"kind": closure.kind.value, "until_at": closure.until_at.isoformat()}
                await self._note(
                    connection,
                    decided,
                    desk=closure.desk,
                    subject=closure.id,
                    detail=detail,
                    rows=[f"closures/{closure.id}"],
                )
        return tuple(ended)

    async def _decide(
        self,
        connection: AsyncConnection,
        decided: "_Decided",
        *,
        new: Sequence[NewEntry],
        out: Sequence[RosterEntry] = (),
    ) -> RosterDecision:
        """Check and write one decision on the roster; raises BadInput that lists all problems."""
        # Where something is taken out, what of it has passed is written again, unquestioned.
        coming = [entry for entry in new if not out or entry.until_at > decided.at]
        self._check_desks(entry.desk for entry in coming)
        if not (new or out):
            return RosterDecision()
        people = await people_held(connection, {entry.counsellor for entry in coming})
        others = await entries_beside(connection, new, out)
        problems = [*_unfit(coming, people, decided.at), *clashes(coming, others)]
        if problems:
            raise BadInput("the roster was not changed:\n  " + "\n  ".join(problems))
        await take_entries_out(connection, out, by=decided.by, at=decided.at)
        added = await add_entries(connection, new, by=decided.by, at=decided.at)
        for desk in dict.fromkeys(entry.desk for entry in (*out, *added)):
            await self._note_roster(connection, decided, desk, added, out)
        return RosterDecision(
            added=added,
            taken_out=tuple(out),
            warnings=rest_warnings((*others, *out), (*others, *added)),
            doubts=await doubts_about(connection, coming),
        )

    def _check_desks(self, desks: Iterable[DeskId]) -> None:
        for desk in desks:
            if desk not in self._known_desks:
                raise BadInput(f"{desk}: is no desk. {did_you_mean(desk, self._known_desks)}")

    async def _note_roster(
        self,
        connection: AsyncConnection,
        decided: "_Decided",
        desk: DeskId,
        added: Sequence[RosterEntry],
        out: Sequence[RosterEntry],
    ) -> None:
        """The audit entry of what was decided for one desk."""
        mine = [entry for entry in added if entry.desk == desk]
        gone = [entry for entry in out if entry.desk == desk]
        about = gone or mine
        await self._note(
            connection,
            decided,
            desk=desk,
            subject=about[0].id if len(about) == 1 else desk,
            detail={"added": _as_json(mine), "taken_out": _as_json(gone)},
            rows=[f"roster/{entry.id}" for entry in (*mine, *gone)],
        )

    async def _note(
        self,
        connection: AsyncConnection,
        decided: "_Decided",
        *,
        desk: DeskId,
        subject: int | DeskId,
        detail: Mapping[str, object],
        rows: Iterable[str],
    ) -> None:
        entry = AuditEntry(
            at=decided.at,
            by=decided.by,
            action=decided.action,
            subject=str(subject),
            province=self._known_desks.get(desk),
            desk=desk,
            detail=detail,
        )
        await self._store.note_decision(connection, entry, rows)


@dataclass(frozen=True, slots=True)
class _Decided:
    action: str
    by: str
    at: datetime


def _no_entry(number: int) -> BadInput:
    return BadInput(
        f"the roster has no entry {number}, or it was taken out; `ivr duty roster show` lists them."
    )


async def _held_entry(connection: AsyncConnection, number: int) -> RosterEntry:
    found = await entries_where(connection, roster.c.id == number)
    if not found:
        raise _no_entry(number)
    return found[0]


async def _refuse_filled(
    connection: AsyncConnection, desks: Collection[DeskId], week: JalaliWeek
) -> None:
    """Raises BadInput where one of the desks already has entries that begin in the week."""
    found = dict.fromkeys(entry.desk for entry in await entries_of_week(connection, desks, week))
    if found:
        raise BadInput(
            f"week {week} already has entries of {', '.join(found)}; nothing was changed. Add to "
            "them with --add."
        )


def _unfit(
    new: Iterable[NewEntry], people: Mapping[CounsellorId, bool], at: datetime
) -> Iterator[str]:
    for entry in new:
        for problem in (unfit_times(entry, at), unfit_person(entry.counsellor, people)):
            if problem:
                yield f"{entry.prefix}{problem}"


def _as_json(entries: Iterable[RosterEntry]) -> list[dict[str, object]]:
    return [
        {
            "id": entry.id,
            "counsellor": entry.counsellor,
            "kind": entry.kind.value,
            "from_at": entry.from_at.isoformat(),
            "until_at": entry.until_at.isoformat(),
        }
        for entry in entries
    ]
