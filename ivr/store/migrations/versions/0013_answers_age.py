"""When a save was answered, so that answers are kept for their time alone."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nobody knows when those of before were: their time begins now."""
    op.add_column("answers", sa.Column("at", _AT, nullable=True))
    now = datetime.now(UTC)
    at = now.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else now
    answers = sa.table("answers", sa.column("at", _AT))
    op.execute(answers.update().values(at=at))
    with op.batch_alter_table("answers") as batch_op:
        batch_op.alter_column("at", nullable=False, existing_type=_AT)
    op.create_index("ix_answers_at", "answers", ["at"])


def downgrade() -> None:
    op.drop_index("ix_answers_at", table_name="answers")
    op.drop_column("answers", "at")
