"""The command line `ivr`: one module a group of commands; errors end as one clear message."""

import importlib
import sys
from collections import UserDict
from typing import Any

import structlog
import typer
from typer.core import TyperGroup

from ivr.errors import LineError

COMMANDS = ("serve", "run", "report")
GROUPS = (
    *("asterisk", "rules", "duty", "people", "counsellors", "audit", "calls", "location"),
    *("outcome", "dispatch", "admission", "follow-up", "prompts", "simulate", "bench"),
    *("token", "webhook", "store"),
    *("callers", "retention", "floor"),
)
_ELSEWHERE = {"floor": "floor_acts"}


class _OnDemand(UserDict[str, Any]):
    """Commands by name, each loaded when it is asked for: `serve` carries none of the others."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = _load(name)
        return self.data[name]


def _load(name: str) -> Any:
    module = importlib.import_module(f"ivr.cli.{_ELSEWHERE.get(name, name.replace('-', '_'))}")
    one = typer.Typer(add_completion=False)
    one.callback()(lambda: None)  # else what is alone would be no group
    if name in COMMANDS:
        one.command(name)(module.command)
    else:
        one.add_typer(module.app, name=name)
    group = typer.main.get_command(one)
    assert isinstance(group, TyperGroup)
    return group.commands[name]


class _Commands(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _OnDemand(dict.fromkeys((*COMMANDS, *GROUPS)))


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
