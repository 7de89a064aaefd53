"""Where a call comes from: every sign weighed, no county made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.location import Signals, identify, known_county, locate, parse_table
from ivr.location.decide import CONFIDENCE
from ivr.location.headers import AreaKind, Cell, asks_privacy, read_cells, read_civic_address
from ivr.model import CountySource
from ivr.model.location import CallLocation, LocationCandidate, LocationNote, LocationNoteCode
from ivr.rules.limits import LocationTrust
from tests.core.location_calls import (
    COUNTIES,
    GAZETTE,
    HOSTILE,
    GeneratedCall,
    generated_calls,
    tables,
)

TABLES = tables()
CALLS = 10_000
SEED = 123
SAVEH, ARAK, DEHLORAN = "markazi-saveh", "markazi-arak", "ilam-dehloran"
LTE = "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=432111A2B1234567"


def place_of(signals: Signals, line: str = "markazi", area_code: str = "086") -> CallLocation:
    number, _ = identify(signals, area_code)
    return locate(signals, number, line, TABLES)


def counties(place: CallLocation) -> dict[CountySource, str]:
    return {one.source: one.county for one in place.candidates if one.county}


def notes(place: CallLocation) -> list[LocationNoteCode]:
    return [note.code for note in place.notes]


def check(call: GeneratedCall) -> None:
    place = place_of(call.signals)
    found = counties(place)
    assert set(found.values()) == call.counties, "exactly the counties that are known"
    if call.landline is not None:
        landline = next(c for c in place.candidates if c.source is CountySource.LANDLINE_PREFIX)
        assert landline.province == call.landline
    assert place.candidates[-1] == LocationCandidate(
        source=CountySource.TRUNK, confidence=CONFIDENCE[CountySource.TRUNK], province="markazi"
    )
    assert all(0 < one.confidence <= 1 for one in place.candidates)
    repr(place).encode()  # what is kept can be written


def test_ten_thousand_calls_of_every_kind() -> None:
    calls = list(generated_calls(SEED, CALLS))
    assert len({call.landline for call in calls}) == 1 + 31, "every province's landlines"
    for call in calls:
        check(call)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_in_every_place_is_only_text(text: str) -> None:
    signals = Signals(
        caller_id=text,
        asserted=(text, text),
        from_header=text,
        access_networks=(text, f"{LTE[:-16]}{text}"),
        location_format=text,
        location_info=text,
        earlier_county=text,
    )
    assert counties(place_of(signals)) == {}


ANY = st.text(max_size=80)
MOSTLY = st.text(
    st.sampled_from('0123456789+;:=,"<>@%()${}\\ ۰۹telsip3GPP-EUTRANFDcgi'), max_size=80
)


@given(
    texts=st.lists(ANY | MOSTLY, min_size=5, max_size=5),
    earlier=st.none() | ANY,
    line=st.sampled_from(["markazi", "ilam"]),
)
def test_any_text_is_weighed_and_names_no_county(texts, earlier, line) -> None:
    signals = Signals(
        caller_id="09" + texts[0],
        asserted=(texts[1],),
        from_header=texts[2],
        access_networks=(texts[3],),
        location_format="civicAddress",
        location_info=texts[4],
        earlier_county=earlier if earlier in COUNTIES else None,
    )
    place = place_of(signals, line)
    assert CountySource.EARLIER_CALL not in counties(place)
    assert set(counties(place)) <= {CountySource.LANDLINE_PREFIX}, "only a landline could be typed"


@given(rest=st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_no_mobile_prefix_is_a_sign_of_anything(rest: str) -> None:
    place = place_of(Signals(caller_id="09" + rest))
    assert [one.source for one in place.candidates] == [CountySource.TRUNK]


def test_the_order_of_trust() -> None:
    order = [CountySource.COUNSELLOR, CountySource.KEYPAD, CountySource.PIDF_LO, CountySource.CELL]
    order += [CountySource.LANDLINE_PREFIX, CountySource.EARLIER_CALL]
    assert [*CountySource][:6] == order
    sureness = [CONFIDENCE[source] for source in order]
    assert sureness == sorted(sureness, reverse=True)
    assert len(set(sureness)) == len(sureness)


def test_all_sources_together_most_trusted_first() -> None:
    signals = Signals(
        caller_id="08642001234",
        access_networks=(LTE + ";network-provided",),
        location_format="civicAddress",
        location_info='lang="fa",country="IR",A1="استان مرکزی",A2="شهرستان اراک"',
        earlier_county=DEHLORAN,
        withheld=True,
    )
    place = place_of(signals)
    assert counties(place) == {
        CountySource.PIDF_LO: ARAK,
        CountySource.CELL: SAVEH,
        CountySource.LANDLINE_PREFIX: SAVEH,
        CountySource.EARLIER_CALL: DEHLORAN,
    }
    assert [one.source for one in place.candidates] == [*counties(place), CountySource.TRUNK]
    assert notes(place) == [
        LocationNoteCode.NUMBER_WITHHELD,
        *[LocationNoteCode.CONTRADICTION] * 3,
        LocationNoteCode.OTHER_PROVINCE,
    ]


def test_the_longest_listed_prefix_decides_and_an_unlisted_one_gives_the_province() -> None:
    assert counties(place_of(Signals(caller_id="08633312345"))) == {
        CountySource.LANDLINE_PREFIX: ARAK
    }
    place = place_of(Signals(caller_id="08699999999"))
    assert counties(place) == {}
    assert place.candidates[0].province == "markazi"
    assert notes(place) == [LocationNoteCode.PREFIX_NOT_LISTED]


def test_the_trace_has_no_digit_of_the_number() -> None:
    for number in ("08699999999", "09189999999", "0999999", "99999999"):
        assert "999" not in repr(place_of(Signals(caller_id=number)))
    assert "999" not in repr(Signals(caller_id="08699999999"))


def test_a_cell_that_the_phone_claims_is_trusted_less() -> None:
    vouched, claimed = (
        place_of(Signals(access_networks=(f"{LTE};network-provided",))),
        place_of(Signals(access_networks=(LTE,))),
    )
    assert counties(vouched) == counties(claimed) == {CountySource.CELL: SAVEH}
    assert vouched.candidates[0].confidence > claimed.candidates[0].confidence
    trust = LocationTrust()
    assert known_county(vouched, "markazi", at_least=trust.use_from)
    assert known_county(claimed, "markazi", at_least=trust.use_from) is None


def test_a_cell_goes_before_its_area_and_the_networks_word_before_the_phones() -> None:
    mixed = f"{LTE[:-7]}0C0FFEE;network-provided, {LTE}"
    assert counties(place_of(Signals(access_networks=(mixed,)))) == {CountySource.CELL: ARAK}
    swapped = f"{LTE}, {LTE[:-7]}0C0FFEE;network-provided"
    assert counties(place_of(Signals(access_networks=(swapped,)))) == {CountySource.CELL: ARAK}


def test_an_unlisted_cell_leaves_its_area_for_the_tables() -> None:
    place = place_of(Signals(access_networks=(LTE.replace("1A2B", "BEEF"),)))
    assert place.notes == (LocationNote(LocationNoteCode.CELL_NOT_LISTED, "tac-43211-BEEF"),)


@pytest.mark.parametrize("form", ["GML", "URI", "other"])
def test_coordinates_and_references_are_noted_only(form: str) -> None:
    place = place_of(Signals(location_format=form, location_info='pos="35.02 50.35"'))
    assert counties(place) == {}
    assert notes(place) == [LocationNoteCode.POSITION_NOT_USED]


@pytest.mark.parametrize(
    "info",
    ['country="DE",A1="مرکزی",A2="ساوه"', 'country="IR",A1="تهران",A2="ساوه"', 'A2="ساوه"', "x"],
)
def test_an_address_of_elsewhere_names_no_county(info: str) -> None:
    place = place_of(Signals(location_format="civicAddress", location_info=info))
    assert counties(place) == {}
    assert notes(place) == [LocationNoteCode.ADDRESS_NOT_KNOWN]


def test_a_county_of_another_province_is_kept_and_decides_nothing() -> None:
    place = place_of(Signals(caller_id="08433721234"))
    assert counties(place) == {CountySource.LANDLINE_PREFIX: DEHLORAN}
    assert LocationNote(LocationNoteCode.OTHER_PROVINCE, "ilam") in place.notes
    assert known_county(place, "markazi", at_least=0) is None
    assert known_county(place_of(Signals(caller_id="08433721234"), "ilam"), "ilam", at_least=0)


def test_a_disputed_county_does_not_settle_the_question() -> None:
    address = {
        "location_format": "civicAddress",
        "location_info": 'country="IR",A1="مرکزی",A2="ساوه"',
    }
    alone = place_of(Signals(**address))
    for other in ({"caller_id": "08633312345"}, {"caller_id": "02112345678"}):
        disputed = place_of(Signals(**address, **other))
        assert known_county(disputed, "markazi", at_least=0.9).county == SAVEH
        assert known_county(disputed, "markazi", at_least=0.9, undisputed=True) is None
    assert known_county(alone, "markazi", at_least=0.9, undisputed=True).county == SAVEH
    assert known_county(alone, "markazi", at_least=0.91) is None


def test_by_default_a_table_stands_for_who_named_none_but_the_question_is_asked() -> None:
    trust = LocationTrust()
    place = place_of(Signals(caller_id="08642001234"))
    assert known_county(place, "markazi", at_least=trust.use_from).county == SAVEH
    assert known_county(place, "markazi", at_least=trust.skip_question_from) is None
    earlier = place_of(Signals(earlier_county=SAVEH))
    assert known_county(earlier, "markazi", at_least=trust.use_from) is None


# ------------------------------------------------------------------ who calls


def test_what_the_network_asserts_goes_before_all() -> None:
    signals = Signals(
        caller_id="09121112222",
        asserted=("<sip:1001@ims>", "<tel:33331234;phone-context=+9884>"),
        from_header="<sip:09121112222@x>",
    )
    number, raw = identify(signals, "086")
    assert (number.national, raw) == ("08433331234", signals.asserted[1])


def test_the_context_of_from_counts_where_the_exchange_believed_from() -> None:
    from_ = '"x" <sip:33331234;phone-context=+9884@ims.example>;tag=1'
    assert identify(Signals(caller_id="33331234", from_header=from_), "086")[0].province == "ilam"
    assert (
        identify(Signals(caller_id="33339999", from_header=from_), "086")[0].province == "markazi"
    )


def test_an_unbelieved_from_is_nobody() -> None:
    signals = Signals(
        caller_id="1001", asserted=("<sip:1001@pbx>",), from_header="<sip:09121112222@x>"
    )
    number, raw = identify(signals, "086")
    assert (number.national, raw) == (None, "<sip:1001@pbx>")


def test_a_name_cannot_pass_for_the_number() -> None:
    header = '"<sip:02112345678@x>" <sip:08433331234@ims>'
    assert identify(Signals(asserted=(header,)), None)[0].national == "08433331234"


# ------------------------------------------------------------------ headers


def test_cells_of_every_generation() -> None:
    header = (
        "3GPP-GERAN;cgi-3gpp=43211000a0b0c, 3GPP-UTRAN-TDD; utran-cell-id-3gpp=43235 , "
        '3gpp-utran-fdd;utran-cell-id-3gpp="4323500FF0123456";network-provided,'
        "3GPP-NR-FDD;utran-cell-id-3gpp=4322000ABCD012345678"
    )
    first, second, third = read_cells(header)
    assert first == Cell(
        kind=AreaKind.LAC, network="43235", area="00FF", cell="0123456", from_network=True
    )
    assert (second.area, second.cell, second.kind) == ("000A", "0B0C", AreaKind.LAC)
    assert (third.area, third.cell, third.network) == ("00ABCD", "012345678", "43220")


@pytest.mark.parametrize(
    "header",
    ["", "3GPP-E-UTRAN-FDD", "IEEE-802.11;i-wlan-node-id=00112233", LTE.replace("432", "262"),
     LTE + "0", LTE[:-1], LTE.replace("=", "=x"), LTE.replace("E-UTRAN", "GERAN"),
     LTE.replace("3GPP-E-UTRAN-FDD", "3GPP-E-UTRANx")],
)  # fmt: skip
def test_what_is_no_cell_of_iran_is_none(header: str) -> None:
    assert read_cells(header) == ()


def test_a_civic_address_as_asterisk_prints_it() -> None:
    printed = 'lang="fa",country="IR",A1="مرکزی",A2="ساوه"'
    assert read_civic_address(printed)["A2"] == "ساوه"


@pytest.mark.parametrize(
    ("header", "private"),
    [("id", True), ("critical; ID", True), ("user;none", True), ("none", False), ("", False),
     ("session", False), ("x\\,id", False)],
)  # fmt: skip
def test_who_asks_for_privacy(header: str, private: bool) -> None:
    assert asks_privacy(header) is private


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        ("08642,markazi-nowhere,x,1405-01-01", "county"),
        ("08642,ilam-dehloran,x,1405-01-01", "086 is the area of markazi"),
        ("8642,markazi-saveh,x,1405-01-01", "prefix"),
        ("086,markazi-saveh,x,1405-01-01", "prefix"),
        ("09181,markazi-saveh,x,1405-01-01", "prefix"),
        ("086420012345,markazi-saveh,x,1405-01-01", "prefix"),
        ("08642,markazi-saveh,,1405-01-01", "source"),
        ("08642,markazi-saveh,x,2026-01-01", "as_of"),
        ("08642,markazi-saveh,x,1405-13-01", "as_of"),
        ("08642,markazi-saveh,x", "3 fields where 4"),
        ("08699,markazi-saveh,x,1405-01-01", "earlier line"),
    ],
)
def test_mistakes_of_a_landline_table_name_their_line(row: str, mistake: str) -> None:
    rows = ["prefix,county,source,as_of", "08699,markazi-saveh,x,1405-01-01", row]
    table = parse_table("\n".join(rows), GAZETTE)
    assert len(table.rows) == 1
    [told] = table.mistakes
    assert told.startswith("line 3: ")
    assert mistake in told


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        ("262,11,tac,1A2B,,markazi-saveh,x,1405-01-01", "mcc"),
        ("432,1,tac,1A2B,,markazi-saveh,x,1405-01-01", "mnc"),
        ("432,11,cell,1A2B,,markazi-saveh,x,1405-01-01", "kind"),
        ("432,11,tac,6699,123,markazi-saveh,x,1405-01-01", "cell"),
        ("432,11,tac,1A2G,,markazi-saveh,x,1405-01-01", "area"),
        ("432,11,lac,00ABCD,,markazi-saveh,x,1405-01-01", "no lac has 6 digits"),
        ("432,11,tac,1A2B,1234,markazi-saveh,x,1405-01-01", "no tac has 4 digits with 4"),
        ("432,11,TAC,aaaa,,markazi-saveh,x,1405-01-01", "earlier line"),
    ],
)
def test_mistakes_of_a_cell_table_name_their_line(row: str, mistake: str) -> None:
    header = "mcc,mnc,kind,area,cell,county,source,as_of"
    table = parse_table(f"{header}\n432,11,tac,AAAA,,markazi-saveh,x,1405-01-01\n{row}\n", GAZETTE)
    [told] = table.mistakes
    assert told.startswith("line 3: ")
    assert mistake in told


@pytest.mark.parametrize("text", ["", "prefix,county\n", '"', "\x00", "a\nb\n"])
def test_what_is_no_table_says_so(text: str) -> None:
    table = parse_table(text, GAZETTE)
    assert table.mistakes
    assert not table.rows


@given(text=st.text())
def test_any_text_is_read_as_a_table(text: str) -> None:
    for header in (
        "",
        "prefix,county,source,as_of\n",
        "mcc,mnc,kind,area,cell,county,source,as_of\n",
    ):
        parse_table(header + text, GAZETTE)


def test_persian_digits_are_digits() -> None:
    table = parse_table("prefix,county,source,as_of\n۰۸۶۴۲,markazi-saveh,x,۱۴۰۵-۰۱-۰۱\n", GAZETTE)
    assert list(table.rows) == ["08642"]
