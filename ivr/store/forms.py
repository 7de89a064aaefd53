"""Forms of calls in the database: saved once for all, drafts as they come, what is still owed.

A saved form is never changed: a later one of the same call takes its place, and both stay. They
tell of themselves who saved them when, so no entry of the audit trail is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import BadInput, NotThere
from ivr.model import CallId
from ivr.outcome_form import OutcomeForm, OutcomeItem, with_outcome
from ivr.store.follow_up_rows import set_follow_up_of_form
from ivr.store.outcome_tables import drafts, forms, persons
from ivr.store.person_rows import add_persons
from ivr.store.store import Store
from ivr.store.tables import calls, outcomes
from ivr.store.webhook_rows import tell_webhooks
from ivr.webhooks import HookEvent

KEY_LENGTH = 200


class Source(StrEnum):
    """How a form came: while the line had the call, from paper afterwards, or by an import."""

    LIVE = "live"
    PAPER = "paper"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedForm:
    """A form that is on disk; `replaced_by` names the form that counts instead, if one does."""

    id: int
    key: str
    call: CallId
    form: OutcomeForm
    source: Source
    by: str
    at: datetime
    replaced_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form as far as it was filled in."""

    call: CallId
    form: OutcomeForm
    by: str
    at: datetime


class FormStore:
    """Raises StoreError where the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(
        self,
        form: OutcomeForm,
        *,
        call: CallId,
        by: str,
        at: datetime,
        key: str,
        source: Source = Source.LIVE,
    ) -> SavedForm:
        """Save a form that was checked (`ivr.form_check`); on disk when this returns.

        `key` is the save's own: saving again with it gives what was saved the first time, so that
        whoever heard no answer may ask again. Raises BadInput where there is no such call, or the
        key belongs to the save of another one.
        """
        _check_key(key)
        async with self._store.writing() as connection:
            row = await self._locked_call(connection, call)
            earlier = await _with_key(connection, key)
            if earlier is not None:
                return _same(earlier, call)
            new = SavedForm(id=0, key=key, call=call, form=form, source=source, by=by, at=at)
            await connection.execute(delete(drafts).where(drafts.c.call == call, drafts.c.at <= at))
            return await add_form(connection, new, row)

    async def add(
        self, item: OutcomeItem, *, call: CallId, by: str, at: datetime, key: str
    ) -> SavedForm:
        """One outcome more on the call's form (`with_outcome`), saved as by `save`.

        A draft stays: what was written in it is not in this form.
        """
        _check_key(key)
        async with self._store.writing() as connection:
            row = await self._locked_call(connection, call)
            earlier = await _with_key(connection, key)
            if earlier is not None:
                return _same(earlier, call)
            found = await _that_counts(connection, call)
            form = with_outcome(found.form if found else OutcomeForm(), item)
            at = max(at, found.at) if found else at  # it rests on that one
            new = SavedForm(id=0, key=key, call=call, form=form, source=Source.LIVE, by=by, at=at)
            return await add_form(connection, new, row)

    async def draft(self, call: CallId, form: OutcomeForm, *, by: str, at: datetime) -> None:
        """Keep a form as far as it is filled in, in place of an earlier draft of the call.

        Raises BadInput where there is no such call.
        """
        async with self._store.writing() as connection:
            await self._locked_call(connection, call)
            await connection.execute(delete(drafts).where(drafts.c.call == call))
            values = {"call": call, "form": _to_json(form), "by": by, "at": at}
            await connection.execute(insert(drafts).values(values))

    async def drafts(self, *of: CallId) -> tuple[Draft, ...]:
        rows = await self._store.rows(select(drafts).where(drafts.c.call.in_(of)))
        return tuple(_draft(row) for row in rows)

    async def counting(self, *of: CallId) -> dict[CallId, SavedForm]:
        """The form that counts of each of these calls that has one."""
        rows = await self._store.rows(_counting(*of))
        return {CallId(row["call"]): _saved(row) for row in rows}

    async def with_key(self, key: str, call: CallId) -> SavedForm | None:
        """What was saved with this key before; raises BadInput where that was another call's."""
        rows = await self._store.rows(select(forms).where(forms.c.key == key))
        return _same(_saved(rows[0]), call) if rows else None

    async def history(self, call: CallId) -> tuple[SavedForm, ...]:
        """All forms of a call, in the order in which they were saved."""
        statement = select(forms).where(forms.c.call == call).order_by(forms.c.id)
        return tuple(_saved(row) for row in await self._store.rows(statement))

    async def _locked_call(self, connection: AsyncConnection, call: CallId) -> RowMapping:
        """The call's row; forms of one call are saved one after the other."""
        found = await connection.execute(
            select(calls.c.province, calls.c.county, calls.c.desk)
            .where(calls.c.call == call)
            .with_for_update()
        )
        row = found.mappings().one_or_none()
        if row is None:
            raise NotThere(f"There is no call {call!r}; nothing was saved.")
        return row


def _check_key(key: str) -> None:
    if len(key) > KEY_LENGTH:
        raise BadInput(f"A key has at most {KEY_LENGTH} letters; nothing was saved.")


