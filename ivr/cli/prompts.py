"""`ivr prompts`: build the spoken texts, and check what was built."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from ivr.prompts import BuildReport, CheckReport
from ivr.prompts import build as build_prompts
from ivr.prompts import check as check_prompts
from ivr.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The spoken texts: prompts/fa/catalogue.yaml.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def build(as_json: AsJson = False) -> None:
    """Make the audio of all prompts and the hold music below IVR_HOME, as far as not made yet."""
    report = build_prompts(load_settings())
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str, ensure_ascii=False))
    else:
        typer.echo(_built(report))


@app.command()
def check(as_json: AsJson = False) -> None:
    """List what is missing, outdated, too long, too loud or damaged; status 1 if anything is."""
    report = check_prompts(load_settings())
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        typer.echo(_checked(report))
    if report.problems:
        raise typer.Exit(1)


def _built(report: BuildReport) -> str:
    voiced = len(report.prompts) - len(report.recorded)
    return (
        f"{len(report.prompts)} prompts in {report.sounds_dir}: {report.made} made now, "
        f"{len(report.recorded)} from recordings, {voiced} by the synthetic voice.\n"
        f"Hold music: {report.hold_music}"
    )


def _checked(report: CheckReport) -> str:
    lines = [f"{problem.subject}: {problem.fault}: {problem.text}" for problem in report.problems]
    lines.append(
        f"{len(report.lengths_s)} prompts checked, {len(report.problems)} problems; "
        f"{len(report.placeholders)} have no recording yet and are spoken by a placeholder voice."
    )
    return "\n".join(lines)
