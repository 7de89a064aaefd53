"""The first tables: calls, outcomes, journal, epochs, imports."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("caller_pseudonym", sa.String(), nullable=True),
        sa.Column("caller_ciphertext", sa.String(), nullable=True),
        sa.Column("served_by", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("end", sa.String(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("counsellor", sa.String(), nullable=True),
        sa.Column("desk", sa.String(), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("talk_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fallback_s", sa.Float(), nullable=False),
        sa.Column("facts_province", sa.String(), nullable=True),
        sa.Column("county", sa.String(), nullable=True),
        sa.Column("county_source", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("lane", sa.Integer(), nullable=True),
        sa.Column("rules_version", sa.String(), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("offers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_arrived_at", "calls", ["arrived_at"], unique=False)
    op.create_index("ix_calls_ended_at", "calls", ["ended_at"], unique=False)
    op.create_table(
        "epochs",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_epochs")),
    )
    op.create_table(
        "imports",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("first_line", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_imports")),
    )
    op.create_table(
        "journal",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "seq", name=op.f("pk_journal")),
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_outcomes_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_call"), "outcomes", ["call"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_outcomes_call"), table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_table("journal")
    op.drop_table("imports")
    op.drop_table("epochs")
    op.drop_index("ix_calls_ended_at", table_name="calls")
    op.drop_index("ix_calls_arrived_at", table_name="calls")
    op.drop_table("calls")
