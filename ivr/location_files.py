"""Location tables from files: `<directory>/<any>/…csv`, every mistake with file and line."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

from ivr.errors import BadInput
from ivr.location.tables import (
    CellKey,
    Gazette,
    Listed,
    LocationTables,
    Table,
    name_key,
    parse_table,
)
from ivr.rules.counties import KnownCounty, KnownProvince, gazetteer

MOST_MISTAKES = 50  # of one file are shown
_K = TypeVar("_K")
_V = TypeVar("_V")


def load_tables(directory: Path) -> LocationTables:
    """All tables below the directory as one; none where there is no directory.

    Raises BadInput naming file and line of every mistake.
    """
    landline: dict[str, Listed] = {}
    cells: dict[CellKey, Listed] = {}
    mistakes: list[str] = []
    for path in sorted(directory.rglob("*.csv")):
        table = read_table(path)
        mistakes += _told(path, table.mistakes)
        for key, listed in table.rows.items():
            known = landline if isinstance(key, str) else cells
            if key in known:
                mistakes.append(f"{path}: {_name(key)} stands in another file too")
            elif isinstance(key, str):
                landline[key] = listed
            else:
                cells[key] = listed
    if mistakes:
        raise BadInput("Wrong location tables:\n  " + "\n  ".join(mistakes))
    return LocationTables(gazette=gazette(), landline=landline, cells=cells)


def check_table(path: Path) -> Table:
    """The table in the file; raises BadInput naming file and line of every mistake."""
    table = read_table(path)
    if table.mistakes:
        raise BadInput("\n  ".join(["Wrong location table:", *_told(path, table.mistakes)]))
    return table


def read_table(path: Path) -> Table:
    """The table and its mistakes; raises BadInput where the file cannot be read at all."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8; save it as UTF-8") from error
    return parse_table(text, gazette())


def _told(path: Path, mistakes: Iterable[str]) -> list[str]:
    lines = [f"{path}, {mistake}" for mistake in mistakes]
    more = len(lines) - MOST_MISTAKES
    return [*lines[:MOST_MISTAKES], f"{path}: and {more} more"] if more > 0 else lines


def _name(key: str | CellKey) -> str:
    return (
        f"prefix {key}" if isinstance(key, str) else f"{key[0]} {'-'.join(filter(None, key[1:]))}"
    )


@cache
def gazette() -> Gazette:
    """All counties and provinces by id and by name; a name that two share means neither."""
    known = gazetteer()
    return Gazette(
        provinces={item.id: item.province for item in known.counties.values()},
        names=_unique(
            ((item.province, key), item.id)
            for item in known.counties.values()
            for key in _names(item)
        ),
        province_names=_unique(
            (key, item.id) for item in known.provinces.values() for key in _names(item)
        ),
    )


def _names(item: KnownCounty | KnownProvince) -> set[str]:
    return {name_key(name) for name in (item.name_fa, item.name_en) if name}


def _unique(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, _V]:
    found = list(pairs)
    times = Counter(key for key, _ in found)
    return {key: value for key, value in found if times[key] == 1}
