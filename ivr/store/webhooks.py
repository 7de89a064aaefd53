"""Webhooks in the database, and what each still has to be told."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping, func, insert, select, update

from ivr.audit import AuditEntry
from ivr.errors import BadInput
from ivr.model import ProvinceId
from ivr.store.outcome_tables import deliveries, webhooks
from ivr.store.store import Store
from ivr.webhooks import Delivery, HookEvent, Webhook

ERROR_LENGTH = 200


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
            hook = _hook(row)
            if changed.rowcount:
                action, subject = "webhook.end", str(number)
                entry = AuditEntry(
                    at=at, by=by, action=action, subject=subject, province=hook.province
                )
                await self._store.note_decision(connection, entry)
        return hook

    async def all(self) -> tuple[Webhook, ...]:
        return tuple(map(_hook, await self._store.rows(select(webhooks).order_by(webhooks.c.id))))

    async def due(self, now: datetime) -> tuple[Delivery, ...]:
        """Of each webhook what is to be sent next, that which waits longest first."""
        it = deliveries.c
        columns = (it.id, it.webhook, it.event, it.kind, it.body, it.at, it.tries, it.next_at)
        place = func.row_number().over(partition_by=it.webhook, order_by=(it.next_at, it.id))
        ranked = select(*columns, place.label("place")).where(it.next_at <= now).subquery()
        going_on = ranked.join(webhooks, ranked.c.webhook == webhooks.c.id)
        statement = (
            select(ranked)
            .select_from(going_on)
            .where(ranked.c.place == 1, webhooks.c.ended_at.is_(None))
            .order_by(ranked.c.next_at, ranked.c.id)
        )
        first = {row["webhook"]: row for row in await self._store.rows(statement)}
        if not first:
            return ()
        rows = await self._store.rows(select(webhooks).where(webhooks.c.id.in_(first)))
        hooks = {row["id"]: _hook(row) for row in rows}
        names = ("id", "event", "kind", "body", "at", "tries")
        return tuple(
            Delivery(hook=hooks[number], **{name: row[name] for name in names})
            for number, row in first.items()
        )

    async def delivered(self, delivery: Delivery, at: datetime) -> None:
        await self._tried(delivery, {"delivered_at": at, "next_at": None, "error": None})

    async def failed(self, delivery: Delivery, error: str, next_at: datetime | None) -> None:
        """`next_at` None: nothing more is tried."""
        await self._tried(delivery, {"next_at": next_at, "error": error[:ERROR_LENGTH]})

    async def _tried(self, delivery: Delivery, values: dict[str, object]) -> None:
        statement = update(deliveries).where(deliveries.c.id == delivery.id)
        async with self._store.writing() as connection:
            await connection.execute(statement.values(tries=delivery.tries + 1, **values))

    async def waiting(self) -> dict[int, int]:
        """How many deliveries each webhook has not had yet, and may still have."""
        statement = select(deliveries.c.webhook).where(deliveries.c.next_at.is_not(None))
        found: dict[int, int] = {}
        for row in await self._store.rows(statement):
            found[row["webhook"]] = found.get(row["webhook"], 0) + 1
        return found


def _hook(row: RowMapping) -> Webhook:
    """Events of a later version are told nobody here."""
    known = frozenset(HookEvent(event) for event in row["events"] if event in set(HookEvent))
    province = ProvinceId(row["province"]) if row["province"] else None
    return Webhook(**{**row, "events": known, "province": province})
