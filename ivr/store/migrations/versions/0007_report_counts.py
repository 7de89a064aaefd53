"""What reports count by: where calls were answered, indexes of what is counted, months."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_COUNTED = (
    *("province", "arrived_at", "call", "county", "category", "desk", "counsellor", "end"),
    *("joined_at", "connected_at", "talk_ended_at", "ended_at", "lost_at", "entered"),
    *("answered_where", "abandoned_why"),
)
_OF_FORMS = (
    *("call", "replaced_by", "relation", "county", "category", "wrong_county", "wrong_category"),
)
_OF_OUTCOMES = ("form", "call", "outcome", "kind", "body", "at")

# Which instant a changed row is about. A month counted before is counted anew after a change that
# comes when it is over; so each change of old rows leaves a line, whoever made it. The lines of one
# statement are one.
_CALL = "(SELECT c.arrived_at FROM calls c WHERE c.call = it.call)"
_ABOUT = {
    "calls": "it.arrived_at",
    "forms": _CALL,
    "outcomes": _CALL,
    "corrections": _CALL,
    "dispatches": "it.sent_at",
    "visits": "it.from_at",
    "persons": "COALESCE("
    "(SELECT c.arrived_at FROM forms f JOIN calls c ON c.call = f.call WHERE f.id = it.form), "
    "(SELECT d.sent_at FROM dispatches d WHERE d.id = it.dispatch), "
    "(SELECT v.from_at FROM visits v WHERE v.id = it.visit))",
}
_EVENTS = {  # a row that is changed may have been about another time before
    "added": "INSERT ON {} REFERENCING NEW TABLE AS touched",
    "was": "UPDATE ON {} REFERENCING OLD TABLE AS touched",
    "is": "UPDATE ON {} REFERENCING NEW TABLE AS touched",
    "gone": "DELETE ON {} REFERENCING OLD TABLE AS touched",
}


def upgrade() -> None:
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answered_where", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("abandoned_why", sa.String(), nullable=True))
    _tell_of_earlier_calls()
    op.create_index("ix_calls_counted", "calls", list(_COUNTED))
    op.create_index("ix_forms_counted", "forms", list(_OF_FORMS))
    op.create_index("ix_outcomes_counted", "outcomes", list(_OF_OUTCOMES))
    op.create_table(
        "report_months",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tally", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "from_at", name=op.f("pk_report_months")),
    )
    op.create_table(
        "report_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_changes")),
    )
    op.create_index("ix_report_changes_until_at", "report_changes", ["until_at"])
    if op.get_bind().dialect.name == "postgresql":
        _watch_changes()


def _watch_changes() -> None:
    for table, about in _ABOUT.items():
        op.execute(
            f"""
            CREATE FUNCTION report_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO report_changes (from_at, until_at, transaction, at)
                SELECT min(about), max(about), txid_current(), now()
                FROM (SELECT {about} AS about FROM touched it) every_row
                HAVING min(about) < now() - INTERVAL '3 days';
                RETURN NULL;
            END $$
            """  # noqa: S608 - all of it stands above
        )
        for name, event in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER report_change_{name} AFTER {event.format(table)} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION report_change_of_{table}()"
            )


def _tell_of_earlier_calls() -> None:
    """As `ivr.store.served` does it of new ones."""
    connection = op.get_bind()
    names = ("call", "province", "county", "desk", "end", "connected_at", "plan", "offers")
    calls = sa.table("calls", *map(sa.column, (*names, "answered_where", "abandoned_why")))
    last = ""
    while (
        rows := connection.execute(
            sa.select(*(calls.c[name] for name in names))
            .where(calls.c.call > last)
            .order_by(calls.c.call)
            .limit(500)
        )
        .mappings()
        .all()
    ):
        for row in rows:
            told = _served({**row, "plan": _plain(row["plan"]), "offers": _plain(row["offers"])})
            if any(told.values()):
                connection.execute(sa.update(calls).where(calls.c.call == row["call"]).values(told))
        last = rows[-1]["call"]


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _served(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {"answered_where": _answered_where(row), "abandoned_why": _abandoned_why(row)}


def _answered_where(row: Mapping[str, Any]) -> str | None:
    desk, province = row["desk"], row["province"]
    if row["connected_at"] is None or row["end"] == "fallback_connected":
        return None if row["connected_at"] is None else "fallback"
    if desk is None:
        return None
    steps = (row["plan"] or {}).get("steps", ())
    first = next((step for step in steps if desk in step["desks"]), None)
    codes = {reason["code"] for reason in first["reasons"]} if first else set()
    if "own_desk" in codes or (row["plan"] is None and desk == row["county"]):
        return "own"
    if codes & {"supporting_county", "takes_over"}:
        return "supporting"
    return "province" if desk == province or desk.startswith(f"{province}-") else "elsewhere"


def _abandoned_why(row: Mapping[str, Any]) -> str | None:
    steps = (row["plan"] or {}).get("steps", ())
    if row["end"] != "abandoned" or not steps or any("on_duty" not in step for step in steps):
        return None
    if not any(step["on_duty"] for step in steps):
        return "nobody_on_duty"
    return "not_taken" if row["offers"] else "too_busy"


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _ABOUT:
            op.execute(f"DROP FUNCTION report_change_of_{table} CASCADE")
    op.drop_table("report_changes")
    op.drop_table("report_months")
    op.drop_index("ix_outcomes_counted", "outcomes")
    op.drop_index("ix_forms_counted", "forms")
    op.drop_index("ix_calls_counted", "calls")
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_column("abandoned_why")
        batch_op.drop_column("answered_where")
