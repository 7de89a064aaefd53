"""`ivr bench`: measurements on this machine; numbers for docs come from here."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from ivr.errors import BadInput
from ivr.logs import set_up_logs
from ivr.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Measure on this machine.")

Quick = Annotated[bool, typer.Option("--quick", help="A quarter of the repetitions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Raw samples instead of a table.")]


@app.command()
def connect(
    part: Annotated[list[str] | None, typer.Option(help="Only this part (repeatable).")] = None,
    *,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Compare ConfBridge and Dial for connecting a counsellor, on a real Asterisk."""
    # Imported here: measuring needs sockets and sipp, the rest of the command line does not.
    from ivr.asterisk.provision import install  # noqa: PLC0415
    from ivr.bench import connect as trial  # noqa: PLC0415

    parts = tuple(part or trial.PARTS)
    if unknown := set(parts) - set(trial.PARTS):
        raise BadInput(f"No part {sorted(unknown)}; there are: {', '.join(trial.PARTS)}.")
    result = asyncio.run(trial.run_trial(install(load_settings()).path, quick=quick, parts=parts))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
    else:
        typer.echo(f"Connecting trial, {result.began_at:%Y-%m-%d %H:%M} UTC, {result.took_s:.0f} s")
        typer.echo(f"{result.machine}\n\n{trial.table(result.book)}")


@app.command()
def rules(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """How long plans take, and the largest province's check before publishing and dry run."""
    from ivr.bench import rules as bench  # noqa: PLC0415

    result = bench.measure(load_settings(), quick=quick)
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"Rules, {result.began_at:%Y-%m-%d %H:%M} UTC")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command()
def floor(*, quick: Quick = False, as_json: AsJson = False) -> None:
    """How long the floor takes to decide with 100, 1,000 and 10,000 callers in line."""
    from ivr.bench import floor as bench  # noqa: PLC0415

    result = bench.measure(quick=quick)
    if as_json:
        typer.echo(json.dumps(result.as_json()))
    else:
        typer.echo(f"Floor, {result.began_at:%Y-%m-%d %H:%M} UTC, {result.took_s:.0f} s")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command()
def handover(
    *,
    ours: Annotated[int, typer.Option(min=1, help="Hand-overs of ours.")] = 200,
    app_queue: Annotated[int, typer.Option(min=1, help="Hand-overs of app_queue.")] = 30,
    keep_capture: Annotated[
        Path | None, typer.Option(help="Keep the capture (pcap) there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """From a counsellor's BYE to the next INVITE: ours and app_queue, on a real Asterisk."""
    from ivr.bench import handover as bench  # noqa: PLC0415

    set_up_logs(for_people=True)
    result = asyncio.run(bench.measure(ours=ours, app_queue=app_queue, keep_capture=keep_capture))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
    else:
        typer.echo(f"Hand-over, {result.began_at:%Y-%m-%d %H:%M} UTC, {result.took_s:.0f} s")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command()
def scale(
    *,
    waiting: Annotated[int, typer.Option(min=1, help="Callers in line.")] = 1000,
    hand_overs: Annotated[int, typer.Option(min=1, help="Hand-overs to measure.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """A thousand callers in line on one controller: hand-over and memory."""
    from ivr.bench import scale as bench  # noqa: PLC0415

    set_up_logs(for_people=True)
    result = asyncio.run(bench.measure(waiting=waiting, hand_overs=hand_overs))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
    else:
        typer.echo(f"Scale, {result.began_at:%Y-%m-%d %H:%M} UTC, {result.took_s:.0f} s")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command()
def calls(
    *,
    run_s: Annotated[float, typer.Option(min=5, help="Seconds of each run at one rate.")] = 60,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each kind.")] = 2,
    up_to: Annotated[float, typer.Option(min=1, help="The highest rate, calls a second.")] = 45,
    as_json: AsJson = False,
) -> None:
    """The highest rate of calls without a failure: ours and app_queue alone, real Asterisk."""
    from ivr.bench import calls as bench  # noqa: PLC0415

    set_up_logs(for_people=True)
    result = asyncio.run(bench.measure(run_s=run_s, runs=runs, up_to=up_to))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
    else:
        typer.echo(f"Calls, {result.began_at:%Y-%m-%d %H:%M} UTC, {result.took_s:.0f} s")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command()
def reports(
    *,
    times: Annotated[int, typer.Option(min=1, help="Reports after the first one.")] = 5,
    long: Annotated[bool, typer.Option("--long", help="Ten million calls as well.")] = False,
    database: Annotated[
        str | None, typer.Option(help="For --long: postgresql://… of a new, empty database.")
    ] = None,
    calls: Annotated[
        int, typer.Option(min=1_000_000, help="For --long: how many, if not ten million.")
    ] = 10_000_000,
    as_json: AsJson = False,
) -> None:
    """How long a report of a year of Khuzestan takes; with --long one of ten million calls."""
    from ivr.bench import reports as bench  # noqa: PLC0415

    if long != (database is not None):
        raise BadInput("--long and --database go together: ten million calls need PostgreSQL.")
    result = asyncio.run(bench.measure(times=times, database=database, millions=calls))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
    else:
        typer.echo(f"Reports, {result.began_at:%Y-%m-%d %H:%M} UTC")
        typer.echo(f"{result.machine}\n\n{bench.table(result)}")


@app.command(name="all")
def run_all(*, as_json: AsJson = False) -> None:
    """Run every benchmark, quickly."""
    rules(quick=True, as_json=as_json)
    floor(quick=True, as_json=as_json)
    connect(None, quick=True, as_json=as_json)
