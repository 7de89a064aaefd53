"""What SQL has no one word for in counting: spans of time, hours of the day, numbers in a row."""

from typing import Any

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class microseconds(FunctionElement[int]):  # noqa: N801 - as functions of SQL are written
    """From the first instant to the second, exactly; null where either is."""

    type = BigInteger()
    inherit_cache = True


class half_hour(FunctionElement[int]):  # noqa: N801
    """Which half-hour of the day in UTC an instant lies in, from 0 to 47."""

    type = Integer()
    inherit_cache = True


class numbers(FunctionElement[str]):  # noqa: N801
    """Many numbers as one text, such as `12,0,7`; null where one of them is."""

    type = String()
    inherit_cache = True


@compiles(numbers)
def _numbers(element: numbers, compiler: SQLCompiler, **kw: Any) -> str:
    texts = (f"CAST({compiler.process(clause, **kw)} AS VARCHAR)" for clause in element.clauses)
    return " || ',' || ".join(texts)


@compiles(microseconds, "postgresql")
def _microseconds_postgresql(element: microseconds, compiler: SQLCompiler, **kw: Any) -> str:
    """The difference of two instants is exact, its epoch numeric (PostgreSQL 14 and later)."""
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) * 1000000 AS BIGINT)"


@compiles(microseconds, "sqlite")
def _microseconds_sqlite(element: microseconds, compiler: SQLCompiler, **kw: Any) -> str:
    """Kept as `2026-11-22 00:30:00.000000`; SQLite's own clock knows milliseconds alone."""
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({_since_1970(end)} - {_since_1970(start)})"


def _since_1970(text: str) -> str:
    seconds = f"CAST(strftime('%s', substr({text}, 1, 19)) AS INTEGER)"
    return f"({seconds} * 1000000 + CAST(substr({text}, 21, 6) AS INTEGER))"


@compiles(half_hour, "postgresql")
def _half_hour_postgresql(element: half_hour, compiler: SQLCompiler, **kw: Any) -> str:
    at = compiler.process(element.clauses, **kw)
    there = f"({at} AT TIME ZONE 'UTC')"
    return (
        f"CAST(EXTRACT(HOUR FROM {there}) * 2 + FLOOR(EXTRACT(MINUTE FROM {there}) / 30) "
        "AS INTEGER)"
    )


@compiles(half_hour, "sqlite")
def _half_hour_sqlite(element: half_hour, compiler: SQLCompiler, **kw: Any) -> str:
    at = compiler.process(element.clauses, **kw)
    hour = f"CAST(substr({at}, 12, 2) AS INTEGER)"
    return f"({hour} * 2 + CAST(substr({at}, 15, 2) AS INTEGER) / 30)"
