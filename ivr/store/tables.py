"""The tables; `migrations/` makes them, and a test compares the two.

Only types that SQLite and PostgreSQL share.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from ivr.model import Lane


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept and given back in UTC (SQLite itself keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

calls = Table(
    "calls",
    metadata,
    Column("call", String, primary_key=True),
    Column("province", String, nullable=False),
    Column("line", String, nullable=False),
    Column("caller_pseudonym", String),
    Column("caller_ciphertext", String),
    Column("caller_raw_ciphertext", String),
    Column("caller_withheld", Boolean),
    Column("served_by", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("end", String),
    Column("ended_by", String),
    Column("counsellor", String),
    Column("desk", String),
    Column("arrived_at", UtcDateTime, nullable=False),
    Column("joined_at", UtcDateTime),
    Column("first_offered_at", UtcDateTime),
    Column("connected_at", UtcDateTime),
    Column("talk_ended_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("fallback_s", Float, nullable=False),
    # What the conversation found out: all null until then, `lane` never null after.
    Column("facts_province", String),
    Column("county", String),
    Column("county_source", String),
    Column("category", String),
    Column("lane", Integer),
    Column("returning_silence", Boolean),
    Column("location", JSON(none_as_null=True)),  # what was known before anybody spoke
    Column("rules_version", String),  # of the plan, for questions by version
    Column("plan", JSON(none_as_null=True)),
    Column("offers", JSON, nullable=False),
    Column("lost_at", UtcDateTime),  # in danger, before the place was known …
    Column("acknowledged_at", UtcDateTime),  # … until somebody has taken it up
    Column("acknowledged_by", String),
    Column("entered", String),  # paper, imported; null: the line had it
    # ivr.store.served, for counting: own, supporting, province, elsewhere, fallback …
    Column("answered_where", String),
    Column("abandoned_why", String),  # … nobody_on_duty, not_taken, too_busy
)
Index("ix_calls_arrived_at", calls.c.arrived_at)
Index("ix_calls_ended_at", calls.c.ended_at)  # open calls are those without
Index("ix_calls_lost_at", calls.c.lost_at)
Index("ix_calls_caller_pseudonym_arrived_at", calls.c.caller_pseudonym, calls.c.arrived_at)
# What a caller's earlier calls tell. These words are those of the question, literally: by a bound
# value no database can tell that such an index answers it.
COUNTY_CONFIRMED = text("county_source IN ('keypad', 'counsellor') AND county IS NOT NULL")
SILENT = text(f"lane = {Lane.SILENCE:d}")
Index(
    "ix_calls_confirmed",
    *(calls.c.caller_pseudonym, calls.c.arrived_at),
    sqlite_where=COUNTY_CONFIRMED,
    postgresql_where=COUNTY_CONFIRMED,
)
Index(
    "ix_calls_silent",
    *(calls.c.caller_pseudonym, calls.c.arrived_at),
    sqlite_where=SILENT,
    postgresql_where=SILENT,
)
# All that reports count of a call, so that they read no plans.
Index(
    "ix_calls_counted",
    *(calls.c.province, calls.c.arrived_at, calls.c.call, calls.c.county, calls.c.category),
    *(calls.c.desk, calls.c.counsellor, calls.c.end, calls.c.joined_at, calls.c.connected_at),
    *(calls.c.talk_ended_at, calls.c.ended_at, calls.c.lost_at, calls.c.entered),
    *(calls.c.answered_where, calls.c.abandoned_why),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call", ForeignKey("calls.call"), nullable=False, index=True),
    Column("county", String, nullable=False),
    # What the call had before: of the first correction, what the line had gone by.
    Column("previous_county", String),
    Column("previous_source", String),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call", ForeignKey("calls.call"), nullable=False, index=True),
    Column("outcome", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("form", Integer, index=True),  # of outcome_tables.forms
    Column("kind", String),  # of phone_resolved: psychology, social_work, legal
    Column("unit", String),  # which centre, base or team
    Column("body", String),  # of external: police, judiciary, emergency_115, other
)

Index(
    "ix_outcomes_counted",
    *(outcomes.c.form, outcomes.c.call, outcomes.c.outcome),
    *(outcomes.c.kind, outcomes.c.body, outcomes.c.at),
)

journal = Table(
    "journal",
    metadata,
    # The writer counts: an entry that is written again after a failure is the same entry.
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("event", JSON, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("started_at", UtcDateTime, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("path", String, primary_key=True),
    Column("first_line", String, nullable=False),  # SHA-256: which file it was, whatever its name
    Column("offset", BigInteger, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", String, primary_key=True),
    Column("person", JSON, nullable=False),  # ivr.people.Person
    Column("password_hash", String),  # argon2; null: cannot sign in
    Column("pin_hash", String),  # argon2; null: cannot sign in by telephone
    Column("signed_out_at", UtcDateTime),  # by themselves at a phone; null: is in
)

roster = Table(
    "roster",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("desk", String, nullable=False),
    Column("counsellor", String, nullable=False),
    Column("kind", String, nullable=False),  # ivr.duty.DutyKind
    Column("from_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # Entries are never changed: a swap takes out one and writes another.
    Column("taken_out_by", String),
    Column("taken_out_at", UtcDateTime),
)
Index("ix_roster_until_at", roster.c.until_at)

closures = Table(
    "closures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("desk", String, nullable=False),
    Column("kind", String, nullable=False),  # ivr.duty.ClosureKind
    Column("reason", Text, nullable=False),
    Column("from_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # Reopened before its time.
    Column("ended_by", String),
    Column("ended_at", UtcDateTime),
)
Index("ix_closures_until_at", closures.c.until_at)

rules_versions = Table(
    "rules_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("province", String, nullable=False),
    Column("number", Integer, nullable=False),  # counts up within the province, from 1
    Column("version", String, nullable=False),  # of the content: ProvinceRules.version
    Column("rules", JSON, nullable=False),  # ProvinceRules.model_dump(mode="json")
    Column("note", Text, nullable=False),
    Column("base", Integer),  # the number that was in force when it was drafted
    Column("drafted_by", String, nullable=False),
    Column("drafted_at", UtcDateTime, nullable=False),
    Column("published_by", String),
    Column("published_at", UtcDateTime),
    Column("active_from_at", UtcDateTime),  # in force: the latest of these that has come
    Column("restores", Integer),  # the number of the earlier version whose content this is
    # Published by one person alone: why, and who looked at it afterwards.
    Column("break_glass", Text),
    Column("reviewed_by", String),
    Column("reviewed_at", UtcDateTime),
    # A draft, or a publishing whose time had not come, that was taken back.
    Column("withdrawn_by", String),
    Column("withdrawn_at", UtcDateTime),
    UniqueConstraint("province", "number"),
)

# What people decided, each entry chained to the one before it (ivr.audit). `seq` also tells a
# running controller that something changed: whatever it goes by is written with an entry here.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String, nullable=False),
    Column("action", String, nullable=False),
    Column("province", String),
    Column("desk", String),
    Column("subject", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
Index("ix_audit_at", audit.c.at)
Index("ix_audit_subject", audit.c.subject)

# What people told the floor of a running line (ivr.floor_acts). The line sets `taken_at`; whoever
# waited for it in vain `withdrawn_at`, so that nothing happens of which they were told it did not.
floor_acts = Table(
    "floor_acts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),  # ivr.floor_acts.ActKind
    Column("subject", String, nullable=False),  # a counsellor, or a call
    Column("reason", String, nullable=False),  # of pauses
    Column("more_s", Float, nullable=False),  # of a wrap-up that is lengthened
    Column("province", String),
    Column("desk", String),  # whose supervisor or counsellor it was
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
)
Index("ix_floor_acts_at", floor_acts.c.at)
