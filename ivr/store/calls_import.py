"""Earlier records into the database: calls with their forms, trips, visits; all or nothing.

What is not known of them stays unknown: no time of joining or talking is made up, so that no mean
counts one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Column, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.audit import AuditEntry
from ivr.dispatching import Dispatch
from ivr.model import CallEnd, CallId, ProvinceId
from ivr.outcome_form import OutcomeForm, PersonsServed
from ivr.store.dispatches import trip_to_row
from ivr.store.entered import EnteredCall, call_id, entered_to_row
from ivr.store.forms import SavedForm, Source, form_to_row
from ivr.store.outcome_tables import dispatches, forms, persons, visits
from ivr.store.served import served
from ivr.store.store import Store
from ivr.store.tables import calls, outcomes
from ivr.store.visits import visit_to_row
from ivr.visits import Visit

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCall:
    """A call with its form. `talk_ended`: whether the call's end is known, and so its talk's."""

    entered: EnteredCall
    form: OutcomeForm | None
    end: CallEnd | None
    talk_ended: bool

    @property
    def id(self) -> str:
        return call_id(self.entered.key, Source.IMPORTED)

    @property
    def happened_at(self) -> datetime:
        return self.entered.arrived_at

    @property
    def province(self) -> ProvinceId:
        return self.entered.province


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTrip:
    trip: Dispatch
    served: tuple[PersonsServed, ...] = ()

    @property
    def id(self) -> str:
        return self.trip.key

    @property
    def happened_at(self) -> datetime:
        return self.trip.requested_at

    @property
    def province(self) -> ProvinceId:
        return self.trip.province


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedVisit:
    visit: Visit
    served: tuple[PersonsServed, ...] = ()

    @property
    def id(self) -> str:
        return self.visit.key

    @property
    def happened_at(self) -> datetime:
        return self.visit.from_at

    @property
    def province(self) -> ProvinceId:
        return self.visit.province


Imported: TypeAlias = ImportedCall | ImportedTrip | ImportedVisit
Known: TypeAlias = Mapping[tuple[type, str], datetime]
"""What was imported before: kind and id, and when it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """How many were new, and how many were there before."""

    calls: int = 0
    dispatches: int = 0
    visits: int = 0
    known: int = 0

    @property
    def new(self) -> int:
        return self.calls + self.dispatches + self.visits

    def and_these(self, some: Sequence[Imported], known: Known) -> "ImportCounts":
        fresh = [type(one) for one in some if key_of(one) not in known]
        return ImportCounts(
            calls=self.calls + fresh.count(ImportedCall),
            dispatches=self.dispatches + fresh.count(ImportedTrip),
            visits=self.visits + fresh.count(ImportedVisit),
            known=self.known + len(some) - len(fresh),
        )


def key_of(one: Imported) -> tuple[type, str]:
    return type(one), one.id


class ImportStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def known(self, some: Sequence[Imported]) -> Known:
        """Which of these were imported before."""
        async with self._store.at_one_instant() as connection:
            return await _known(connection, some)

    async def calls_there(self, ids: Collection[CallId]) -> frozenset[CallId]:
        """Which of these calls the database has."""
        rows = await self._store.rows(select(calls.c.call).where(calls.c.call.in_(ids)))
        return frozenset(CallId(row["call"]) for row in rows)

    async def save(
        self,
        batches: Iterable[Sequence[Imported]],
        decided: Callable[[ImportCounts], AuditEntry],
        *,
        by: str,
        at: datetime,
    ) -> ImportCounts:
        """All that is new, in one transaction with its entry in the trail; on disk afterwards.

        Whatever `batches` raises leaves nothing behind; where nothing is new nothing is decided.
        """
        counts = ImportCounts()
        async with self._store.writing() as connection:
            for some in batches:
                known = await _known(connection, some)
                fresh = [one for one in some if key_of(one) not in known]
                await _write(connection, fresh, by, at)
                counts = counts.and_these(some, known)
            if counts.new:
                await self._store.note_decision(connection, decided(counts))
        return counts


