"""Millions of calls made by PostgreSQL itself: what comes of them is drawn by its own dice."""

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ivr.reports.period import Period, by_month

PROVINCES = 10
_TABLES = ("calls", "forms", "outcomes")
_CALLS = """
INSERT INTO calls (call, province, line, served_by, phase, "end", arrived_at, joined_at,
                   connected_at, talk_ended_at, ended_at, fallback_s, offers, lane, county,
                   category, desk, counsellor, answered_where, abandoned_why)
SELECT it.name || n, it.name, '123', 'controller', 'ended',
       CASE WHEN it.talked THEN 'connected' ELSE 'abandoned' END,
       at, at + INTERVAL '20 s', CASE WHEN it.talked THEN at + wait END,
       CASE WHEN it.talked THEN at + wait + talk END, at + wait + talk, 0, '[]', 2,
       it.name || '-' || n % 30, (ARRAY['family_dispute', 'child_abuse', 'divorce'])[1 + n % 3],
       it.name || '-' || n % 30, 'counsellor-' || n % 200,
       CASE WHEN it.talked THEN (ARRAY['own', 'supporting', 'province'])[1 + n % 3] END,
       CASE WHEN NOT it.talked THEN 'too_busy' END
FROM (
    SELECT n, $1::text AS name, n % 10 < 8 AS talked,
           $2::timestamptz + ($3::timestamptz - $2::timestamptz) * random() AS at,
           INTERVAL '20 s' + INTERVAL '60 s' * random() AS wait,
           INTERVAL '10 s' + INTERVAL '500 s' * random() AS talk
    FROM generate_series($4::bigint, $5::bigint) n
) it
"""
_FORMS = """
INSERT INTO forms (key, call, relation, province, wrong_county, wrong_category, note, form, source,
                   by, at)
SELECT $1::text || n, $1::text || n, (ARRAY['related', 'unrelated', 'silent', 'prank'])[1 + n % 4],
       $1::text, false, false, '', '{}', 'live', 'bench', $2::timestamptz
FROM generate_series($3::bigint, $4::bigint) n WHERE n % 10 < 8
"""
_OUTCOMES = """
INSERT INTO outcomes (call, outcome, note, by, at, form)
SELECT f.call, CASE f.relation WHEN 'related' THEN 'mobile_team' ELSE f.relation END, '', 'bench',
       f.at, f.id
FROM forms f JOIN calls c ON c.call = f.call
WHERE c.province = $1 AND c.arrived_at >= $2 AND c.arrived_at < $3
"""


async def write_millions(database: URL, period: Period, count: int) -> None:
    """So many calls of ten provinces in the period, month by month."""
    months = list(by_month(period))
    engine = create_async_engine(database, isolation_level="AUTOCOMMIT")
    done = 0
    async with engine.connect() as connection:
        await _watch_changes(connection, "DISABLE")  # nothing is kept yet
        pieces = [(place, month) for place in range(PROVINCES) for month in months]
        for number, (place, month) in enumerate(pieces, start=1):
            first, done = done + 1, count * number // len(pieces)
            name = f"p{place:02}"
            span = (month.from_at, month.until_at)
            await connection.exec_driver_sql(_CALLS, (name, *span, first, done))
            await connection.exec_driver_sql(_FORMS, (name, month.until_at, first, done))
            await connection.exec_driver_sql(_OUTCOMES, (name, *span))
        for table in _TABLES:
            await connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
        await _watch_changes(connection, "ENABLE")
    await engine.dispose()


async def _watch_changes(connection: AsyncConnection, how: str) -> None:
    for table in _TABLES:
        await connection.exec_driver_sql(f"ALTER TABLE {table} {how} TRIGGER USER")
