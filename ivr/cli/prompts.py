"""`ivr prompts`: list the spoken texts, build them, and check what was built."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from ivr.prompts.builder import BuildReport
from ivr.prompts.builder import build as build_prompts
from ivr.prompts.checker import CheckReport
from ivr.prompts.checker import check as check_prompts
from ivr.prompts.listing import Entry, list_prompts
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


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print every text with its id, place, length and state: the script for a recording."""
    entries = list_prompts(load_settings())
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
    else:
        typer.echo("\n".join(_script(entries)))


def _script(entries: Iterable[Entry]) -> Iterator[str]:
    """The text stands last on its line, where writing from the right disturbs nothing."""
    for (group, used), members in groupby(entries, lambda entry: (entry.group, entry.used)):
        yield f"\n{group}: {used}"
        for entry in members:
            length = "not built" if entry.length_s is None else f"{entry.length_s:.1f} s"
            state = "recorded" if entry.recorded else "placeholder"
            yield f"  {entry.id:40}  {length:>9} of {entry.max_s:.1f}  {state:11}  {entry.text}"


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
