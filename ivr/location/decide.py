"""All signs of where a call comes from weighed into candidates with source and confidence. Pure.

The trust in a source is ours; no publication gives numbers. The order is that of how directly the
source knows where help is needed, and the confidences leave room between the thresholds that a
province sets (rules: `location`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.location.headers import Cell, read_cells, read_civic_address
from ivr.location.number import CallerNumber, NumberKind, normalise_number, subscriber
from ivr.location.tables import LocationTables
from ivr.model import CountyId, CountySource, ProvinceId
from ivr.model.location import CallLocation, LocationCandidate, LocationNote, LocationNoteCode

CONFIDENCE = {
    CountySource.COUNSELLOR: 1.0,  # has talked with the caller
    CountySource.KEYPAD: 0.95,  # the caller's own word; a wrong key happens
    CountySource.PIDF_LO: 0.9,  # an address for this call, from whoever runs the network
    CountySource.CELL: 0.85,  # measured now, but cells reach across the borders of counties
    CountySource.LANDLINE_PREFIX: 0.8,  # lines do not move; plans age, and some numbers are ported
    CountySource.EARLIER_CALL: 0.5,  # people travel, and telephones are shared
    CountySource.TRUNK: 0.9,  # of the province: near a border the neighbour's line may ring
}
OWN_WORD_OF_PHONE = 0.6  # a cell that the network does not vouch for: a phone may claim any
AREA_CODE = 0.99  # of the province: one area code each since the unification


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What reached us with a call, as it came. Only a trunk's headers may be put here.

    `caller_id`: the number as the exchange took it. `asserted`: P-Asserted-Identity, as many as
    there were; `from_header`: From. `access_networks`: P-Access-Network-Info. `location_format`
    and `location_info`: Asterisk's GEOLOC_PROFILE. `earlier_county` was confirmed by the same
    caller or by who talked with them.
    """

    caller_id: str = ""
    asserted: tuple[str, ...] = ()
    from_header: str = ""
    withheld: bool = False
    access_networks: tuple[str, ...] = ()
    location_format: str = ""
    location_info: str = ""
    earlier_county: CountyId | None = None

    def __repr__(self) -> str:
        return f"Signals({len(self.asserted)} asserted)"


def identify(signals: Signals, area_code: str | None) -> tuple[CallerNumber, str]:
    """Who calls, and the header (or number) that says so as it came.

    What the network asserts goes first (RFC 3325); From only where the exchange believed it too.
    The headers still have the context that makes a local number whole, which a caller id has lost.
    """
    headers = [*signals.asserted]
    if subscriber(signals.from_header) == subscriber(signals.caller_id):
        headers.append(signals.from_header)
    for raw in headers:
        number = normalise_number(raw, area_code)
        if number.national is not None:
            return number, raw
    raw = next((header for header in headers if header), signals.caller_id)
    return normalise_number(signals.caller_id, area_code), raw


def locate(
    signals: Signals, number: CallerNumber, province: ProvinceId, tables: LocationTables
) -> CallLocation:
    """Every source's word on a call to the line of `province`; never raises."""
    notes: list[LocationNote] = []
    candidates = [
        *_of_address(signals, tables, notes),
        *_of_cell(signals, tables, notes),
        *_of_number(number, tables, notes),
        *_of_earlier_call(signals, tables),
        _candidate(CountySource.TRUNK, province),
    ]
    ranked = tuple(sorted(candidates, key=lambda one: _RANK[one.source]))
    if signals.withheld:
        notes.append(LocationNote(LocationNoteCode.NUMBER_WITHHELD))
    return CallLocation(candidates=ranked, notes=(*notes, *_conflicts(ranked, province)))


_RANK = {source: rank for rank, source in enumerate(CountySource)}


def known_county(
    location: CallLocation, province: ProvinceId, *, at_least: float, undisputed: bool = False
) -> LocationCandidate | None:
    """The most trusted county, if it lies in `province` and is sure enough; else None.

    A county of another province decides nothing: the line's own province goes on routing.
    `undisputed`: None also where another source names another county or province.
    """
    best = next((one for one in location.candidates if one.county is not None), None)
    if best is None or best.province != province or best.confidence < at_least:
        return None
    if undisputed and any(_differ(best, other) for other in location.candidates):
        return None
    return best


def _differ(best: LocationCandidate, other: LocationCandidate) -> bool:
    return best.province != other.province or other.county not in {None, best.county}


def _candidate(
    source: CountySource,
    province: ProvinceId,
    county: CountyId | None = None,
    confidence: float | None = None,
) -> LocationCandidate:
    sure = CONFIDENCE[source] if confidence is None else confidence
    return LocationCandidate(source=source, confidence=sure, province=province, county=county)


def _of_address(
    signals: Signals, tables: LocationTables, notes: list[LocationNote]
) -> Iterator[LocationCandidate]:
    if signals.location_format == "civicAddress":
        province, county = tables.of_address(read_civic_address(signals.location_info))
        if province is not None:
            yield _candidate(CountySource.PIDF_LO, province, county)
        if county is None:
            notes.append(LocationNote(LocationNoteCode.ADDRESS_NOT_KNOWN))
    elif signals.location_format:
        notes.append(LocationNote(LocationNoteCode.POSITION_NOT_USED))


def _of_cell(
    signals: Signals, tables: LocationTables, notes: list[LocationNote]
) -> Iterator[LocationCandidate]:
    """At most one candidate: the first listed cell, those that the network vouches for first."""
    cells = [cell for header in signals.access_networks for cell in read_cells(header)]
    for cell in sorted(cells, key=lambda cell: not cell.from_network):
        county = tables.of_cell(cell)
        province = tables.gazette.provinces.get(county) if county is not None else None
        if province is not None:
            confidence = None if cell.from_network else OWN_WORD_OF_PHONE
            yield _candidate(CountySource.CELL, province, county, confidence)
            return
        notes.append(LocationNote(LocationNoteCode.CELL_NOT_LISTED, _area(cell)))


def _area(cell: Cell) -> str:
    return f"{cell.kind}-{cell.network}-{cell.area}"


def _of_number(
    number: CallerNumber, tables: LocationTables, notes: list[LocationNote]
) -> Iterator[LocationCandidate]:
    if number.kind is not NumberKind.LANDLINE or not number.national or not number.province:
        return
    county = tables.of_landline(number.national)
    if county is None:
        notes.append(LocationNote(LocationNoteCode.PREFIX_NOT_LISTED))
    confidence = AREA_CODE if county is None else None
    yield _candidate(CountySource.LANDLINE_PREFIX, number.province, county, confidence)


def _of_earlier_call(signals: Signals, tables: LocationTables) -> Iterator[LocationCandidate]:
    county = signals.earlier_county
    province = tables.gazette.provinces.get(county) if county is not None else None
    if province is not None:
        yield _candidate(CountySource.EARLIER_CALL, province, county)


def _conflicts(ranked: tuple[LocationCandidate, ...], line: ProvinceId) -> Iterator[LocationNote]:
    """Kept for the trace: counties that differ from the most trusted one, provinces not ours."""
    with_county = [one for one in ranked if one.county is not None]
    for other in with_county[1:]:
        if other.county != with_county[0].county:
            yield LocationNote(LocationNoteCode.CONTRADICTION, other.source)
    for province in dict.fromkeys(one.province for one in ranked if one.province != line):
        yield LocationNote(LocationNoteCode.OTHER_PROVINCE, province)
