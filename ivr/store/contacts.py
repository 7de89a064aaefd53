"""A caller's earlier contacts, out of the database, as far as whoever asks may see them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, Table, select

from ivr.callers import (
    Contact,
    ContactFollowUp,
    ContactForm,
    ContactTrip,
    Sight,
    shown,
    sight,
)
from ivr.model import CallId, Lane, ProvinceId
from ivr.outcomes import Relation, Risk
from ivr.people import Person
from ivr.store.callers import CallerStore
from ivr.store.outcome_tables import dispatches, follow_ups, forms
from ivr.store.store import Store
from ivr.store.tables import calls, outcomes

T = TypeVar("T")
_COLUMNS = ("call", "province", "county", "desk", "category", "end", "lane", "arrived_at")
_DANGER = {Risk.HIGH.value, Risk.IMMEDIATE.value}


class ContactStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def contacts(
        self, pseudonym: str, *, for_person: Person, now: datetime, limit: int = 20
    ) -> tuple[Contact, ...]:
        """Of all pseudonyms of this caller, newest first; none that may not be seen at all."""
        callers = CallerStore(self._store)
        same = await callers.same(pseudonym)
        seen = {place: sight(for_person, place, now) for place in await callers.provinces(same)}
        visible = [place for place, how in seen.items() if how is not Sight.NOTHING]
        statement = select(*(calls.c[name] for name in _COLUMNS)).where(
            calls.c.caller_pseudonym.in_(sorted(same)),
            calls.c.province.in_(visible),
            calls.c.arrived_at <= now,
        )
        newest = statement.order_by(calls.c.arrived_at.desc(), calls.c.call).limit(limit)
        rows = await self._store.rows(newest)
        whole = await self._whole(rows)
        return tuple(
            told
            for contact in whole
            if contact.province and (told := shown(contact, seen[contact.province]))
        )

    async def _whole(self, rows: Sequence[RowMapping]) -> list[Contact]:
        of = [row["call"] for row in rows]
        said = await self._by_call(outcomes, of, lambda row: (row["form"], row["outcome"]))
        counts = forms.c.replaced_by.is_(None)
        form = await self._by_call(forms, of, lambda row: _form(row, said[row["call"]]), counts)
        trips = await self._by_call(dispatches, of, _trip)
        due = await self._by_call(follow_ups, of, _follow_up)
        return [
            _contact(row, form[row["call"]], trips[row["call"]], due[row["call"]]) for row in rows
        ]

    async def _by_call(
        self,
        table: Table,
        of: Sequence[str],
        made: Callable[[RowMapping], T],
        *chosen: ColumnElement[bool],
    ) -> defaultdict[str, list[T]]:
        column: Column[Any] = table.c.call
        statement = select(table).where(column.in_(of), *chosen).order_by(table.c.id)
        found: defaultdict[str, list[T]] = defaultdict(list)
        for row in await self._store.rows(statement):
            found[row["call"]].append(made(row))
        return found


def _form(row: RowMapping, said: Sequence[tuple[int, str]]) -> ContactForm:
    return ContactForm(
        relation=row["relation"],
        category=row["category"],
        risk=row["risk"],
        outcomes=tuple(outcome for form, outcome in said if form == row["id"]),
        note=row["note"],
        by=row["by"],
    )


def _trip(row: RowMapping) -> ContactTrip:
    return ContactTrip(team=row["team"], went_at=row["sent_at"], result=row["result"])


def _follow_up(row: RowMapping) -> ContactFollowUp:
    return ContactFollowUp(kind=row["kind"], due_at=row["due_at"], done_at=row["done_at"])


def _contact(
    row: RowMapping,
    found: Sequence[ContactForm],
    trips: Sequence[ContactTrip],
    due: Sequence[ContactFollowUp],
) -> Contact:
    form = found[-1] if found else None
    return Contact(
        arrived_at=row["arrived_at"],
        danger=row["lane"] == Lane.DANGER.value or (form is not None and form.risk in _DANGER),
        silence=row["lane"] == Lane.SILENCE.value
        or (form is not None and form.relation == Relation.SILENT.value),
        sight=Sight.FULL,
        call=CallId(row["call"]),
        province=ProvinceId(row["province"]),
        county=row["county"],
        desk=row["desk"],
        category=(form and form.category) or row["category"],
        end=row["end"],
        form=form,
        trips=tuple(trips),
        follow_ups=tuple(due),
    )
