"""Passwords and PINs as people give them: the audit trail says who is refused for a while.

Whoever tries learns from the answer, and from the time it takes, only whether they are let in.
"""

import asyncio
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.accounts import home_province
from ivr.audit import AuditEntry
from ivr.passwords import fits, is_outdated, rehash
from ivr.people import Person
from ivr.rules.fields import ID
from ivr.store.store import Store
from ivr.store.tables import audit, people
from ivr.store.trail import lock_trail

FAILURES_ALLOWED: Final = 5  # in a row within the time below; the next is refused for that time
REFUSED_FOR: Final = timedelta(minutes=15)

SIGNED_IN: Final = "people.sign_in"  # told where it ends a row of failures, or renews a hash
FAILED: Final = "people.sign_in_failed"
REFUSED: Final = "people.sign_in_refused"  # not even judged, so none of the row
NOBODY: Final = "-"  # no id: who was not recognised, and a name that is nobody's, which may be
# anything, such as a password typed into the wrong place


class Secret(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the name of a column
    PIN = "pin"

    @property
    def column(self) -> str:
        return f"{self}_hash"


async def check_secret(
    store: Store, person_id: str, text: str, secret: Secret, now: datetime
) -> Person | None:
    """Who this is, or None; raises StoreError."""
    named = re.fullmatch(ID, person_id) is not None
    rows = await store.rows(select(people).where(people.c.id == person_id)) if named else ()
    person = Person.model_validate(rows[0]["person"]) if rows else None
    kept: str | None = rows[0][secret.column] if rows else None
    right = await asyncio.to_thread(fits, kept, text) and person is not None and person.enabled
    renewed = (
        await asyncio.to_thread(rehash, text) if right and kept and is_outdated(kept) else None
    )
    async with store.writing() as connection:
        if renewed:
            column = people.c[secret.column]
            chosen = update(people).where(people.c.id == person_id, column == kept)
            await connection.execute(chosen.values({column: renewed}))
        # Judged in one transaction with the entry: attempts at the same moment come in a row too.
        await lock_trail(connection)
        row = await _row_of_failures(connection, person)
        if right and not _is_refused(row, now):
            if row or renewed:
                entry = _entry(person, SIGNED_IN, secret, now)
                await store.note_decision(connection, entry, [f"people/{person_id}"])
            return person
        action = REFUSED if _is_refused(row, now) else FAILED
        await store.note_decision(connection, _entry(person, action, secret, now))
    return None


async def _row_of_failures(
    connection: AsyncConnection, person: Person | None
) -> tuple[datetime, ...]:
    """The newest failures since the account's last success or new secret, newest first."""
    if person is None:
        return ()
    telling = (FAILED, SIGNED_IN, f"people.{Secret.PASSWORD}", f"people.{Secret.PIN}")
    statement = (
        select(audit.c.action, audit.c.at)
        .where(audit.c.subject == person.id, audit.c.action.in_(telling))
        .order_by(audit.c.seq.desc())
        .limit(FAILURES_ALLOWED)
    )
    failures = []
    for action, at in await connection.execute(statement):
        if action != FAILED:
            break
        failures.append(at)
    return tuple(failures)


def _is_refused(row: tuple[datetime, ...], now: datetime) -> bool:
    if len(row) < FAILURES_ALLOWED:
        return False
    newest, oldest = row[0], row[-1]
    return newest - oldest < REFUSED_FOR and now - newest < REFUSED_FOR


def _entry(person: Person | None, action: str, secret: Secret, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now,
        by=person.id if person is not None and action == SIGNED_IN else NOBODY,
        action=action,
        subject=person.id if person is not None else NOBODY,
        province=home_province(person) if person is not None else None,
        detail={"with": secret.value},
    )
