"""What people tell the floor of a running line."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "floor_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("more_s", sa.Float(), nullable=False),
        sa.Column("province", sa.String(), nullable=True),
        sa.Column("desk", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_floor_acts"),
    )
    op.create_index("ix_floor_acts_at", "floor_acts", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_floor_acts_at", table_name="floor_acts")
    op.drop_table("floor_acts")
