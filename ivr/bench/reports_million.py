"""Millions of calls made by PostgreSQL itself: what comes of them is drawn by its own dice.

They are written into bare tables; keys and indexes are made at the end, in a tenth of the time.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ivr.reports.period import Period, by_month

PROVINCES = 10
_TABLES = ("calls", "forms", "outcomes", "dispatches", "persons")
_CALLS = """
INSERT INTO calls (call, province, line, served_by, phase, "end", arrived_at, joined_at,
                   connected_at, talk_ended_at, ended_at, fallback_s, offers, lane, county,
                   category, desk, counsellor, answered_where, abandoned_why)
SELECT it.name || n, it.name, '123', 'controller', 'ended',
       CASE WHEN it.talked THEN 'connected' ELSE 'abandoned' END,
       at, at + INTERVAL '20 s', CASE WHEN it.talked THEN at + wait END,
       CASE WHEN it.talked THEN at + wait + talk END, at + wait + talk, 0, '[]', 2,
       it.name || '-' || n % 30,
       (ARRAY['family_dispute', 'child_abuse', 'divorce'])[1 + n / 30 % 3],
       it.name || '-' || n % 30, it.name || '-counsellor-' || n % 200,
       CASE WHEN it.talked THEN (ARRAY['own', 'supporting', 'province'])[1 + n % 3] END,
       CASE WHEN NOT it.talked THEN 'too_busy' END
FROM (
    SELECT n, $1::text AS name, n / 600 % 10 < 8 AS talked,
           $2::timestamptz + ($3::timestamptz - $2::timestamptz) * random() AS at,
           INTERVAL '20 s' + INTERVAL '60 s' * random() AS wait,
           INTERVAL '10 s' + INTERVAL '500 s' * random() AS talk
    FROM generate_series($4::bigint, $5::bigint) n
) it
"""
# Their ids are the calls' numbers, so that nothing is looked up here.
_FORMS = """
INSERT INTO forms (id, key, call, relation, province, county, wrong_county, wrong_category, note,
                   form, source, by, at)
SELECT n, $1::text || n, $1::text || n,
       (ARRAY['related', 'unrelated', 'silent', 'prank'])[1 + n / 200 % 4], $1::text,
       CASE WHEN n % 7 = 0 THEN $1::text || '-' || (n + 1) % 30 END, n % 7 = 0, false, '', '{}',
       'live', 'bench', $2::timestamptz
FROM generate_series($3::bigint, $4::bigint) n WHERE n / 600 % 10 < 8
"""
_OUTCOMES = """
INSERT INTO outcomes (call, outcome, note, by, at, form)
SELECT $1::text || n, (ARRAY['mobile_team', 'unrelated', 'silent', 'prank'])[1 + n / 200 % 4], '',
       'bench', $2::timestamptz, n
FROM generate_series($3::bigint, $4::bigint) n WHERE n / 600 % 10 < 8
"""
_TRIPS = """
INSERT INTO dispatches (id, key, call, province, county, team, team_county, cover, asked_by,
                        requested_at, sent_at, note, by, at)
SELECT n, $1::text || n, CASE WHEN n % 24 = 0 THEN $1::text || n END, $1::text,
       $1::text || '-' || n % 30, 'team', $1::text || '-' || n % 30, 'own', 'call', at, at, '',
       'bench', at
FROM (
    SELECT n, $2::timestamptz + ($3::timestamptz - $2::timestamptz) * random() AS at
    FROM generate_series($4::bigint, $5::bigint) n WHERE n % 8 = 0
) it
"""
_PERSONS = """
INSERT INTO persons (dispatch, count, age_band, sex)
SELECT n, 1 + n % 3, '18-59', 'female'
FROM generate_series($1::bigint, $2::bigint) n WHERE n % 8 = 0
"""
_KEYS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) AS gone,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
              pg_get_constraintdef(oid)) AS back
FROM pg_constraint
WHERE contype IN ('p', 'u', 'f')
  AND (conrelid = ANY ($1::regclass[]) OR confrelid = ANY ($1::regclass[]))
ORDER BY contype = 'f'
"""
_INDEXES = """
SELECT format('DROP INDEX %s', indexrelid::regclass) AS gone, pg_get_indexdef(indexrelid) AS back
FROM pg_index
WHERE indrelid = ANY ($1::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


async def write_millions(database: URL, period: Period, count: int) -> None:
    """So many calls of ten provinces in the period, month by month; an eighth as many trips."""
    months = list(by_month(period))
    engine = create_async_engine(database, isolation_level="AUTOCOMMIT")
    done = 0
    async with engine.connect() as connection, _bare_tables(connection):
        pieces = [(place, month) for place in range(PROVINCES) for month in months]
        for number, (place, month) in enumerate(pieces, start=1):
            first, done = done + 1, count * number // len(pieces)
            name, numbers = f"p{place:02}", (first, done)
            span = (month.from_at, month.until_at)
            await connection.exec_driver_sql(_CALLS, (name, *span, *numbers))
            await connection.exec_driver_sql(_FORMS, (name, month.until_at, *numbers))
            await connection.exec_driver_sql(_OUTCOMES, (name, month.until_at, *numbers))
            await connection.exec_driver_sql(_TRIPS, (name, *span, *numbers))
            await connection.exec_driver_sql(_PERSONS, numbers)
    await engine.dispose()


@asynccontextmanager
async def _bare_tables(connection: AsyncConnection) -> AsyncIterator[None]:
    """Without keys, indexes and triggers while inside; the same as before afterwards."""
    told = ([f"public.{table}" for table in _TABLES],)
    found = [
        row
        for asked in (_KEYS, _INDEXES)
        for row in (await connection.exec_driver_sql(asked, told)).all()
    ]
    foreign_last = [row for row in found if "FOREIGN KEY" in row.back]
    others = [row for row in found if row not in foreign_last]
    for table in _TABLES:
        await connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for row in (*foreign_last, *others):
        await connection.exec_driver_sql(row.gone)
    yield
    await connection.exec_driver_sql("SET maintenance_work_mem = '512MB'")
    for row in (*others, *foreign_last):
        await connection.exec_driver_sql(row.back)
    for table in _TABLES:
        await connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
        await connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
