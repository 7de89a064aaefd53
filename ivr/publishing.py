"""What must be looked at before rules are published: errors block, the rest is shown."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from ivr.calendar import TEHRAN
from ivr.coverage_findings import coverage_problems
from ivr.dialplan.needed_prompts import needed_prompts
from ivr.dialplan.script import build_flow
from ivr.duty import DutyBook
from ivr.model import Counsellor
from ivr.rules.check import check
from ivr.rules.counties import gazetteer
from ivr.rules.findings import FieldPath, Finding, Problem, locate
from ivr.rules.schema import ProvinceRules


def publish_findings(
    rules: ProvinceRules,
    people: Iterable[Counsellor],
    book: DutyBook,
    at: datetime,
    prompts: Collection[str] | None = None,
) -> list[Finding]:
    """All that is wrong or doubtful with the rules if they came in force at `at`.

    The file named is the province: they come from no file, so there is no line; the field says
    where. `prompts` are those that the catalogue has; left out, nobody looks.
    """
    return rules_findings(rules, at, prompts) + duty_findings(rules, people, book, at)


def rules_findings(
    rules: ProvinceRules, at: datetime, prompts: Collection[str] | None = None
) -> list[Finding]:
    """What is wrong with the rules themselves, whoever is on duty."""
    problems = check(rules, gazetteer(), at.astimezone(TEHRAN).date())
    if prompts is not None:
        problems += missing_prompts(rules, prompts)
    return _of_no_file(rules, problems)


def duty_findings(
    rules: ProvinceRules, people: Iterable[Counsellor], book: DutyBook, at: datetime
) -> list[Finding]:
    """What people and their duty leave open."""
    return _of_no_file(rules, coverage_problems(rules, people, book, at))


def missing_prompts(rules: ProvinceRules, prompts: Collection[str]) -> Iterator[Problem]:
    """The sentences that callers or counsellors would not hear; a choice's at its key."""
    missing = needed_prompts(rules, build_flow(rules)) - set(prompts)
    for path, choice in _choices(rules):
        if choice in missing:
            yield Problem(path=path, message=_missing([choice]))
    others = sorted(missing - {choice for _, choice in _choices(rules)})
    if others:
        yield Problem(path=("menus",), message=_missing(others))


def _choices(rules: ProvinceRules) -> Iterator[tuple[FieldPath, str]]:
    for index, choice in enumerate(rules.menus.category_choices):
        yield ("menus", "category_choices", index, "prompt"), choice.prompt


def _missing(prompts: Sequence[str]) -> str:
    return (
        f"the catalogue lacks {', '.join(prompts)}: where it belongs, nothing would be heard. Add "
        "the text to prompts/fa/catalogue.yaml, then run `ivr prompts build`."
    )


def _of_no_file(rules: ProvinceRules, problems: Iterable[Problem]) -> list[Finding]:
    return [locate(problem, Path(rules.id), {}) for problem in problems]
