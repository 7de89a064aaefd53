"""Bring a database to our version of the tables. Imported only where one has to be: see `Store`."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import URL, Connection, func, select

from ivr.errors import StoreError
from ivr.store.database import MIGRATIONS, shown

_LOCK = 123  # its key, within the database


def migrate(connection: Connection) -> None:
    """Bring the tables to our version, within the transaction of `connection`.

    Raises StoreError for a database that a newer version has made.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    if connection.dialect.name == "postgresql":  # two controllers may start at once
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    present = MigrationContext.configure(connection).get_current_revision()
    if present == script.get_current_head():
        return
    _check_known(script, present, connection.engine.url)
    command.upgrade(config, "head")


def _check_known(script: ScriptDirectory, revision: str | None, url: URL) -> None:
    try:
        script.get_revision(revision or "base")
    except (ResolutionError, CommandError) as error:
        raise StoreError(
            f"The database {shown(url)} was made by a newer version "
            f"of line 123 (its tables are {revision!r}). Install that version, or set IVR_HOME to "
            "another directory."
        ) from error
