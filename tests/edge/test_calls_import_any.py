"""Whatever a file of earlier records holds is read, or named as wrong: nothing else is raised."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls_import import ImportSetting, LineReader
from ivr.deployment import from_files
from ivr.errors import BadInput
from ivr.import_columns import BY_NAME, COLUMNS, RecordKind
from ivr.import_files import FileLine, read_lines
from ivr.outcomes import OutcomeId
from ivr.settings import Settings
from ivr.store.calls_import import ImportedCall, ImportedTrip, ImportedVisit

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = {
    RecordKind.CALL: ImportedCall,
    RecordKind.DISPATCH: ImportedTrip,
    RecordKind.VISIT: ImportedVisit,
}
WORDS = st.one_of(
    st.sampled_from([column.example for column in COLUMNS]),
    st.sampled_from([*OutcomeId, "qazvin", "qazvin-avaj", "1403/02/01 25:00", "1403/02/01", ":;:"]),
    st.text(max_size=12),
)
VALUES = st.dictionaries(st.sampled_from(sorted(BY_NAME)), WORDS)


@cache
def reader() -> LineReader:
    rules = {one.id: one for one in from_files(Settings()).rules}
    return LineReader(ImportSetting(rules=rules, by="admin", now=NOW))


@given(VALUES)
def test_a_line_becomes_a_record_or_is_named_as_wrong(values: dict[str, str]) -> None:
    read = reader().read(FileLine(7, values))
    assert (read.record is None) == bool(read.problems)
    for problem in read.problems:
        assert problem.line == 7
        assert problem.what
        assert problem.column in BY_NAME


@pytest.mark.parametrize("kind", RecordKind)
def test_the_examples_of_the_schema_are_right(kind: RecordKind) -> None:
    values = {one.name: one.example for one in COLUMNS if kind in one.of} | {"record": kind.value}
    for name in ("until_at", "end", "joined_at", "cancelled_at"):  # not beside all the others
        values.pop(name, None)
    values["at"] = "1400/01/15 08:30"
    read = reader().read(FileLine(2, values))
    assert read.problems == ()
    assert isinstance(read.record, KINDS[kind])


@pytest.mark.parametrize(
    ("column", "value"), [("note", "ب" * 4001), ("persons", "1;" * 21), ("persons", "0")]
)
def test_too_long_or_too_many_is_named(column: str, value: str) -> None:
    values = {"county": "qazvin-avaj", "at": "1403/02/01", "outcomes": "phone_resolved"}
    read = reader().read(FileLine(2, values | {column: value}))
    assert [problem.column for problem in read.problems] == [column]


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_no_file_of_records(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    _read(tmp_path_factory.getbasetemp() / "bytes", content)


@given(st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=4))
def test_any_json_is_lines_or_is_named_as_wrong(
    tmp_path_factory: pytest.TempPathFactory, values: list[object]
) -> None:
    lines = [json.dumps(value) + "\n" + json.dumps({"at": value}) for value in values]
    path = tmp_path_factory.getbasetemp() / "records.jsonl"
    for line in _read(path, "\n".join(lines).encode()):
        assert line.problems or line.values is not None


def _read(path: Path, content: bytes) -> list[FileLine]:
    path.write_bytes(content)
    try:
        return list(read_lines(path))
    except BadInput:
        return []


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_kept_apart_as_spreadsheets_do(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "records"
    write: Callable[..., str] = separator.join
    rows = [write(("at", "county", "note")), write(("1403/02/01", "qazvin-avaj", '"a,b;c\td\ne"'))]
    path.write_text("\n".join(rows), encoding="utf-8")
    (line,) = read_lines(path)
    assert line.values["note"] == "a,b;c\td\ne"
    assert line.number == 3, "the line on which the record ends"
