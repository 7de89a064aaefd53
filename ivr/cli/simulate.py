"""`ivr simulate`: a simulated Asterisk in place of a real one, and calls to it."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from ivr.dialplan.static import SHORT_NUMBER
from ivr.errors import BadInput
from ivr.settings import load_settings
from ivr.signals import stop_on_signals
from ivr.simulator.asterisk import ANY_CALLER
from ivr.simulator.channel import KEYS
from ivr.simulator.demo import CallRequest, demo_exchange, place_call

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
