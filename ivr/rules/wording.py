"""Pydantic's errors as sentences for people: what is wrong, what the field is, how to mend it."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ivr.rules import fields

_PATTERNS = {
    fields.CHOICE_PROMPT: "Write choice- and small Latin letters, such as choice-family",
    fields.ID: "Write small Latin letters, digits and hyphens, such as markazi-saveh",
    fields.NUMBER: "Write 3 to 15 digits, such as 086123",
    fields.JALALI: "Write a Jalali day as year-month-day, such as 1405-12-29",
    fields.HOUR: "Write an hour from 00:00 to 23:59",
    fields.COUNTY_KEY: "Write one key from 1 to 8; 9 is the next page and 0 a person",
    fields.CHOICE_KEY: "Write one key from 1 to 9; 0 always leads to a person",
}
_SIMPLE = {
    "bool_parsing": ("is neither true nor false", "Write true or false"),
    "dict_type": ("is not a table of fields", "Write its fields below it, indented"),
    "float_parsing": ("is not a number", "Write a number of seconds, such as 20"),
    "float_type": ("is not a number", "Write a number of seconds, such as 20"),
    "int_parsing": ("is not a whole number", "Write a whole number"),
    "int_type": ("is not a whole number", "Write a whole number"),
    "model_type": ("is not a table of fields", "Write its fields below it, indented"),
    "string_too_short": ("is empty", "Write a text"),
    "string_type": ("is not a text", "Write a text"),
    "tuple_type": ("is not a list", "Write each item on a line of its own, after a hyphen"),
}
Wording = tuple[str, str]
_WITH_LIMIT: Mapping[str, Callable[[Mapping[str, Any]], Wording]] = {
    "enum": lambda ctx: ("is not known here", f"Write {ctx['expected']}"),
    "greater_than_equal": lambda ctx: ("is too small", f"Write {ctx['ge']:g} or more"),
    "less_than_equal": lambda ctx: ("is too large", f"Write {ctx['le']:g} or less"),
    "string_pattern_mismatch": lambda ctx: (
        "is not written as it must be",
        _PATTERNS[ctx["pattern"]],
    ),
    "string_too_long": lambda ctx: ("is too long", f"Write at most {ctx['max_length']} letters"),
    "too_long": lambda ctx: (
        "has too many items",
        f"Leave at most {ctx['max_length']}; people cannot keep more in mind",
    ),
    "too_short": lambda ctx: ("has too few items", f"Write at least {ctx['min_length']}"),
    "value_error": lambda ctx: ("is not known here", str(ctx["error"]).capitalize()),
}


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One error of validating `model` as a message for whoever wrote the file."""
    if error["type"] == "extra_forbidden":
        return _unknown_key(error, model)
    wanted = meaning(model, error["loc"])
    if error["type"] == "missing":
        return f"is missing. What belongs here: {wanted}. Add it."
    wrong, mend = _wording(error)
    return f"{_shown(error['input'])} {wrong}. What belongs here: {wanted}. {mend}."


def _wording(error: ErrorDetails) -> Wording:
    kind = error["type"]
    if kind in _WITH_LIMIT:
        return _WITH_LIMIT[kind](error["ctx"])
    return _SIMPLE.get(kind, (f"cannot be used ({error['msg']})", "Correct it"))


def _unknown_key(error: ErrorDetails, model: type[BaseModel]) -> str:
    parent = _model_at(model, error["loc"][:-1])
    known = list(parent.model_fields) if parent else []
    close = get_close_matches(str(error["loc"][-1]), known, n=1)
    mend = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."
    return f"is not a known field, so it would change nothing for any caller. {mend}"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "an empty value"
    if isinstance(value, str):
        return f"'{value[:40]}…'" if len(value) > 40 else f"'{value}'"
    return "a table" if isinstance(value, dict) else "a list"


def meaning(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """The description of the field at `loc`, or of the nearest one around it."""
    for end in range(len(loc), 0, -1):
        parent = _model_at(model, loc[: end - 1])
        name = loc[end - 1]
        if parent and isinstance(name, str) and name in parent.model_fields:
            return parent.model_fields[name].description or name
    return "one province's rules"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str):
            info = found.model_fields.get(part) if found else None
            found = _model_in(info) if info else None
    return found


def _model_in(info: FieldInfo) -> type[BaseModel] | None:
    """The record within an annotation such as `tuple[tuple[Record, ...], ...]`."""
    pending = [info.annotation]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        pending.extend(get_args(kind))
    return None
