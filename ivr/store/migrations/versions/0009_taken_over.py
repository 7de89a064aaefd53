"""Who took a follow-up over; what a save that changed a trip, stay or follow-up was answered."""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("follow_ups", sa.Column("taken_by", sa.String(), nullable=True))
    op.add_column("follow_ups", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "answers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answers"),
    )


def downgrade() -> None:
    op.drop_table("answers")
    op.drop_column("follow_ups", "taken_at")
    op.drop_column("follow_ups", "taken_by")
