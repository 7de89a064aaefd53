"""Checks of when centres answer: timetables, their exceptions, and the calendar of holidays.

A wrong hour either keeps a call for a desk at which nobody sits, or passes it over people who wait.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from ivr.rules.findings import FieldPath, Problem
from ivr.rules.hours import (
    CALENDAR_ALARM_DAYS,
    WEEK,
    DatedException,
    Opening,
    Span,
    Timetable,
    gregorian,
)
from ivr.rules.judging import Subject, asked_of, did_you_mean, question, twice, warning

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_TIMETABLE_IDS: FieldPath = ("hours", "*", "id")
_ON_HOLIDAYS: FieldPath = ("hours", "*", "on_holidays")
_CENTRES_HOURS: FieldPath = ("counties", "*", "centre", "hours")
_CALENDAR_CENTRE = "the calendar centre of the University of Tehran's Institute of Geophysics"

_Stretch = tuple[int, int, FieldPath]  # from, until (minutes or days), and where it is written


def _timetables(subject: Subject) -> Iterator[tuple[FieldPath, Timetable]]:
    for index, timetable in enumerate(subject.rules.hours):
        yield ("hours", index), timetable


def _exceptions(subject: Subject) -> Iterator[tuple[FieldPath, DatedException]]:
    for path, timetable in _timetables(subject):
        for index, item in enumerate(timetable.exceptions):
            yield (*path, "exceptions", index), item


def _users(subject: Subject, timetable: str) -> list[str]:
    """The counties whose centre goes by it."""
    return [item.id for _, item in subject.counties() if item.centre.hours == timetable]


def _names(subject: Subject) -> Iterator[Problem]:
    yield from twice(((*path, "id"), item.id) for path, item in _timetables(subject))
    known = {item.id for _, item in _timetables(subject)}
    for path, county in subject.counties():
        hours, field = county.centre.hours, (*path, "centre", "hours")
        if hours is not None and hours not in known:
            mend = did_you_mean(hours, known) if known else "Write it under 'hours'."
            message = (
                f"'{hours}' is no timetable of these rules, so nobody could say when callers of "
                f"{county.id} are answered there. {mend} Without hours the centre answers always."
            )
            yield Problem(path=field, message=message, related=(_TIMETABLE_IDS,))


def _used(subject: Subject) -> Iterator[Problem]:
    for path, timetable in _timetables(subject):
        if not _users(subject, timetable.id):
            message = (
                f"no centre goes by '{timetable.id}', so it changes nothing for any caller. Write "
                f"'hours: {timetable.id}' at a county's centre, or remove it."
            )
            yield warning((*path, "id"), message, _CENTRES_HOURS)


def _ever_open(subject: Subject) -> Iterator[Problem]:
    """Judged where a centre goes by it; of one that nobody uses that is told."""
    for path, timetable in _timetables(subject):
        users = _users(subject, timetable.id)
        if users and not _may_open(timetable, subject.today):
            message = (
                f"'{timetable.id}' is never open: the callers of {', '.join(users)} would never "
                "reach their own centre. Write its openings under 'weekly', or take the hours "
                "away from the centre if it always answers."
            )
            parts = ("weekly", "on_holidays", "exceptions")
            related = (_CENTRES_HOURS, *((*path, part) for part in parts))
            yield Problem(path=path, message=message, related=related)


def _may_open(timetable: Timetable, today: date) -> bool:
    ahead = (item for item in timetable.exceptions if item.days and item.days[1] >= today)
    return bool(timetable.weekly or timetable.on_holidays or any(item.openings for item in ahead))


def _overlaps(subject: Subject) -> Iterator[Problem]:
    for path, timetable in _timetables(subject):
        yield from _overlapping(_weekly(path, timetable.weekly), _WEEK_MINUTES)
        yield from _overlapping(_daily((*path, "on_holidays"), timetable.on_holidays or ()))
    for path, item in _exceptions(subject):
        yield from _overlapping(_daily((*path, "openings"), item.openings or ()))


def _weekly(path: FieldPath, openings: Iterable[Opening]) -> Iterator[_Stretch]:
    for index, item in enumerate(openings):
        for day in item.days:
            midnight = WEEK.index(day) * _DAY_MINUTES
            starts, ends = item.minutes
            yield midnight + starts, midnight + ends, (*path, "weekly", index)


def _daily(path: FieldPath, openings: Iterable[Span]) -> Iterator[_Stretch]:
    for index, item in enumerate(openings):
        yield *item.minutes, (*path, index)


def _overlapping(stretches: Iterable[_Stretch], circle: int = 0) -> Iterator[Problem]:
    """Each opening that begins before another ends, told once; in a circle the end meets the start.

    Of two the one that is written later is blamed.
    """
    lap = sorted(stretches, key=lambda item: item[:2])
    again = [(starts + circle, ends + circle, path) for starts, ends, path in lap] if circle else []
    for one, other in _met([*lap, *again]):
        message = (
            "overlaps another opening: it is open by which of them callers are answered, and "
            "whoever shortens one changes nothing. Join them, or end the first where the second "
            "begins."
        )
        yield Problem(path=max(one, other, key=_index), message=message, related=(one, other))


def _met(stretches: Iterable[_Stretch]) -> Iterator[tuple[FieldPath, FieldPath]]:
    """The places of each stretch, in order of their beginnings, and of one that reaches into it."""
    reach = -1
    reaching: FieldPath = ()
    told: set[frozenset[FieldPath]] = set()
    for starts, ends, path in stretches:
        pair = frozenset((path, reaching))
        if starts < reach and pair not in told:
            told.add(pair)
            yield reaching, path
        if ends > reach:
            reach, reaching = ends, path


def _index(path: FieldPath) -> int:
    return int(path[-1])


def _exception_days(subject: Subject) -> Iterator[Problem]:
    for path, item in _exceptions(subject):
        for name, day in (("day", item.day), ("until", item.until)):
            if day is not None:
                yield from _missing_day((*path, name), day, "callers would meet the usual hours")
        if item.days and item.days[1] < item.days[0]:
            message = (
                f"the exception would end on {item.until}, before it begins on {item.day}: callers "
                "would meet the usual hours. Write its last day."
            )
            yield Problem(path=(*path, "until"), message=message, related=((*path, "day"),))
        elif item.days and item.days[1] < subject.today:
            message = (
                f"the exception is over since {item.until or item.day} and changes nothing for "
                "callers any more. Remove it."
            )
            yield warning((*path, "day"), message, (*path, "until"))


def _exceptions_once(subject: Subject) -> Iterator[Problem]:
    for path, timetable in _timetables(subject):
        spans: list[_Stretch] = [
            (item.days[0].toordinal(), item.days[1].toordinal() + 1, (*path, "exceptions", index))
            for index, item in enumerate(timetable.exceptions)
            if item.days
        ]
        for one, other in _met(sorted(spans, key=lambda item: item[:2])):
            message = (
                "another exception holds for the same day: it is open when callers are answered "
                "on it. Leave each day to one of them."
            )
            place = (*max(one, other, key=_index), "day")
            yield Problem(path=place, message=message, related=(one, other))


def _holidays(subject: Subject) -> Iterator[Problem]:
    days = [(("calendar", "days", index), day) for index, day in enumerate(_days(subject))]
    for path, day in days:
        consequence = "callers would be kept for desks at which nobody sits on that holiday"
        yield from _missing_day((*path, "day"), day, consequence)
    yield from twice(((*path, "day"), day) for path, day in days)


def _days(subject: Subject) -> Iterator[str]:
    yield from (item.day for item in subject.rules.calendar.days)


def _missing_day(path: FieldPath, day: str, consequence: str) -> Iterator[Problem]:
    if gregorian(day) is None:
        message = (
            f"there is no day {day} in the Jalali calendar, so {consequence}. Write a day that "
            "exists."
        )
        yield Problem(path=path, message=message)


def _until(subject: Subject) -> Iterator[Problem]:
    calendar, path = subject.rules.calendar, ("calendar", "until")
    special = [item.id for _, item in _timetables(subject) if item.on_holidays is not None]
    if calendar.until is None:
        if special:
            yield Problem(path=path, message=_no_calendar(special), related=(_ON_HOLIDAYS,))
        return
    if calendar.last_day is None:
        consequence = "nobody would be warned before callers meet holidays that nobody listed"
        yield from _missing_day(path, calendar.until, consequence)
        return
    left = (calendar.last_day - subject.today).days
    if left < 0:
        message = f"the calendar ended on {calendar.until}: {_unlisted(special)}"
        if special:
            yield Problem(path=path, message=message, related=(_ON_HOLIDAYS,))
        else:
            yield warning(path, message, _ON_HOLIDAYS)
    elif left <= CALENDAR_ALARM_DAYS:
        message = f"the calendar ends on {calendar.until}, in {left} days: {_unlisted(special)}"
        yield warning(path, message, _ON_HOLIDAYS)


def _no_calendar(special: list[str]) -> str:
    return (
        "nobody says up to which day the holidays are listed, and other hours on holidays are "
        f"written for {', '.join(special)}: callers would be kept for desks at which nobody sits. "
        "Add 'calendar' with 'until' and the holidays."
    )


def _unlisted(special: list[str]) -> str:
    mend = "Add the holidays of the next year and move 'until'."
    if special:
        return (
            f"after that every holiday counts as a working day for {', '.join(special)}, and "
            f"callers are kept for desks at which nobody sits. {mend}"
        )
    return f"no centre's hours depend on holidays yet; once they do, callers would suffer. {mend}"


def _proposals(subject: Subject) -> Iterator[Problem]:
    """One question for all: whoever looks one day up has the whole year before them."""
    open_days = [
        (("calendar", "days", index, "proposal"), item.day)
        for index, item in enumerate(subject.rules.calendar.days)
        if item.proposal and (day := gregorian(item.day)) and day >= subject.today
    ]
    if open_days:
        ask = (
            f"are these {len(open_days)} holidays right? They are computed, and the moon may "
            f"shift each by a day: {', '.join(day for _, day in open_days)}."
        )
        meanwhile = (
            "centres that have other hours on holidays go by them; a day that is wrong sends their "
            "callers to the wrong desk for a day. Remove 'proposal' from what is confirmed"
        )
        text = asked_of(subject, ask, meanwhile, _CALENDAR_CENTRE)
        yield question(open_days[0][0], text, *(path for path, _ in open_days[1:]))


HOUR_CHECKS = (
    _names,
    _used,
    _ever_open,
    _overlaps,
    _exception_days,
    _exceptions_once,
    _holidays,
    _until,
    _proposals,
)
