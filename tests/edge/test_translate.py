from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.asterisk.live_calls import VARIABLES
from ivr.asterisk.telephones import TRUNK_ENDPOINT
from ivr.asterisk.translate import TRUNK_CONTEXT, Translator, created_leg, refused_leg
from ivr.dialplan.static import render_dialplan
from ivr.dialplan.static_lines import StaticLine
from ivr.events import CallerEntered, CallHungUp, DeviceChanged, LegEnded, OfferFailed, TalkStarted
from ivr.model import CallFacts, CountySource, DeviceState, EndedBy, Lane, OfferResult
from ivr.settings import PROJECT

FIXTURES = Path(__file__).parent / "fixtures"
CALL = "1700000000.179"


def messages(name: str) -> list[dict[str, str]]:
    """A file of AMI messages recorded from Asterisk 22.10; ids and devices renamed."""
    blocks = (FIXTURES / f"{name}.ami").read_text(encoding="utf-8").strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in b.splitlines() if ": " in line) for b in blocks]


def told(translator: Translator, stream: list[dict[str, str]]) -> list[object]:
    """The events of calls and legs; those of devices are another matter."""
    events = [event for message in stream for event in translator.feed(message)]
    return [event for event in events if not isinstance(event, DeviceChanged)]


@pytest.fixture
def translator():
    translator = Translator()
    translator.expect_leg("1-1", "markazi-a")
    return translator


def contact(uri: str, status: str) -> dict[str, str]:
    return {"Event": "ContactStatus", "AOR": "markazi-a", "URI": uri, "ContactStatus": status}


def answered() -> list[dict[str, str]]:
    """An answered leg up to its hang-up, without it."""
    gone = ("HangupRequest", "Hangup")
    return [message for message in messages("leg_answered") if message["Event"] not in gone]


HANGUP = {"Event": "Hangup", "Uniqueid": "ivr-1-1", "Cause": "16"}


def failed(result: OfferResult) -> list[object]:
    return [OfferFailed(offer="1-1", result=result)]


def ended(by: EndedBy) -> list[object]:
    return [LegEnded(offer="1-1", ended_by=by)]


RECORDED_ENDS = pytest.mark.parametrize(
    ("recording", "events"),
    [
        ("leg_busy", failed(OfferResult.BUSY)),
        ("leg_not_answered", failed(OfferResult.RONA)),
        ("leg_answered", ended(EndedBy.COUNSELLOR)),
        ("leg_media_lost", ended(EndedBy.DEVICE_LOST)),
    ],
)


@RECORDED_ENDS
def test_each_leg_ends_in_one_event(translator, recording, events):
    assert told(translator, messages(recording)) == events
    assert told(translator, messages(recording)) == []  # nothing late is believed


@RECORDED_ENDS
def test_the_response_may_come_at_any_time(recording, events):
    stream = messages(recording)
    response = next(m for m in stream if m["Event"] == "OriginateResponse")
    others = [m for m in stream if m is not response]
    for place in range(len(others) + 1):
        translator = Translator()
        translator.expect_leg("1-1", "markazi-a")
        assert told(translator, [*others[:place], response, *others[place:]]) == events


def test_a_withdrawn_leg_is_withdrawn_whatever_the_cause(translator):
    translator.withdraw_leg("1-1")
    assert translator.is_withdrawn("1-1")
    assert told(translator, messages("leg_withdrawn")) == failed(OfferResult.WITHDRAWN)
    assert not translator.is_withdrawn("1-1")


def test_a_leg_withdrawn_too_late_was_picked_up(translator):
    translator.withdraw_leg("1-1")
    assert told(translator, messages("leg_answered")) == ended(EndedBy.COUNSELLOR)


@pytest.mark.parametrize(
    ("reason", "result"),
    [("0", OfferResult.UNREACHABLE), ("3", OfferResult.RONA), ("5", OfferResult.BUSY)],
)
def test_a_leg_that_never_had_a_channel(translator, reason, result):
    response = {"Event": "OriginateResponse", "Response": "Failure", "Reason": reason}
    assert refused_leg(response | {"Uniqueid": "ivr-1-1"}) == "1-1"
    assert refused_leg(response | {"ActionID": "ivr-1-1"}) == "1-1"
    assert translator.no_channel_came("1-1") == []  # nobody has refused it yet
    assert told(translator, [response | {"Uniqueid": "ivr-1-1"}]) == []
    assert translator.no_channel_came("1-1") == failed(result)
    assert translator.no_channel_came("1-1") == []


