"""Rows of rosters and closures: as they are read and written, within one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.closures import NewClosure
from ivr.duty import Closure, ClosureKind, DutyKind, PlannedDuty, RosterEntry
from ivr.jalali import JalaliWeek
from ivr.model import CounsellorId, DeskId
from ivr.rosters import NewEntry, doubts, of_week
from ivr.store.tables import closures, people, roster

KEPT = timedelta(days=1)  # how long entries that are over stay in the book
# A desk whose roster ended within this time has a gap, or its roster ran out; before, it has none.
REMEMBERED = timedelta(days=30)
AROUND = timedelta(days=2)  # how far from an entry others of the same person matter for rest


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRecord:
    """An entry with who wrote it and who took it out."""

    entry: RosterEntry
    by: str
    at: datetime
    taken_out_by: str | None
    taken_out_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureRecord:
    """A closure as it was asked for, and who ended it before its time."""

    closure: Closure
    at: datetime
    ended_by: str | None
    ended_at: datetime | None

    def in_force(self, at: datetime) -> bool:
        return self.closure.from_at <= at and self.is_open(at)

    def is_open(self, at: datetime) -> bool:
        """In force or still to come."""
        return at < self.closure.until_at and (self.ended_at is None or at < self.ended_at)


def in_roster(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Entries that nobody took out, in the order in which they were written."""
    columns = ("id", "desk", "counsellor", "kind", "from_at", "until_at")
    statement = select(*[roster.c[name] for name in columns])
    return statement.where(roster.c.taken_out_at.is_(None), *conditions).order_by(roster.c.id)


def overlapping(from_at: datetime, until_at: datetime) -> ColumnElement[bool]:
    return (roster.c.until_at > from_at) & (roster.c.from_at < until_at)


def for_book(at: datetime) -> Select[Any]:
    """What is not long over, and of each desk the last that is: it shows a gap or an end."""
    long_over = at - KEPT
    last = (
        select(roster.c.desk, func.max(roster.c.until_at))
        .where(
            roster.c.taken_out_at.is_(None),
            roster.c.kind == DutyKind.DESK.value,
            roster.c.until_at <= long_over,
            roster.c.until_at > at - REMEMBERED,
        )
        .group_by(roster.c.desk)
    )
    one_of_them = tuple_(roster.c.desk, roster.c.until_at).in_(last)
    return in_roster(or_(roster.c.until_at > long_over, one_of_them))


def entry_from_row(row: RowMapping) -> RosterEntry:
    return RosterEntry(
        id=row["id"],
        desk=DeskId(row["desk"]),
        counsellor=CounsellorId(row["counsellor"]),
        kind=DutyKind(row["kind"]),
        from_at=row["from_at"],
        until_at=row["until_at"],
    )


def roster_record(row: RowMapping) -> RosterRecord:
    return RosterRecord(
        entry=entry_from_row(row),
        by=row["by"],
        at=row["at"],
        taken_out_by=row["taken_out_by"],
        taken_out_at=row["taken_out_at"],
    )


def closure_record(row: RowMapping) -> ClosureRecord:
    closure = Closure(
        id=row["id"],
        desk=DeskId(row["desk"]),
        kind=ClosureKind(row["kind"]),
        reason=row["reason"],
        from_at=row["from_at"],
        until_at=row["until_at"],
        by=row["by"],
    )
    return ClosureRecord(
        closure=closure, at=row["at"], ended_by=row["ended_by"], ended_at=row["ended_at"]
    )


async def entries_where(
    connection: AsyncConnection, *conditions: ColumnElement[bool]
) -> tuple[RosterEntry, ...]:
    rows = (await connection.execute(in_roster(*conditions))).mappings()
    return tuple(entry_from_row(row) for row in rows)


async def entries_of_week(
    connection: AsyncConnection, desks: Collection[DeskId], week: JalaliWeek
) -> tuple[RosterEntry, ...]:
    within = overlapping(week.begins_at, week.ends_at)
    return of_week(await entries_where(connection, roster.c.desk.in_(desks), within), week)


