"""The tables of what came of calls: forms, persons, dispatches, centre visits, follow-ups.

What people recorded is never changed: a later form replaces an earlier one, which stays. Calls,
persons and dispatches are counted apart and never added up.

Where rows are deleted whose numbers people type, SQLite is told never to give a number twice, as
PostgreSQL never does: an old list would name somebody else.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ivr.store.tables import UtcDateTime, metadata

forms = Table(
    "forms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),  # a save that is repeated is the same save
    Column("call", ForeignKey("calls.call"), nullable=False, index=True),
    Column("relation", String, nullable=False),  # related, unrelated, silent, prank, test
    Column("province", String, nullable=False),
    Column("county", String),  # of the event, not of the caller
    Column("category", String),  # as the counsellor found it; what was heard is the call's
    Column("risk", String),
    Column("reporter", String),
    Column("wrong_county", Boolean, nullable=False),
    Column("wrong_category", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("form", JSON, nullable=False),  # ivr.outcome_form.OutcomeForm, the whole
    Column("source", String, nullable=False),  # live, paper, imported
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("replaced_by", Integer),  # the form that counts instead; null: this one counts
)

Index(
    "ix_forms_counted",
    *(forms.c.call, forms.c.replaced_by, forms.c.relation, forms.c.county, forms.c.category),
    *(forms.c.wrong_county, forms.c.wrong_category),
)

drafts = Table(
    "drafts",
    metadata,
    Column("call", String, primary_key=True),
    Column("form", JSON, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# A mobile team's trip. Some have no call: teams also get work from elsewhere.
dispatches = Table(
    "dispatches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("call", ForeignKey("calls.call"), index=True),
    Column("province", String, nullable=False),
    Column("county", String, nullable=False),  # of the event
    Column("team", String, nullable=False),  # ivr.rules.units.MobileTeam.id
    Column("team_county", String, nullable=False),
    Column("cover", String, nullable=False),  # ivr.dispatching.CoverKind
    Column("asked_by", String, nullable=False),  # call, police, judiciary, hospital …
    Column("requested_at", UtcDateTime, nullable=False),
    Column("accepted_at", UtcDateTime),
    Column("sent_at", UtcDateTime),  # from then on it counts
    Column("arrived_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("cancelled_at", UtcDateTime),
    Column("vehicle", String),
    Column("result", String),
    Column("note", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
Index("ix_dispatches_province_sent_at", dispatches.c.province, dispatches.c.sent_at)

# Somebody in a crisis-intervention centre: for hours, or to stay.
visits = Table(
    "visits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("call", ForeignKey("calls.call"), index=True),
    Column("province", String, nullable=False),
    Column("county", String),  # of the event
    Column("centre", String, nullable=False),  # ivr.rules.units.CrisisCentre.id
    Column("kind", String, nullable=False),  # outpatient, admission
    Column("services", JSON, nullable=False),  # psychology, social_work, legal, keeping
    Column("from_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime),  # as planned
    Column("ended_at", UtcDateTime),
    Column("ended_how", String),
    Column("note", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
Index("ix_visits_province_from_at", visits.c.province, visits.c.from_at)

# Whom a call, a trip or a visit served; a person may be counted at each of them.
persons = Table(
    "persons",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("form", ForeignKey("forms.id"), index=True),
    Column("dispatch", ForeignKey("dispatches.id"), index=True),
    Column("visit", ForeignKey("visits.id"), index=True),
    Column("count", Integer, nullable=False),
    Column("age_band", String),
    Column("sex", String),
    CheckConstraint("count > 0", name="ck_persons_count"),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("call", ForeignKey("calls.call"), index=True),
    Column("province", String, nullable=False),
    Column("desk", String),
    Column("kind", String, nullable=False),  # follow_up, expected_back
    Column("due_at", UtcDateTime, nullable=False),
    Column("note", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("done_by", String),
    Column("done_at", UtcDateTime),
    Column("done_note", Text),
    Column("taken_by", String),  # who has it now, of a later shift; null: nobody took it over
    Column("taken_at", UtcDateTime),
    sqlite_autoincrement=True,
)
Index("ix_follow_ups_province_due_at", follow_ups.c.province, follow_ups.c.due_at)

# What a save that changed a trip, a stay or a follow-up was answered: the same again is the same.
answers = Table(
    "answers",
    metadata,
    Column("key", String, primary_key=True),
    Column("about", String, nullable=False),  # its table and number, and the act
    Column("answer", JSON, nullable=False),  # without free text
    Column("at", UtcDateTime, nullable=False),
)
Index("ix_answers_at", answers.c.at)

# Two pseudonyms that are one person. A split undoes it; nothing is overwritten.
caller_links = Table(
    "caller_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String, nullable=False, index=True),
    Column("into", String, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("undone_by", String),
    Column("undone_at", UtcDateTime),
    sqlite_autoincrement=True,
)

# What no retention erases while the hold stands.
holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),  # call, caller
    Column("subject", String, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("lifted_by", String),
    Column("lifted_at", UtcDateTime),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("hash", String, nullable=False),  # SHA-256 of a secret that is random in itself
    Column("scopes", JSON, nullable=False),
    Column("province", String),  # null: all
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_by", String),
    Column("revoked_at", UtcDateTime),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),  # encrypted
    Column("events", JSON, nullable=False),
    Column("province", String),  # null: all
    Column("private", Boolean, nullable=False),  # may lie within this house
    Column("by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("ended_by", String),
    Column("ended_at", UtcDateTime),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("webhook", ForeignKey("webhooks.id"), nullable=False),
    Column("event", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", UtcDateTime),  # null: nothing more is tried
    Column("delivered_at", UtcDateTime),
    Column("error", Text),
    UniqueConstraint("webhook", "event"),
    sqlite_autoincrement=True,
)
# What a webhook has not had, in order: the first of it is looked for each second.
Index(
    "ix_deliveries_not_taken",
    *(deliveries.c.webhook, deliveries.c.id),
    sqlite_where=deliveries.c.delivered_at.is_(None),
    postgresql_where=deliveries.c.delivered_at.is_(None),
)

# Each time that what was kept long enough was erased.
retention_runs = Table(
    "retention_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("by", String, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # null: it goes on, or was killed
    Column("rows", Integer),  # erased
    Column("error", Text),
)
