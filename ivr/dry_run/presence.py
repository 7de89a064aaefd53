"""Who is there when, for a dry run: whom the roster names; without one, two of three shifts.

Rostered people are there, all of them and no others: absences were not recorded. Ordinary
telephones of rostered people can be rung at any hour, and the floor rings them only in duty time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.dry_run.calls import chance
from ivr.duty import DutyBook, DutyKind
from ivr.model import Counsellor, CounsellorId, DeviceId, DeviceKind, DeviceState
from ivr.simulator.day_people import HOUR_S, presences

Span = tuple[datetime, datetime]  # [from, until)
WINDING_UP = timedelta(days=1)  # for the calls that are there when the period ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Every change of a device in the order of time.

    `assumed` are the people for whom no roster speaks of at least a part of the time.
    """

    changes: tuple[tuple[datetime, DeviceId, DeviceState], ...]
    assumed: frozenset[CounsellorId]


def presence_of(people: Sequence[Counsellor], book: DutyBook, period: Span, seed: int) -> Presence:
    """From the beginning of `period` (a midnight in Tehran) to the end of the day after it."""
    whole = period[0], period[1] + WINDING_UP
    changes: list[tuple[datetime, DeviceId, DeviceState]] = []
    assumed: set[CounsellorId] = set()
    for position, person in enumerate(people):
        spoken_of = _merged(_spoken_of(person, book))
        shifts = _shifts(position, person, whole, seed)
        there = _merged((*_rostered(person, book), *_without(_merged(shifts), spoken_of)))
        if any(_without([period], spoken_of)):
            assumed.add(person.id)
        for device in person.devices:
            at_home = device.kind is DeviceKind.TELEPHONE and bool(spoken_of)
            for begins_at, ends_at in [whole] if at_home else _within(there, whole):
                changes.append((begins_at, device.id, DeviceState.IDLE))
                changes.append((ends_at, device.id, DeviceState.UNREACHABLE))
    return Presence(changes=tuple(sorted(changes)), assumed=frozenset(assumed))


def _spoken_of(person: Counsellor, book: DutyBook) -> Iterator[Span]:
    """When a roster says whether the person is there: those of their desks, and their own duty."""
    yield from (span for desk in person.desks if (span := book.span(desk)))
    yield from ((one.from_at, one.until_at) for one in book.roster if one.counsellor == person.id)


def _rostered(person: Counsellor, book: DutyBook) -> Iterator[Span]:
    for entry in book.roster:
        if entry.counsellor == person.id and entry.kind is DutyKind.DESK:
            yield entry.from_at, entry.until_at


def _shifts(position: int, person: Counsellor, whole: Span, seed: int) -> Iterator[Span]:
    began_at, ends_at = whole
    hours = (ends_at - began_at).total_seconds() / HOUR_S
    for begins_s, ends_s in presences(position, hours, chance(seed, f"counsellor {person.id}")):
        yield began_at + timedelta(seconds=begins_s), began_at + timedelta(seconds=ends_s)


# ------------------------------------------------------------------------------ spans


def _merged(spans: Iterable[Span]) -> list[Span]:
    """In order; what touches or overlaps is one."""
    found: list[Span] = []
    for begins_at, ends_at in sorted(spans):
        if found and begins_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends_at))
        else:
            found.append((begins_at, ends_at))
    return found


def _without(spans: Iterable[Span], holes: Sequence[Span]) -> Iterator[Span]:
    """`holes` are merged."""
    for begins_at, ends_at in spans:
        for hole_from_at, hole_until_at in holes:
            if hole_until_at <= begins_at or ends_at <= hole_from_at:
                continue
            if begins_at < hole_from_at:
                yield begins_at, hole_from_at
            begins_at = hole_until_at  # noqa: PLW2901 - what is left of it
        if begins_at < ends_at:
            yield begins_at, ends_at


def _within(spans: Iterable[Span], whole: Span) -> Iterator[Span]:
    for begins_at, ends_at in spans:
        inside = max(begins_at, whole[0]), min(ends_at, whole[1])
        if inside[0] < inside[1]:
            yield inside
