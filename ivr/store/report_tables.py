"""The tables of reports: months that were counted before, and what was changed of them since."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from ivr.store.tables import UtcDateTime, metadata

# A Jalali month that is over, counted once (PostgreSQL alone: see ivr.store.reports_months).
report_months = Table(
    "report_months",
    metadata,
    Column("scope", String, primary_key=True),
    Column("from_at", UtcDateTime, primary_key=True),
    Column("until_at", UtcDateTime, nullable=False),
    Column("horizon", BigInteger, nullable=False),  # what later transactions wrote is not in it
    Column("counted_at", UtcDateTime, nullable=False),
    Column("tally", JSON, nullable=False),  # ivr.reports.tally.Tally
)

# Written by triggers: something about this time was changed when the time was long over.
report_changes = Table(
    "report_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("from_at", UtcDateTime, nullable=False),
    Column("until_at", UtcDateTime, nullable=False),  # the last instant that was touched
    Column("transaction", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
Index("ix_report_changes_until_at", report_changes.c.until_at)
