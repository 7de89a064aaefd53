"""The command line `ivr`: one module a group of commands; errors end as one clear message."""

import importlib
import sys

import structlog
import typer

from ivr.cli import floor_acts
from ivr.errors import LineError

GROUPS = (
    *("asterisk", "rules", "duty", "people", "counsellors", "audit", "calls", "location"),
    *("outcome", "dispatch", "admission", "follow_up", "prompts", "simulate", "bench"),
    *("token", "webhook"),
    *("callers", "retention"),
)
COMMANDS = ("serve", "run", "report")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _name in GROUPS:
    app.add_typer(importlib.import_module(f"ivr.cli.{_name}").app, name=_name.replace("_", "-"))
app.add_typer(floor_acts.app, name="floor")
for _name in COMMANDS:
    app.command(_name)(importlib.import_module(f"ivr.cli.{_name}").command)


@app.callback(help="Line 123: the telephone exchange's mind.")
def _log_aside() -> None:
    """What is logged meanwhile goes to standard error: the output may be JSON for a script."""
    structlog.configure(logger_factory=_to_standard_error)


def _to_standard_error(*_: object) -> structlog.typing.WrappedLogger:
    return structlog.PrintLogger(sys.stderr)


def main() -> None:
    """Run the command line; a LineError is printed without a traceback."""
    try:
        app()
    except LineError as error:
        typer.echo(f"ivr: {error}", err=True)
        sys.exit(error.exit_status)
