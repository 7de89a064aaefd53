"""Versions of the rules in the database: drafted, published, taken back, each with its audit entry.

What a decision rests on is read again within its transaction, so that of two people who decide at
once the second is refused and told why.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.errors import BadInput, StoreError
from ivr.model import ProvinceId
from ivr.people import counsellor_of
from ivr.publishing import duty_findings, rules_findings
from ivr.rules.findings import Finding, Severity, errors_of
from ivr.rules.schema import ProvinceRules
from ivr.store.duty import DutyStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.trail import lock_trail
from ivr.store.version_rows import (
    COLUMNS,
    add_version,
    change_version,
    documents_of,
    load_versions,
    numbered,
    read_version,
    versions_where,
)
from ivr.versions import (
    RulesInForce,
    StoredVersion,
    Version,
    check_base,
    check_publishing,
    check_reason,
    check_review,
    check_withdrawal,
    decided_at,
    in_force,
    next_activation_at,
    no_version,
    rollback_target,
    scheduled,
)

# Whoever has given somebody an account, a role or a password could publish in that name.
SECOND_PERSON_AFTER = timedelta(days=30)
_TOUCHING = ("people.add", "people.change", "people.password")
FINDINGS_KEPT = 100  # with a draft in the trail; all are found again before it is published


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publishing or a rollback has done.

    `still_to_come` are scheduled versions that will replace it, the next one first.
    """

    version: Version
    warnings: tuple[Finding, ...] = ()
    still_to_come: tuple[Version, ...] = ()
    withdrawn: tuple[Version, ...] = ()


