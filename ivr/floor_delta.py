"""What has changed between two views of the floor: enough to make the newer from the older.

`apply(old, delta(old, new)) == new`. A delta that is not for the view at hand shows a gap: whoever
follows then takes a whole view.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from ivr.notices import Alarm, ClosedDesk
from ivr.view import CounsellorView, DeskView, FloorView, LostCall, TalkView, WaitingCall


class Keyed(Protocol):
    @property
    def key(self) -> str: ...


Row = TypeVar("Row")
KeyedRow = TypeVar("KeyedRow", bound=Keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[Row]):
    """Of one list: the keys of rows that are gone, and rows that are new, other or elsewhere.

    The number of a row in `put` is its place in the new list, from 0, in rising order.
    """

    gone: tuple[str, ...] = ()
    put: tuple[tuple[int, Row], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorDelta:
    """From the view with the sequence number `after` to the one with `sequence`."""

    after: int
    sequence: int
    at: datetime
    lost: Changes[LostCall]
    waiting: Changes[WaitingCall]
    talks: Changes[TalkView]
    counsellors: Changes[CounsellorView]
    desks: Changes[DeskView]
    alarms: Changes[Alarm]
    closed_desks: Changes[ClosedDesk]
    in_menu: int
    in_fallback: int
    exchange_up: bool


def delta(old: FloorView, new: FloorView) -> FloorDelta:
    return FloorDelta(
        after=old.sequence,
        sequence=new.sequence,
        at=new.at,
        lost=changes(old.lost, new.lost),
        waiting=changes(old.waiting, new.waiting),
        talks=changes(old.talks, new.talks),
        counsellors=changes(old.counsellors, new.counsellors),
        desks=changes(old.desks, new.desks),
        alarms=changes(old.alarms, new.alarms),
        closed_desks=changes(old.closed_desks, new.closed_desks),
        in_menu=new.in_menu,
        in_fallback=new.in_fallback,
        exchange_up=new.exchange_up,
    )


def apply(view: FloorView, news: FloorDelta) -> FloorView:
    """The view after it; raises ValueError where something is missing in between."""
    if news.after != view.sequence:
        raise ValueError(f"a delta after {news.after} does not fit the view {view.sequence}")
    return FloorView(
        sequence=news.sequence,
        at=news.at,
        lost=patched(view.lost, news.lost, key_of),
        waiting=patched(view.waiting, news.waiting, key_of),
        talks=patched(view.talks, news.talks, key_of),
        counsellors=patched(view.counsellors, news.counsellors, key_of),
        desks=patched(view.desks, news.desks, key_of),
        alarms=patched(view.alarms, news.alarms, key_of),
        closed_desks=patched(view.closed_desks, news.closed_desks, key_of),
        in_menu=news.in_menu,
        in_fallback=news.in_fallback,
        exchange_up=news.exchange_up,
    )


def key_of(row: Keyed) -> str:
    return row.key


def changes(old: Sequence[KeyedRow], new: Sequence[KeyedRow]) -> Changes[KeyedRow]:
    """As few rows as possible: one call that goes to the head moves no other."""
    places = {row.key: place for place, row in enumerate(old)}
    same = [row for row in new if row.key in places and old[places[row.key]] == row]
    staying = _longest_rising([places[row.key] for row in same])
    keys = {row.key for row in new}
    return Changes(
        gone=tuple(row.key for row in old if row.key not in keys),
        put=tuple(
            (place, row)
            for place, row in enumerate(new)
            if places.get(row.key) not in staying or old[places[row.key]] != row
        ),
    )


def patched(rows: Iterable[Row], news: Changes[Row], key: Callable[[Row], str]) -> tuple[Row, ...]:
    """The list after its changes."""
    away = {*news.gone, *(key(row) for _, row in news.put)}
    found = [row for row in rows if key(row) not in away]
    for place, row in news.put:
        found.insert(place, row)
    return tuple(found)


def _longest_rising(numbers: Sequence[int]) -> frozenset[int]:
    """A longest rising selection of distinct numbers, in their order (patience sorting)."""
    tops: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        before[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    chosen, number_before = set(), tops[-1] if tops else None
    while number_before is not None:
        chosen.add(number_before)
        number_before = before[number_before]
    return frozenset(chosen)
