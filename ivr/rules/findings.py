"""What is wrong with a file that people write, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

FieldPath = tuple[str | int, ...]  # as pydantic's `loc`: ("counties", 3, "centre", "state")


class Severity(StrEnum):
    ERROR = "error"  # the file is not used
    WARNING = "warning"  # used, but somebody should look
    QUESTION = "question"  # the sources do not say; the province must


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake before its line is known.

    `related` are further places that the judgement rests on: where one of them is itself broken,
    the judgement is worth nothing. `line` is set where there is no field to point at.
    """

    path: FieldPath
    message: str
    severity: Severity = Severity.ERROR
    related: tuple[FieldPath, ...] = ()
    line: int | None = None

    def rests_on(self, broken: Iterable[FieldPath]) -> bool:
        places = (self.path, *self.related)
        return any(_touch(place, other) for other in broken for place in places)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One mistake as people read it: file, line, field, what is wrong and how to mend it."""

    file: str
    line: int
    field: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        label = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        return f"{self.file}:{self.line}: {self.field}: {label}{self.message}"


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def field_name(path: FieldPath) -> str:
    """The path as people write it: `counties[3].centre.state`, items counted from 1."""
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).lstrip(".") or "file"


def locate(problem: Problem, file: Path, lines: Mapping[FieldPath, int]) -> Finding:
    """The problem with the line of its field, or of the nearest place around it."""
    path = problem.path
    while path and path not in lines:
        path = path[:-1]
    return Finding(
        file=str(file),
        line=problem.line or lines.get(path, 1),
        field=field_name(problem.path),
        severity=problem.severity,
        message=problem.message,
    )


def _touch(one: FieldPath, other: FieldPath) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
