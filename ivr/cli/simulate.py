"""`ivr simulate`: a simulated Asterisk in place of a real one, and calls to it."""

import asyncio
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import structlog
import typer
import yaml

from ivr.deployment import load_deployment
from ivr.dialplan.static import SHORT_NUMBER
from ivr.errors import BadInput
from ivr.settings import PROJECT, load_settings
from ivr.signals import stop_on_signals
from ivr.simulator.asterisk import ANY_CALLER
from ivr.simulator.channel import KEYS
from ivr.simulator.day import simulate_day
from ivr.simulator.day_people import LOADS
from ivr.simulator.day_report import for_people
from ivr.simulator.demo import CallRequest, demo_exchange, place_call
from ivr.simulator.quality import trials
from ivr.simulator.quality_report import as_json as trial_json
from ivr.simulator.quality_report import beside_table, lanes_table, more_table, summary, waits_table
from ivr.simulator.scenario import load_scenarios
from ivr.simulator.scenario_stage import simulated_theatre

ALL = "all"
SCENARIOS = PROJECT / "tests" / "scenarios"

app = typer.Typer(no_args_is_help=True, help="A simulated Asterisk, and calls to it.")


@app.command()
def asterisk() -> None:
    """Stand in for Asterisk until Ctrl-C: AMI, FastAGI and counsellors who answer after seconds."""
    asyncio.run(_asterisk())


@app.command()
def call(
    *,
    keys: Annotated[
        str, typer.Option(help="Keys to press as the line asks for them, such as 2,1,4.")
    ] = "",
    number: Annotated[str, typer.Option(help="The caller's number.")] = ANY_CALLER,
    called: Annotated[str, typer.Option(help="The number dialled.")] = SHORT_NUMBER,
    hang_up_after: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Hang up after so long.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON each.")] = False,
) -> None:
    """Place a call to the simulated Asterisk that runs, and print what the caller experiences."""
    pressed = keys.replace(",", "").replace(" ", "")
    if wrong := set(pressed) - set(KEYS):
        raise BadInput(f"--keys has {min(wrong)!r}, which no telephone has; use 0-9, * or #.")
    request = CallRequest(number=number, called=called, keys=pressed, hang_up_after_s=hang_up_after)
    asyncio.run(_call(request, as_json=as_json))


@app.command()
def day(
    *,
    province: Annotated[str, typer.Option(help="A province's id, or all that have rules.")] = ALL,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 7,
    load: Annotated[
        float, typer.Option(min=0.1, max=100, help="So many times the calls of the sources.")
    ] = 1.0,
    hours: Annotated[float, typer.Option(min=0.1, max=168, help="From midnight on.")] = 24.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON each.")] = False,
) -> None:
    """Play a day of calls in moments, and check the promises of the line after every event."""
    _quiet_logs()
    deployment = load_deployment(load_settings())
    known = [one for one in LOADS if one in deployment.lines]
    broken = 0
    for one in known if province == ALL else [province]:
        report = simulate_day(deployment, one, seed=seed, load=load, hours=hours)
        typer.echo(json.dumps(asdict(report)) if as_json else for_people(report) + "\n")
        broken += len(report.broken)
    if broken:
        raise typer.Exit(1)


@app.command()
def quality(
    *,
    province: Annotated[str, typer.Option(help="A province's id, or all that have rules.")] = ALL,
    seeds: Annotated[int, typer.Option(min=2, help="Worlds of their own; 30 for the page.")] = 30,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each row, with all samples.")
    ] = False,
) -> None:
    """How long callers wait with us, with app_queue and with one pooled queue; see docs."""
    _quiet_logs()
    deployment = load_deployment(load_settings())
    known = [one for one in LOADS if one in deployment.lines]
    rows = trials(deployment, known if province == ALL else [province], range(1, seeds + 1))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(trial_json(row)))
        return
    kept = list(rows)
    for part in (summary, waits_table, beside_table, lanes_table, more_table):
        typer.echo(part(kept))


@app.command()
def scenarios(
    directory: Annotated[Path, typer.Argument(help="Where the stories are.")] = SCENARIOS,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each story's histories as a line of JSON.")
    ] = False,
) -> None:
    """Play stories (*.yaml) on the simulated Asterisk; say which histories are not as written."""
    _quiet_logs()
    unlike = 0
    with simulated_theatre(load_settings(), directory) as theatre:
        for scenario in load_scenarios(directory):
            histories = theatre.play(scenario)
            wanted = {name: list(facts) for name, facts in scenario.history.items()}
            unlike += histories != wanted
            if as_json:
                typer.echo(json.dumps({"scenario": scenario.name, "history": histories}))
                continue
            typer.echo(f"{'same' if histories == wanted else 'DIFFERS':8} {scenario.name}")
            if histories != wanted:
                typer.echo(_as_written(histories))
    if unlike:
        raise typer.Exit(1)


def _as_written(histories: dict[str, list[str]]) -> str:
    """The part of a scenario's file that would be right."""
    return yaml.safe_dump({"history": histories}, sort_keys=False, width=100)


def _quiet_logs() -> None:
    """What the line logs of a simulated call is of no use to who reads the result."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def _asterisk() -> None:
    settings = load_settings()
    with stop_on_signals() as stop:
        async with demo_exchange(settings) as exchange:
            typer.echo(
                f"Simulated Asterisk: AMI on {settings.host}:{exchange.ami_port}, "
                f"{len(exchange.counsellors)} counsellors registered, FastAGI expected on port "
                f"{settings.agi_port}. Place a call with `ivr simulate call`. Ctrl-C ends it."
            )
            stopped = asyncio.create_task(stop.wait(), name="stop")
            failed = asyncio.create_task(exchange.until(lambda: exchange.failed), name="failed")
            await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            failed.cancel()


async def _call(request: CallRequest, *, as_json: bool) -> None:
    began_at: float | None = None
    async for moment in place_call(load_settings(), request):
        if as_json:
            typer.echo(json.dumps(asdict(moment)))
            continue
        began_at = moment.at if began_at is None else began_at
        typer.echo(f"{moment.at - began_at:7.1f} s  {moment}")