async def entries_beside(
    connection: AsyncConnection, new: Sequence[NewEntry], out: Sequence[RosterEntry]
) -> tuple[RosterEntry, ...]:
    """What else the people of a decision have on the roster around it."""
    concerned: list[PlannedDuty] = [*new, *out]
    people = {duty.counsellor for duty in concerned}
    from_at = min(duty.from_at for duty in concerned) - AROUND
    until_at = max(duty.until_at for duty in concerned) + AROUND
    found = await entries_where(
        connection, roster.c.counsellor.in_(people), overlapping(from_at, until_at)
    )
    gone = {entry.id for entry in out}
    return tuple(entry for entry in found if entry.id not in gone)


async def people_held(
    connection: AsyncConnection, wanted: Collection[CounsellorId]
) -> dict[CounsellorId, bool]:
    """Which of these people there are, and whether they are enabled.

    They are held until the transaction ends, so that two decisions on one person come one after the
    other (in PostgreSQL; SQLite has one writer at a time anyway).
    """
    statement = (
        select(people.c.id, people.c.person)
        .where(people.c.id.in_(wanted))
        .order_by(people.c.id)
        .with_for_update()
    )
    rows = (await connection.execute(statement)).all()
    return {CounsellorId(row.id): bool(row.person.get("enabled", True)) for row in rows}


async def doubts_about(connection: AsyncConnection, new: Sequence[NewEntry]) -> tuple[str, ...]:
    """Who of these could not be rung where they are expected."""
    wanted = {entry.counsellor for entry in new}
    statement = select(people.c.id, people.c.person).where(people.c.id.in_(wanted))
    rows = (await connection.execute(statement)).all()
    desks = {CounsellorId(row.id): row.person.get("desks", ()) for row in rows}
    reachable = {CounsellorId(row.id) for row in rows if row.person.get("devices")}
    return doubts(new, desks, reachable)


async def add_entries(
    connection: AsyncConnection, new: Sequence[NewEntry], *, by: str, at: datetime
) -> tuple[RosterEntry, ...]:
    if not new:
        return ()
    statement = insert(roster).returning(roster.c.id, sort_by_parameter_order=True)
    values = [
        {
            "desk": entry.desk,
            "counsellor": entry.counsellor,
            "kind": entry.kind.value,
            "from_at": entry.from_at,
            "until_at": entry.until_at,
            "by": by,
            "at": at,
        }
        for entry in new
    ]
    numbers = (await connection.execute(statement, values)).scalars().all()
    return tuple(
        RosterEntry(
            id=number,
            desk=entry.desk,
            counsellor=entry.counsellor,
            kind=entry.kind,
            from_at=entry.from_at,
            until_at=entry.until_at,
        )
        for number, entry in zip(numbers, new, strict=True)
    )


async def take_entries_out(
    connection: AsyncConnection, out: Sequence[RosterEntry], *, by: str, at: datetime
) -> None:
    if out:
        numbers = [entry.id for entry in out]
        statement = update(roster).where(roster.c.id.in_(numbers))
        await connection.execute(statement.values(taken_out_by=by, taken_out_at=at))


async def add_closure(
    connection: AsyncConnection, new: NewClosure, *, by: str, at: datetime
) -> Closure:
    values = {
        "desk": new.desk,
        "kind": new.kind.value,
        "reason": new.reason,
        "from_at": new.from_at,
        "until_at": new.until_at,
        "by": by,
        "at": at,
    }
    statement = insert(closures).values(values).returning(closures.c.id)
    return Closure(
        id=(await connection.execute(statement)).scalar_one(),
        desk=new.desk,
        kind=new.kind,
        reason=new.reason,
        from_at=new.from_at,
        until_at=new.until_at,
        by=by,
    )


async def closures_where(
    connection: AsyncConnection, *conditions: ColumnElement[bool]
) -> tuple[ClosureRecord, ...]:
    statement = select(closures).where(*conditions).order_by(closures.c.id)
    return tuple(closure_record(row) for row in (await connection.execute(statement)).mappings())


async def end_closure(connection: AsyncConnection, number: int, *, by: str, at: datetime) -> None:
    statement = update(closures).where(closures.c.id == number)
    await connection.execute(statement.values(ended_by=by, ended_at=at))
