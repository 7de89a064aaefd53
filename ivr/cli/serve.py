"""`ivr serve`: the controller alone, for a running Asterisk."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import typer
import uvloop

from ivr.app import serve
from ivr.cli.one_error import one_error
from ivr.logs import set_up_logs
from ivr.settings import Settings, load_settings
from ivr.signals import stop_on_signals

WithStdin = Annotated[
    bool,
    typer.Option("--until-stdin-ends", help="End when whoever holds our standard input has gone."),
]


def command(*, until_stdin_ends: WithStdin = False) -> None:
    """Run the controller until Ctrl-C: FastAGI, AMI, records and the console."""
    settings = load_settings()
    set_up_logs(for_people=sys.stderr.isatty())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, one_error():
        runner.run(_serve(settings, until_stdin_ends=until_stdin_ends))


async def _serve(settings: Settings, *, until_stdin_ends: bool) -> None:
    with (
        stop_on_signals() as stop,
        _stop_when_stdin_ends(stop) if until_stdin_ends else nullcontext(),
    ):
        await serve(settings, stop)


@contextmanager
def _stop_when_stdin_ends(stop: asyncio.Event) -> Iterator[None]:
    """A pipe tells of its holder's death at once, kill -9 included."""
    loop = asyncio.get_running_loop()
    stdin = sys.stdin.fileno()

    def read() -> None:
        if not os.read(stdin, 1024):
            loop.remove_reader(stdin)
            stop.set()

    loop.add_reader(stdin, read)
    try:
        yield
    finally:
        loop.remove_reader(stdin)
