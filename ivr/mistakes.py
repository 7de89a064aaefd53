"""What is wrong with a field that a person or a program sent, in plain words.

Never the value: it may tell of a caller. Pydantic's own types of errors:
https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_DAY = "is no day: write a day alone, such as 2026-11-22"
_INSTANT = "is no instant: write one with its zone, such as 2026-11-22T07:00:00+03:30"
_RECORD = "is no object of fields"
_LIST = "is no list"
_NUMBER, _WHOLE = "is no number", "is no whole number"
_SIMPLE = {
    "extra_forbidden": "there is no such field: correct its name, or leave it out",
    "missing": "is missing: add it",
    "json_type": "is no JSON",
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
    "date_from_datetime_inexact": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_parsing": _DAY,
    "date_type": _DAY,
    "datetime_from_date_parsing": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_type": _INSTANT,
    "timezone_aware": _INSTANT,
    "dict_type": _RECORD,
    "model_attributes_type": _RECORD,
    "model_type": _RECORD,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": _NUMBER,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "string_type": "is no text",
    "string_unicode": "is no text: a letter in it is broken",
    "string_pattern_mismatch": "is not written as it must be (an id has small Latin letters)",
}
_WITH_LIMIT: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "json_invalid": lambda it: f"is no JSON: {it['error']}",
    "enum": lambda it: f"is not known here: write {it['expected']}",
    "literal_error": lambda it: f"is not known here: write {it['expected']}",
    "greater_than": lambda it: f"is too small: write more than {it['gt']}",
    "greater_than_equal": lambda it: f"is too small: write {it['ge']} or more",
    "less_than": lambda it: f"is too large: write less than {it['lt']}",
    "less_than_equal": lambda it: f"is too large: write {it['le']} or less",
    "string_too_long": lambda it: f"is too long: write at most {it['max_length']} letters",
    "string_too_short": lambda it: f"is too short: write at least {it['min_length']} letters",
    "too_long": lambda it: f"is too long: at most {it['max_length']}",
    "too_short": lambda it: f"is too short: at least {it['min_length']}",
    "value_error": lambda it: str(it["error"]),
}


def in_words(mistake: ErrorDetails) -> str:
    """What follows the field's name; of a type that has no words here pydantic's own."""
    kind = mistake["type"]
    if kind in _WITH_LIMIT and "ctx" in mistake:
        return _WITH_LIMIT[kind](mistake["ctx"])
    return _SIMPLE.get(kind, mistake["msg"])
