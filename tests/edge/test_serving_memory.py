"""What serves calls carries nothing that only other commands need."""

import subprocess
import sys

from alembic.script import ScriptDirectory

from ivr.cli import COMMANDS, GROUPS
from ivr.store.database import MIGRATIONS, newest_revision

_LOAD_SERVE = """
import sys
import typer
from ivr.cli import app

assert typer.main.get_command(app).commands["serve"].name == "serve"
print(*sys.modules)
"""
_OF_OTHERS = {"alembic", "mako", "pydub", "ivr.bench", "ivr.dry_run", "ivr.simulator"}


def test_serve_loads_no_other_command() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _LOAD_SERVE], check=True, capture_output=True, text=True
    )
    loaded = set(said.stdout.split())
    assert not loaded & _OF_OTHERS
    commands = {f"ivr.cli.{name.replace('-', '_')}" for name in (*COMMANDS, *GROUPS)}
    assert loaded & commands == {"ivr.cli.serve"}


def test_our_version_of_the_tables_is_alembics() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()