def test_a_refusal_that_overtakes_its_channel_is_told_by_the_channel_s_end(translator):
    stream = messages("leg_busy")
    response = next(m for m in stream if m["Event"] == "OriginateResponse")
    assert response["Reason"] == "0"  # the same as of a device that is not there
    begun = next(m for m in stream if m["Event"] == "Newchannel")
    assert told(translator, [response, begun]) == []
    assert translator.no_channel_came("1-1") == []
    rest = [m for m in stream if m not in (response, begun)]
    assert told(translator, rest) == failed(OfferResult.BUSY)


@pytest.mark.parametrize(
    ("cause", "rang", "result"),
    [
        ("21", True, OfferResult.REJECTED),
        ("17", False, OfferResult.BUSY),
        ("19", False, OfferResult.UNREACHABLE),  # it never rang: the device is dead
        ("19", True, OfferResult.RONA),
        ("0", True, OfferResult.RONA),
        ("20", False, OfferResult.UNREACHABLE),
        ("88", True, OfferResult.FAILED),
    ],
)
def test_causes(translator, cause, rang, result):
    channel = {"Uniqueid": "ivr-1-1"}
    stream = [
        {"Event": "Newchannel"} | channel,
        *([{"Event": "Newstate", "ChannelState": "5"} | channel] if rang else []),
        {"Event": "Hangup", "Cause": cause} | channel,
    ]
    assert told(translator, stream) == failed(result)


def test_a_device_whose_contact_vanished_was_lost(translator):
    gone = contact("sip:a@192.0.2.1:1", "Removed")
    assert told(translator, [*answered(), gone, HANGUP]) == ended(EndedBy.DEVICE_LOST)


def test_a_device_that_registered_anew_was_not_lost(translator):
    anew = [
        contact("sip:a@192.0.2.1:1", "NonQualified"),
        contact("sip:a@192.0.2.1:2", "NonQualified"),
        contact("sip:a@192.0.2.1:1", "Removed"),
    ]
    assert told(translator, [*answered(), *anew, HANGUP]) == ended(EndedBy.COUNSELLOR)


def test_a_hang_up_by_hand_beats_a_lost_contact(translator):
    gone = contact("sip:a@192.0.2.1:1", "Unreachable")
    by_hand = [HANGUP | {"Event": "HangupRequest"}, HANGUP]
    assert told(translator, [*answered(), gone, *by_hand]) == ended(EndedBy.COUNSELLOR)


def test_a_talk_starts_once_both_are_in_the_room(translator):
    stream = messages("talk_in_room")
    assert told(translator, stream) == [
        CallerEntered(call=CALL, offer="1-1"),
        TalkStarted(offer="1-1"),
        *ended(EndedBy.COUNSELLOR),
        CallHungUp(call=CALL),
    ]


def test_a_talk_starts_once_only(translator):
    joins = [m for m in messages("talk_in_room") if m["Event"] == "ConfbridgeJoin"]
    leaves = [m | {"Event": "ConfbridgeLeave"} for m in joins]
    assert told(translator, [*joins, leaves[1], joins[1]]) == [TalkStarted(offer="1-1")]
    assert told(Translator(), [joins[0], leaves[0], joins[1]]) == []


def test_a_caller_is_gone_once(translator):
    channel = {"Uniqueid": CALL, "Context": "trunk"}
    stream = [{"Event": event} | channel for event in ("Newchannel", "HangupRequest", "Hangup")]
    assert told(translator, stream) == [CallHungUp(call=CALL)]


def test_channels_that_are_no_callers_mean_nothing(translator):
    queue_leg = {"Uniqueid": "1700000000.200", "Linkedid": CALL, "Context": "desk"}
    stream = [{"Event": event} | queue_leg for event in ("Newchannel", "HangupRequest", "Hangup")]
    assert told(translator, stream) == []


