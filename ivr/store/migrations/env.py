"""Alembic's entry point: `ivr.store.database.migrate` hands over the connection."""

from alembic import context

from ivr.store import outcome_tables, report_tables  # noqa: F401 - known to the metadata
from ivr.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
