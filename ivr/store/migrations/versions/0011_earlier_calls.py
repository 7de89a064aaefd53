"""What a caller's earlier calls tell is found by an index, however many they made."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

_CONFIRMED = sa.text("county_source IN ('keypad', 'counsellor') AND county IS NOT NULL")
_SILENT = sa.text("lane = 1")


def upgrade() -> None:
    op.create_index(
        "ix_calls_confirmed",
        "calls",
        ["caller_pseudonym", "arrived_at"],
        sqlite_where=_CONFIRMED,
        postgresql_where=_CONFIRMED,
    )
    op.create_index(
        "ix_calls_silent",
        "calls",
        ["caller_pseudonym", "arrived_at"],
        sqlite_where=_SILENT,
        postgresql_where=_SILENT,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_silent", table_name="calls")
    op.drop_index("ix_calls_confirmed", table_name="calls")
