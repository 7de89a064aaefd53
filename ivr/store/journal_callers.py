"""Callers in the journal of events: whose an event is, and one caller taken out of it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, delete, exists, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.tables import calls, journal

AT_ONCE = 200
_SEES_CALLER = ("CallArrived", "CallLocated")  # events of one call, nothing but what came with it

Place = tuple[int, int]  # epoch and number of an entry


def is_nobodys(held: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of `journal`: whether the event is of no call that is open or held."""
    kept = calls.c.ended_at.is_(None) | held
    return ~exists().where(calls.c.call == journal.c.event["call"].as_string(), kept)


async def delete_entries(connection: AsyncConnection, places: Collection[Place]) -> None:
    at = tuple_(journal.c.epoch, journal.c.seq)
    await connection.execute(delete(journal).where(at.in_(places)))


def naming(pseudonyms: Collection[str], after: Place) -> Any:
    """The next entries, in order, that name one of these callers."""
    event = cast(journal.c.event, Text)
    later = or_(
        journal.c.epoch > after[0], and_(journal.c.epoch == after[0], journal.c.seq > after[1])
    )
    return (
        select(journal)
        .where(later, or_(*(event.contains(one, autoescape=True) for one in pseudonyms)))
        .order_by(journal.c.epoch, journal.c.seq)
        .limit(AT_ONCE)
    )


async def take_out(connection: AsyncConnection, rows: Any, of: Collection[str]) -> None:
    """Erase the callers of these calls from these entries; other calls stay as they were written.

    What only tells with whom a call came is deleted as a whole: numbers in the journal have gaps.
    """
    gone = [row for row in rows if row["kind"] in _SEES_CALLER and row["event"]["call"] in of]
    if gone:
        await delete_entries(connection, [(row["epoch"], row["seq"]) for row in gone])
    for row in rows:
        event = row["event"] if row in gone else without_callers(row["event"], of)
        if event != row["event"]:
            here = (journal.c.epoch == row["epoch"]) & (journal.c.seq == row["seq"])
            await connection.execute(update(journal).where(here).values(event=event))


def without_callers(value: Any, of: Collection[str]) -> Any:
    """The JSON without callers and places of these calls' records, wherever they stand in it."""
    if isinstance(value, list):
        return [without_callers(item, of) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: without_callers(item, of) for name, item in value.items()}
    if value.get("call") in of:
        found |= {name: None for name in ("caller", "location") if name in value}
    return found
