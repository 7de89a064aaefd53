"""How two plain documents (tables, lists, values) differ, field by field; no change is silent.

Items of a list are matched by what they are named by; where nothing names them, by position.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import Any

Plain = Any  # what JSON has: tables, lists and values
NAMED_BY = ("id", "key", "county", "skill", "day", "ask")  # the first that names all items counts


class Item(str):
    """The part of a path that stands for an item of a list, by its name or its place from 1."""

    __slots__ = ()


Path = tuple[str, ...]


class Kind(StrEnum):
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    REORDERED = "reordered"  # old and new are the names of the items


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `old` is None for what is added, `new` for what is removed."""

    path: Path
    kind: Kind
    old: Plain
    new: Plain


def changes(old: Plain, new: Plain, path: Path = ()) -> Iterator[Change]:
    """Everything in which the two differ; nothing exactly where they are equal."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_tables(old, new, path)
    elif _has_parts(old) and _has_parts(new):
        name = _name_of_items(old, new)
        yield from _by_name(old, new, path, name) if name else _by_place(old, new, path)
    else:
        yield Change(path, Kind.CHANGED, old, new)


def _has_parts(value: Plain) -> bool:
    """Whether it is a list of tables or lists. One of mere values is a value itself, in order."""
    return isinstance(value, list) and all(isinstance(item, dict | list) for item in value)


def _in_tables(old: dict[str, Plain], new: dict[str, Plain], path: Path) -> Iterator[Change]:
    for field in dict.fromkeys((*old, *new)):
        inner = (*path, field)
        if field not in old:
            yield Change(inner, Kind.ADDED, None, new[field])
        elif field not in new:
            yield Change(inner, Kind.REMOVED, old[field], None)
        else:
            yield from changes(old[field], new[field], inner)


def _name_of_items(*lists: list[Plain]) -> str | None:
    return next((name for name in NAMED_BY if all(_names(name, items) for items in lists)), None)


def _names(name: str, items: list[Plain]) -> bool:
    """Whether each item has a name, and one of its own."""
    if not all(isinstance(item, dict) and isinstance(item.get(name), str) for item in items):
        return False
    return len({item[name] for item in items}) == len(items)


def _by_name(old: list[Plain], new: list[Plain], path: Path, name: str) -> Iterator[Change]:
    before = {item[name]: item for item in old}
    after = {item[name]: item for item in new}
    for one, item in before.items():
        inner = (*path, Item(one))
        if one in after:
            yield from changes(item, after[one], inner)
        else:
            yield Change(inner, Kind.REMOVED, item, None)
    for one, item in after.items():
        if one not in before:
            yield Change((*path, Item(one)), Kind.ADDED, None, item)
    if [one for one in before if one in after] != [one for one in after if one in before]:
        yield Change(path, Kind.REORDERED, list(before), list(after))


def _by_place(old: list[Plain], new: list[Plain], path: Path) -> Iterator[Change]:
    """What is put between others is an addition; those behind it are still themselves."""
    matcher = SequenceMatcher(None, _kinds(old), _kinds(new), autojunk=False)
    for _, from_old, to_old, from_new, to_new in matcher.get_opcodes():
        places = zip_longest(range(from_old, to_old), range(from_new, to_new))
        for before, after in places:
            yield from _at_place(old, before, new, after, path)


def _at_place(
    old: list[Plain], before: int | None, new: list[Plain], after: int | None, path: Path
) -> Iterator[Change]:
    if after is None:
        assert before is not None
        yield Change((*path, Item(before + 1)), Kind.REMOVED, old[before], None)
    elif before is None:
        yield Change((*path, Item(after + 1)), Kind.ADDED, None, new[after])
    else:
        yield from changes(old[before], new[after], (*path, Item(after + 1)))


def _kinds(items: list[Plain]) -> list[str]:
    """What is most telling of each: the first field of a table, such as the ring of a step."""
    return [json.dumps(_first(item), sort_keys=True) for item in items]


def _first(item: Plain) -> Plain:
    return next(iter(item.values()), None) if isinstance(item, dict) else item
