"""What people have decided before a scenario begins: rosters, closures, on-call, other rules.

The simulated stage goes by it from the start; on the real one it is decided in the database, as
people do it, and taken back afterwards.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from pydantic import Field

from ivr.closures import NewClosure
from ivr.duty import Closure, ClosureKind, DutyBook, DutyKind, RosterEntry
from ivr.model import CounsellorId, DeskId, DeviceKind
from ivr.people import Person
from ivr.rosters import NewEntry
from ivr.rules.fields import Record
from ivr.rules.schema import ProvinceRules

LASTS = timedelta(hours=8)  # longer than any story
REASON = "گزارش نشت گاز در ساختمان"

Section = Mapping[str, str]


class DutyEntry(Record):
    """Of desks that are not named, nothing is decided: whoever sits there is expected."""

    evacuated: tuple[DeskId, ...] = Field((), description="desks that are closed")
    roster: dict[DeskId, tuple[CounsellorId, ...]] = Field(
        default_factory=dict, description="whom the roster expects at a desk"
    )
    on_call: dict[DeskId, tuple[CounsellorId, ...]] = Field(
        default_factory=dict, description="whom duty has on call for a desk"
    )


def closure_of(desk: DeskId, at: datetime) -> NewClosure:
    """An evacuated desk from `at` on."""
    return NewClosure(
        desk=desk,
        kind=ClosureKind.EVACUATED,
        reason=REASON,
        from_at=at,
        until_at=at + LASTS,
    )


def entries_of(duty: DutyEntry, at: datetime) -> tuple[NewEntry, ...]:
    """The roster from `at` on."""
    return tuple(
        NewEntry(desk=desk, counsellor=counsellor, kind=kind, from_at=at, until_at=at + LASTS)
        for kind, desks in ((DutyKind.DESK, duty.roster), (DutyKind.ON_CALL, duty.on_call))
        for desk, counsellors in desks.items()
        for counsellor in counsellors
    )


def book_of(duty: DutyEntry, at: datetime) -> DutyBook:
    """All of it from `at` on, numbered as a store would."""
    ids = count(1)
    roster = (
        RosterEntry(
            id=next(ids),
            desk=new.desk,
            counsellor=new.counsellor,
            kind=new.kind,
            from_at=new.from_at,
            until_at=new.until_at,
        )
        for new in entries_of(duty, at)
    )
    book = DutyBook(roster=tuple(roster))
    for desk in duty.evacuated:
        book = evacuated(book, desk, at)
    return book


def evacuated(book: DutyBook, desk: DeskId, at: datetime) -> DutyBook:
    """The book once the desk is closed as well."""
    new = closure_of(desk, at)
    closure = Closure(
        id=len(book.closures) + 1,
        desk=new.desk,
        kind=new.kind,
        reason=new.reason,
        from_at=new.from_at,
        until_at=new.until_at,
    )
    return replace(book, closures=(*book.closures, closure))


def changed(rules: ProvinceRules, sections: Mapping[str, Section]) -> ProvinceRules:
    """The rules with other fields in some sections; raises pydantic's ValidationError."""
    if not sections:
        return rules
    content = rules.model_dump(mode="json")
    for name, fields in sections.items():
        content[name] = {**content[name], **fields}
    return ProvinceRules.model_validate(content)


def at_home(person: Person) -> bool:
    """Rung on ordinary telephones alone, which always seem to be there."""
    kinds = {device.kind for device in person.devices}
    return kinds == {DeviceKind.TELEPHONE}
