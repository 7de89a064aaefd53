"""Changing rosters: what may be written, copies of weeks, swaps, and people's rest. Pure.

Entries are never changed: what is decided takes some out and writes others. What of an entry has
already passed stays as it was.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Self

from ivr.calendar import TEHRAN, plain_minute
from ivr.duty import DutyKind, PlannedDuty, RosterEntry
from ivr.errors import BadInput
from ivr.jalali import JalaliWeek, moved_by_days
from ivr.model import CounsellorId, DeskId

LONGEST = {DutyKind.DESK: timedelta(hours=24), DutyKind.ON_CALL: timedelta(days=7)}
FARTHEST = timedelta(days=400)  # ahead; farther is a mistake in writing the year
LATEST = timedelta(days=7)  # how long after its end a duty may still be written down
# Ours, no source gives any: below the 11 hours between shifts of EU directive 2003/88, above what
# tires people dangerously. They only warn.
LEAST_REST = timedelta(hours=8)
LONGEST_STRETCH = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry(PlannedDuty):
    """A duty that somebody asks for. `source`: where it is written (file, line), for messages."""

    source: str = ""

    @classmethod
    def like(cls, duty: PlannedDuty) -> Self:
        return cls(
            desk=duty.desk,
            counsellor=duty.counsellor,
            kind=duty.kind,
            from_at=duty.from_at,
            until_at=duty.until_at,
        )

    @property
    def prefix(self) -> str:
        return f"{self.source}: " if self.source else ""


def described(duty: PlannedDuty) -> str:
    """`markazi-saveh 1405/09/01 22:00-07:00`, for messages."""
    until = duty.until_at.astimezone(TEHRAN)
    kind = "" if duty.kind is DutyKind.DESK else " on call"
    return f"{duty.desk}{kind} {plain_minute(duty.from_at)}-{until:%H:%M}"


def unfit_times(new: NewEntry, now: datetime) -> str | None:
    """What is wrong with the times of an entry; None where nothing is."""
    if new.until_at <= new.from_at:
        return f"{described(new)}: ends before it begins"
    if new.until_at - new.from_at > LONGEST[new.kind]:
        hours = LONGEST[new.kind] // timedelta(hours=1)
        return f"{described(new)}: lasts more than {hours} hours. Check its end"
    if new.from_at > now + FARTHEST:
        return f"{described(new)}: lies more than a year ahead. Check the year"
    if new.until_at < now - LATEST:
        return f"{described(new)}: was over more than {LATEST.days} days ago. Check the week"
    return None


def unfit_person(person: CounsellorId, people: Mapping[CounsellorId, bool]) -> str | None:
    """Why nobody can expect the person; `people` says of everybody whether they are enabled."""
    if person not in people:
        return f"{person} is not among the people"
    return None if people[person] else f"{person} is disabled and cannot sign in"


def doubts(
    new: Iterable[NewEntry],
    desks: Mapping[CounsellorId, Collection[DeskId]],
    reachable: Collection[CounsellorId],
) -> tuple[str, ...]:
    """Who is expected and could not be rung there, each said once.

    `desks` are those where each takes calls, `reachable` are those who have a device.
    """
    found: dict[str, None] = {}
    for entry in new:
        person = entry.counsellor
        if entry.desk not in desks.get(person, ()):
            found[
                f"{person} does not take calls of {entry.desk}, so nobody is rung there for them: "
                f"`ivr people change {person} --add-desk {entry.desk}`, or roster somebody else"
            ] = None
        if person not in reachable:
            found[
                f"{person} has no device and cannot be rung: "
                f"`ivr people change {person} --add-device ID`"
            ] = None
    return tuple(found)


def clashes(new: Sequence[NewEntry], others: Iterable[RosterEntry]) -> Iterator[str]:
    """People who would be twice on duty at once, among the new entries or with the others.

    Only on call somebody may be for several desks at once.
    """
    known: dict[CounsellorId, list[PlannedDuty]] = defaultdict(list)
    for kept in others:
        known[kept.counsellor].append(kept)
    for entry in new:
        for other in known[entry.counsellor]:
            if _exclude_each_other(entry, other):
                yield (
                    f"{entry.prefix}{entry.counsellor} would be on duty twice at once: "
                    f"{described(entry)} and {described(other)}{_where(other)}"
                )
        known[entry.counsellor].append(entry)


def _exclude_each_other(one: PlannedDuty, other: PlannedDuty) -> bool:
    if one.kind is other.kind is DutyKind.ON_CALL and one.desk != other.desk:
        return False
    return one.from_at < other.until_at and other.from_at < one.until_at


def _where(duty: PlannedDuty) -> str:
    match duty:
        case RosterEntry(id=number):
            return f" (entry {number})"
        case NewEntry(source=source) if source:
            return f" ({source})"
        case _:
            return ""


def of_week(entries: Iterable[RosterEntry], week: JalaliWeek) -> tuple[RosterEntry, ...]:
    """The entries that begin in the week; what reaches over its end belongs to it."""
    return tuple(entry for entry in entries if week.holds(entry.from_at))


def copied(
    entries: Iterable[RosterEntry],
    *,
    source: JalaliWeek,
    target: JalaliWeek,
    without: Collection[CounsellorId] = (),
) -> tuple[NewEntry, ...]:
    """The week `source` again in `target`: the same hours on Tehran's clocks, day by day."""
    days = (target.first_day - source.first_day).days
    return tuple(
        replace(
            NewEntry.like(entry),
            from_at=moved_by_days(entry.from_at, days),
            until_at=moved_by_days(entry.until_at, days),
        )
        for entry in of_week(entries, source)
        if entry.counsellor not in without
    )


