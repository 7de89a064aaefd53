"""People in the database: every change is one transaction with its entry in the audit trail."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.accounts import (
    AccountChange,
    BrokenGlass,
    check_account_review,
    home_province,
    judge,
    told_as,
)
from ivr.audit import AuditEntry
from ivr.errors import BadInput, StoreError
from ivr.model import CounsellorId
from ivr.passwords import hash_password, hash_pin
from ivr.people import Person, Role
from ivr.rights import with_admin_role
from ivr.store.broken_glass import BREAK_GLASS, REVIEW, not_reviewed
from ivr.store.failures import Failures
from ivr.store.hashing import hashing
from ivr.store.secret_check import Secret, check_secret
from ivr.store.store import Store
from ivr.store.tables import people

Guard = Callable[[Person | None, Person], None]
"""Called within the transaction with an account before and after; what it raises refuses."""

_SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What became of people who were read from files."""

    added: tuple[CounsellorId, ...]
    changed: tuple[CounsellorId, ...]
    unchanged: tuple[CounsellorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """Who decides what, when, and what the audit trail says of it beside the change itself."""

    by: str
    now: datetime
    action: str
    guard: Guard
    detail: Mapping[str, object] = field(default_factory=dict)


def everybody_may(_before: Person | None, _after: Person) -> None:
    """The guard where rights were judged elsewhere, or nobody has any yet."""


class PeopleStore:
    """The accounts of a store. `by` is who decides, `now` when; rights are the guard's.

    All methods raise StoreError where the database cannot be used, and those that change something
    BadInput where nothing was changed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def people(self) -> tuple[Person, ...]:
        """Everybody, those who are disabled too, by id."""
        rows = await self._store.rows(select(people.c.person).order_by(people.c.id))
        return tuple(_person(row["person"]) for row in rows)

    async def person(self, person_id: str) -> Person | None:
        rows = await self._store.rows(select(people.c.person).where(people.c.id == person_id))
        return _person(rows[0]["person"]) if rows else None

    async def somebody_manages(self) -> bool:
        """Whether anybody can sign in who manages people."""
        rows = await self._store.rows(
            select(people.c.person).where(people.c.password_hash.is_not(None))
        )
        found = (_person(row["person"]) for row in rows)
        return any(
            person.enabled
            and any(it.role is Role.ADMIN and it.until_at is None for it in person.grants)
            for person in found
        )

    async def add(
        self, person: Person, *, by: str, now: datetime, guard: Guard = everybody_may
    ) -> None:
        """A new account, without password and PIN."""
        async with self._store.writing() as connection:
            known = await _accounts(connection)
            if person.id in known:
                raise BadInput(
                    f"There is a {person.id!r} already; nothing was added. Change it with `ivr "
                    f"people change {person.id}`, or choose another id: ids are never used again."
                )
            change = AccountChange(None, person)
            guard(None, person)
            judge(known, [change])
            decision = _Decision(by=by, now=now, action="people.add", guard=guard)
            await self._write(connection, change, decision)

    async def change(
        self,
        person_id: str,
        edit: Callable[[Person], Person],
        *,
        by: str,
        now: datetime,
        guard: Guard = everybody_may,
    ) -> Person:
        """The account as `edit` makes it of what it is now; no entry where that is the same."""
        decision = _Decision(by=by, now=now, action="people.change", guard=guard)
        return await self._change(person_id, edit, decision)

    async def disable(
        self, person_id: str, *, reason: str, by: str, now: datetime, guard: Guard = everybody_may
    ) -> Person:
        """From now on this person may do nothing and is not rung; the account stays."""

        def disabled(person: Person) -> Person:
            return person.model_copy(update={"enabled": False})

        detail = {"reason": _reason(reason)}
        decision = _Decision(by=by, now=now, action="people.disable", guard=guard, detail=detail)
        return await self._change(person_id, disabled, decision)

    async def break_glass(
        self, person_id: str, *, reason: str, by: str, now: datetime, guard: Guard = everybody_may
    ) -> Person:
        """Make a supervisor admin of their province for four hours."""

        def made_admin(person: Person) -> Person:
            return with_admin_role(person, now)

        detail = {"reason": _reason(reason)}
        decision = _Decision(by=by, now=now, action=BREAK_GLASS, guard=guard, detail=detail)
        return await self._change(person_id, made_admin, decision)

    async def broken_glass(self) -> tuple[BrokenGlass, ...]:
        """Who was made admin in need, as far as nobody else has looked at it; oldest first."""
        return await not_reviewed(self._store)

    async def review(
        self, person_id: str, *, note: str, by: str, now: datetime
    ) -> tuple[BrokenGlass, ...]:
        """Say that somebody else has looked at what was done with rights taken in need."""
        async with self._store.writing() as connection:
            known = await _accounts(connection)
            person = _existing(known, person_id)
            found = tuple(one for one in await self.broken_glass() if one.person == person.id)
            if not found:
                raise BadInput(
                    f"{person.id}: nothing to review; `ivr people review` lists what is."
                )
            for broken in found:
                check_account_review(broken, known.values(), by, now)
            entry = AuditEntry(
                at=now,
                by=by,
                action=REVIEW,
                subject=person.id,
                province=home_province(person),
                detail={"note": note, "entries": [broken.seq for broken in found]},
            )
            await self._store.note_decision(connection, entry, [f"people/{person.id}"])
        return found

    async def take_in(
        self,
        persons: Sequence[Person],
        *,
        by: str,
        now: datetime,
        passwords: Mapping[str, str] | None = None,
        guard: Guard = everybody_may,
    ) -> TakenIn:
        """All of these people or none; who is there already becomes as given, enabled or not.

        `passwords` are those of new accounts. Who is not among `persons` stays as they are.
        """
        hashes = await _hashed(passwords or {})
        async with self._store.writing() as connection:
            known = await _accounts(connection)
            changes = [_taken_in(known.get(person.id), person) for person in persons]
            for change in changes:
                guard(change.before, change.after)
            judge(known, changes)
            for change in changes:
                if change.before != change.after:
                    action = "people.change" if change.before else "people.add"
                    decision = _Decision(by=by, now=now, action=action, guard=guard)
                    await self._write(connection, change, decision, hashes.get(change.after.id))
        return _summary(changes)

    async def set_password(
        self, person_id: str, text: str, *, by: str, now: datetime, guard: Guard = everybody_may
    ) -> Person:
        """A new password; failed sign-ins before it count no longer."""
        kept = await hashing(hash_password, text)
        decision = _Decision(by=by, now=now, action="people.password", guard=guard)
        return await self._set(person_id, Secret.PASSWORD, kept, decision)

    async def set_pin(
        self, person_id: str, text: str, *, by: str, now: datetime, guard: Guard = everybody_may
    ) -> Person:
        """A new PIN; failed sign-ins before it count no longer."""
        kept = await hashing(hash_pin, text)
        decision = _Decision(by=by, now=now, action="people.pin", guard=guard)
        return await self._set(person_id, Secret.PIN, kept, decision)

    async def check_password(self, person_id: str, text: str, *, now: datetime) -> Person | None:
        """Who this is; None for a wrong password as for an unknown, disabled or refused name."""
        return await check_secret(self._store, person_id, text, Secret.PASSWORD, now)

    async def check_pin(self, person_id: str, text: str, *, now: datetime) -> Person | None:
        """Who this is; None as for passwords."""
        return await check_secret(self._store, person_id, text, Secret.PIN, now)

    async def _change(
        self, person_id: str, edit: Callable[[Person], Person], decision: _Decision
    ) -> Person:
        async with self._store.writing() as connection:
            known = await _accounts(connection)
            before = _existing(known, person_id)
            change = AccountChange(before, edit(before))
            decision.guard(before, change.after)
            judge(known, [change])
            if change.after != before:
                await self._write(connection, change, decision)
        return change.after

    async def _set(self, person_id: str, secret: Secret, kept: str, decision: _Decision) -> Person:
        async with self._store.writing() as connection:
            person = _existing(await _accounts(connection), person_id)
            decision.guard(person, person)
            chosen = update(people).where(people.c.id == person.id)
            await connection.execute(chosen.values({secret.column: kept}))
            await self._note(connection, person, decision, {})
        await asyncio.to_thread(Failures(self._store.home).forget, person.id)
        return person

    async def _write(
        self,
        connection: AsyncConnection,
        change: AccountChange,
        decision: _Decision,
        password_hash: str | None = None,
    ) -> None:
        """`password_hash` is that of a new account."""
        person = change.after
        plain = person.model_dump(mode="json")
        if change.before is None:
            values = {"id": person.id, "person": plain, "password_hash": password_hash}
            await connection.execute(insert(people).values(values))
        else:
            chosen = update(people).where(people.c.id == person.id)
            await connection.execute(chosen.values(person=plain))
        await self._note(connection, person, decision, told_as(change))

    async def _note(
        self,
        connection: AsyncConnection,
        person: Person,
        decision: _Decision,
        told: Mapping[str, object],
    ) -> None:
        entry = AuditEntry(
            at=decision.now,
            by=decision.by,
            action=decision.action,
            subject=person.id,
            province=home_province(person),
            detail={**told, **decision.detail},
        )
        await self._store.note_decision(connection, entry, [f"people/{person.id}"])


async def _accounts(connection: AsyncConnection) -> dict[CounsellorId, Person]:
    """Everybody; nobody else changes an account until the transaction ends."""
    rows = await connection.execute(select(people.c.person).with_for_update())
    found = (_person(row.person) for row in rows)
    return {person.id: person for person in found}


def _existing(known: Mapping[CounsellorId, Person], person_id: str) -> Person:
    person = known.get(CounsellorId(person_id))
    if person is None:
        raise BadInput(f"There is no {person_id!r}; nothing was changed. See `ivr people list`.")
    return person


def _person(plain: Any) -> Person:
    try:
        return Person.model_validate(plain)
    except ValidationError as error:
        name = plain.get("id") if isinstance(plain, dict) else None
        raise StoreError(
            f"The account {name!r} in the database is not one that this version wrote "
            f"({error.error_count()} mistakes). Restore the table people from a copy."
        ) from error


def _taken_in(before: Person | None, given: Person) -> AccountChange:
    """What files do not say stays: whether somebody is enabled, and roles given for a while."""
    if before is None:
        return AccountChange(None, given)
    for_a_while = [grant for grant in before.grants if grant.until_at is not None]
    kept = {"enabled": before.enabled, "grants": (*given.grants, *for_a_while)}
    return AccountChange(before, given.model_copy(update=kept))


def _summary(changes: Sequence[AccountChange]) -> TakenIn:
    return TakenIn(
        added=tuple(it.after.id for it in changes if it.before is None),
        changed=tuple(it.after.id for it in changes if it.before not in {None, it.after}),
        unchanged=tuple(it.after.id for it in changes if it.before == it.after),
    )


async def _hashed(passwords: Mapping[str, str]) -> dict[str, str]:
    return {id_: await hashing(hash_password, text) for id_, text in passwords.items()}


def _reason(text: str) -> str:
    reason = text.strip()
    if len(reason) < _SHORTEST_REASON:
        raise BadInput(
            f"The reason {reason!r} tells nobody why; nothing was changed. Write a sentence: it "
            "stays in the audit trail."
        )
    return reason
