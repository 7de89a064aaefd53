"""`ivr serve`: the controller alone, for a running Asterisk."""

import asyncio
import sys

import uvloop

from ivr.app import serve
from ivr.errors import LineError
from ivr.logs import set_up_logs
from ivr.settings import Settings, load_settings
from ivr.signals import stop_on_signals


def command() -> None:
    """Run the controller until Ctrl-C: FastAGI, AMI, records and the console."""
    settings = load_settings()
    set_up_logs(for_people=sys.stderr.isatty())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    with stop_on_signals() as stop:
        try:
            await serve(settings, stop)
        except* LineError as group:
            raise _first(group) from None


def _first(group: BaseExceptionGroup[LineError]) -> LineError:
    """The error to show: the parts of the line end together, one of them is the reason."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, LineError)
    return error
