"""What provinces have in common, written once in `common.yaml` beside their files.

A province's own file goes first: a list or a field that it has replaces the common one.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ivr.rules.document import Document, Plain, parse, read_text
from ivr.rules.findings import FieldPath, Finding, Problem, locate
from ivr.rules.judging import did_you_mean

COMMON_FILE = "common.yaml"
SHARED = (
    "steps",
    "shifts",
    "limits",
    "priority",
    "conversation",
    "location",
    "skills",
    "hours",
    "calendar",
    "categories",
    "outcomes",
    "menus",
)


@dataclass(slots=True)
class Common:
    """The common file as read, and which fields of a province's document come from it."""

    file: Path
    document: Document
    borrowed: set[FieldPath] = field(default_factory=set)

    def lend_to(self, document: Document) -> None:
        """Fill in what `document` does not say itself."""
        ours, theirs = self.document.data, document.data
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            return
        for name in SHARED:
            if name in ours:
                self._lend(theirs, (), name, ours[name])

    def _lend(self, table: dict[str, Plain], path: FieldPath, name: str, value: Plain) -> None:
        """Tables are joined field by field, so that what is missing is missed in the right file."""
        own = table.setdefault(name, {}) if isinstance(value, dict) and not path else None
        if isinstance(own, dict) and isinstance(value, dict):
            for field_name, inner in value.items():
                self._lend(own, (name,), field_name, inner)
        elif name not in table:
            table[name] = value
            self.borrowed.add((*path, name))

    def findings(self) -> list[Finding]:
        """What is wrong with the file itself."""
        problems = [*self.document.problems, *self._misplaced()]
        return [locate(problem, self.file, self.document.lines) for problem in problems]

    def _misplaced(self) -> list[Problem]:
        data = self.document.data
        if not isinstance(data, dict):
            unread = data is None and self.document.problems
            message = "no table of fields. Write what the provinces share, section by section."
            return [] if unread else [Problem(path=(), message=message)]
        return [
            Problem(
                path=(name,),
                message="only a province's own file can say this. " + did_you_mean(name, SHARED),
            )
            for name in data
            if name not in SHARED
        ]

    def lends(self, path: FieldPath) -> bool:
        """Whether what stands at `path` of a province's document was written in the common file."""
        return any(path[:end] in self.borrowed for end in range(1, len(path) + 1))


def common_beside(file: Path) -> Common | None:
    """The common file of the folder, if there is one; raises RulesError where it is no text."""
    path = file.with_name(COMMON_FILE)
    return Common(path, parse(read_text(path))) if path.exists() else None
