"""Silent callers who were silent before; calls lost in danger, and who took them up."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("returning_silence", sa.Boolean(), nullable=True))
    op.add_column("calls", sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("acknowledged_by", sa.String(), nullable=True))
    op.create_index("ix_calls_lost_at", "calls", ["lost_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_calls_lost_at", table_name="calls")
    for name in ("acknowledged_by", "acknowledged_at", "lost_at", "returning_silence"):
        op.drop_column("calls", name)
