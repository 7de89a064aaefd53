"""Changes of a call are told of its trips and stays as well: reports count these by its desk."""

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

# As migration 0007 has it, but from the first instant to the last that a row is about: a trip or
# stay has category, desk and counsellor of its call, which may be of another month.
_SENT = "SELECT {}(d.sent_at) FROM dispatches d WHERE d.call = it.call"
_BEGAN = "SELECT {}(v.from_at) FROM visits v WHERE v.call = it.call"
_ARRIVED = "(SELECT c.arrived_at FROM calls c WHERE c.call = it.call)"
_OF_PERSONS = (
    "COALESCE("
    "(SELECT c.arrived_at FROM forms f JOIN calls c ON c.call = f.call WHERE f.id = it.form), "
    "(SELECT d.sent_at FROM dispatches d WHERE d.id = it.dispatch), "
    "(SELECT v.from_at FROM visits v WHERE v.id = it.visit))"
)


_ABOUT = {
    "calls": "it.arrived_at",
    "forms": _ARRIVED,
    "outcomes": _ARRIVED,
    "corrections": _ARRIVED,
    "dispatches": "it.sent_at",
    "visits": "it.from_at",
    "persons": _OF_PERSONS,
}
# Nothing refers to a call that is new or gone, and its id stays the same.
_WITH_TRIPS = {
    ("calls", "changed", "is_now"),
    *(("forms", *which) for which in (("added", "is_now"), ("gone", "was"))),
    *(("forms", "changed", each) for each in ("was", "is_now")),
}
# One trigger for each way of writing: one call of its function, also where a row is changed and
# may have been about another time before.
_TRIGGERS = {
    "added": ("INSERT ON {} REFERENCING NEW TABLE AS is_now", ("is_now",)),
    "changed": (
        "UPDATE ON {} REFERENCING OLD TABLE AS was NEW TABLE AS is_now",
        ("was", "is_now"),
    ),
    "gone": ("DELETE ON {} REFERENCING OLD TABLE AS was", ("was",)),
}
_OLD_TRIGGERS = {
    "added": "INSERT ON {} REFERENCING NEW TABLE AS touched",
    "was": "UPDATE ON {} REFERENCING OLD TABLE AS touched",
    "is": "UPDATE ON {} REFERENCING NEW TABLE AS touched",
    "gone": "DELETE ON {} REFERENCING OLD TABLE AS touched",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _ABOUT:
        op.execute(f"DROP FUNCTION report_change_of_{table} CASCADE")
        for name, (event, touched) in _TRIGGERS.items():
            rows = " UNION ALL ".join(_instants(table, name, each) for each in touched)
            function = f"report_change_{name}_of_{table}"
            _make_function(function, "min(first), max(last)", rows, "min(first)")
            _make_trigger(f"report_change_{name}", event.format(table), function)


def _instants(table: str, name: str, touched: str) -> str:
    first = last = _ABOUT[table]
    if (table, name, touched) in _WITH_TRIPS:  # LEAST and GREATEST pass over nulls
        first, last = (
            f"{extreme}({first}, ({_SENT.format(of)}), ({_BEGAN.format(of)}))"
            for extreme, of in (("LEAST", "min"), ("GREATEST", "max"))
        )
    return f"SELECT {first} AS first, {last} AS last FROM {touched} it"  # noqa: S608 - stands above


def _make_function(name: str, values: str, rows: str, first: str) -> None:
    op.execute(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO report_changes (from_at, until_at, transaction, at)
            SELECT {values}, txid_current(), now() FROM ({rows}) every_row
            HAVING {first} < now() - INTERVAL '3 days';
            RETURN NULL;
        END $$
        """  # noqa: S608 - all of it stands above
    )


def _make_trigger(name: str, event: str, function: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name} AFTER {event} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, about in _ABOUT.items():
        for name in _TRIGGERS:
            op.execute(f"DROP FUNCTION report_change_{name}_of_{table} CASCADE")
        rows = f"SELECT {about} AS about FROM touched it"  # noqa: S608 - all of it stands above
        function = f"report_change_of_{table}"
        _make_function(function, "min(about), max(about)", rows, "min(about)")
        for name, event in _OLD_TRIGGERS.items():
            _make_trigger(f"report_change_{name}", event.format(table), function)
