"""Files of earlier records, read line by line: CSV or JSON lines, of any length.

UTF-8 with or without a byte-order mark. The content decides where the name's end does not.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ivr.errors import BadInput
from ivr.import_columns import BY_NAME
from ivr.text import clean

_JSON_ENDS = {".jsonl", ".ndjson", ".json"}
_CSV_ENDS = {".csv", ".tsv"}
_SEPARATORS = ",;\t"
_NAMES = ", ".join(BY_NAME)
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong with one line, with the mend. `column` is empty where it is the whole line."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        return f"line {self.line}{column}: {self.what}"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line's values by column, cleaned, empty ones left out; or what keeps it from being read."""

    number: int
    values: Values
    problems: tuple[LineProblem, ...] = ()


def read_lines(path: Path) -> Iterator[FileLine]:
    """The file's records, one after the other; raises BadInput where it cannot be read at all."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (_json_lines(file) if _is_json(path, file) else _csv_lines(path, file))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); nothing was saved.") from None
    except UnicodeDecodeError:
        raise BadInput(
            f"{path} is not UTF-8; nothing was saved. Save it as UTF-8 (in Excel: «CSV UTF-8»)."
        ) from None
    except csv.Error as error:
        raise BadInput(
            f"{path} is no CSV that can be read ({error}); nothing was saved. Is a quotation mark "
            "left open?"
        ) from None


def _is_json(path: Path, file: TextIO) -> bool:
    end = path.suffix.lower()
    if end in _JSON_ENDS | _CSV_ENDS:
        return end in _JSON_ENDS
    begins = file.read(4096).lstrip()
    file.seek(0)
    return begins.startswith("{")


def _csv_lines(path: Path, file: TextIO) -> Iterator[FileLine]:
    first = file.readline()
    separator = max(_SEPARATORS, key=first.count)
    names = [clean(name).lower() for name in next(csv.reader([first], delimiter=separator), [])]
    _check_names(path, names)
    reader = csv.reader(file, delimiter=separator)
    for row in reader:
        if any(value.strip() for value in row):
            yield _csv_line(reader.line_num + 1, names, row)


def _csv_line(number: int, names: Sequence[str], row: Sequence[str]) -> FileLine:
    if len(row) != len(names):
        what = f"it has {len(row)} values and the first line names {len(names)} columns; "
        what += "a value that holds the separator stands in quotation marks"
        return FileLine(number, {}, (LineProblem(number, "", what),))
    return FileLine(number, _filled(zip(names, row, strict=True)))


def _check_names(path: Path, names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in BY_NAME]
    twice = sorted({name for name in names if names.count(name) > 1})
    if unknown or twice or "at" not in names:
        what = f"unknown: {', '.join(map(repr, unknown))}" if unknown else "at is missing"
        what = f"twice: {', '.join(twice)}" if twice else what
        raise BadInput(
            f"{path}, line 1 must name the columns ({what}); nothing was saved. They are: {_NAMES}."
        )


def _json_lines(file: TextIO) -> Iterator[FileLine]:
    for number, text in enumerate(file, start=1):
        if text.strip():
            yield _json_line(number, text)


def _json_line(number: int, text: str) -> FileLine:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _bad(number, "", f"it is no JSON ({error}); write one object a line")
    if not isinstance(found, dict):
        return _bad(number, "", "it is no JSON object; write one object a line")
    unknown = [name for name in found if name not in BY_NAME]
    if unknown:
        return _bad(number, "", f"there is no column {unknown[0]!r}; they are: {_NAMES}")
    wrong = [name for name, value in found.items() if _plain(value) is None]
    if wrong:
        return _bad(number, wrong[0], "write a text, a number, or a list of texts")
    return FileLine(number, _filled((name, _plain(value) or "") for name, value in found.items()))


def _bad(number: int, column: str, what: str) -> FileLine:
    return FileLine(number, {}, (LineProblem(number, column, what),))


def _plain(value: object) -> str | None:
    """As CSV would have it; None for what has no place in a line."""
    if value is None:
        return ""
    if isinstance(value, list):
        parts = [_plain(part) for part in value if not isinstance(part, list)]
        return ";".join(part or "" for part in parts) if None not in parts else None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _filled(pairs: Iterable[tuple[str, str]]) -> Values:
    """U+0000 has no place in PostgreSQL, half surrogate pairs in no UTF-8."""
    texts = ((name, _text(value)) for name, value in pairs if value)
    return {name: text for name, text in texts if text}


def _text(value: str) -> str:
    if value.isascii():
        return value.replace("\0", "").strip()
    return clean(value.replace("\0", "").encode("utf-8", "ignore").decode("utf-8"))
