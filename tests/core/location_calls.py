"""Ten thousand calls as trunks, phones and strangers might send them, each with what is true of it.

The same seed gives the same calls. What is true is known from how a call was made, not from the
code under test.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from ivr.location import AREA_CODES, Gazette, LocationTables, Signals, parse_table
from ivr.location.tables import name_key
from ivr.text import to_persian_digits

COUNTIES = {
    "markazi-saveh": ("markazi", "ساوه", "Saveh"),
    "markazi-arak": ("markazi", "اراک", "Arak"),
    "ilam-dehloran": ("ilam", "دهلران", "Dehloran"),
    "qazvin-qazvin": ("qazvin", "قزوین", "Qazvin"),
}
PROVINCES = {
    "markazi": ("مرکزی", "Markazi"),
    "ilam": ("ایلام", "Ilam"),
    "qazvin": ("قزوین", "Qazvin"),
}
LANDLINE = {"08642": "markazi-saveh", "086333": "markazi-arak", "0843372": "ilam-dehloran"}
# kind, network, area, cell: of a whole area and of single cells in it.
CELLS = {
    ("tac", "43211", "1A2B", ""): "markazi-saveh",
    ("tac", "43211", "1A2B", "0C0FFEE"): "markazi-arak",
    ("lac", "43235", "00FF", "0123"): "qazvin-qazvin",
    ("tac", "43235", "00ABCD", ""): "ilam-dehloran",
}
GAZETTE = Gazette(
    provinces={county: province for county, (province, *_) in COUNTIES.items()},
    names={
        (province, name_key(name)): county
        for county, (province, *names) in COUNTIES.items()
        for name in names
    },
    province_names={name_key(name): key for key, names in PROVINCES.items() for name in names},
)
HOSTILE = (
    "", " ", "anonymous", "sip:anonymous@anonymous.invalid", "unavailable", "0", "+", "98", "112",
    "'; DROP TABLE calls; --", "${SHELL(rm -rf /)}", "$[1/0]", "${CALLERID(num)}", "a,b,c|d&e",
    "<sip:", '"<sip:08642001234@x>', '"', "\\", "%00%0d%0a", "%30%38%36", "\x00\x01\x7f\x1b[2J",
    "x\r\nHANGUP\r\n200 result=1", "tel:;phone-context=", "sip:@;@;@", "(((((", "]" * 50,
    "\u202e4321\u202c", "\ufeff\u200f", "²³¹⁹", "٠٩١٨", "٭", "🚑" * 20, "9" * 5000, "+" * 4000,
    "0" * 1100, "08", "086", "086123", "00971501234567", "+12125550100", "096123", "sip:1001@pbx",
    "\ud800",
)  # fmt: skip


@dataclass(frozen=True)
class GeneratedCall:
    """What came, and what is true: the landline's province and every county that is known."""

    signals: Signals
    landline: str | None = None
    counties: frozenset[str] = field(default_factory=frozenset)


def tables() -> LocationTables:
    landline = ["prefix,county,source,as_of"]
    landline += [f"{prefix},{county},plan,1405-01-01" for prefix, county in LANDLINE.items()]
    cells = ["mcc,mnc,kind,area,cell,county,source,as_of"]
    for (kind, network, area, cell), county in CELLS.items():
        cells.append(f"432,{network[3:]},{kind},{area},{cell},{county},operator,1405-01-01")
    read = [parse_table("\n".join(rows), GAZETTE) for rows in (landline, cells)]
    assert not [mistake for table in read for mistake in table.mistakes]
    return LocationTables(gazette=GAZETTE, landline=read[0].rows, cells=read[1].rows)


def generated_calls(seed: int, count: int) -> Iterator[GeneratedCall]:
    dice = random.Random(seed)
    makers = (_landline, _landline, _landline, _mobile, _hostile, _noise)
    for _ in range(count):
        yield dice.choice(makers)(dice)


def _landline(dice: random.Random) -> GeneratedCall:
    prefix = dice.choice([*LANDLINE, *AREA_CODES])
    national = prefix + "".join(dice.choices("0123456789", k=11 - len(prefix)))
    known = [county for listed, county in LANDLINE.items() if national.startswith(listed)]
    more, counties = _more(dice)
    return GeneratedCall(
        signals=_called_from(dice, _form(dice, national), more),
        landline=AREA_CODES[national[:3]],
        counties=counties | frozenset(known),
    )


def _mobile(dice: random.Random) -> GeneratedCall:
    national = "09" + "".join(dice.choices("012356789", k=1) + dice.choices("0123456789", k=8))
    more, counties = _more(dice)
    return GeneratedCall(_called_from(dice, _form(dice, national), more), counties=counties)


