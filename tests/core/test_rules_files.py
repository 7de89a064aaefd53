"""Broken rules files: `#!` comments in each say what must be found, and nothing else may be."""

import re
from datetime import date
from pathlib import Path

import pytest

from ivr.errors import RulesError
from ivr.rules.load import inspect, load_rules

DATA = Path(__file__).parent / "data"
TODAY = date(2026, 11, 22)
EXPECTATION = re.compile(r"#! (?:at (\d+) )?(error|warning|question): ((?:(?! #! ).)+)")


def expectations(file: Path) -> list[tuple[int, str, str]]:
    """(line, severity, part of the message) of each comment, wherever it stands."""
    return [
        (int(at or number), severity, fragment.strip())
        for number, line in enumerate(file.read_text("utf-8").split("\n"), start=1)
        for at, severity, fragment in EXPECTATION.findall(line)
    ]


@pytest.mark.parametrize("name", sorted(file.stem for file in DATA.glob("*.yaml")))
def test_every_mistake_is_found_in_its_line(name: str) -> None:
    file = DATA / f"{name}.yaml"
    unexplained = list(inspect(file, TODAY).findings)
    for line, severity, fragment in expectations(file):
        fitting = [
            finding
            for finding in unexplained
            if finding.line == line and finding.severity == severity and fragment in str(finding)
        ]
        assert fitting, f"line {line}: no {severity} with {fragment!r} among " + "\n".join(
            str(finding) for finding in unexplained
        )
        unexplained.remove(fitting[0])
    assert [str(finding) for finding in unexplained] == []


def test_the_data_holds_files_that_are_broken_in_every_way() -> None:
    assert sum(len(expectations(file)) for file in DATA.glob("*.yaml")) > 60


def test_loading_lists_all_errors_in_one_go() -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(DATA / "types.yaml")
    message = str(caught.value)
    errors = [item for item in expectations(DATA / "types.yaml") if item[1] == "error"]
    assert message.count("types.yaml:") == len(errors)
    assert "types.yaml:1: id: 'Qom'" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"id: qom\nname_fa: \xff\n", "bad.yaml:2: file: not UTF-8"), (b"x" * 1_000_001, "larger")],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(RulesError, match=expected):
        inspect(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="cannot be read"):
        load_rules(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["[" * 5000, "a: &a [*a]", "{" * 3000, "- " * 3000, "\ufeff"])
def test_yaml_that_has_no_end_is_a_mistake_like_any_other(tmp_path: Path, text: str) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text(text, "utf-8")
    assert inspect(file, TODAY).rules is None
    assert inspect(file, TODAY).findings
