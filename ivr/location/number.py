"""A caller's number in every form that a trunk may send, and what it says of the province. Pure.

A landline's area code gives the province with certainty; its local part gives the county only
where a table of the province's telecom says so (no plan is published), and a mobile number says
nothing of where the phone is: its prefix is never looked at.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from ivr.model import ProvinceId
from ivr.text import clean, to_ascii_digits

COUNTRY_CODE = "98"  # ITU-T E.164: Iran
_MAX_RAW = 1024  # a longer header is not a number; nothing needs to look at all of it

# One area code a province since the unification of 1392-93.
AREA_CODES = {
    "011": "mazandaran",
    "013": "gilan",
    "017": "golestan",
    "021": "tehran",
    "023": "semnan",
    "024": "zanjan",
    "025": "qom",
    "026": "alborz",
    "028": "qazvin",
    "031": "isfahan",
    "034": "kerman",
    "035": "yazd",
    "038": "chaharmahal-and-bakhtiari",
    "041": "east-azerbaijan",
    "044": "west-azerbaijan",
    "045": "ardabil",
    "051": "razavi-khorasan",
    "054": "sistan-and-baluchestan",
    "056": "south-khorasan",
    "058": "north-khorasan",
    "061": "khuzestan",
    "066": "lorestan",
    "071": "fars",
    "074": "kohgiluyeh-and-boyer-ahmad",
    "076": "hormozgan",
    "077": "bushehr",
    "081": "hamadan",
    "083": "kermanshah",
    "084": "ilam",
    "086": "markazi",
    "087": "kurdistan",
}
_MOBILE = re.compile(r"09\d{9}", re.ASCII)
# Fixed lines of no area, and numbers for the country alone (libphonenumber, region IR).
_NON_GEOGRAPHIC = re.compile(r"094\d{7,8}|096\d{2,3}", re.ASCII)
_ANONYMOUS = {"", "anonymous", "unavailable", "unknown", "restricted", "private", "withheld"}
# RFC 3261 section 25.1: a display name in quotes may hold anything, brackets included.
_QUOTED_NAME = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEME = re.compile(r"\s*(?:tel|sips?):", re.IGNORECASE)
_CONTEXT = re.compile(  # of a URI without separators
    r";phonecontext=\+?([0-9]{1,15})(?![^;@])", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[\s().\-/\u2010-\u2015]+")


class NumberKind(StrEnum):
    LANDLINE = "landline"
    MOBILE = "mobile"
    NON_GEOGRAPHIC = "non_geographic"
    ANONYMOUS = "anonymous"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerNumber:
    """`national`: 0 and all digits (08633331234), None if unknown; never shown by `repr`.

    `province` is set for landlines alone.
    """

    national: str | None
    kind: NumberKind
    province: ProvinceId | None = None

    def __repr__(self) -> str:
        return f"CallerNumber(kind={self.kind}, province={self.province})"


def normalise_number(raw: str, trunk_area_code: str | None) -> CallerNumber:
    """The number in `raw`, a header's value or a bare number; never raises.

    `trunk_area_code`: the area ("086") whose local numbers a trunk sends with eight digits, None
    for a trunk of the whole country.
    """
    user, context = _split(raw)
    if user.casefold() in _ANONYMOUS:
        return CallerNumber(national=None, kind=NumberKind.ANONYMOUS)
    return _classified(_national(user, context, trunk_area_code))


def subscriber(raw: str) -> str:
    """The user part of a URI, or a bare number, without separators, as far as it is compared."""
    return _split(raw)[0]


def _split(raw: str) -> tuple[str, str]:
    """The user part of a tel or sip URI, with or without a name and brackets, and its context.

    The context (RFC 3966 section 5.1.5) says what a local number is local to.
    """
    text = to_ascii_digits(clean(raw[:_MAX_RAW]))
    unnamed = _QUOTED_NAME.sub("", text, count=1)
    before, bracket, address = unnamed.partition("<")
    if '"' in before:  # a name without an end: where it ends is anybody's guess
        return before, ""
    uri = to_ascii_digits(unquote(address.partition(">")[0] if bracket else before)).strip()
    uri = _SEPARATORS.sub("", _SCHEME.sub("", uri, count=1))
    context = _CONTEXT.search(uri)
    return re.split(r"[;@]", uri, maxsplit=1)[0], context[1] if context else ""


def _national(number: str, context: str, trunk_area_code: str | None) -> str:
    """0 and the digits after the country code; "" where it is no number of Iran."""
    if not re.fullmatch(r"\+?[0-9]+", number):
        return ""
    digits = number.removeprefix("+")
    international = number.startswith("+")
    if not international and digits.startswith("00"):
        digits, international = digits[2:], True
    if international or (len(digits) == 12 and digits.startswith(COUNTRY_CODE)):
        inland = digits.removeprefix(COUNTRY_CODE)
        return "0" + inland.removeprefix("0") if digits.startswith(COUNTRY_CODE) else ""
    if digits.startswith("0"):
        return digits
    if len(digits) == 8:
        area = _area_of(context) or trunk_area_code
        return area + digits if area else ""
    return "0" + digits if len(digits) == 10 else ""


def _area_of(context: str) -> str:
    area = "0" + context.removeprefix(COUNTRY_CODE)
    return area if area in AREA_CODES else ""


def _classified(national: str) -> CallerNumber:
    if _NON_GEOGRAPHIC.fullmatch(national):
        return CallerNumber(national=national, kind=NumberKind.NON_GEOGRAPHIC)
    if _MOBILE.fullmatch(national):
        return CallerNumber(national=national, kind=NumberKind.MOBILE)
    province = AREA_CODES.get(national[:3])
    if province and len(national) == 11:
        kind = NumberKind.LANDLINE
        return CallerNumber(national=national, kind=kind, province=ProvinceId(province))
    return CallerNumber(national=None, kind=NumberKind.INVALID)
