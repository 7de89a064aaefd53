"""What came of calls: forms, persons, dispatches, centre visits, follow-ups; callers, tokens."""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_NOT_RELATED = {"unrelated", "silent", "prank", "test"}
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "caller_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("into", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_links")),
    )
    with op.batch_alter_table("caller_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_caller_links_into"), ["into"], unique=False)
        batch_op.create_index(batch_op.f("ix_caller_links_pseudonym"), ["pseudonym"], unique=False)

    op.create_table(
        "drafts",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_drafts")),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holds_subject"), ["subject"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("province", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("province", sa.String(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name=op.f("fk_deliveries_webhook")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("webhook", "event", name=op.f("uq_deliveries_webhook_event")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_next_at", ["next_at"], unique=False)

    op.create_table(
        "dispatches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=True),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("county", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("team_county", sa.String(), nullable=False),
        sa.Column("cover", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vehicle", sa.String(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_dispatches_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
        sa.UniqueConstraint("key", name=op.f("uq_dispatches_key")),
    )
    with op.batch_alter_table("dispatches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispatches_call"), ["call"], unique=False)
        batch_op.create_index(
            "ix_dispatches_province_sent_at", ["province", "sent_at"], unique=False
        )

    op.create_table(
        "follow_ups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=True),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("desk", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_follow_ups_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
        sa.UniqueConstraint("key", name=op.f("uq_follow_ups_key")),
    )
    with op.batch_alter_table("follow_ups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_follow_ups_call"), ["call"], unique=False)
        batch_op.create_index("ix_follow_ups_province_due_at", ["province", "due_at"], unique=False)

    op.create_table(
        "forms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("county", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("risk", sa.String(), nullable=True),
        sa.Column("reporter", sa.String(), nullable=True),
        sa.Column("wrong_county", sa.Boolean(), nullable=False),
        sa.Column("wrong_category", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_forms_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forms")),
        sa.UniqueConstraint("key", name=op.f("uq_forms_key")),
    )
    with op.batch_alter_table("forms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_forms_call"), ["call"], unique=False)

    op.create_table(
        "visits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=True),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("county", sa.String(), nullable=True),
        sa.Column("centre", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_how", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name=op.f("fk_visits_call")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sa.UniqueConstraint("key", name=op.f("uq_visits_key")),
    )
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visits_call"), ["call"], unique=False)
        batch_op.create_index("ix_visits_province_from_at", ["province", "from_at"], unique=False)

    op.create_table(
        "persons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=True),
        sa.Column("dispatch", sa.Integer(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("age_band", sa.String(), nullable=True),
        sa.Column("sex", sa.String(), nullable=True),
        sa.CheckConstraint("count > 0", name="ck_persons_count"),
        sa.ForeignKeyConstraint(["dispatch"], ["dispatches.id"], name=op.f("fk_persons_dispatch")),
        sa.ForeignKeyConstraint(["form"], ["forms.id"], name=op.f("fk_persons_form")),
        sa.ForeignKeyConstraint(["visit"], ["visits.id"], name=op.f("fk_persons_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
    )
    with op.batch_alter_table("persons", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_persons_dispatch"), ["dispatch"], unique=False)
        batch_op.create_index(batch_op.f("ix_persons_form"), ["form"], unique=False)
        batch_op.create_index(batch_op.f("ix_persons_visit"), ["visit"], unique=False)

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("entered", sa.String(), nullable=True))

    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("form", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("unit", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("body", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_outcomes_form"), ["form"], unique=False)

    _forms_of_outcomes()


def _forms_of_outcomes() -> None:
    """What was recorded before there were forms becomes one form a call."""
    connection = op.get_bind()
    calls = sa.table("calls", sa.column("call"), sa.column("province"), sa.column("county"))
    outcomes = sa.table(
        "outcomes",
        *(sa.column(name) for name in ("id", "call", "outcome", "note", "by", "form")),
        sa.column("at", _INSTANT),
    )
    rows = connection.execute(
        sa.select(outcomes, calls.c.province, calls.c.county)
        .join(calls, calls.c.call == outcomes.c.call)
        .order_by(outcomes.c.call, outcomes.c.id)
    ).mappings()
    forms = sa.table(
        "forms",
        *(sa.column(name) for name in ("id", "key", "call", "relation", "province", "county")),
        *(sa.column(name) for name in ("wrong_county", "wrong_category", "note", "source", "by")),
        sa.column("form", sa.JSON()),
        sa.column("at", _INSTANT),
    )
    for call, of_call in groupby(rows.all(), key=lambda row: row["call"]):
        connection.execute(sa.insert(forms).values(key=f"outcomes-{call}", **_form(list(of_call))))
        number = sa.select(forms.c.id).where(forms.c.call == call).scalar_subquery()
        connection.execute(sa.update(outcomes).where(outcomes.c.call == call).values(form=number))


def _form(rows: list[sa.RowMapping]) -> dict[str, object]:
    """One that is none for the service says so alone; beside others it is one outcome of them."""
    said = dict.fromkeys((row["outcome"], row["note"]) for row in rows)
    only = next(iter(said))[0]
    relation = only if len(said) == 1 and only in _NOT_RELATED else "related"
    last = rows[-1]
    return {
        **{name: last[name] for name in ("call", "province", "county", "by", "at")},
        "relation": relation,
        "wrong_county": False,
        "wrong_category": False,
        "note": "",
        "source": "live",
        "form": {"relation": relation, "outcomes": [_item(*one) for one in said]},
    }


def _item(outcome: str, note: str) -> dict[str, str]:
    return {"outcome": outcome} | ({"note": note} if note else {})


def downgrade() -> None:
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outcomes_form"))
        batch_op.drop_column("body")
        batch_op.drop_column("unit")
        batch_op.drop_column("kind")
        batch_op.drop_column("form")

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_column("entered")

    with op.batch_alter_table("persons", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_persons_visit"))
        batch_op.drop_index(batch_op.f("ix_persons_form"))
        batch_op.drop_index(batch_op.f("ix_persons_dispatch"))

    op.drop_table("persons")
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.drop_index("ix_visits_province_from_at")
        batch_op.drop_index(batch_op.f("ix_visits_call"))

    op.drop_table("visits")
    with op.batch_alter_table("forms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_forms_call"))

    op.drop_table("forms")
    with op.batch_alter_table("follow_ups", schema=None) as batch_op:
        batch_op.drop_index("ix_follow_ups_province_due_at")
        batch_op.drop_index(batch_op.f("ix_follow_ups_call"))

    op.drop_table("follow_ups")
    with op.batch_alter_table("dispatches", schema=None) as batch_op:
        batch_op.drop_index("ix_dispatches_province_sent_at")
        batch_op.drop_index(batch_op.f("ix_dispatches_call"))

    op.drop_table("dispatches")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_next_at")

    op.drop_table("deliveries")
    op.drop_table("webhooks")
    op.drop_table("tokens")
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holds_subject"))

    op.drop_table("holds")
    op.drop_table("drafts")
    with op.batch_alter_table("caller_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_caller_links_pseudonym"))
        batch_op.drop_index(batch_op.f("ix_caller_links_into"))

    op.drop_table("caller_links")