def test_a_leg_nobody_asked_for_means_nothing():
    assert told(Translator(), messages("leg_busy")) == []


def test_a_leg_whose_originate_failed_is_told_once(translator):
    assert translator.leg_failed("1-1", may_exist=True) == failed(OfferResult.FAILED)
    assert translator.is_withdrawn("1-1")  # so it is hung up should it come
    assert told(translator, messages("leg_answered")) == []
    assert not translator.is_withdrawn("1-1")
    assert translator.leg_failed("1-1", may_exist=False) == []


def test_presence(translator):
    events = [event for message in messages("presence") for event in translator.feed(message)]
    states = [(event.device, event.state) for event in events]
    assert states[:4] == [
        ("markazi-a", DeviceState.UNREACHABLE),
        ("markazi-a", DeviceState.IDLE),
        ("markazi-a", DeviceState.IN_USE),  # BUSY: one call, no second
        ("markazi-a", DeviceState.IDLE),
    ]
    assert {device for device, _ in states} == {"markazi-a", "markazi-b"}
    assert states[-1] == ("markazi-a", DeviceState.UNREACHABLE)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NOT_INUSE", DeviceState.IDLE),
        ("RINGING", DeviceState.RINGING),
        ("INUSE", DeviceState.IN_USE),
        ("RINGINUSE", DeviceState.IN_USE),
        ("ONHOLD", DeviceState.IN_USE),
        ("UNAVAILABLE", DeviceState.UNREACHABLE),
        ("INVALID", DeviceState.UNREACHABLE),
        ("UNKNOWN", DeviceState.UNREACHABLE),
        ("A_NEW_WORD", DeviceState.UNREACHABLE),
    ],
)
def test_device_states(translator, word, state):
    message = {"Event": "DeviceStateChange", "Device": "PJSIP/markazi-a", "State": word}
    assert translator.feed(message) == [DeviceChanged(device="markazi-a", state=state)]


def test_unknown_events_are_counted(translator):
    assert translator.feed({"Event": "BrandNew"}) == translator.feed({"Response": "Success"}) == []
    assert translator.ignored["BrandNew"] == 1


def test_created_leg():
    assert created_leg({"Event": "Newchannel", "Uniqueid": "ivr-1-1"}) == "1-1"
    assert created_leg({"Event": "Newstate", "Uniqueid": "ivr-1-1"}) is None
    assert created_leg({"Event": "Newchannel", "Uniqueid": CALL}) is None


def test_names_agree_with_the_dialplan():
    assert "IVR_JOINED_AT" in VARIABLES.split(",")
    line = StaticLine(province="markazi", numbers=("123",))
    dialplan = render_dialplan(
        [line], default_province="markazi", agi_host="127.0.0.1", agi_port=4573
    )
    assert f"[{TRUNK_CONTEXT}]\n" in dialplan
    pjsip = (PROJECT / "deploy/asterisk/line/pjsip.conf.j2").read_text(encoding="utf-8")
    assert f"[{TRUNK_ENDPOINT}]\ntype = endpoint\ncontext = {TRUNK_CONTEXT}\n" in pjsip


CALLER = {
    "Event": "Status",
    "Channel": "PJSIP/line123-trunk-00000001",
    "ChannelState": "6",
    "Context": "line",
    "Uniqueid": CALL,
    "Linkedid": CALL,
    "Application": "AGI",
    "Variable": [
        "IVR_PROVINCE=markazi",
        "IVR_LINE=123",
        "IVR_ARRIVED_AT=1700000000",
        "IVR_LANE=danger",
        "IVR_COUNTY=markazi-saveh",
        "IVR_CATEGORY=child-abuse",
        "IVR_JOINED_AT=1700000030.250",
        "IVR_OFFER=1-1",
        "IVR_COUNSELLOR=c1",
    ],
}
IN_ROOM = CALLER | {"Application": "ConfBridge", "Data": "1-1,ivr_room,ivr_caller"}
LEG = {
    "Event": "Status",
    "Channel": "PJSIP/markazi-a-00000002",
    "ChannelState": "6",
    "Context": "offer",
    "Uniqueid": "ivr-1-1",
    "Linkedid": CALL,
    "Application": "ConfBridge",
    "Data": "1-1,ivr_room,ivr_counsellor",
    "Variable": ["IVR_PROVINCE=", "IVR_OFFER=1-1"],
}


