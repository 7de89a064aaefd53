"""The command line `ivr`: one module a group of commands; errors end as one clear message."""

import importlib
import sys

import typer

from ivr.errors import LineError

GROUPS = (
    *("asterisk", "rules", "duty", "people", "counsellors", "audit", "calls", "location"),
    *("prompts", "simulate", "bench"),
)
COMMANDS = ("serve", "run", "outcome")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Line 123: the telephone exchange's mind.",
    pretty_exceptions_enable=False,
)

for _name in GROUPS:
    app.add_typer(importlib.import_module(f"ivr.cli.{_name}").app, name=_name)
for _name in COMMANDS:
    app.command(_name)(importlib.import_module(f"ivr.cli.{_name}").command)


def main() -> None:
    """Run the command line; a LineError is printed without a traceback."""
    try:
        app()
    except LineError as error:
        typer.echo(f"ivr: {error}", err=True)
        sys.exit(error.exit_status)
