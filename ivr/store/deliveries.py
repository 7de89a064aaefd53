"""What each webhook still has to be told, and what it has not taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    ColumnElement,
    RowMapping,
    Select,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from ivr.audit import AuditEntry
from ivr.errors import BadInput
from ivr.store.erasing import delivery_call, delivery_has_body
from ivr.store.holds import is_held, lock_holds
from ivr.store.outcome_tables import deliveries, webhooks
from ivr.store.store import Store
from ivr.store.tables import calls
from ivr.store.webhooks import hook_of
from ivr.webhooks import Delivery, DeliveryState, Untaken, Webhook

ERROR_LENGTH = 200
CLEARED_AT_ONCE = 500
_OF_DELIVERY = ("id", "event", "kind", "body", "at", "tries")
_NOT_TAKEN = deliveries.c.delivered_at.is_(None)  # as its index says
_WAITING = _NOT_TAKEN & deliveries.c.next_at.is_not(None)


class DeliveryStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def due(self, now: datetime) -> tuple[int, ...]:
        """The webhooks that are to be told something now, those that wait longest first."""
        statement = _heads(_WAITING, now).order_by(deliveries.c.next_at, deliveries.c.id)
        hooks = statement.with_only_columns(deliveries.c.webhook.label("hook"))
        return tuple(row["hook"] for row in await self._store.rows(hooks))

    async def next_of(self, webhook: int, now: datetime) -> Delivery | None:
        """The first thing that the webhook has not had, where that is to be sent now."""
        statement = _heads(_WAITING & (deliveries.c.webhook == webhook), now)
        rows = await self._store.rows(statement)
        return _delivery(rows[0]) if rows else None

    async def delivered(self, delivery: Delivery, at: datetime) -> None:
        await self._tried(delivery, {"delivered_at": at, "next_at": None, "error": None})

    async def failed(self, delivery: Delivery, error: str, next_at: datetime | None) -> None:
        """`next_at` None: nothing more is tried."""
        await self._tried(delivery, {"next_at": next_at, "error": error[:ERROR_LENGTH]})

    async def _tried(self, delivery: Delivery, values: dict[str, object]) -> None:
        statement = update(deliveries).where(deliveries.c.id == delivery.id)
        async with self._store.writing() as connection:
            await connection.execute(statement.values(tries=delivery.tries + 1, **values))

    async def untaken(self) -> tuple[Untaken, ...]:
        """Webhooks that go on and of which something was given up or tried in vain."""
        it = deliveries.c
        given_up = it.next_at.is_(None)
        counted = (
            select(
                it.webhook,
                func.count().label("count"),
                func.sum(case((given_up, 1), else_=0)).label("given_up"),
                func.min(it.at).label("since_at"),
                func.max(case((it.error.is_not(None), it.id))).label("failed"),
            )
            .join(webhooks, it.webhook == webhooks.c.id)
            .where(_NOT_TAKEN, or_(_WAITING, _given_up()), webhooks.c.ended_at.is_(None))
            .group_by(it.webhook)
            .subquery()
        )
        names = ("webhook", "count", "given_up", "since_at")
        statement = select(*(counted.c[name] for name in names), it.error)
        failing = statement.join(deliveries, it.id == counted.c.failed)
        rows = await self._store.rows(failing.order_by(counted.c.webhook))
        return tuple(Untaken(**row) for row in rows)

    async def deliveries(
        self, webhook: int | None, *, taken_too: bool = False, limit: int = 1000
    ) -> tuple[DeliveryState, ...]:
        """What was tried in vain or given up (`taken_too`: and all others), the oldest first."""
        statement = select(*(deliveries.c[name] for name in DeliveryState.__slots__))
        if not taken_too:
            statement = statement.where(_in_vain())
        if webhook is not None:
            statement = statement.where(deliveries.c.webhook == webhook)
        rows = await self._store.rows(statement.order_by(deliveries.c.id).limit(limit))
        return tuple(DeliveryState(**row) for row in rows)

    async def send_again(
        self, hook: Webhook, delivery: int | None, *, by: str, at: datetime
    ) -> int:
        """Try what was given up of a webhook (None: all of it) from the beginning; how many.

        Raises BadInput where there is nothing to send again.
        """
        chosen = (deliveries.c.webhook == hook.id) & _given_up()
        if delivery is not None:
            chosen &= deliveries.c.id == delivery
        if hook.ended_at is not None:
            raise BadInput(f"Webhook {hook.id} has ended: it is told nothing any more.")
        entry = AuditEntry(
            at=at,
            by=by,
            action="webhook.resend",
            subject=str(hook.id),
            province=hook.province,
            detail={"delivery": delivery},
        )
        async with self._store.writing() as connection:
            again = update(deliveries).where(chosen).values(next_at=at, tries=0)
            number = (await connection.execute(again)).rowcount
            if not number:
                raise BadInput(
                    "There is no such delivery that was given up; see `ivr webhook deliveries`. "
                    "Nothing was changed."
                )
            await self._store.note_decision(connection, entry)
        return number

    async def clear(self, until_at: datetime) -> int:
        """Delete what was taken before then (not of held calls), what was emptied; how many."""
        it = deliveries.c
        emptied = _NOT_TAKEN & it.next_at.is_(None) & ~delivery_has_body()
        deleted = 0
        while True:
            async with self._store.writing() as connection:
                await lock_holds(connection)
                of_held = exists().where(calls.c.call == delivery_call(), await is_held(connection))
                old = or_((it.delivered_at < until_at) & ~of_held, emptied)
                some = select(it.id).where(old).limit(CLEARED_AT_ONCE)
                gone = await connection.execute(delete(deliveries).where(it.id.in_(some)))
            deleted += gone.rowcount
            if gone.rowcount < CLEARED_AT_ONCE:
                return deleted


def _heads(waiting: ColumnElement[bool], now: datetime) -> Select[Any]:
    """Of each webhook that goes on, the first that waits, where its time has come."""
    first = select(func.min(deliveries.c.id)).where(waiting).group_by(deliveries.c.webhook)
    return (
        select(*(deliveries.c[name] for name in _OF_DELIVERY), webhooks)
        .select_from(deliveries)
        .join(webhooks, deliveries.c.webhook == webhooks.c.id)
        .where(
            deliveries.c.id.in_(first), deliveries.c.next_at <= now, webhooks.c.ended_at.is_(None)
        )
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    )


def _given_up() -> ColumnElement[bool]:
    """What retention has emptied cannot be sent again."""
    return _NOT_TAKEN & delivery_has_body()


def _in_vain() -> ColumnElement[bool]:
    return or_(_WAITING & (deliveries.c.tries > 0), _given_up())


def _delivery(row: RowMapping) -> Delivery:
    hook = {name: row[f"webhooks_{name}"] for name in Webhook.__slots__}
    values = {name: row[f"deliveries_{name}"] for name in _OF_DELIVERY}
    return Delivery(hook=hook_of(hook), **values)
