"""Rules from files: everything that is wrong in one go, or rules that the line can go by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from ivr.calendar import TEHRAN
from ivr.errors import RulesError
from ivr.rules.check import check
from ivr.rules.common import COMMON_FILE, Common, common_beside
from ivr.rules.counties import Gazetteer, KnownCounty, KnownProvince, gazetteer
from ivr.rules.document import Document, Plain, parse, read_text
from ivr.rules.findings import (
    FieldPath,
    Finding,
    Problem,
    Severity,
    errors_of,
    locate,
    without_echoes,
)
from ivr.rules.schema import ProvinceRules
from ivr.rules.validation import validate

# Valid values for what a broken file lacks: see `validate`.
_STAND_INS: dict[str, Plain] = {
    "id": "x",
    "name_fa": "x",
    "answering": "county",
    "lines": ["000"],
    "counties": [{"id": "x", "name_fa": "x", "centre": {"state": "open"}}],
    "categories": [{"id": "x", "name_fa": "x", "name_en": "x", "urgency": "P4"}],
    "outcomes": [{"id": "external", "name_fa": "x", "name_en": "x"}],
    "menus": {
        "first_question": {"danger_key": "1", "ordinary_key": "2"},
        "category_choices": [{"key": "1", "categories": ["x"], "prompt": "choice-x"}],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """One file as read, with what it has in common with others.

    `rules` is None where there are errors among the findings, `draft` only where the file says
    something that cannot be read as rules at all.
    """

    file: Path
    lines: Mapping[FieldPath, int]
    rules: ProvinceRules | None
    draft: ProvinceRules | None
    findings: tuple[Finding, ...]


def inspect(path: Path, today: date | None = None) -> Inspection:
    """Read and check one file. Raises RulesError only where there is no text to read."""
    if path.name == COMMON_FILE:
        raise RulesError(
            f"{path}: no province's file, it is judged with each province beside it. Name one of "
            "these, or none for all."
        )
    document = parse(read_text(path))
    common = common_beside(path)
    if common:
        common.lend_to(document)
    draft, problems = _read(document, gazetteer(), today or datetime.now(TEHRAN).date())
    if common is None:
        problems = [*problems, *_nothing_to_borrow(document.data)]
    findings = {_locate(problem, path, document, common) for problem in problems}
    findings.update(common.findings() if common else ())
    return Inspection(
        file=path,
        lines=document.lines,
        rules=None if errors_of(findings) else draft,
        draft=draft,
        findings=tuple(sorted(findings, key=_place)),
    )


def _nothing_to_borrow(data: Plain) -> Iterator[Problem]:
    """Of a province's own file that was copied without the common one beside it."""
    if isinstance(data, dict) and "id" in data and not {"categories", "outcomes"} & data.keys():
        yield Problem(
            path=("id",),
            message=f"it has no categories and no outcomes of its own, and no {COMMON_FILE} stands "
            "beside it. Put it beside that file, or begin with `ivr rules show PROVINCE`, which "
            "prints all that is in force.",
        )


def inspect_all(directory: Path, today: date | None = None) -> list[Inspection]:
    """Every `*.yaml` of a directory, with what is wrong between the files.

    What is wrong in the common file is said once. Raises RulesError where the directory holds no
    province's file.
    """
    files = sorted(file for file in directory.glob("*.yaml") if file.name != COMMON_FILE)
    if not files:
        raise RulesError(
            f"{directory}: no *.yaml file, so no province would be served. Set IVR_RULES_DIR."
        )
    inspections = [inspect(file, today) for file in files]
    clashes = _clashes(inspections)
    said: set[Finding] = set()
    complete = []
    for one in inspections:
        findings = [*one.findings, *clashes.get(one.file, ())]
        new = tuple(finding for finding in findings if finding not in said)
        said.update(new)
        complete.append(replace(one, findings=new))
    return complete


def load_rules(path: Path) -> ProvinceRules:
    """The rules in `path`; raises RulesError that lists all mistakes."""
    return _usable([inspect(path)])[0]


