"""Roster files: what they mean, and that every mistake is named with line and field."""

from pathlib import Path

import pytest

from ivr.calendar import plain_minute
from ivr.errors import BadInput
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.roster_files import FORMAT, DeskWeek, read_roster

DESKS = {DeskId("markazi-saveh"): ProvinceId("markazi"), DeskId("ilam"): ProvinceId("ilam")}
PEOPLE = {CounsellorId(name): True for name in ("saveh-1", "saveh-2", "arak-1")} | {
    CounsellorId("left-1"): False
}


def read(tmp_path: Path, text: str) -> DeskWeek:
    file = tmp_path / "week.yaml"
    file.write_text(text, "utf-8")
    return read_roster(file, DESKS, PEOPLE)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    first, *lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert first == "this roster cannot be used:"
    return [line.strip() for line in lines]


def lines_of(week: DeskWeek) -> list[tuple[str, str, str, str]]:
    return [
        (one.counsellor, one.kind.value, plain_minute(one.from_at), plain_minute(one.until_at))
        for one in week.entries
    ]


def test_the_form_that_the_help_shows_is_read(tmp_path: Path) -> None:
    week = read(tmp_path, FORMAT)
    assert (week.desk, str(week.week)) == ("markazi-saveh", "1405/36")
    assert lines_of(week) == [
        ("saveh-1", "desk", "1405/08/30 07:00", "1405/08/30 14:00"),
        ("saveh-2", "desk", "1405/08/30 07:00", "1405/08/30 14:00"),
        ("saveh-1", "desk", "1405/08/30 22:00", "1405/09/01 07:00"),
        ("arak-1", "on_call", "1405/09/06 00:00", "1405/09/07 00:00"),
    ]
    assert week.entries[1].source == (f"{tmp_path}/week.yaml:5: shifts.saturday.07:00-14:00[2]")


@pytest.mark.parametrize("day", ["sunday", "Sunday", "یکشنبه", "یک‌شنبه", "يكشنبه", "یک شنبه"])
def test_days_are_named_in_english_or_persian(tmp_path: Path, day: str) -> None:
    week = read(
        tmp_path,
        f"desk: ilam\nweek: ۱۴۰۵/۳۶\nshifts:\n  {day}:\n    ۷:۰۰ – ۱۴:۰۰: [arak-1]\n",
    )
    assert lines_of(week) == [("arak-1", "desk", "1405/09/01 07:00", "1405/09/01 14:00")]


def test_a_night_over_nowruz_and_the_leap_day(tmp_path: Path) -> None:
    week = read(
        tmp_path,
        "desk: ilam\nweek: 1403-12-30\nshifts:\n  thursday:\n    22:00-07:00: [arak-1]\n"
        "  friday:\n    07:00-07:00: [arak-1]\n",
    )
    assert lines_of(week) == [
        ("arak-1", "desk", "1403/12/30 22:00", "1404/01/01 07:00"),
        ("arak-1", "desk", "1404/01/01 07:00", "1404/01/02 07:00"),
    ]


BROKEN = """\
desk: markazi-saweh
week: 1405/60
shift: {}
shifts:
  saturday:
    07:00-14: [saveh-1]
    14:00-22:00: [saveh-9, left-1]
  شنبه:
    22:00-07:00: saveh-1
  someday:
    22:60-07:00: [Saveh 1]
on_call:
  monday:
    24:00-07:00: [saveh-1]
  friday: all
"""


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, BROKEN)
    places = [line.split(": ")[0:2] for line in found]
    assert places == [
        ["week.yaml:1", "desk"],
        ["week.yaml:2", "week"],
        ["week.yaml:3", "shift"],
        ["week.yaml:6", "shifts.saturday.07:00-14"],
        ["week.yaml:7", "shifts.saturday.14:00-22:00[1]"],
        ["week.yaml:7", "shifts.saturday.14:00-22:00[2]"],
        ["week.yaml:8", "shifts.شنبه"],
        ["week.yaml:9", "shifts.شنبه.22:00-07:00"],
        ["week.yaml:10", "shifts.someday"],
        ["week.yaml:11", "shifts.someday.22:60-07:00"],
        ["week.yaml:11", "shifts.someday.22:60-07:00[1]"],
        ["week.yaml:14", "on_call.monday.24:00-07:00"],
        ["week.yaml:15", "on_call.friday"],
    ]
    said = " ".join(found)
    for words in (
        "Did you mean markazi-saveh?",
        "'1405/60' is no week",
        "Did you mean shifts?",
        "saveh-9 is not among the people. Did you mean saveh-",
        "left-1 is disabled",
        "the same day as 'saturday'",
        "'someday' is no day. Write saturday",
        "Write them as 07:00-14:00",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("desk: [", "not YAML"),
        ("- desk", "is not a table"),
        ("desk: ilam\nweek: 1405/36\n", "there is nobody in it"),
        ("week: 1405/36\nshifts: {}\n", "desk: is missing"),
        (
            "desk: ilam\nweek: 1405/36\nshifts:\n  friday:\n    7:00-8:00: [arak-1, arak-1]\n",
            "twice at once",
        ),
    ],
)
def test_nothing_of_a_broken_file_is_used(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in line for line in mistakes(tmp_path, text))


def test_who_is_there_twice_at_once_is_named_in_both_lines(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, FORMAT.replace("22:00-07:00", "13:00-07:00"))
    assert line.startswith("week.yaml:6: shifts.saturday.13:00-07:00[1]: saveh-1 would be")
    assert line.endswith("(week.yaml:5: shifts.saturday.07:00-14:00[1])")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml: cannot be read"):
        read_roster(tmp_path / "none.yaml", DESKS, PEOPLE)