class VersionStore:
    """All provinces' versions. Raises StoreError where the database cannot be used.

    `by` is a person's id, `at` the instant at which they decide. What they may not do, or what
    somebody else has done meanwhile, is BadInput, and nothing was changed.
    """

    def __init__(self, store: Store, prompts: Collection[str] | None = None) -> None:
        """`prompts` are those of the catalogue; needed only to draft and to publish."""
        self._store = store
        self._prompts = prompts

    async def in_force(self, at: datetime) -> RulesInForce:
        """What each province goes by at `at`; a document that cannot be read stops no other."""
        found = [in_force(versions, at) for versions in _by_province(await self._versions())]
        names = [(version.province, version.number) for version in found if version]
        read: dict[ProvinceId, StoredVersion] = {}
        unreadable: dict[ProvinceId, StoreError] = {}
        for row in await self._store.rows(documents_of(*names)):
            try:
                read[row["province"]] = read_version(row)
            except StoreError as error:
                unreadable[row["province"]] = error
        return RulesInForce(versions=read, unreadable=unreadable)

    async def next_activation_at(self, after: datetime) -> datetime | None:
        """When a scheduled version of any province comes in force next."""
        return next_activation_at(await self._versions(), after)

    async def history(self, province: ProvinceId) -> tuple[Version, ...]:
        """All versions of the province, oldest first; empty where there is none."""
        return await self._versions(COLUMNS.province == province)

    async def to_be_reviewed(self) -> tuple[Version, ...]:
        """What one person alone has published and nobody else has looked at yet."""
        alone = await self._versions(COLUMNS.break_glass.is_not(None))
        return tuple(version for version in alone if version.awaits_review)

    async def version(self, province: ProvinceId, number: int) -> StoredVersion:
        """One version with its content; raises BadInput where there is none.

        Raises StoreError for a document that this code cannot read.
        """
        rows = await self._store.rows(documents_of((province, number)))
        if not rows:
            raise no_version(province, number)
        return read_version(rows[0])

    async def findings(self, rules: ProvinceRules, at: datetime) -> list[Finding]:
        """What would be wrong or doubtful if the rules were published at `at`."""
        return rules_findings(rules, at, self._prompts) + await self._duty_findings(rules, at)

    async def _duty_findings(self, rules: ProvinceRules, at: datetime) -> list[Finding]:
        everybody = await PeopleStore(self._store).people()
        people = [counsellor_of(person) for person in everybody if person.takes_calls]
        return duty_findings(rules, people, await DutyStore(self._store).book(at), at)

    async def draft(self, rules: ProvinceRules, *, note: str, by: str, at: datetime) -> int:
        """Keep the rules as a draft, with errors too; returns its number."""
        found = await self.findings(rules, at)
        kept = [
            f"{item.severity}: {item.field}: {item.message}"
            for item in found
            if item.severity is not Severity.QUESTION
        ]
        async with self._deciding() as connection:
            present = in_force(await load_versions(connection, rules.id), at)
            facts = {"drafted_by": by, "drafted_at": at, "base": present and present.number}
            version = await add_version(connection, rules, note=note, **facts)
            await self._note(
                connection,
                version,
                "rules.draft",
                by=by,
                at=at,
                note=note,
                errors=len(errors_of(found)),
                findings=kept[:FINDINGS_KEPT],
            )
        return version.number

    async def install(
        self, rules: ProvinceRules, *, note: str, by: str, at: datetime
    ) -> Version | None:
        """Put the first version of a province in force; None where there already is any."""
        async with self._deciding() as connection:
            if await load_versions(connection, rules.id):
                return None
            facts = {"drafted_by": by, "drafted_at": at, **_publishing(by, at, at)}
            version = await add_version(connection, rules, note=note, **facts)
            await self._note(connection, version, "rules.publish", by=by, at=at, installed=True)
        return version

    async def publish(
        self,
        province: ProvinceId,
        number: int,
        *,
        by: str,
        at: datetime,
        active_from_at: datetime | None = None,
        over: int | None = None,
    ) -> Published:
        """Put a draft in force, now or from `active_from_at` on; by another than its drafter.

        Raises BadInput also where the check finds errors, naming them, and where it would undo
        another version than `over` that came in force after it was drafted.
        """
        return await self._publish(
            province, number, by=by, at=at, active_from_at=active_from_at, over=over
        )

    async def break_glass(
        self, province: ProvinceId, number: int, *, by: str, at: datetime, reason: str
    ) -> Published:
        """Put a draft in force now by one person alone; it stands to be reviewed."""
        check_reason(reason)
        return await self._publish(province, number, by=by, at=at, reason=reason.strip())

    async def _publish(
        self,
        province: ProvinceId,
        number: int,
        *,
        by: str,
        at: datetime,
        active_from_at: datetime | None = None,
        reason: str | None = None,
        over: int | None = None,
    ) -> Published:
        content = await self.version(province, number)
        warnings = await self._without_errors(
            content, active_from_at or at, in_need=reason is not None
        )
        async with self._deciding() as connection:
            known = await load_versions(connection, province)
            draft, now = numbered(known, province, number), decided_at(known, at)
            check_publishing(
                draft, by=by, alone=bool(reason), at=at, active_from_at=active_from_at or at
            )
            values = _publishing(by, now, max(active_from_at or now, now))
            if reason is None:
                await _check_second(connection, draft, by, now)
                check_base(draft, in_force(known, values["active_from_at"]), over)
            version = await change_version(connection, draft, values | {"break_glass": reason})
            action = "rules.break_glass" if reason else "rules.publish"
            start = values["active_from_at"]
            await self._note(
                connection, version, action, by=by, at=now, active_from_at=start, reason=reason
            )
        return Published(version=version, warnings=warnings, still_to_come=scheduled(known, start))

    async def withdraw(
        self, province: ProvinceId, number: int, *, by: str, at: datetime
    ) -> Version:
        """Take back a draft, or a publishing whose time has not come."""
        async with self._deciding() as connection:
            known = await load_versions(connection, province)
            now = decided_at(known, at)
            return await self._withdraw(
                connection, numbered(known, province, number), by=by, at=now
            )

    async def _withdraw(
        self, connection: AsyncConnection, version: Version, *, by: str, at: datetime
    ) -> Version:
        check_withdrawal(version, at)
        values = {"withdrawn_by": by, "withdrawn_at": at}
        changed = await change_version(connection, version, values)
        was_for = version.active_from_at
        await self._note(
            connection, changed, "rules.withdraw", by=by, at=at, active_from_at=was_for
        )
        return changed

    async def rollback(
        self,
        province: ProvinceId,
        to_number: int | None = None,
        *,
        by: str,
        at: datetime,
        also_withdraw_scheduled: bool = False,
    ) -> Published:
        """Bring an earlier version back at once, as a new one: its content was reviewed before.

        Where it was not (broken glass, no review yet), the new one stands to be reviewed as well.
        `to_number` left out: the one that was in force before. Scheduled versions stay, unless
        `also_withdraw_scheduled`.
        """
        seen = rollback_target(await self.history(province), to_number, at)
        old = await self.version(province, seen.number)
        warnings = await self._without_errors(old, at, in_need=True)
        async with self._deciding() as connection:
            known = await load_versions(connection, province)
            now = decided_at(known, at)
            target = rollback_target(known, to_number, now)
            if target.number != old.number:
                raise BadInput(
                    f"Meanwhile something else was published for {province}. Look at "
                    f"`ivr rules history {province}` and name the version: --to NUMBER."
                )
            version = await add_version(connection, old.rules, **_restoring(target, by, now))
            restores = version.restores
            await self._note(
                connection, version, "rules.rollback", by=by, at=now, restores=restores
            )
            later = scheduled(known, now)
            gone = [
                await self._withdraw(connection, one, by=by, at=now)
                for one in (later if also_withdraw_scheduled else ())
            ]
        return Published(
            version=version,
            warnings=warnings,
            still_to_come=() if gone else later,
            withdrawn=tuple(gone),
        )

    async def review(
        self, province: ProvinceId, number: int, *, by: str, at: datetime, note: str
    ) -> Version:
        """Say that somebody else has looked at what one person alone has published."""
        async with self._deciding() as connection:
            version = numbered(await load_versions(connection, province), province, number)
            check_review(version, by)
            values = {"reviewed_by": by, "reviewed_at": at}
            changed = await change_version(connection, version, values)
            await self._note(connection, changed, "rules.review", by=by, at=at, note=note)
        return changed

    @asynccontextmanager
    async def _deciding(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which nobody else decides anything, on PostgreSQL as on SQLite."""
        async with self._store.writing() as connection:
            await lock_trail(connection)
            yield connection

    async def _without_errors(
        self, version: StoredVersion, at: datetime, *, in_need: bool
    ) -> tuple[Finding, ...]:
        """What is doubtful; raises BadInput where there are errors: a caller would suffer them.

        In need (broken glass, rollback) an hour without anybody on duty is told and stops nobody:
        the rules to be replaced have it as well.
        """
        wrong = rules_findings(version.rules, at, self._prompts)
        uncovered = await self._duty_findings(version.rules, at)
        if errors := errors_of(wrong if in_need else wrong + uncovered):
            lines = "\n  ".join(f"{item.field}: {item.message}" for item in errors)
            raise BadInput(
                f"{version.name} cannot be published, {len(errors)} error(s):\n  {lines}\n"
                "Mend the file and draft it again."
            )
        told = [item for item in wrong if item.severity is Severity.WARNING]
        return (*told, *uncovered)

    async def _note(
        self,
        connection: AsyncConnection,
        version: Version,
        action: str,
        *,
        by: str,
        at: datetime,
        **detail: object,
    ) -> None:
        facts = {"number": version.number, "version": version.version, **detail}
        entry = AuditEntry(
            at=at,
            by=by,
            action=action,
            subject=f"{version.province}/{version.number}",
            province=version.province,
            detail={name: _plain(fact) for name, fact in facts.items() if fact is not None},
        )
        row = f"rules_versions/{version.province}/{version.number}"
        await self._store.note_decision(connection, entry, [row])

    async def _versions(self, *conditions: ColumnElement[bool]) -> tuple[Version, ...]:
        rows = await self._store.rows(versions_where(*conditions))
        return tuple(Version(**row) for row in rows)


async def _check_second(
    connection: AsyncConnection, draft: Version, by: str, now: datetime
) -> None:
    """Raise BadInput where the drafter has had the publisher's account in their hands lately."""
    touched = select(audit.c.at).where(
        audit.c.by == draft.drafted_by,
        audit.c.subject == by,
        audit.c.action.in_(_TOUCHING),
        audit.c.at > now - SECOND_PERSON_AFTER,
    )
    if (await connection.execute(touched.limit(1))).first() is not None:
        raise BadInput(
            f"{draft.drafted_by} drafted {draft.name} and has made or changed the account {by} in "
            f"the last {SECOND_PERSON_AFTER.days} days, so {by} is no second person. Let somebody "
            "else publish it; in an emergency write --break-glass and --reason."
        )


def _by_province(versions: Sequence[Version]) -> list[list[Version]]:
    found: dict[ProvinceId, list[Version]] = {}
    for version in versions:
        found.setdefault(version.province, []).append(version)
    return list(found.values())


def _publishing(by: str, at: datetime, active_from_at: datetime) -> dict[str, Any]:
    return {"published_by": by, "published_at": at, "active_from_at": active_from_at}


def _restoring(target: Version, by: str, at: datetime) -> dict[str, Any]:
    return {
        "note": target.note,
        "drafted_by": by,
        "drafted_at": at,
        **_publishing(by, at, at),
        "restores": target.restores or target.number,
        "break_glass": target.break_glass if target.awaits_review else None,
    }


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
