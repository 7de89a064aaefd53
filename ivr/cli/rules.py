"""`ivr rules`: are the provinces' rules fit to answer calls, and what is still to be asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.dry_run import command as dry_run
from ivr.cli.explain import explain
from ivr.cli.version_decisions import draft, publish, review, rollback, withdraw
from ivr.cli.versions import diff, history, show
from ivr.coverage_findings import coverage_problems
from ivr.duty import NO_BOOK
from ivr.in_force_copy import load_copy
from ivr.installation import copy_of
from ivr.people import load_people
from ivr.prompts.catalogue import load_catalogue
from ivr.publishing import missing_prompts
from ivr.rules.findings import Finding, Problem, Severity, errors_of, locate
from ivr.rules.load import Inspection, inspect, inspect_all
from ivr.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="The rules that each province's line goes by.")
for _command in (explain, draft, publish, withdraw, rollback, review, history, diff, show):
    app.command()(_command)
app.command("dry-run")(dry_run)


@app.callback()
def _group() -> None:
    """The rules that each province's line goes by."""


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A rules file; all of IVR_RULES_DIR if left out.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
) -> None:
    """Show every mistake with file, line and field; exit status 2 where there are errors.

    People and duty are those that this copy last went by, else those of the files.
    """
    settings = load_settings()
    inspections = [inspect(file)] if file else inspect_all(settings.rules_dir)
    inspections = _with_people(inspections, settings)
    print_report = _print_json if as_json else _print_text
    print_report(inspections)
    if errors_of(_findings(inspections)):
        raise typer.Exit(2)


def _with_people(inspections: list[Inspection], settings: Settings) -> list[Inspection]:
    """Also what people, their duty and the catalogue leave open of rules that are right so far."""
    copy = load_copy(copy_of(settings))
    people, book = (
        (copy.counsellors, copy.book) if copy else (load_people(settings.demo_dir), NO_BOOK)
    )
    prompts = load_catalogue(settings.prompts_dir).prompts.keys()
    complete = []
    for one in inspections:
        problems: list[Problem] = []
        if one.rules:
            problems += missing_prompts(one.rules, prompts)
            problems += coverage_problems(one.rules, people, book, datetime.now(UTC))
        findings = [locate(problem, one.file, one.lines) for problem in problems]
        rules = None if errors_of(findings) else one.rules
        complete.append(replace(one, rules=rules, findings=(*one.findings, *findings)))
    return complete


def _findings(inspections: list[Inspection]) -> list[Finding]:
    return [finding for one in inspections for finding in one.findings]


def _print_text(inspections: list[Inspection]) -> None:
    for one in inspections:
        for finding in one.findings:
            if finding.severity is not Severity.QUESTION:
                typer.echo(str(finding))
        typer.echo(_verdict(one))
    questions = [item for item in _findings(inspections) if item.severity is Severity.QUESTION]
    if questions:
        typer.echo("\nOpen questions, which the sources do not answer:")
    for number, question in enumerate(questions, start=1):
        typer.echo(f"  {number}. {question.message} ({question.file}:{question.line})")


def _verdict(one: Inspection) -> str:
    if one.rules:
        return f"{one.file}: fit for use, version {one.rules.version}"
    return f"{one.file}: {len(errors_of(one.findings))} error(s), not fit for use"


def _print_json(inspections: list[Inspection]) -> None:
    report = {
        "ok": not errors_of(_findings(inspections)),
        "files": [
            {
                "file": str(one.file),
                "province": one.rules.id if one.rules else None,
                "version": one.rules.version if one.rules else None,
            }
            for one in inspections
        ],
        "findings": [
            {
                "severity": finding.severity,
                "file": finding.file,
                "line": finding.line,
                "field": finding.field,
                "message": finding.message,
            }
            for finding in _findings(inspections)
        ],
    }
    typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