def taken_out(entry: RosterEntry, now: datetime) -> tuple[NewEntry, ...]:
    """What stays of the entry: the part that has passed. Raises BadInput where that is all."""
    if entry.until_at <= now:
        raise BadInput(
            f"entry {entry.id} ({described(entry)}) is over: who should have been there stays as "
            "it was. Choose an entry that is not over."
        )
    return (replace(NewEntry.like(entry), until_at=now),) if entry.from_at < now else ()


def given(entry: RosterEntry, to: CounsellorId, now: datetime) -> tuple[NewEntry, ...]:
    """What stands in place of the entry when somebody else takes over what is left of it."""
    if to == entry.counsellor:
        raise BadInput(f"entry {entry.id} is {to}'s already; nothing was changed.")
    passed = taken_out(entry, now)
    rest = replace(NewEntry.like(entry), counsellor=to, from_at=max(entry.from_at, now))
    return (*passed, rest)


def exchanged(one: RosterEntry, other: RosterEntry, now: datetime) -> tuple[NewEntry, ...]:
    """What stands in place of two entries when their people swap what is left of them."""
    if one.counsellor == other.counsellor:
        raise BadInput(
            f"entries {one.id} and {other.id} are both {one.counsellor}'s: nothing to swap."
        )
    return (*given(one, other.counsellor, now), *given(other, one.counsellor, now))


class RestCode(StrEnum):
    LITTLE_REST = "little_rest"  # between two stretches at a desk
    LONG_STRETCH = "long_stretch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestWarning:
    """Too little rest, or too long a stretch, in [from_at, until_at)."""

    code: RestCode
    counsellor: CounsellorId
    from_at: datetime
    until_at: datetime

    def __str__(self) -> str:
        minutes = (self.until_at - self.from_at) // timedelta(minutes=1)
        hours = f"{minutes // 60}:{minutes % 60:02}"
        if self.code is RestCode.LITTLE_REST:
            return (
                f"{self.counsellor} has only {hours} h of rest from {plain_minute(self.from_at)} "
                f"(less than {LEAST_REST // timedelta(hours=1)} h)"
            )
        return (
            f"{self.counsellor} is {hours} h at a stretch from {plain_minute(self.from_at)} "
            f"(more than {LONGEST_STRETCH // timedelta(hours=1)} h)"
        )


def rest_warnings(
    before: Iterable[PlannedDuty], after: Iterable[PlannedDuty]
) -> tuple[RestWarning, ...]:
    """What a decision makes worse of people's rest; being on call at home counts as rest."""
    known = set(_rest_of_all(before))
    return tuple(warning for warning in _rest_of_all(after) if warning not in known)


def _rest_of_all(duties: Iterable[PlannedDuty]) -> Iterator[RestWarning]:
    people: dict[CounsellorId, list[PlannedDuty]] = defaultdict(list)
    for duty in duties:
        if duty.kind is DutyKind.DESK:
            people[duty.counsellor].append(duty)
    for person, theirs in people.items():
        yield from _rest_of(person, stretches(theirs))


def stretches(duties: Iterable[PlannedDuty]) -> list[tuple[datetime, datetime]]:
    """Times at any desk, one after the other; what touches is one stretch."""
    found: list[tuple[datetime, datetime]] = []
    for duty in sorted(duties, key=lambda item: item.from_at):
        if found and duty.from_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], duty.until_at))
        else:
            found.append((duty.from_at, duty.until_at))
    return found


def _rest_of(
    person: CounsellorId, worked: Sequence[tuple[datetime, datetime]]
) -> Iterator[RestWarning]:
    for from_at, until_at in worked:
        if until_at - from_at > LONGEST_STRETCH:
            yield RestWarning(
                code=RestCode.LONG_STRETCH, counsellor=person, from_at=from_at, until_at=until_at
            )
    for (_, ended_at), (begins_at, _) in pairwise(worked):
        if begins_at - ended_at < LEAST_REST:
            yield RestWarning(
                code=RestCode.LITTLE_REST, counsellor=person, from_at=ended_at, until_at=begins_at
            )
