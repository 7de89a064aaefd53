"""Rosters as people write them: one desk's week in a YAML file, every mistake with its place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ivr.duty import DutyKind
from ivr.errors import BadInput
from ivr.jalali import WEEKDAYS, JalaliWeek, in_tehran, parse_week
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.rosters import NewEntry, clashes, unfit_person
from ivr.rules.document import parse, read_text
from ivr.rules.fields import ID, Record
from ivr.rules.findings import FieldPath, Finding, Problem, locate, without_echoes
from ivr.rules.judging import did_you_mean
from ivr.rules.validation import validate
from ivr.text import search_key, to_ascii_digits

FORMAT = """\
desk: markazi-saveh
week: 1405/36                 # or a day in it; weeks begin on Saturday
shifts:                       # who is at the desk
  saturday:                   # or شنبه
    "07:00-14:00": [saveh-1, saveh-2]
    "22:00-07:00": [saveh-1]  # over midnight, into Sunday
on_call:                      # who is rung at home
  friday:
    "00:00-24:00": [arak-1]
"""

_PERSIAN_DAYS = ("شنبه", "یکشنبه", "دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_DAY_MINUTES = 24 * 60

People = tuple[Annotated[CounsellorId, Field(pattern=ID)], ...]
Days = dict[str, dict[str, People]]  # day → hours → people


class RosterFile(Record):
    desk: Annotated[DeskId, Field(pattern=ID)] = Field(description="the desk whose week it is")
    week: str = Field(description="the Jalali week, such as 1405/36")
    shifts: Days = Field(
        default_factory=dict, description="who is at the desk, by day of the week and hours"
    )
    on_call: Days = Field(
        default_factory=dict, description="who is on call at home, by day of the week and hours"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskWeek:
    """One file's week of one desk; each entry says in which line it stands."""

    desk: DeskId
    week: JalaliWeek
    entries: tuple[NewEntry, ...]


def read_roster(
    file: Path,
    known_desks: Mapping[DeskId, ProvinceId],
    people: Mapping[CounsellorId, bool],
) -> DeskWeek:
    """The roster in `file`; `people` says of everybody whether they are enabled.

    Raises BadInput that lists all mistakes with file, line and field.
    """
    document = parse(read_text(file))
    problems = list(document.problems)
    if document.data is not None or not problems:
        reading = validate(document, RosterFile, {"desk": "x", "week": "1405/01"})
        problems += reading.problems
        if reading.model:
            judged = map(reading.restored, _problems_of(reading.model, known_desks, people))
            problems += without_echoes(judged, problems)
        if reading.model and not problems:
            return _desk_week(reading.model, file, document.lines)
    findings = sorted({locate(problem, file, document.lines) for problem in problems})
    raise BadInput("this roster cannot be used:\n  " + "\n  ".join(map(str, findings)))


def _problems_of(
    roster: RosterFile,
    known_desks: Mapping[DeskId, ProvinceId],
    people: Mapping[CounsellorId, bool],
) -> Iterator[Problem]:
    if roster.desk not in known_desks:
        hint = did_you_mean(roster.desk, known_desks)
        yield Problem(path=("desk",), message=f"'{roster.desk}' is no desk. {hint}")
    if _week(roster.week) is None:
        message = f"'{roster.week}' is no week. Write year and number, such as 1405/36."
        yield Problem(path=("week",), message=message)
    if not roster.shifts and not roster.on_call:
        message = "there is nobody in it. Write shifts, on_call or both."
        yield Problem(path=("shifts",), message=message)
    yield from _day_problems("shifts", roster.shifts)
    yield from _day_problems("on_call", roster.on_call)
    for path, person in _named(roster):
        if wrong := unfit_person(person, people):
            hint = did_you_mean(person, people) if person not in people else "Name somebody else."
            yield Problem(path=path, message=f"{wrong}. {hint}")


def _day_problems(table: str, days: Days) -> Iterator[Problem]:
    written: dict[int, str] = {}
    for name, hours in days.items():
        day = _weekday(name)
        if day is None:
            message = f"'{name}' is no day. Write {', '.join(WEEKDAYS)}, or the Persian name."
            yield Problem(path=(table, name), message=message)
        elif day in written:
            message = f"the same day as '{written[day]}'. Put both together."
            yield Problem(path=(table, name), message=message)
        else:
            written[day] = name
        for text in hours:
            if _minutes(text) is None:
                message = f"'{text}' are no hours. Write them as 07:00-14:00 or 22:00-07:00."
                yield Problem(path=(table, name, text), message=message)


def _named(roster: RosterFile) -> Iterator[tuple[FieldPath, CounsellorId]]:
    for table, days in (("shifts", roster.shifts), ("on_call", roster.on_call)):
        for day, hours in days.items():
            for text, names in hours.items():
                for number, name in enumerate(names):
                    yield (table, day, text, number), name


def _desk_week(roster: RosterFile, file: Path, lines: Mapping[FieldPath, int]) -> DeskWeek:
    week = parse_week(roster.week)
    entries = []
    for path, person in _named(roster):
        table, day, hours, _ = path
        begins, ends = _minutes(str(hours)) or (0, 0)
        date = week.day(_weekday(str(day)) or 0)
        place = locate(Problem(path=path, message=""), file, lines)
        entries.append(
            NewEntry(
                desk=roster.desk,
                counsellor=person,
                kind=DutyKind.ON_CALL if table == "on_call" else DutyKind.DESK,
                from_at=in_tehran(date, begins),
                until_at=in_tehran(date, ends),
                source=_place(place),
            )
        )
    if twice := list(clashes(entries, ())):
        raise BadInput("this roster cannot be used:\n  " + "\n  ".join(twice))
    return DeskWeek(desk=roster.desk, week=week, entries=tuple(entries))


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}: {finding.field}"


def _week(text: str) -> JalaliWeek | None:
    try:
        return parse_week(text)
    except BadInput:
        return None


def _weekday(name: str) -> int | None:
    """0 for Saturday; in English or Persian, with or without half-spaces."""
    key = search_key(name).replace(" ", "")
    for names in (WEEKDAYS, _PERSIAN_DAYS):
        keys = [search_key(known).replace(" ", "") for known in names]
        if key in keys:
            return keys.index(key)
    return None


def _minutes(text: str) -> tuple[int, int] | None:
    """Minutes after midnight of begin and end; what ends no later than it begins, ends next day."""
    match = _HOURS.fullmatch(to_ascii_digits(text).strip())
    if match is None:
        return None
    begins, ends = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    wrong_minutes = int(match[2]) > 59 or int(match[4]) > 59
    if wrong_minutes or begins >= _DAY_MINUTES or ends > _DAY_MINUTES:
        return None
    return begins, ends if ends > begins else ends + _DAY_MINUTES
