"""What webhooks have not had is found by an index; each run of the retention leaves a row."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.drop_index("ix_deliveries_next_at", table_name="deliveries")
    not_taken = sa.text("delivered_at IS NULL")
    op.create_index(
        "ix_deliveries_not_taken",
        "deliveries",
        ["webhook", "id"],
        sqlite_where=not_taken,
        postgresql_where=not_taken,
    )
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_retention_runs"),
    )


def downgrade() -> None:
    op.drop_table("retention_runs")
    op.drop_index("ix_deliveries_not_taken", table_name="deliveries")
    op.create_index("ix_deliveries_next_at", "deliveries", ["next_at"])
