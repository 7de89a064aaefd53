"""Where a call comes from: the caller's number, headers of the trunk, tables, an earlier call.

Pure: reading the tables' files is `ivr.location_files`.
"""

from ivr.location.number import AREA_CODES, CallerNumber, NumberKind, normalise_number

__all__ = ["AREA_CODES", "CallerNumber", "NumberKind", "normalise_number"]
