"""What is known of where a call comes from before anybody spoke."""

from dataclasses import dataclass
from enum import StrEnum

from ivr.model import CountyId, CountySource, ProvinceId


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationCandidate:
    """One source's word on where a call comes from; `confidence` from 0 to 1 is that of the county.

    Where no county is known from it, it is that of the province.
    """

    source: CountySource
    confidence: float
    province: ProvinceId
    county: CountyId | None = None


class LocationNoteCode(StrEnum):
    """What was seen and could not decide; texts are made at the edge."""

    CONTRADICTION = "contradiction"  # sources name different counties; subject: the less trusted
    OTHER_PROVINCE = "other_province"  # than the line's; subject: the province
    PREFIX_NOT_LISTED = "prefix_not_listed"  # a landline of no table; the digits are not kept
    CELL_NOT_LISTED = "cell_not_listed"  # subject: network and area, which a table may add
    ADDRESS_NOT_KNOWN = "address_not_known"  # a civic address that names no county of ours
    POSITION_NOT_USED = "position_not_used"  # coordinates or a reference: nothing here reads them
    NUMBER_WITHHELD = "number_withheld"  # the caller wished not to be shown


@dataclass(frozen=True, slots=True)
class LocationNote:
    """One line of the trace; `subject` is an id, never free text."""

    code: LocationNoteCode
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLocation:
    """All that was known of where a call comes from before anybody spoke; most trusted first."""

    candidates: tuple[LocationCandidate, ...] = ()
    notes: tuple[LocationNote, ...] = ()
