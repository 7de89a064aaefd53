"""The time that is looked at before rules are published, cut where duty or hours change. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple

from ivr.calendar import TEHRAN
from ivr.duty import DutyBook
from ivr.rules.hours import Timetable, segments
from ivr.rules.schema import ProvinceRules

AHEAD = timedelta(days=7)
FARTHEST = timedelta(days=366)  # dated exceptions beyond it are looked at when they are nearer
_DAY = timedelta(days=1)


class Span(NamedTuple):
    """From `from_at` up to, but not including, `until_at`."""

    from_at: datetime
    until_at: datetime


def occasions(rules: ProvinceRules, book: DutyBook, from_at: datetime) -> Iterator[Span]:
    """The week and the exceptions after it, in order and apart."""
    last_at = from_at + FARTHEST
    joined: Span | None = None
    for begins_at, ends_at in sorted(_unsorted(rules, book, from_at)):
        span = Span(max(begins_at, from_at), min(ends_at, last_at))
        if span.from_at >= span.until_at:
            continue
        if joined and span.from_at <= joined.until_at:
            joined = Span(joined.from_at, max(joined.until_at, span.until_at))
            continue
        if joined:
            yield joined
        joined = span
    if joined:
        yield joined


def _unsorted(rules: ProvinceRules, book: DutyBook, from_at: datetime) -> Iterator[Span]:
    yield Span(from_at, from_at + AHEAD)
    for timetable in _timetables(rules):
        for first, last in _special_days(rules, timetable):
            # An opening of the day may reach into the next one.
            yield Span(_midnight(first), _midnight(last + 2 * _DAY))
    for closure in book.closures:
        yield Span(closure.from_at, closure.until_at)
    for desk in book.rostered_desks:
        roster = book.span(desk)
        if roster:
            yield Span(roster[1], roster[1] + _DAY)


def _timetables(rules: ProvinceRules) -> Iterator[Timetable]:
    """Those by which a centre goes."""
    used = {county.centre.hours for county in rules.counties}
    return (item for item in rules.hours if item.id in used)


def _special_days(rules: ProvinceRules, timetable: Timetable) -> Iterator[tuple[date, date]]:
    yield from (item.days for item in timetable.exceptions if item.days)
    if timetable.on_holidays is not None:
        yield from ((day, day) for day in rules.calendar.holidays)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), TEHRAN).astimezone(UTC)


def stretches(rules: ProvinceRules, book: DutyBook, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans cut wherever duty or a centre's hours change."""
    changes = {at for item in book.roster for at in (item.from_at, item.until_at)}
    changes |= {at for item in book.closures for at in (item.from_at, item.until_at)}
    for begins_at, ends_at in spans:
        hours = (
            segment.from_at
            for timetable in _timetables(rules)
            for segment in segments(timetable, rules.calendar, begins_at, ends_at)
        )
        within = {at for at in changes if begins_at < at < ends_at}
        yield from (Span(*pair) for pair in pairwise(sorted({begins_at, ends_at, *within, *hours})))
