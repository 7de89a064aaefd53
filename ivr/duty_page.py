"""The duty of each desk at an instant, as people read it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ivr.alarms import DutyAlarmCode, running_out
from ivr.duty import Closure, Duty, DutyBook
from ivr.model import CounsellorId, DeskId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPage:
    """One desk. `has_roster`: the roster speaks of this instant; without it all are expected."""

    desk: DeskId
    expected: tuple[CounsellorId, ...]
    on_call: tuple[CounsellorId, ...]
    has_roster: bool
    closure: Closure | None
    roster_until_at: datetime | None  # None: never had one
    warning: DutyAlarmCode | None  # the roster runs out or has run out

    @property
    def is_gap(self) -> bool:
        """The desk has a roster, and nobody is on it."""
        return self.has_roster and not self.expected


def desk_pages(
    book: DutyBook, duty: Duty, desks: Iterable[DeskId], at: datetime
) -> tuple[DeskPage, ...]:
    """The desks of which anything can be said, in the order given; `duty` is the page for `at`."""
    named = {*duty.expected, *duty.on_call, *duty.closures, *book.rostered_desks}
    return tuple(_page(book, duty, desk, at) for desk in desks if desk in named)


def _page(book: DutyBook, duty: Duty, desk: DeskId, at: datetime) -> DeskPage:
    span = book.span(desk)
    return DeskPage(
        desk=desk,
        expected=duty.at_desk(desk),
        on_call=duty.on_call.get(desk, ()),
        has_roster=book.rostered(desk, at) is not None,
        closure=duty.closures.get(desk),
        roster_until_at=span[1] if span else None,
        warning=next((alarm.code for alarm in running_out(book, desk, at)), None),
    )
