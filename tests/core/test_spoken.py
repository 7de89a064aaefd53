"""Spoken numbers: against tables written out, and read back by a reader that shares no code."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import spoken
from ivr.prompts.catalogue import load_catalogue

DATA = Path(__file__).parent / "data"
CATALOGUE = load_catalogue(Path(__file__).resolve().parents[2] / "prompts" / "fa")
GROUPS = ("numbers", "numbers-joined", "ordinals", "number-sentences")
NAMES = """
1 یک 2 دو 3 سه 4 چهار 5 پنج 6 شش 7 هفت 8 هشت 9 نه 10 ده 11 یازده 12 دوازده 13 سیزده 14 چهارده
15 پانزده 16 شانزده 17 هفده 18 هجده 19 نوزده 20 بیست 30 سی 40 چهل 50 پنجاه 60 شصت 70 هفتاد
80 هشتاد 90 نود 100 صد 200 دویست 300 سیصد 400 چهارصد 500 پانصد 600 ششصد 700 هفتصد 800 هشتصد
900 نهصد
"""
VALUES = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", NAMES)}


def text(ids: Iterable[str]) -> str:
    """What is heard, as the catalogue writes it."""
    return " ".join(CATALOGUE.prompts[prompt_id].text for prompt_id in ids)


def read_below_thousand(words: str) -> int:
    values = [VALUES[word] for word in words.split(" و ")]
    kinds = [(value >= 20) + (value >= 100) for value in values]
    assert kinds == sorted(set(kinds), reverse=True), f"{words}: hundreds, tens, units, each once"
    assert len(values) == 1 or not 10 <= values[-1] < 20 or values[-2] >= 100, words
    return sum(values)


def read(words: str) -> int:
    """The number that words say; anything but the one right way of saying it fails."""
    if words == "صفر":
        return 0
    form = re.fullmatch(r"(?:(?P<many>.+) )?هزار(?: و (?P<rest>.+))?", words)
    if not form:
        return read_below_thousand(words)
    many = read_below_thousand(form["many"]) if form["many"] else 1
    assert many > 1 or not form["many"], f"{words}: one thousand is «هزار» alone"
    return 1000 * many + (read_below_thousand(form["rest"]) if form["rest"] else 0)


def table(name: str) -> list[tuple[int, str]]:
    lines = (DATA / name).read_text("utf-8").splitlines()
    return [(int(number), words) for number, words in (line.split("\t") for line in lines)]


@pytest.mark.parametrize(
    ("words", "number"), [("هزار و یک", 1001), ("صد هزار و دوازده", 100_012), ("نود و نه", 99)]
)
def test_the_reader_reads(words: str, number: int) -> None:
    assert read(words) == number


@pytest.mark.parametrize(
    "words", ["یک هزار", "سه و بیست", "بیست سه", "بیست و و سه", "صد و هزار", "بیست و ده", "سه و سه"]
)
def test_the_reader_refuses(words: str) -> None:
    with pytest.raises((KeyError, AssertionError)):
        read(words)


def test_cardinals_as_written_out() -> None:
    rows = table("spoken_numbers.txt")
    assert len(rows) >= 250
    assert {number for number, _ in rows} >= set(range(121))
    assert [(number, text(spoken.cardinal(number))) for number, _ in rows] == rows


def test_the_written_table_says_its_numbers() -> None:
    for number, words in table("spoken_numbers.txt"):
        assert read(words) == number


def test_every_number_to_ten_thousand_reads_back() -> None:
    for number in range(10_001):
        assert read(text(spoken.cardinal(number))) == number


@given(st.integers(0, spoken.LARGEST))
def test_any_number_reads_back(number: int) -> None:
    assert read(text(spoken.cardinal(number))) == number


def test_ordinals_as_written_out() -> None:
    rows = table("spoken_ordinals.txt")
    assert [number for number, _ in rows] == list(range(1, 101))
    assert [(number, text(spoken.ordinal(number))) for number, _ in rows] == rows


@pytest.mark.parametrize(
    ("say", "number", "words"),
    [
        (spoken.minutes, 0, "کمتر از یک دقیقه"),
        (spoken.minutes, 1, "یک دقیقه"),
        (spoken.minutes, 25, "بیست و پنج دقیقه"),
        (spoken.about_minutes, 0, "کمتر از یک دقیقه"),
        (spoken.about_minutes, 1, "یک دقیقه"),
        (spoken.about_minutes, 5, "حدود پنج دقیقه"),
        (spoken.about_minutes, 120, "حدود صد و بیست دقیقه"),
        (spoken.position, 1, "شما نفر اول صف هستید."),
        (spoken.position, 23, "شما نفر بیست و سوم صف هستید."),
        (spoken.position, 30, "شما نفر سی‌ام صف هستید."),
        (spoken.position, 100, "شما نفر صدم صف هستید."),
        (spoken.position, 101, "دست‌کم صد نفر پیش از شما در صف هستند."),
    ],
)
def test_sentences(say: Callable[[int], tuple[str, ...]], number: int, words: str) -> None:
    assert text(say(number)) == words


@pytest.mark.parametrize(
    ("say", "number"),
    [
        (spoken.cardinal, -1),
        (spoken.cardinal, 1_000_000),
        (spoken.ordinal, 0),
        (spoken.ordinal, 101),
        (spoken.minutes, -1),
        (spoken.about_minutes, -1),
        (spoken.position, 0),
    ],
)
def test_what_has_no_spoken_form_is_refused(
    say: Callable[[int], tuple[str, ...]], number: int
) -> None:
    with pytest.raises(ValueError, match=rf"{number} has no spoken form"):
        say(number)


def test_every_word_of_numbers_is_said_in_some_number() -> None:
    """The groups of the catalogue hold the words of numbers, all of them and no other."""
    said = {i for number in range(1001) for i in spoken.cardinal(number)} | {"num-1000-o"}
    said |= {i for number in range(1, 102) for i in spoken.position(number)}
    said |= {i for number in range(3) for i in spoken.expected_wait(number)}
    assert said == {i for group in GROUPS for i in CATALOGUE.members(group)}
