"""Where in the database something is sealed, by which key, and how it is sealed again."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, RowMapping, Table, Text, and_, cast, false, or_

from ivr.errors import StoreError
from ivr.store.callers import ERASED
from ivr.store.outcome_tables import webhooks
from ivr.store.tables import calls, journal
from ivr.store.vault import Vault

_CALLER: Final = ("ciphertext", "raw_ciphertext")  # of ivr.model.CallerRef, beside its pseudonym


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A column with something sealed in it; `order` is the key of its table.

    `under` says of a row whether something in it is sealed with a key (of these names), `again`
    what it is with the current one (raises StoreError where no key of ours fits). `strange` says
    whether it is sealed with another key than these.
    """

    name: str
    order: tuple[Column[Any], ...]
    column: Column[Any]
    under: Callable[[str], ColumnElement[bool]]
    strange: Callable[[Collection[str]], ColumnElement[bool]]
    again: Callable[[Vault, RowMapping], Any]
    beside: tuple[Column[Any], ...] = ()

    @property
    def read(self) -> tuple[Column[Any], ...]:
        """What `again` needs of a row, and its key."""
        return (*self.order, self.column, *self.beside)

    @property
    def table(self) -> Table:
        return self.column.table

    def under_any(self, keys: Collection[str]) -> ColumnElement[bool]:
        return or_(*map(self.under, keys))

    def row(self, key: RowMapping | tuple[Any, ...]) -> ColumnElement[bool]:
        """The one row of this key."""
        values = key if isinstance(key, tuple) else tuple(key[one.name] for one in self.order)
        return and_(*(one == value for one, value in zip(self.order, values, strict=True)))


def _of_column(
    name: str, column: Column[Any], key: Column[Any], again: Any, *beside: Column[Any]
) -> Place:
    def under(named: str) -> ColumnElement[bool]:
        return column.startswith(f"{named}.", autoescape=True)

    return Place(
        name=name,
        order=(key,),
        column=column,
        under=under,
        strange=lambda keys: and_(column != ERASED, *(~under(one) for one in keys)),
        again=again,
        beside=beside,
    )


def _again_of_call(column: Column[Any]) -> Callable[[Vault, RowMapping], Any]:
    return lambda vault, row: vault.seal_again(row[column.name], row["caller_pseudonym"])


def _in_json(named: str) -> ColumnElement[bool]:
    """By the text that json.dumps writes of a CallerRef; pseudonyms are hexadecimal digits."""
    text = cast(journal.c.event, Text)
    return text.contains(f'ciphertext": "{named}.', autoescape=True)


def callers_again(vault: Vault, value: Any) -> Any:
    """The JSON of an event, each caller in it sealed with the current key."""
    if isinstance(value, list):
        return [callers_again(vault, item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: callers_again(vault, item) for name, item in value.items()}
    if "pseudonym" in value:
        found |= {name: vault.seal_again(value[name], value["pseudonym"]) for name in _old(value)}
    return found


def _old(caller: dict[str, Any]) -> Iterator[str]:
    return (name for name in _CALLER if caller.get(name))


PLACES: Final = (
    *(
        _of_column(name, column, calls.c.call, _again_of_call(column), calls.c.caller_pseudonym)
        for name, column in (
            ("numbers", calls.c.caller_ciphertext),
            ("headers", calls.c.caller_raw_ciphertext),
        )
    ),
    Place(
        name="journal",
        order=(journal.c.epoch, journal.c.seq),
        column=journal.c.event,
        under=_in_json,
        strange=lambda _: false(),  # what is in an event is erased with the journal
        again=lambda vault, row: callers_again(vault, row["event"]),
    ),
    _of_column(
        "webhook secrets",
        webhooks.c.secret,
        webhooks.c.id,
        lambda vault, row: vault.seal_secret_again(row["secret"]),
    ),
)


def sealed_again(place: Place, vault: Vault, row: RowMapping) -> Any | None:
    """None where no key of ours fits: it stays as it is."""
    try:
        return place.again(vault, row)
    except StoreError:
        return None
