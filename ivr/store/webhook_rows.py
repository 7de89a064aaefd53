"""What webhooks are told is written in the transaction of what it tells of: no more, no less."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.outcome_tables import deliveries, webhooks
from ivr.webhooks import HookEvent


async def tell_webhooks(
    connection: AsyncConnection,
    kind: HookEvent,
    event: str,
    body: Mapping[str, object],
    *,
    province: str,
    at: datetime,
) -> None:
    """`event` is this event's own name for ever; `body` is plain JSON, without what people wrote.

    It is sent later, by a task of its own; `at` is when it happened.
    """
    now = datetime.now(UTC)
    it = webhooks.c
    statement = select(it.id, it.events).where(
        it.ended_at.is_(None), or_(it.province.is_(None), it.province == province)
    )
    rows = [
        {
            "webhook": row["id"],
            "event": event,
            "kind": kind.value,
            "body": {"event": event, "kind": kind.value, "at": at.isoformat(), "data": dict(body)},
            "at": now,
            "tries": 0,
            "next_at": now,
        }
        for row in (await connection.execute(statement)).mappings()
        if kind.value in row["events"]
    ]
    if rows:
        await connection.execute(insert(deliveries), rows)