async def _known(connection: AsyncConnection, some: Sequence[Imported]) -> Known:
    found: dict[tuple[type, str], datetime] = {}
    for kind, key, at in (
        (ImportedCall, calls.c.call, calls.c.arrived_at),
        (ImportedTrip, dispatches.c.key, dispatches.c.requested_at),
        (ImportedVisit, visits.c.key, visits.c.from_at),
    ):
        ids = [one.id for one in some if isinstance(one, kind)]
        if ids:
            rows = await connection.execute(select(key, at).where(key.in_(ids)))
            found |= {(kind, name): when for name, when in rows}
    return found


async def _write(
    connection: AsyncConnection, fresh: Sequence[Imported], by: str, at: datetime
) -> None:
    await _write_calls(connection, [it for it in fresh if isinstance(it, ImportedCall)], by, at)
    trips = [one for one in fresh if isinstance(one, ImportedTrip)]
    rows = [trip_to_row(one.trip) for one in trips]
    await _write_served(connection, dispatches, rows, persons.c.dispatch, trips)
    stays = [one for one in fresh if isinstance(one, ImportedVisit)]
    rows = [visit_to_row(one.visit) for one in stays]
    await _write_served(connection, visits, rows, persons.c.visit, stays)


async def _write_calls(
    connection: AsyncConnection, some: Sequence[ImportedCall], by: str, at: datetime
) -> None:
    rows = {one.id: _call_row(one) for one in some}
    await _insert(connection, calls, list(rows.values()))
    saved = [
        SavedForm(
            id=0,
            key=f"entered-{one.id}",
            call=CallId(one.id),
            form=one.form,
            source=Source.IMPORTED,
            by=by,
            at=at,
        )
        for one in some
        if one.form is not None
    ]
    await _insert(connection, forms, [form_to_row(new, rows[new.call]) for new in saved])
    numbers = await _numbers(connection, forms, [new.key for new in saved])
    saved = [replace(new, id=numbers[new.key]) for new in saved]
    said = [
        {"call": new.call, "form": new.id, **item.model_dump(mode="json"), "by": by, "at": at}
        for new in saved
        for item in new.form.outcomes
    ]
    await _insert(connection, outcomes, said)
    people = ((new.id, new.form.persons) for new in saved)
    await _insert(connection, persons, _person_rows(persons.c.form, people))


def _call_row(one: ImportedCall) -> dict[str, Any]:
    """As a call from paper, but nothing is made of what the records leave open."""
    row = entered_to_row(one.entered, Source.IMPORTED)
    row["end"] = one.end and one.end.value
    row["joined_at"] = one.entered.joined_at
    if not one.talk_ended:
        row["talk_ended_at"] = None
    return row | served(row)


async def _write_served(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    of: Column[Any],
    some: Sequence[ImportedTrip] | Sequence[ImportedVisit],
) -> None:
    await _insert(connection, table, rows)
    numbers = await _numbers(connection, table, [one.id for one in some])
    people = ((numbers[one.id], one.served) for one in some)
    await _insert(connection, persons, _person_rows(of, people))


def _person_rows(
    of: Column[Any], people: Iterable[tuple[int, Iterable[PersonsServed]]]
) -> list[dict[str, Any]]:
    return [
        {of.name: number, **one.model_dump(mode="json")} for number, some in people for one in some
    ]


async def _numbers(
    connection: AsyncConnection, table: Table, keys: Collection[str]
) -> dict[str, int]:
    """The ids that the database gave, by key."""
    if not keys:
        return {}
    statement = select(table.c.key, table.c.id).where(table.c.key.in_(keys))
    return {row.key: row.id for row in await connection.execute(statement)}


async def _insert(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    if rows:
        await connection.execute(insert(table), rows)
