"""Whatever stands in a rules file: findings, never a traceback."""

import random
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.duty import NO_BOOK
from ivr.people import load_people
from ivr.publishing import publish_findings
from ivr.rules.counties import gazetteer
from ivr.rules.document import Document, parse
from ivr.rules.findings import errors_of
from ivr.rules.load import inspect, judge
from ivr.settings import PROJECT

GOOD = parse((Path(__file__).parent / "data" / "good.yaml").read_text("utf-8"))
PROVINCES = PROJECT / "deploy" / "provinces"
PEOPLE = load_people(PROJECT / "deploy" / "demo")
TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
JUNK = st.recursive(
    st.none() | st.text(max_size=8) | st.sampled_from(["1", "qom-qom", "open", "۱۴۰۵-۱۲-۳۰"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, value: object = GOOD.data) -> object:
    """The good document with junk at one or several places."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    if isinstance(value, dict):
        changed = draw(st.sampled_from(sorted(value)))
        return value | {changed: draw(spoilt(value[changed]))}
    if isinstance(value, list) and value:
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(spoilt(value[index])), *value[index + 1 :]]
    return draw(JUNK)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=spoilt())
def test_junk_anywhere_is_judged(data: object) -> None:
    rules, problems = judge(Document(data=data, lines=GOOD.lines), gazetteer(), TODAY)
    assert rules is not None or problems
    assert all(problem.message for problem in problems)


@given(text=st.text() | st.text(st.sampled_from("a:-[]{}&*!|>'\"#%@`?, \n\t123")))
@example("a: !!python/object:os.system x")
@example("? {a: b}\n: c")
@example("\x00")
@example("null")
def test_any_text_is_judged(text: str) -> None:
    rules, problems = judge(parse(text), gazetteer(), TODAY)
    assert rules is None
    assert problems


# ------------------------------------------------------- mutations of the good files

# What makes a value wrong wherever it stands; each mistake must be named in its own line.
SPOILERS = {
    "a value of another kind": (r"^( *-? *\{?[a-z_0-9]+: )[^\s\[{|>#][^,}#\n]*", r"\1[[]]"),
    "an unknown field": (r"^( *-? *\{?)([a-z_]+)(: )", r"\1\2x\3"),
}
# What each new field may wrongly say; where it stands in none of the files it is put in.
WRONG_VALUES = {
    "ring: ": ("owner", "[own]", "", "12"),
    "lasts_s: ": ("-1", "301", "soon", "nan", "{}"),
    "skilled_s: ": ("-1", "121", "x"),
    "skills: ": (
        "[Chi ld]",
        "[{skill: child, level: 4}]",
        "[{level: 2}]",
        "[[child]]",
        "[nonsense]",
    ),
    "kind: ": ("tongue", "[]", "7"),
    "urgency: ": ("P5", "[]", "high"),
    "centre_level: ": ("0", "4", "two"),
    "contingency: ": ("[nowhere]", "[9, 9]", "arak", "[{county: x}]"),
    "neighbours: ": ("[nowhere]", "[x, x]", "near"),
    "languages: ": ("[latin]", "[[arabic]]", "arabic"),
    "state: ": ("ajar", "[]", ""),
    "hours: ": ("nowhere", "[]", "8-14"),
    "until: ": ("1405-13-01", "1405-12-31", "soon"),
    "day: ": ("1405-13-01", "05-01-01", "[]"),
    "answering: ": ("both", "[]"),
}
PLACES = {
    "skilled_s: ": ("{ring: own, lasts_s: 20}", "{ring: own, lasts_s: 20, skilled_s: 5}"),
    "centre_level: ": ("    urgency: P1\n", "    urgency: P1\n    centre_level: 1\n"),
    "contingency: ": (
        "centre: {state: open, source: derived}\n",
        "centre: {state: open}\n    contingency: []\n",
    ),
    "neighbours: ": (
        "centre: {state: open, source: derived}\n",
        "centre: {state: open}\n    neighbours: []\n",
    ),
    "languages: ": (
        "centre: {state: open, source: derived}\n",
        "centre: {state: open}\n    languages: []\n",
    ),
    "hours: ": (
        "centre: {state: open, source: derived}\n",
        "centre:\n      state: open\n      hours: x\n",
    ),
}
Mutation = tuple[str, str, int]  # file, its new text, the line that is wrong


def mutations() -> Iterator[Mutation]:
    """Every wrong value at its first place, and spoilt lines of all six files, drawn evenly."""
    texts = {file.name: file.read_text("utf-8") for file in sorted(PROVINCES.glob("*.yaml"))}
    for field, values in WRONG_VALUES.items():
        yield from (_wrong(texts, field, value) for value in values)
    draw = random.Random(4)
    for name, text in texts.items():
        for pattern, instead in SPOILERS.values():
            lines = text.split("\n")
            fitting = [
                n for n, line in enumerate(lines) if _is_field(line) and re.search(pattern, line)
            ]
            for index in draw.sample(fitting, min(14, len(fitting))):
                changed = [*lines]
                changed[index] = re.sub(pattern, instead, lines[index])
                yield name, "\n".join(changed), index + 1


def _is_field(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _wrong(texts: dict[str, str], field: str, value: str) -> Mutation:
    if field in PLACES:
        old, new = PLACES[field]
        name = next(name for name, text in texts.items() if old in text)
        text = texts[name].replace(old, new, 1)
    else:
        name = next(name for name, text in texts.items() if _where(text, field) is not None)
        text = texts[name]
    found = _where(text, field)
    assert found is not None, field
    end = re.compile(r"\[[^\]]*\]|[^,}\n#]*").match(text, found)
    assert end
    return name, text[:found] + value + text[end.end() :], text.count("\n", 0, found) + 1


def _where(text: str, field: str) -> int | None:
    match = re.search(rf"^[^#\n]*?(?<![a-z_]){field}", text, re.MULTILINE)
    return match.end() if match else None


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provinces")
    for file in PROVINCES.glob("*.yaml"):
        shutil.copy(file, folder)
    return folder


def test_two_hundred_mistakes_are_each_named_with_their_line(copies: Path) -> None:
    made = list(mutations())
    assert len(made) >= 200
    for name, text, line in made:
        original = (PROVINCES / name).read_text("utf-8")
        (copies / name).write_text(text, "utf-8")
        province = name if name != "common.yaml" else "markazi.yaml"
        errors = errors_of(inspect(copies / province, TODAY).findings)
        lines = {error.line for error in errors if error.file.endswith(name)}
        wrong = text.split("\n")[line - 1]
        assert line in lines, f"{name}:{line}: {wrong}: {[str(error) for error in errors]}"
        (copies / name).write_text(original, "utf-8")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(data=spoilt())
def test_whatever_can_be_read_can_be_looked_at_before_publishing(data: object) -> None:
    """Drafts with errors are kept and looked at like all others."""
    document = Document(data=data, lines=GOOD.lines)
    rules, _ = judge(document, gazetteer(), TODAY)
    if rules:
        assert all(item.message for item in publish_findings(rules, PEOPLE, NO_BOOK, NOON, ()))