def test_a_snapshot_reads_the_facts_of_a_waiting_call():
    (call,) = Translator().snapshot([CALLER], []).calls
    assert (call.call, call.line, call.province) == (CALL, "123", "markazi")
    assert call.arrived_at == datetime.fromtimestamp(1700000000, UTC)
    assert call.joined_at == datetime.fromtimestamp(1700000030.25, UTC)
    assert call.facts == CallFacts(
        province="markazi",
        county="markazi-saveh",
        county_source=CountySource.KEYPAD,
        category="child-abuse",
        lane=Lane.DANGER,
    )
    assert call.offer is call.counsellor is None  # of an earlier talk: not in a room now


def test_a_snapshot_of_a_talk():
    translator = Translator()
    snapshot = translator.snapshot([LEG, IN_ROOM], messages("presence")[:2])
    assert [(call.offer, call.counsellor) for call in snapshot.calls] == [("1-1", "c1")]
    assert snapshot.legs == {"1-1"}
    assert snapshot.devices == (("markazi-a", DeviceState.UNREACHABLE),)
    joins = [m for m in messages("talk_in_room") if m["Event"] == "ConfbridgeJoin"]
    assert told(translator, joins) == []  # it had started
    hangups = [
        {"Event": "Hangup", "Uniqueid": "ivr-1-1", "Cause": "16"},
        {"Event": "Hangup", "Uniqueid": CALL},
    ]
    assert told(translator, hangups) == [*ended(EndedBy.COUNSELLOR), CallHungUp(call=CALL)]


def test_a_snapshot_replaces_what_was_remembered(translator):
    translator.feed({"Event": "Newchannel", "Uniqueid": "1.1", "Context": "trunk"})
    translator.snapshot([], [])
    late = [{"Event": "Hangup", "Uniqueid": "1.1"}, {"Event": "Hangup", "Uniqueid": "ivr-1-1"}]
    assert told(translator, late) == []


@pytest.mark.parametrize(
    "variables",
    [
        "IVR_PROVINCE=markazi",  # a single header is no list
        ["IVR_PROVINCE=markazi", "IVR_ARRIVED_AT=x", "IVR_JOINED_AT=", "IVR_LANE=?", "odd"],
    ],
)
def test_a_snapshot_of_a_call_that_has_said_nothing_yet(variables):
    (call,) = Translator().snapshot([CALLER | {"Variable": variables}], []).calls
    assert call.facts is call.joined_at is None
    assert call.arrived_at == datetime.fromtimestamp(1700000000, UTC)  # of the unique id


def test_a_ringing_leg_in_a_snapshot_is_not_picked_up():
    translator = Translator()
    translator.snapshot([LEG | {"ChannelState": "5", "Application": "AppDial2"}], [])
    hangup = {"Event": "Hangup", "Uniqueid": "ivr-1-1", "Cause": "19"}
    assert told(translator, [hangup]) == failed(OfferResult.RONA)


def test_a_channel_without_our_variables_is_no_call_and_unset_facts_are_not_known():
    """The leg of Asterisk's own queue, beside a caller who has answered one question."""
    unset = [f"{name}=(null)" for name in VARIABLES.split(",")]
    leg = CALLER | {"Uniqueid": "1700000000.9", "Application": "AppQueue", "Variable": unset}
    told = {"IVR_PROVINCE": "markazi", "IVR_LINE": "123", "IVR_LANE": "danger"}
    asked = [f"{name}={told.get(name, '(null)')}" for name in VARIABLES.split(",")]
    (call,) = Translator().snapshot([CALLER | {"Variable": asked}, leg], []).calls
    assert call.facts == CallFacts(province="markazi", lane=Lane.DANGER)


def test_other_channels_are_no_calls():
    echo = CALLER | {"Variable": ["IVR_PROVINCE=", "IVR_LINE="], "Context": "desk"}
    assert Translator().snapshot([echo], []).calls == ()
