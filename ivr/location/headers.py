"""What a trunk's headers say of where a mobile phone is: its cell, its civic address. Pure.

Header values are text that others wrote: whatever does not fit is passed over, nothing raises.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_HEADER = 2048  # characters that are looked at; Asterisk gives at most 1023 bytes


class AreaKind(StrEnum):
    """What the network calls the group of cells that a cell belongs to."""

    LAC = "lac"  # location area: 2G and 3G
    TAC = "tac"  # tracking area: 4G (4 digits) and 5G (6 digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of an Iranian network; `area` and `cell` in upper-case hexadecimal digits.

    `network` is MCC and MNC ("43211"). `from_network`: the network's own word, not the phone's.
    """

    kind: AreaKind
    network: str
    area: str
    cell: str
    from_network: bool


# Access type, parameter, and its value: MCC 432 (ITU-T E.212: Iran, MNC of two digits), MNC, area,
# cell. 3GPP TS 24.229 section 7.2A.4; 5G has 24 bits of area and 36 of cell.
_CGI = r"(432[0-9]{2})([0-9A-F]{4})([0-9A-F]{4})"
_UTRAN = r"(432[0-9]{2})([0-9A-F]{4})([0-9A-F]{7})"
_NR = r"(432[0-9]{2})([0-9A-F]{6})([0-9A-F]{9})"
_LAYOUTS = (
    ("3gpp-geran", "cgi-3gpp", AreaKind.LAC, _CGI),
    ("3gpp-utran", "utran-cell-id-3gpp", AreaKind.LAC, _UTRAN),
    ("3gpp-e-utran", "utran-cell-id-3gpp", AreaKind.TAC, _UTRAN),
    ("3gpp-nr", "utran-cell-id-3gpp", AreaKind.TAC, _NR),
)
_VALUE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_CIVIC = re.compile(r'(\w{1,32})="((?:[^"\\]|\\.)*)"')


def read_cells(header: str) -> tuple[Cell, ...]:
    """The cells of one P-Access-Network-Info header (RFC 7315 section 4.4), the network's first."""
    found = [cell for value in _VALUE.findall(header[:MAX_HEADER]) for cell in _cells_of(value)]
    return tuple(sorted(found, key=lambda cell: not cell.from_network))


def _cells_of(value: str) -> Iterator[Cell]:
    access, *rest = [part.strip() for part in _PARAMETER.findall(value)] or [""]
    access = access.casefold()
    parameters = _parameters(rest)
    for prefix, name, kind, layout in _LAYOUTS:
        match = re.fullmatch(layout, parameters.get(name, "").upper(), re.ASCII)
        if match and (access == prefix or access.startswith(prefix + "-")):
            yield Cell(
                kind=kind,
                network=match[1],
                area=match[2],
                cell=match[3],
                from_network="network-provided" in parameters,
            )


def _parameters(parts: list[str]) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in parts)
    return {name.strip().casefold(): value.strip().strip('"') for name, _, value in pairs}


def asks_privacy(header: str) -> bool:
    """Whether a Privacy header (RFC 3323 section 4.2, RFC 3325 section 9.3) hides who calls."""
    wishes = {wish.strip().casefold() for wish in header[:MAX_HEADER].split(";")}
    return bool(wishes & {"id", "user", "header"})


def read_civic_address(location_info: str) -> Mapping[str, str]:
    """The civic address (RFC 5139) as Asterisk's GEOLOC_PROFILE gives it: `A1="…",A2="…"`."""
    return dict(_CIVIC.findall(location_info[:MAX_HEADER]))
