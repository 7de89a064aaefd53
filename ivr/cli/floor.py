"""`ivr floor`: who waits, who is there and what is wrong on the line that runs; never a number."""

import asyncio
import json
import os
import sys
from contextlib import aclosing
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from ivr.cli.floor_following import Json, Picture, pictures, with_waits
from ivr.cli.floor_tables import floor_tables
from ivr.cli.one_error import one_error
from ivr.settings import load_settings
from ivr.signals import stop_on_signals

PIPE_WIDTH = 200  # columns, where the output is no terminal: nothing is cut

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON; with --watch a line for each change.")
]
WatchOption = Annotated[bool, typer.Option("--watch", help="Follow until Ctrl-C.")]


def command(*, as_json: JsonOption = False, watch: WatchOption = False) -> None:
    """Show the floor of the running line: waiting calls in the order in which they are served.

    With --json an object as docs/floor.md describes it; each waiting call has waited_s as well,
    since it first joined the line.
    """
    port = load_settings().http_port
    with one_error():
        asyncio.run(_watch(port, as_json=as_json) if watch else _show(port, as_json=as_json))


async def _show(port: int, *, as_json: bool) -> None:
    async with aclosing(pictures(port)) as following:
        picture = await anext(following)
    if as_json:
        typer.echo(json.dumps(with_waits(picture), ensure_ascii=False, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(floor_tables(picture))


async def _watch(port: int, *, as_json: bool) -> None:
    with stop_on_signals() as stop:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(_print_lines(port, stop) if as_json else _draw(port))
            await stop.wait()
            following.cancel()


async def _draw(port: int) -> None:
    async with aclosing(pictures(port)) as following:
        first: Picture = await anext(following)
        with Live(floor_tables(first), auto_refresh=False, vertical_overflow="crop") as live:
            async for picture in following:
                live.update(floor_tables(picture), refresh=True)


async def _print_lines(port: int, stop: asyncio.Event) -> None:
    """One object a line, whenever something is another than before."""
    printed: Json | None = None
    async with aclosing(pictures(port)) as following:
        async for picture in following:
            if picture.floor is printed:
                continue
            printed = picture.floor
            try:
                typer.echo(json.dumps(with_waits(picture), ensure_ascii=False))
            except BrokenPipeError:  # whoever read has seen enough (`| head`)
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                stop.set()
                return