async def add_form(connection: AsyncConnection, new: SavedForm, call: RowMapping) -> SavedForm:
    """Write a form with all that belongs to it, within a transaction; `call` is its call's row.

    One that comes later than a form that was saved after it (from the spool) counts no more.
    """
    before = await _that_counts(connection, new.call)
    late = before if before is not None and before.at > new.at else None
    said = await _said_before(connection, new.call)
    row = form_to_row(new, call) | {"replaced_by": late and late.id}
    number = await _insert(connection, forms, row)
    if before is not None and late is None:
        replaced = update(forms).where(forms.c.id == before.id).values(replaced_by=number)
        await connection.execute(replaced)
    rows = [
        {"call": new.call, "form": number, **_of_item(item), **said.get(item, _by(new))}
        for item in new.form.outcomes
    ]
    if rows:
        await connection.execute(insert(outcomes), rows)
    await add_persons(connection, persons.c.form, number, new.form.persons)
    if late is None:
        await _settle(connection, new, call)
        await _tell(connection, new, number, call)
    return replace(new, id=number, replaced_by=late.id if late else None)


async def _settle(connection: AsyncConnection, new: SavedForm, call: RowMapping) -> None:
    """What follows from a form that counts from now on."""
    await set_follow_up_of_form(
        connection,
        new.call,
        new.form.follow_up_on,
        province=call["province"],
        desk=call["desk"],
        by=new.by,
        at=new.at,
    )


async def _tell(connection: AsyncConnection, new: SavedForm, number: int, call: RowMapping) -> None:
    """Nothing that somebody wrote leaves the house by itself."""
    form = new.form
    body = {
        "call": new.call,
        "form": number,
        "province": call["province"],
        "county": form.county or call["county"],
        "category": form.category,
        "relation": form.relation.value,
        "outcomes": [item.outcome.value for item in form.outcomes],
        "by": new.by,
    }
    kind, event = HookEvent.OUTCOME_SAVED, f"form-{number}"
    await tell_webhooks(connection, kind, event, body, province=call["province"], at=new.at)


async def _that_counts(connection: AsyncConnection, call: CallId) -> SavedForm | None:
    row = (await connection.execute(_counting(call))).mappings().one_or_none()
    return None if row is None else _saved(row)


async def _insert(connection: AsyncConnection, table: Any, values: dict[str, Any]) -> int:
    result = await connection.execute(insert(table).values(values))
    (number,) = result.inserted_primary_key or (0,)
    return int(number)


def form_to_row(new: SavedForm, call: RowMapping | Mapping[str, Any]) -> dict[str, Any]:
    form = new.form
    return {
        "key": new.key,
        "call": new.call,
        "relation": form.relation.value,
        "province": call["province"],
        "county": form.county or call["county"],
        "category": form.category,
        "risk": form.risk and form.risk.value,
        "reporter": form.reporter and form.reporter.value,
        "wrong_county": form.wrong_county,
        "wrong_category": form.wrong_category,
        "note": form.note,
        "form": _to_json(form),
        "source": new.source.value,
        "by": new.by,
        "at": new.at,
    }


async def _said_before(
    connection: AsyncConnection, call: CallId
) -> dict[OutcomeItem, dict[str, Any]]:
    """Who said what the form that counts until now says, and when: that stays theirs."""
    statement = (
        select(outcomes)
        .join(forms, outcomes.c.form == forms.c.id)
        .where(forms.c.call == call, forms.c.replaced_by.is_(None))
    )
    rows = (await connection.execute(statement)).mappings()
    return {
        OutcomeItem(**{name: row[name] for name in OutcomeItem.model_fields}): {
            "by": row["by"],
            "at": row["at"],
        }
        for row in rows
    }


def _of_item(item: OutcomeItem) -> dict[str, Any]:
    return item.model_dump(mode="json")


def _by(new: SavedForm) -> dict[str, Any]:
    return {"by": new.by, "at": new.at}


def _counting(*of: CallId) -> Select[Any]:
    return select(forms).where(forms.c.call.in_(of), forms.c.replaced_by.is_(None))


def _to_json(form: OutcomeForm) -> dict[str, Any]:
    return form.model_dump(mode="json", exclude_defaults=True)


async def _with_key(connection: AsyncConnection, key: str) -> SavedForm | None:
    found = await connection.execute(select(forms).where(forms.c.key == key))
    row = found.mappings().one_or_none()
    return None if row is None else _saved(row)


def _same(earlier: SavedForm, call: CallId) -> SavedForm:
    if earlier.call != call:
        raise BadInput(
            f"The key {earlier.key!r} belongs to the form of another call ({earlier.call}); "
            "nothing was saved. Give each save a key of its own."
        )
    return earlier


def _saved(row: RowMapping) -> SavedForm:
    return SavedForm(
        id=row["id"],
        key=row["key"],
        call=CallId(row["call"]),
        form=OutcomeForm.model_validate(row["form"]),
        source=Source(row["source"]),
        by=row["by"],
        at=row["at"],
        replaced_by=row["replaced_by"],
    )


def _draft(row: RowMapping) -> Draft:
    return Draft(
        call=CallId(row["call"]),
        form=OutcomeForm.model_validate(row["form"]),
        by=row["by"],
        at=row["at"],
    )
