"""`ivr asterisk`: install, configure, start, stop and check the exchange below us."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ivr.asterisk.check import CheckResult, run_checks
from ivr.asterisk.configure import configure as render
from ivr.asterisk.configure import configure_existing
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.provision import find_root, root_path, why_not_private
from ivr.asterisk.provision import install as install_root
from ivr.current import current
from ivr.errors import BadInput
from ivr.settings import Settings, load_settings
from ivr.static_keeper import static_of

app = typer.Typer(no_args_is_help=True, help="The Asterisk below the line.")


@app.command()
def install() -> None:
    """Install a private Asterisk 22 into the cache, if none is there and one is wanted."""
    settings = load_settings()
    if settings.asterisk in {"existing", "simulated"}:
        typer.echo(f"IVR_ASTERISK={settings.asterisk}: nothing to install.")
        return
    if settings.asterisk == "auto" and not find_root(settings) and (reason := why_not_private()):
        typer.echo(f"No private Asterisk here: {reason}. The simulated one will be used.")
        return
    if not find_root(settings):
        typer.echo(f"Installing a private Asterisk 22 into {root_path(settings)} …")
    root = install_root(settings)
    typer.echo(f"Asterisk {root.version} in {root.path}")


@app.command()
def configure(
    output: Annotated[
        Path | None,
        typer.Option(help="Render the parts for an Asterisk of your own into this directory."),
    ] = None,
) -> None:
    """Render Asterisk's configuration from the rules and the people; a running one reloads."""
    settings = load_settings()
    now = datetime.now(UTC)
    lines, devices = static_of(current(settings, now), settings, now)
    if output is not None:
        typer.echo(
            configure_existing(settings, lines=lines, devices=devices, output=output.absolute())
        )
        return
    _require_private(settings)
    render(settings, lines=lines, devices=devices)
    process = AsteriskProcess(settings)
    if process.pid:
        process.reload()
    typer.echo(f"Configured {process.instance.etc}")


@app.command()
def start() -> None:
    """Start this copy's private Asterisk in the background and wait until it is up."""
    settings = load_settings()
    _require_private(settings)
    process = AsteriskProcess(settings)
    pid = process.start()
    typer.echo(f"Asterisk runs: process {pid}, SIP {settings.host}:{settings.sip_port} (UDP)")


@app.command()
def stop() -> None:
    """End this copy's private Asterisk; calls in it end too."""
    process = AsteriskProcess(load_settings())
    was_running = process.pid
    process.stop()
    typer.echo(f"Ended process {was_running}." if was_running else "It was not running.")


@app.command()
def check(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Ask whether Asterisk is as the line needs it; status 1 where anything is not."""
    settings = load_settings()
    if settings.asterisk == "simulated":
        raise BadInput("IVR_ASTERISK=simulated: there is no Asterisk to check")
    results = run_checks(settings)
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=2))
    else:
        Console().print(_table(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def _require_private(settings: Settings) -> None:
    if settings.asterisk in {"existing", "simulated"}:
        raise BadInput(
            f"IVR_ASTERISK={settings.asterisk}: only a private Asterisk is ours to configure and "
            "start; for one of your own use `ivr asterisk configure --output DIR`"
        )


def _table(results: list[CheckResult]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "found", "what to do"):
        table.add_column(column)
    for result in results:
        table.add_row(result.name, "ok" if result.ok else "NO", result.detail, result.mend)
    return table
