"""What a trunk says of a call, through the real Asterisk: believed, sealed, and never in a file.

Whoever is not the trunk is not believed, and no header that a caller may write ends a call.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from ivr.model import CountySource, DeviceId
from ivr.model.location import LocationNoteCode
from ivr.model.record import CallRecord
from ivr.people import device_passwords
from ivr.simulator.rtp import RtpStream
from ivr.simulator.sip_agent import SipAgent
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_message import SipError, SipMessage, authorization, session_offer
from ivr.store.vault import Vault
from tests.real.product import SUPERVISOR, Product, running_product
from tests.real.scene import Scene

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("trunk-headers"),  # one worker, so that the product is started once
]

MOBILE = "09121110042"
OTHER = "09121110043"
SAVEH = "markazi-saveh"
LTE = "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=432111A2B1234567; network-provided"
TABLES = {
    "landline.csv": "prefix,county,source,as_of\n08642,markazi-saveh,test,1405-09-01\n",
    "cells.csv": "mcc,mnc,kind,area,cell,county,source,as_of\n"
    "432,11,tac,1A2B,,markazi-saveh,test,1405-09-01\n",
}
PIDF = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
 xmlns:cl="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
 xmlns:gml="http://www.opengis.net/gml" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 entity="pres:x@ims.example"><dm:device id="d"><gp:geopriv><gp:location-info>{place}
</gp:location-info><gp:usage-rules/><gp:method>Cell</gp:method></gp:geopriv></dm:device></presence>
"""
CIVIC = (
    '<cl:civicAddress xml:lang="fa"><cl:country>IR</cl:country><cl:A1>استان مرکزی</cl:A1>'
    "<cl:A2>ساوه</cl:A2></cl:civicAddress>"
)
POINT = '<gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>35.02 50.35</gml:pos></gml:Point>'
GROWING = (
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    '<presence xmlns="urn:ietf:params:xml:ns:pidf">&d;&d;&d;</presence>'
)
GEOLOCATION = {
    "Geolocation": "<cid:place@ims.example>",
    "Geolocation-Routing": "yes",
    "Content-Type": "multipart/mixed;boundary=b",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(
    private_asterisk: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """A product with tables, whose trunk may send PIDF-LO."""
    home = tmp_path_factory.mktemp("trunk") / "home"
    tables = home / "tables"
    tables.mkdir(parents=True)
    for name, text in TABLES.items():
        (tables / name).write_text(text)
    changes = {"locations_dir": tables, "trunk_geolocation": True}
    async with running_product(home, changes=changes) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def scene(product: Product) -> AsyncIterator[Scene]:
    scene = Scene(product)
    await scene.begin()
    yield scene
    await scene.end()


def with_place(place: str) -> Callable[[str], str]:
    """A body of two parts: the session description, and a PIDF-LO document."""
    document = PIDF.format(place=place) if place.startswith("<") else place

    def wrap(offer: str) -> str:
        return (
            f"--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n"
            "--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: <place@ims.example>\r\n\r\n"
            f"{document}\r\n--b--\r\n"
        )

    return wrap


async def record_of(scene: Scene, keys: str = "0", **options: object) -> CallRecord:
    """Call, press keys, ring a counsellor, hang up: the record."""
    async with scene.counsellor("arak-1") as counsellor, scene.caller(**options) as caller:
        await caller.presses(keys)
        await counsellor.offered()
    await scene.the_call()
    [record] = await scene.records()
    return record


def sources(record: CallRecord) -> list[tuple[CountySource, str | None]]:
    assert record.location is not None
    return [(one.source, one.county) for one in record.location.candidates]


def pseudonym(scene: Scene, number: str) -> str:
    return Vault.open(scene.product.settings).pseudonym(number)


@pytest.mark.parametrize(
    ("from_user", "headers", "number"),
    [
        (MOBILE, {}, MOBILE),
        ("+98" + MOBILE[1:], {"Privacy": "none"}, MOBILE),
        (
            "anonymous",
            {"P-Asserted-Identity": f"<sip:+98{MOBILE[1:]}@ims>", "Privacy": "id"},
            MOBILE,
        ),
        (OTHER, {"P-Asserted-Identity": f'"<sip:{OTHER}@x>" <tel:+98{MOBILE[1:]}>'}, MOBILE),
        (OTHER, {"P-Asserted-Identity": f"<tel:{MOBILE};phone-context=+98>"}, MOBILE),
        ("1001", {"P-Asserted-Identity": "<tel:33331234;phone-context=+9884>"}, "08433331234"),
        ("33331234;phone-context=+9884", {}, "08433331234"),
        ("33331234", {}, "08633331234"),
        ("%DB%B0%DB%B912111%30042", {}, MOBILE),
        (MOBILE, {"P-Asserted-Identity": 'no URI ${SHELL(id)} ),"`:;|&,'}, MOBILE),
        (MOBILE, {"P-Asserted-Identity": "<sip:x>\r\n HANGUP\r\n 200 result=-1 (x)"}, MOBILE),
        (MOBILE, {"P-Access-Network-Info": "${GLOBAL(X)} \x01\x7f endpos=1 " + "x" * 3000}, MOBILE),
        (MOBILE, {"P-Access-Network-Info": "3GPP;\r\n\tHANGUP"}, MOBILE),
        (MOBILE, {"Geolocation": f"<https://lis.example/held?id={OTHER}>"}, MOBILE),
        (MOBILE, {"Subject": "'; DROP TABLE calls; --", "Privacy": "x\\,"}, MOBILE),
        ("9" * 300, {}, "9" * 300),
    ],
    ids=range(16),
)
async def test_whatever_is_sent_the_call_goes_on_and_is_the_right_callers(
    scene: Scene, from_user: str, headers: dict[str, str], number: str
) -> None:
    record = await record_of(scene, number=from_user, headers=headers)
    assert record.caller is not None
    assert record.caller.withheld == (headers.get("Privacy") == "id")
    assert record.facts is not None
    assert record.facts.county is None, "no header of these names a county"
    expected = pseudonym(
        scene, number[: len(Vault.open(scene.product.settings).reveal(record.caller))]
    )
    assert record.caller.pseudonym == expected


async def test_the_header_is_kept_sealed(scene: Scene) -> None:
    header = f"<tel:{MOBILE};phone-context=+98>"
    record = await record_of(scene, number="1001", headers={"P-Asserted-Identity": header})
    assert record.caller is not None
    vault = Vault.open(scene.product.settings)
    assert (vault.reveal(record.caller), vault.reveal_raw(record.caller)) == (MOBILE, header)


async def test_an_anonymous_caller_stays_one(scene: Scene) -> None:
    record = await record_of(scene, number="anonymous", headers={"Privacy": "id"})
    assert record.caller is None
    assert record.location is not None
    assert LocationNoteCode.NUMBER_WITHHELD in {note.code for note in record.location.notes}


async def test_a_listed_cell_stands_for_a_caller_who_names_no_county(scene: Scene) -> None:
    record = await record_of(scene, headers={"P-Access-Network-Info": LTE})
    assert record.facts is not None
    assert (record.facts.county, record.facts.county_source) == (SAVEH, CountySource.CELL)


async def test_a_listed_landline_and_the_key_that_is_pressed_instead(scene: Scene) -> None:
    record = await record_of(scene, "210", number="08642001234")
    assert record.facts is not None
    assert (record.facts.county, record.facts.county_source) == (
        "markazi-arak",
        CountySource.KEYPAD,
    )
    assert sources(record)[0] == (CountySource.LANDLINE_PREFIX, SAVEH)


async def test_an_address_of_the_trunk_leaves_the_county_question_out(scene: Scene) -> None:
    """Keys 2 and 4: the second one already answers what the call is about."""
    record = await record_of(scene, "24", headers=GEOLOCATION, wrap=with_place(CIVIC))
    assert record.facts is not None
    assert (record.facts.county, record.facts.county_source) == (SAVEH, CountySource.PIDF_LO)
    assert record.facts.category == "family_dispute"


async def test_coordinates_are_noted(scene: Scene) -> None:
    record = await record_of(scene, headers=GEOLOCATION, wrap=with_place(POINT))
    assert record.location is not None
    assert [note.code for note in record.location.notes] == [LocationNoteCode.POSITION_NOT_USED]


@pytest.mark.parametrize(
    "document",
    ["<presence><oops", GROWING, '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>&x;'],
    ids=["broken", "growing", "reaching"],
)
async def test_a_document_that_is_none_costs_the_caller_nothing(
    scene: Scene, document: str
) -> None:
    record = await record_of(scene, headers=GEOLOCATION, wrap=with_place(" " + document))
    assert sources(record) == [(CountySource.TRUNK, None)]


async def test_a_county_set_right_is_counted_and_remembered(scene: Scene) -> None:
    record = await record_of(scene, "220", number=MOBILE)
    ivr = scene.product.ivr
    await ivr("calls", "locate", record.call, "markazi-arak", by=SUPERVISOR)
    shown = await ivr("calls", "show", record.call, "--json")
    assert (shown["county"], shown["county_source"]) == ("markazi-arak", "counsellor")
    assert shown["misrouted"]
    await scene.end()
    await scene.begin()
    again = await record_of(scene, "0", number=MOBILE)
    assert sources(again)[0] == (CountySource.EARLIER_CALL, "markazi-arak")
    assert again.facts is not None
    assert again.facts.county is None, "an earlier call is a hint, no more"


# ------------------------------------------------- whoever is not the trunk


async def test_a_stranger_is_refused(scene: Scene) -> None:
    """Only the trunk's address is the trunk; here one of the same loopback network."""
    agent = SipAgent(scene.product.address, host="127.0.0.2")
    await agent.open()
    call = SipCall(agent, MOBILE, RtpStream(None))
    try:
        await call.place("123", headers={"P-Asserted-Identity": f"<sip:{OTHER}@ims>"})
        with pytest.raises(SipError):
            await call.answered()
        assert call.status == 401
    finally:
        call.hang_up()
        agent.close()
    assert await scene.records() == []


async def test_a_counsellors_word_on_who_calls_is_not_believed(scene: Scene) -> None:
    device = scene.product.counsellor("arak-1")
    asserted = ("P-Asserted-Identity", f"<sip:{OTHER}@ims>")
    async with device:
        assert (await invite(scene, "arak-1", "123", asserted)).status == 404
        echo = await invite(scene, "arak-1", "600", asserted)
        assert echo.status == 200
        channels = scene.product.asterisk.console("core show channels concise")
        assert "arak-1" in channels
        assert OTHER[1:] not in channels
        scene.product.asterisk.console("channel request hangup all")
        await scene.until(lambda: not scene.channels())
    assert await scene.records() == []


async def invite(scene: Scene, user: str, number: str, *headers: tuple[str, str]) -> SipMessage:
    """An INVITE as that counsellor's device sends it, with its password; the final answer."""
    agent = SipAgent(scene.product.address)
    await agent.open()
    stream = RtpStream(None)
    try:
        body = session_offer(await stream.open(agent.host))
        password = device_passwords(scene.product.settings.home, [DeviceId(user)])[DeviceId(user)]
        uri, call_id, tag = agent.server_uri(number), secrets.token_hex(8), secrets.token_hex(4)

        def message(cseq: int, method: str, *more: tuple[str, str], to: str = "") -> SipMessage:
            lines = (
                agent.via(),
                ("Max-Forwards", "70"),
                ("From", f"<{agent.server_uri(user)}>;tag={tag}"),
                ("To", to or f"<{uri}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", f"<{agent.uri(user)}>"),
                *more,
            )
            content = (("Content-Type", "application/sdp"),) if method == "INVITE" else ()
            start = f"{method} {uri} SIP/2.0"
            return SipMessage(start, (*lines, *content), body if content else "")

        challenge = await agent.ask(message(1, "INVITE", *headers))
        assert challenge.status == 401
        agent.send(message(1, "ACK", to=challenge["To"]))
        answer = authorization(
            challenge["WWW-Authenticate"], method="INVITE", uri=uri, user=user, password=password
        )
        final = await agent.ask(message(2, "INVITE", *headers, answer))
        agent.send(message(2, "ACK", to=final["To"]))
        await asyncio.sleep(0)
        return final
    finally:
        stream.close()
        agent.close()


async def test_no_number_stands_in_any_file(scene: Scene) -> None:
    """The run's own search looks again when it ends; here landlines are looked for too."""
    numbers = [MOBILE[1:], OTHER[1:], "8433331234", "8633331234", "8642001234"]
    assert _files_with(scene.product.settings.home, numbers) == []


def _files_with(home: Path, numbers: list[str]) -> list[Path]:
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".wav"]
    assert home / "asterisk" / "log" / "cdr-custom" / "ivr-calls.csv" in files
    looked_for = [number.encode() for number in numbers]
    return [path for path in files if any(text in path.read_bytes() for text in looked_for)]