def _called_from(dice: random.Random, form: str, more: dict[str, object]) -> Signals:
    if dice.random() < 0.5:
        return Signals(caller_id=form, **more)
    return Signals(caller_id=dice.choice(["", "anonymous", "1001"]), asserted=(form,), **more)


def _form(dice: random.Random, national: str) -> str:
    """One of the forms in which trunks and phones write a number."""
    bare = national[1:]
    number = dice.choice([national, "+98" + bare, "0098" + bare, "98" + bare, bare, f"+98 {bare}"])
    if dice.random() < 0.2:
        number = to_persian_digits(number)
    context = ";phone-context=+98" if dice.random() < 0.3 else ""
    host = dice.choice(["@ims.example;user=phone", "@10.0.0.1", ""])
    shapes = [number + context, f"tel:{number}{context}", f"<sip:{number}{context}{host}>;tag=x"]
    name = dice.choice(['"Ali"', '"<sip:02112345678@x>"', '"a\\"<tel:+982188888888>"', "Ali"])
    return dice.choice([*shapes, f"{name} <sip:{number}{context}{host}>", f"  {shapes[0]}  "])


def _more(dice: random.Random) -> tuple[dict[str, object], frozenset[str]]:
    """Headers of mobile networks, addresses and an earlier call, and the counties they name."""
    more: dict[str, object] = {}
    counties: set[str] = set()
    if dice.random() < 0.4:
        header, county = _access(dice)
        more["access_networks"] = (header,)
        counties |= {county} - {""}
    if dice.random() < 0.2:
        county = dice.choice([*COUNTIES])
        province, *names = COUNTIES[county]
        name = dice.choice([names[0], f"شهرستان {names[0]}", names[1], names[1].upper(), "ناکجا"])
        more["location_format"] = "civicAddress"
        a1 = dice.choice(PROVINCES[province])
        more["location_info"] = f'country="IR",A1="{a1}",A2="{name}",A3="x"'
        counties |= set() if name == "ناکجا" else {county}
    if dice.random() < 0.2:
        more["earlier_county"] = dice.choice([*COUNTIES])
        counties.add(str(more["earlier_county"]))
    return more, frozenset(counties)


def _access(dice: random.Random) -> tuple[str, str]:
    """A P-Access-Network-Info header and the county of its cell, "" where no table has it."""
    kind, network, area, cell = dice.choice([*CELLS])
    size = {"tac4": 7, "lac4": 4, "tac6": 9}[f"{kind}{len(area)}"]
    cell = (
        cell if cell and dice.random() < 0.5 else "".join(dice.choices("0123456789ABCDEF", k=size))
    )
    if dice.random() < 0.3:
        area = "F" * len(area)
    access = {"tac4": "3GPP-E-UTRAN-FDD", "lac4": "3GPP-GERAN", "tac6": "3GPP-NR-TDD"}
    name = "cgi-3gpp" if kind == "lac" else "utran-cell-id-3gpp"
    value = dice.choice([str.upper, str.lower])(network + area + cell)
    quoted = dice.choice([value, f'"{value}"'])
    vouched = dice.choice(["", "; network-provided", ";network-provided"])
    header = f"{access[f'{kind}{len(area)}']};{dice.choice(['', ' '])}{name}={quoted}{vouched}"
    county = CELLS.get((kind, network, area, cell)) or CELLS.get((kind, network, area, ""))
    return dice.choice([header, f"IEEE-802.11, {header}", f'X;y="a,b;c", {header}']), county or ""


def _hostile(dice: random.Random) -> GeneratedCall:
    """Nothing that comes from a caller's text may name a county."""
    texts = [dice.choice(HOSTILE) for _ in range(6)]
    return GeneratedCall(_everywhere(texts))


def _noise(dice: random.Random) -> GeneratedCall:
    alphabet = '0123456789+;:=,"<>@.%()[]{}$\\ \t\r\n\x00\x7f۰۹٠٩\u200fabctelsip-'
    texts = ["".join(dice.choices(alphabet, k=dice.randrange(60))) for _ in range(6)]
    return GeneratedCall(_everywhere(texts))


def _everywhere(texts: list[str]) -> Signals:
    number, first, second, from_, network, info = texts
    return Signals(
        caller_id=number,
        asserted=(first, second),
        from_header=from_,
        access_networks=(network, f"3GPP-E-UTRAN;utran-cell-id-3gpp={network}"),
        location_format="civicAddress",
        location_info=f'country="IR",A1="مرکزی",A2="{info}"',
    )
