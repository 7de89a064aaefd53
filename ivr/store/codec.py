"""Frozen records as JSON and back, strictly: what cannot be read exactly is refused.

The classes' own annotations are the format. Instants are ISO 8601 in UTC, enums their values,
sets sorted lists. A field that is unknown or missing raises StoreError; one that is missing but
has a default takes it, so that a newer version reads what an older one wrote.
"""

import dataclasses
import json
import math
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import (
    Any,
    NewType,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from ivr.errors import StoreError
from ivr.events import Event

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
T = TypeVar("T")

_EVENTS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def encode(value: object) -> Json:
    """A record (or a part of one) as JSON; raises StoreError for what has no exact form."""
    if isinstance(value, Enum):
        return cast("Json", value.value)
    if _is_json(value):
        return cast("Json", value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((encode(item) for item in value), key=json.dumps)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise StoreError(f"A {type(value).__name__} cannot be kept: no exact form (naive time, NaN?).")


def _is_json(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def decode(kind: type[T], data: object) -> T:
    """The record of class `kind`; raises StoreError naming the field that does not fit."""
    return cast("T", _decode(kind, data, kind.__name__))


def encode_event(event: Event) -> tuple[str, Json]:
    """An event's kind (the name of its class) and its fields."""
    return type(event).__name__, encode(event)


def decode_event(kind: str, data: object) -> Event:
    """The event; raises StoreError where the kind or a field is unknown."""
    if kind not in _EVENTS:
        raise StoreError(f"The journal holds an event {kind!r} that this version does not know.")
    return decode(_EVENTS[kind], data)


def _decode(hint: Any, data: object, where: str) -> object:
    if isinstance(hint, NewType):
        return _decode(hint.__supertype__, data, where)
    origin = get_origin(hint)
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](get_args(hint), data, where)
    if dataclasses.is_dataclass(hint):
        return _decode_record(cast("type", hint), data, where)
    if issubclass(hint, Enum):
        return _decode_enum(hint, data, where)
    if hint is datetime:
        return _decode_instant(data, where)
    return _decode_scalar(hint, data, where)


def _decode_record(kind: type, data: object, where: str) -> object:
    if not isinstance(data, dict):
        raise _misfit(where, "an object", data)
    hints = _hints(kind)
    if unknown := data.keys() - hints.keys():
        raise StoreError(f"{where} has fields that this version does not know: {sorted(unknown)}.")
    required = {f.name for f in dataclasses.fields(kind) if _has_no_default(f)}
    if missing := required - data.keys():
        raise StoreError(f"{where} lacks the fields {sorted(missing)}.")
    values = {name: _decode(hints[name], item, f"{where}.{name}") for name, item in data.items()}
    return kind(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _has_no_default(item: dataclasses.Field[Any]) -> bool:
    return item.default is item.default_factory is dataclasses.MISSING


def _decode_union(choices: tuple[Any, ...], data: object, where: str) -> object:
    if data is None and types.NoneType in choices:
        return None
    (choice,) = (choice for choice in choices if choice is not types.NoneType)
    return _decode(choice, data, where)


def _decode_tuple(items: tuple[Any, ...], data: object, where: str) -> object:
    values = _list(data, where)
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_decode(items[0], item, f"{where}[{n}]") for n, item in enumerate(values))
    if len(values) != len(items):
        raise _misfit(where, f"{len(items)} items", data)
    pairs = zip(items, values, strict=True)
    return tuple(_decode(hint, item, f"{where}[{n}]") for n, (hint, item) in enumerate(pairs))


def _decode_set(items: tuple[Any, ...], data: object, where: str) -> object:
    return frozenset(_decode(items[0], item, where) for item in _list(data, where))


_CONTAINERS: Mapping[Any, Callable[[tuple[Any, ...], object, str], object]] = {
    Union: _decode_union,
    types.UnionType: _decode_union,
    tuple: _decode_tuple,
    frozenset: _decode_set,
}


def _decode_enum(kind: type[Enum], data: object, where: str) -> object:
    for member in kind:
        if type(member.value) is type(data) and member.value == data:
            return member
    raise _misfit(where, f"a {kind.__name__}", data)


def _decode_instant(data: object, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(cast("str", data))
    except (TypeError, ValueError):
        raise _misfit(where, "an ISO time", data) from None
    if at.tzinfo is None:
        raise _misfit(where, "a time with its zone", data)
    return at.astimezone(UTC)


def _decode_scalar(kind: type, data: object, where: str) -> object:
    if kind is float and type(data) is int:  # JSON does not tell 1.0 from 1
        return float(data)
    if type(data) is not kind:
        raise _misfit(where, f"a {kind.__name__}", data)
    return data


def _list(data: object, where: str) -> list[object]:
    if not isinstance(data, list):
        raise _misfit(where, "a list", data)
    return data


def _misfit(where: str, wanted: str, data: object) -> StoreError:
    """The value itself is not shown: it may be what a person said or wrote."""
    return StoreError(f"{where} is not {wanted} but a {type(data).__name__}.")
