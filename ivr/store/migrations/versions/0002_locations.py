"""Where calls come from: location, raw header, corrections of the county, earlier calls."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("caller_raw_ciphertext", sa.String(), nullable=True))
    op.add_column("calls", sa.Column("caller_withheld", sa.Boolean(), nullable=True))
    op.add_column("calls", sa.Column("location", sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        "ix_calls_caller_pseudonym_arrived_at",
        "calls",
        ["caller_pseudonym", "arrived_at"],
        unique=False,
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("county", sa.String(), nullable=False),
        sa.Column("previous_county", sa.String(), nullable=True),
        sa.Column("previous_source", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_corrections_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_call"), "corrections", ["call"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_corrections_call"), table_name="corrections")
    op.drop_table("corrections")
    op.drop_index("ix_calls_caller_pseudonym_arrived_at", table_name="calls")
    op.drop_column("calls", "location")
    op.drop_column("calls", "caller_withheld")
    op.drop_column("calls", "caller_raw_ciphertext")
