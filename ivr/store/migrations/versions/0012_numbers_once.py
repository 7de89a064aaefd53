"""A number once told never names another row on SQLite either, where rows are deleted."""

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = ("follow_ups", "caller_links", "holds", "deliveries")


def upgrade() -> None:
    _make_anew(once=True)


def downgrade() -> None:
    _make_anew(once=False)


def _make_anew(*, once: bool) -> None:
    """https://www.sqlite.org/autoinc.html; the copy begins with the largest number there is."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in _TABLES:
        options = {"sqlite_autoincrement": once}
        with op.batch_alter_table(table, recreate="always", table_kwargs=options):
            pass