def load_all(directory: Path) -> tuple[ProvinceRules, ...]:
    """The rules of all provinces in `directory`; raises RulesError that lists all mistakes."""
    return tuple(_usable(inspect_all(directory)))


def _usable(inspections: Sequence[Inspection]) -> list[ProvinceRules]:
    errors = errors_of(finding for one in inspections for finding in one.findings)
    if errors:
        lines = "\n  ".join(str(error) for error in errors)
        raise RulesError(f"these rules cannot be used:\n  {lines}")
    return [one.rules for one in inspections if one.rules]


def judge(
    document: Document, known: Gazetteer, today: date
) -> tuple[ProvinceRules | None, list[Problem]]:
    """All problems of a document, and its rules where there are no errors among them."""
    draft, problems = _read(document, known, today)
    broken = any(problem.severity is Severity.ERROR for problem in problems)
    return None if broken else draft, problems


def _read(
    document: Document, known: Gazetteer, today: date
) -> tuple[ProvinceRules | None, list[Problem]]:
    """All problems of a document, and its rules as far as the schema can read all of it."""
    if document.data is None and document.problems:
        return None, document.problems
    _fill_from_map(document.data, known)
    reading = validate(document, ProvinceRules, _STAND_INS)
    unread = document.problems + reading.problems
    problems = unread
    if reading.model:
        judged = map(reading.restored, check(reading.model, known, today))
        problems = [*problems, *without_echoes(judged, problems)]
    return None if unread else reading.model, problems


def _fill_from_map(data: Plain, known: Gazetteer) -> None:
    """Give provinces and counties their published names and neighbours where the file is silent."""
    if not isinstance(data, dict):
        return
    _fill_name(data, known.provinces)
    counties = data.get("counties")
    for county in counties if isinstance(counties, list) else ():
        _fill_name(county, known.counties)
        _fill_neighbours(county, known)


def _fill_neighbours(county: Plain, known: Gazetteer) -> None:
    """Those of the same province that the map has, nearest first."""
    found = known.counties.get(str(county.get("id"))) if isinstance(county, dict) else None
    if found and found.neighbours and isinstance(county, dict):
        nearest = sorted(found.neighbours.items(), key=lambda item: item[1])
        county.setdefault("neighbours", [neighbour for neighbour, _ in nearest])


def _fill_name(item: Plain, known: Mapping[str, KnownProvince] | Mapping[str, KnownCounty]) -> None:
    """An unknown id gives its own name, so that it is blamed once, for being unknown."""
    if isinstance(item, dict):
        found = known.get(str(item.get("id")))
        item.setdefault("name_fa", found.name_fa if found else "?")


def _clashes(inspections: Sequence[Inspection]) -> dict[Path, list[Finding]]:
    """Numbers and provinces that two files claim; the file that comes later is blamed."""
    taken: dict[str, Path] = {}
    clashes: dict[Path, list[Finding]] = {}
    for one in inspections:
        for path, value in _claims(one.rules):
            first = taken.setdefault(value, one.file)
            if first != one.file:
                message = (
                    f"'{value}' is already in {first.name}: it would be open whose counsellors "
                    "its callers reach. Remove it from one of the files."
                )
                finding = locate(Problem(path=path, message=message), one.file, one.lines)
                clashes.setdefault(one.file, []).append(finding)
    return clashes


def _claims(rules: ProvinceRules | None) -> Iterator[tuple[FieldPath, str]]:
    if rules:
        yield ("id",), rules.id
        yield from ((("lines", index), number) for index, number in enumerate(rules.lines))


def _locate(problem: Problem, file: Path, document: Document, common: Common | None) -> Finding:
    """The problem in the file in which the field was written."""
    if common and problem.line is None and common.lends(problem.path):
        return locate(problem, common.file, common.document.lines)
    return locate(problem, file, document.lines)


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.file, finding.line, finding.field, finding.message
