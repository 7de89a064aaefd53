"""How data about people is erased from rows that stay, so that all figures stay as they were.

Each of these is called within a transaction, with calls that nobody holds (`ivr.store.holds`).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.retention import Kind
from ivr.store.callers import ERASED
from ivr.store.outcome_tables import (
    answers,
    deliveries,
    dispatches,
    drafts,
    follow_ups,
    forms,
    visits,
)
from ivr.store.tables import calls, outcomes

Erase = Callable[[AsyncConnection, Collection[str]], Awaitable[None]]

# Free text of a row, and what stands there once it is erased.
FREE_TEXT: Mapping[Table, Mapping[str, str | None]] = MappingProxyType(
    {
        outcomes: {"note": ""},
        dispatches: {"note": "", "result": None},
        visits: {"note": ""},
        follow_ups: {"note": "", "done_note": None},
    }
)
_CALLER = ("caller_pseudonym", "caller_ciphertext", "caller_raw_ciphertext", "caller_withheld")


def has_text(table: Table) -> ColumnElement[bool]:
    """Whether free text is left in a row of one of FREE_TEXT's tables."""
    return or_(*(table.c[name] != "" for name in FREE_TEXT[table]))


def _has_note() -> ColumnElement[bool]:
    """Of a form: one in its columns or, by its key, anywhere in its JSON."""
    return (forms.c.note != "") | cast(forms.c.form, Text).contains('"note"')


def _at_work() -> ColumnElement[bool]:
    """Whether something of the call is not over: who works on it still needs the notes."""
    this = calls.c.call
    over = dispatches.c.closed_at.is_not(None) | dispatches.c.cancelled_at.is_not(None)
    stays = (visits.c.kind == "admission") & visits.c.ended_at.is_(None)
    return or_(
        exists().where(dispatches.c.call == this, ~over),
        exists().where(visits.c.call == this, stays),
        exists().where(follow_ups.c.call == this, follow_ups.c.done_at.is_(None)),
    )


def is_over() -> ColumnElement[bool]:
    """Of `calls`: whether it has ended, and with it all that came of it."""
    return calls.c.ended_at.is_not(None) & ~_at_work()


def _has_notes() -> ColumnElement[bool]:
    written = (exists().where(table.c.call == calls.c.call, has_text(table)) for table in FREE_TEXT)
    form = exists().where(forms.c.call == calls.c.call, _has_note())
    return and_(or_(form, *written), ~_at_work())


# Of `calls`: whether there is anything of this kind to erase.
HAS: Mapping[Kind, Callable[[], ColumnElement[bool]]] = MappingProxyType(
    {
        Kind.DRAFTS: lambda: exists().where(drafts.c.call == calls.c.call),
        Kind.LOCATIONS: lambda: calls.c.location.is_not(None),
        Kind.NOTES: _has_notes,
        Kind.NUMBERS: lambda: (
            (calls.c.caller_ciphertext != ERASED) | calls.c.caller_raw_ciphertext.is_not(None)
        ),
        Kind.PSEUDONYMS: lambda: or_(*(calls.c[name].is_not(None) for name in _CALLER)),
    }
)


async def _erase_drafts(connection: AsyncConnection, of: Collection[str]) -> None:
    await connection.execute(delete(drafts).where(drafts.c.call.in_(of)))


async def _erase_locations(connection: AsyncConnection, of: Collection[str]) -> None:
    await connection.execute(update(calls).where(calls.c.call.in_(of)).values(location=None))


async def _erase_numbers(connection: AsyncConnection, of: Collection[str]) -> None:
    """Who called stays known by pseudonym, and such a call can still be read."""
    known = calls.c.caller_pseudonym.is_not(None)
    blank = {"caller_ciphertext": ERASED, "caller_raw_ciphertext": None}
    await connection.execute(update(calls).where(calls.c.call.in_(of), known).values(blank))


async def _erase_callers(connection: AsyncConnection, of: Collection[str]) -> None:
    blank = update(calls).values(dict.fromkeys(_CALLER))
    await connection.execute(blank.where(calls.c.call.in_(of)))


async def _erase_notes(connection: AsyncConnection, of: Collection[str]) -> None:
    chosen = select(forms.c.id, forms.c.form).where(forms.c.call.in_(of), _has_note())
    rows = (await connection.execute(chosen)).mappings().all()
    if rows:
        blanked = [{"_id": row["id"], "_form": without_notes(row["form"])} for row in rows]
        values = {"note": "", "form": bindparam("_form", type_=forms.c.form.type)}
        statement = update(forms).where(forms.c.id == bindparam("_id")).values(values)
        await connection.execute(statement, blanked)
    for table, blank in FREE_TEXT.items():
        left = update(table).where(table.c.call.in_(of), has_text(table))
        await connection.execute(left.values(blank))


def without_notes(form: Mapping[str, Any]) -> dict[str, Any]:
    """A form's JSON; a note that is empty is left out of it."""
    found = {name: value for name, value in form.items() if name != "note"}
    if "outcomes" in form:
        found["outcomes"] = [
            {name: value for name, value in item.items() if name != "note"}
            for item in form["outcomes"]
        ]
    return found


ERASE: Mapping[Kind, Erase] = MappingProxyType(
    {
        Kind.DRAFTS: _erase_drafts,
        Kind.LOCATIONS: _erase_locations,
        Kind.NOTES: _erase_notes,
        Kind.NUMBERS: _erase_numbers,
        Kind.PSEUDONYMS: _erase_callers,
    }
)


async def erase_text(connection: AsyncConnection, table: Table, ids: Sequence[int]) -> None:
    """Of trips, stays and follow-ups that no call caused."""
    blank = FREE_TEXT[table]
    await connection.execute(update(table).where(table.c.id.in_(ids)).values(blank))


def delivery_has_body() -> ColumnElement[bool]:
    """Of `deliveries`: closed ones that were not emptied; their rows stay for a while."""
    return deliveries.c.next_at.is_(None) & (cast(deliveries.c.body, Text) != "{}")


def delivery_call() -> ColumnElement[str]:
    """Of `deliveries`: of which call it told (`ivr.store.webhook_rows`); null of none."""
    told: ColumnElement[str] = deliveries.c.body["data", "call"].as_string()
    return told


def answer_call() -> ColumnElement[str]:
    """Of `answers`: of which call the record is that was changed; null of none."""
    told: ColumnElement[str] = answers.c.answer["call"].as_string()
    return told


async def delete_answers(connection: AsyncConnection, keys: Sequence[str]) -> None:
    await connection.execute(delete(answers).where(answers.c.key.in_(keys)))


async def erase_deliveries(connection: AsyncConnection, ids: Sequence[int]) -> None:
    blank: dict[str, Any] = {"body": {}, "error": None}
    await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(blank))
