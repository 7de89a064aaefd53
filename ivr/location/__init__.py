"""Where a call comes from: the caller's number, headers of the trunk, tables, an earlier call.

Pure: `ivr.location_files` reads the tables.
"""

from ivr.location.decide import Signals, identify, known_county, locate
from ivr.location.headers import asks_privacy
from ivr.location.number import AREA_CODES, CallerNumber, NumberKind, normalise_number
from ivr.location.tables import Gazette, LocationTables, TableKind, parse_table

__all__ = [
    "AREA_CODES",
    "CallerNumber",
    "Gazette",
    "LocationTables",
    "NumberKind",
    "Signals",
    "TableKind",
    "asks_privacy",
    "identify",
    "known_county",
    "locate",
    "normalise_number",
    "parse_table",
]
