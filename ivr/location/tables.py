"""Tables of a province: landline prefix to county, cell to county; CSV text in, mistakes out. Pure.

deploy/locations/README.md describes the two formats for those who fill them.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.location.headers import AreaKind, Cell
from ivr.location.number import AREA_CODES
from ivr.model import CountyId, ProvinceId
from ivr.text import search_key, to_ascii_digits

CellKey = tuple[AreaKind, str, str, str]  # kind, network, area, cell ("" for the whole area)
Key = str | CellKey

_PREFIX = re.compile(r"0[0-9]{3,10}", re.ASCII)
_DAY = re.compile(r"1[34][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)
_SHAPES = {
    "mcc": (re.compile(r"432", re.ASCII), "432: tables are of Iranian networks"),
    "mnc": (re.compile(r"[0-9]{2}", re.ASCII), "two digits"),
    "kind": (re.compile(r"LAC|TAC"), "lac (2G, 3G) or tac (4G, 5G)"),
    "area": (re.compile(r"[0-9A-F]{4}|[0-9A-F]{6}"), "4 hexadecimal digits, 6 for 5G"),
    "cell": (re.compile(r"|[0-9A-F]{4}|[0-9A-F]{7}|[0-9A-F]{9}"), "empty, or 4, 7 or 9 digits"),
}
# Hexadecimal digits of (area, cell): 2G, 3G, 4G, 5G; a cell may always be left out.
_LENGTHS = {
    AreaKind.LAC: {(4, 0), (4, 4), (4, 7)},
    AreaKind.TAC: {(4, 0), (4, 7), (6, 0), (6, 9)},
}
# What stands before a name in addresses; search_key has taken case and half-spaces away.
_TITLE = re.compile(r"^(استان|شهرستان) | (province|county)$")


class TableKind(StrEnum):
    LANDLINE = "landline"
    CELLS = "cells"


COLUMNS = {
    TableKind.LANDLINE: ("prefix", "county", "source", "as_of"),
    TableKind.CELLS: ("mcc", "mnc", "kind", "area", "cell", "county", "source", "as_of"),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A county as a table has it; `source` says who gave the row, `as_of` the Jalali day."""

    county: CountyId
    source: str
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazette:
    """The counties that exist: the province of each, and each by its name."""

    provinces: Mapping[CountyId, ProvinceId] = field(default_factory=dict)
    names: Mapping[tuple[ProvinceId, str], CountyId] = field(default_factory=dict)
    province_names: Mapping[str, ProvinceId] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationTables:
    """Everything that a county may be known from; empty until somebody imports it."""

    gazette: Gazette = field(default_factory=Gazette)
    landline: Mapping[str, Listed] = field(default_factory=dict)
    cells: Mapping[CellKey, Listed] = field(default_factory=dict)

    def of_landline(self, national: str) -> CountyId | None:
        """The county of the longest listed prefix."""
        prefixes = (national[:length] for length in range(len(national), 3, -1))
        return next(
            (self.landline[item].county for item in prefixes if item in self.landline), None
        )

    def of_cell(self, cell: Cell) -> CountyId | None:
        """The county of the cell, else of its whole area."""
        keys = ((cell.kind, cell.network, cell.area, one) for one in (cell.cell, ""))
        return next((self.cells[key].county for key in keys if key in self.cells), None)

    def of_address(self, address: Mapping[str, str]) -> tuple[ProvinceId | None, CountyId | None]:
        """Province and county of a civic address in Iran: A1 and A2 (RFC 5139), by their names."""
        if address.get("country", "").upper() != "IR":
            return None, None
        province = self.gazette.province_names.get(name_key(address.get("A1", "")))
        if province is None:
            return None, None
        return province, self.gazette.names.get((province, name_key(address.get("A2", ""))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file's rows by key, in its order, and its mistakes as `line 3: …`."""

    kind: TableKind | None
    rows: Mapping[Key, Listed]
    mistakes: tuple[str, ...]


def name_key(name: str) -> str:
    """What the spellings of one place's name have in common."""
    return _TITLE.sub("", search_key(name))


def parse_table(text: str, gazette: Gazette) -> Table:
    """Read a table; the header line says which kind it is. Never raises."""
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: dict[Key, Listed] = {}
    mistakes: list[str] = []
    kind = None
    try:
        header = tuple(name.strip() for name in next(reader, []))
        kind = next((kind for kind, columns in COLUMNS.items() if columns == header), None)
        if kind is None:
            return Table(kind=None, rows={}, mistakes=(_wrong_header(),))
        for fields in reader:
            if fields:
                found = _read_row(kind, fields, rows, gazette)
                mistakes += [f"line {reader.line_num}: {mistake}" for mistake in found]
    except csv.Error as error:
        mistakes.append(f"line {reader.line_num}: this is not CSV ({error})")
    return Table(kind=kind, rows=rows, mistakes=tuple(mistakes))


def _wrong_header() -> str:
    kinds = " or ".join(f"{','.join(columns)} ({kind})" for kind, columns in COLUMNS.items())
    return f"line 1: the header must be {kinds}"


def _read_row(
    kind: TableKind, fields: list[str], rows: dict[Key, Listed], gazette: Gazette
) -> Iterator[str]:
    """Add the row to `rows` and tell its mistakes."""
    columns = COLUMNS[kind]
    if len(fields) != len(columns):
        yield f"{len(fields)} fields where {len(columns)} are expected"
        return
    row = dict(zip(columns, (to_ascii_digits(text).strip() for text in fields), strict=True))
    mistakes = [*_common_mistakes(row, gazette), *_MISTAKES[kind](row, gazette)]
    if mistakes:
        yield from mistakes
        return
    key = _key(kind, row)
    if key in rows:
        yield "the same prefix or cell stands in an earlier line"
        return
    rows[key] = Listed(CountyId(row["county"]), row["source"], row["as_of"])


def _key(kind: TableKind, row: Mapping[str, str]) -> Key:
    if kind is TableKind.LANDLINE:
        return row["prefix"]
    network = row["mcc"] + row["mnc"]
    return AreaKind(row["kind"].lower()), network, row["area"].upper(), row["cell"].upper()


def _common_mistakes(row: Mapping[str, str], gazette: Gazette) -> Iterator[str]:
    if row["county"] not in gazette.provinces:
        yield f"county: {row['county']!r} is no county's id (see ivr/rules/counties.json)"
    if not row["source"]:
        yield "source: say who gave this row"
    if not _DAY.fullmatch(row["as_of"]):
        yield f"as_of: {row['as_of']!r} is no Jalali day such as 1405-09-01"


def _landline_mistakes(row: Mapping[str, str], gazette: Gazette) -> Iterator[str]:
    prefix = row["prefix"]
    area_of = AREA_CODES.get(prefix[:3])
    province = gazette.provinces.get(CountyId(row["county"]))
    if not _PREFIX.fullmatch(prefix) or area_of is None:
        yield f"prefix: {prefix!r} is not an area code and 1 to 8 digits, such as 0863322"
    elif province is not None and area_of != province:
        yield f"prefix: {prefix[:3]} is the area of {area_of}, but the county lies in {province}"


def _cell_mistakes(row: Mapping[str, str], _gazette: Gazette) -> Iterator[str]:
    wrong = [
        f"{name}: {row[name]!r} must be {rule}"
        for name, (shape, rule) in _SHAPES.items()
        if not shape.fullmatch(row[name].upper())
    ]
    yield from wrong
    lengths = (len(row["area"]), len(row["cell"]))
    if not wrong and lengths not in _LENGTHS[AreaKind(row["kind"].lower())]:
        yield f"cell: no {row['kind']} has {lengths[0]} digits with {lengths[1]} of a cell"


_MISTAKES: Mapping[TableKind, Callable[[Mapping[str, str], Gazette], Iterator[str]]] = {
    TableKind.LANDLINE: _landline_mistakes,
    TableKind.CELLS: _cell_mistakes,
}
