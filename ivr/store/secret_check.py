"""Passwords and PINs as people give them: whoever fails too often is refused for a while.

Whoever tries learns from the answer, and from the time it takes, only whether they are let in.
"""

import asyncio
import re
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update

from ivr.accounts import home_province
from ivr.audit import AuditEntry
from ivr.passwords import fits, is_outdated, rehash
from ivr.people import Person
from ivr.rules.fields import ID
from ivr.store.failures import Failures
from ivr.store.hashing import hashing
from ivr.store.store import Store
from ivr.store.tables import people

SIGNED_IN: Final = "people.sign_in"  # told where it ends a row of failures, or renews a hash
FAILED: Final = "people.sign_in_failed"
REFUSED: Final = "people.sign_in_refused"  # for a while, however right what is typed then
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
    right = await hashing(fits, kept, text) and person is not None and person.enabled
    renewed = await hashing(rehash, text) if right and kept and is_outdated(kept) else None
    failures, name = Failures(store.home), person.id if person else NOBODY
    if right and person and not (await asyncio.to_thread(failures.row, name)).is_refused(now):
        before = await asyncio.to_thread(failures.forget, name)
        if before.failed_at or renewed:
            entry = _entry(person, SIGNED_IN, secret, now, before.untold)
            await _note(store, entry, secret, kept=kept, renewed=renewed)
        return person
    told = await asyncio.to_thread(failures.fail, name, now, shuts=name != NOBODY)
    if told:
        action = REFUSED if told.refused else FAILED
        async with store.writing() as connection:
            entry = _entry(person, action, secret, now, told.failures)
            await store.note_decision(connection, entry)
    return None


async def _note(
    store: Store,
    entry: AuditEntry,
    secret: Secret,
    *,
    kept: str | None,
    renewed: str | None,
) -> None:
    """The entry, with the hash made anew where it was outdated."""
    async with store.writing() as connection:
        if renewed:
            column = people.c[secret.column]
            chosen = update(people).where(people.c.id == entry.subject, column == kept)
            await connection.execute(chosen.values({secret.column: renewed}))
        rows = [f"people/{entry.subject}"] if renewed else []
        await store.note_decision(connection, entry, rows)


def _entry(
    person: Person | None, action: str, secret: Secret, now: datetime, failures: int
) -> AuditEntry:
    return AuditEntry(
        at=now,
        by=person.id if person is not None and action == SIGNED_IN else NOBODY,
        action=action,
        subject=person.id if person is not None else NOBODY,
        province=home_province(person) if person is not None else None,
        detail={"with": secret.value, "failures": failures},
    )
