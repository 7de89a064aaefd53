"""Webhooks in the database: who is told what, and since when."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from ivr.audit import AuditEntry
from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.store.outcome_tables import deliveries, webhooks
from ivr.store.store import Store
from ivr.webhooks import HookEvent, Webhook


class WebhookStore:
    """Raises StoreError where the database cannot be used. Who decided stands in the trail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, hook: Webhook) -> Webhook:
        """On disk when this returns; its id is given."""
        values = {name: getattr(hook, name) for name in Webhook.__slots__ if name != "id"}
        values["events"] = sorted(hook.events)
        async with self._store.writing() as connection:
            result = await connection.execute(insert(webhooks).values(values))
            (number,) = result.inserted_primary_key or (0,)
            entry = AuditEntry(
                at=hook.at,
                by=hook.by,
                action="webhook.add",
                subject=str(number),
                province=hook.province,
                detail={"url": hook.url, "events": values["events"], "private": hook.private},
            )
            await self._store.note_decision(connection, entry)
        return replace(hook, id=int(number))

    async def end(self, number: int, *, by: str, at: datetime) -> Webhook:
        """Told nothing any more, also not what waits; raises BadInput where there is none."""
        chosen = webhooks.c.id == number
        first = update(webhooks).where(chosen, webhooks.c.ended_at.is_(None))
        waiting = update(deliveries).where(deliveries.c.webhook == number)
        async with self._store.writing() as connection:
            changed = await connection.execute(first.values(ended_by=by, ended_at=at))
            found = (await connection.execute(select(webhooks).where(chosen))).mappings()
            row = found.one_or_none()
            if row is None:
                raise BadInput(f"There is no webhook {number}; `ivr webhook list` shows all.")
            await connection.execute(waiting.values(next_at=None))
            hook = hook_of(row)
            if changed.rowcount:
                action, subject = "webhook.end", str(number)
                entry = AuditEntry(
                    at=at, by=by, action=action, subject=subject, province=hook.province
                )
                await self._store.note_decision(connection, entry)
        return hook

    async def all(self) -> tuple[Webhook, ...]:
        return tuple(map(hook_of, await self._store.rows(select(webhooks).order_by(webhooks.c.id))))

    async def waiting(self) -> dict[int, int]:
        """How many deliveries each webhook has not had yet, and may still have."""
        it = deliveries.c
        counted = select(it.webhook, func.count().label("rows")).where(it.next_at.is_not(None))
        rows = await self._store.rows(counted.group_by(it.webhook))
        return {row["webhook"]: row["rows"] for row in rows}


def hook_of(row: Mapping[Any, Any]) -> Webhook:
    """Events of a later version are told nobody here."""
    known = frozenset(HookEvent(event) for event in row["events"] if event in set(HookEvent))
    province = ProvinceId(row["province"]) if row["province"] else None
    return Webhook(**{**row, "events": known, "province": province})
