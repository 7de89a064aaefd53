"""What is wrong with a file that people write, and where."""

from collections.abc import Iterable, Iterator, Mapping
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

    `related` are further places that the judgement rests on, "*" standing for any item of a
    list. `line` is set where there is no field to point at.
    """

    path: FieldPath
    message: str
    severity: Severity = Severity.ERROR
    related: tuple[FieldPath, ...] = ()
    line: int | None = None

    def rests_on(self, broken: FieldPath) -> bool:
        """Whether the judgement is worth nothing, because what it rests on is itself broken."""
        itself = self.path[: len(broken)] == broken
        return itself or any(_touch(place, broken) for place in self.related)


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
    """Whether one of the places lies within the other."""
    return all(ours in {theirs, "*"} for ours, theirs in zip(one, other, strict=False))


def without_echoes(judged: Iterable[Problem], certain: Iterable[Problem]) -> Iterator[Problem]:
    """The judgements that do not merely follow from a mistake that is already certain."""
    broken = [problem.path for problem in certain]
    return (one for one in judged if not any(one.rests_on(path) for path in broken))
