"""What a new controller makes of calls that the one before it left in Asterisk."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr import effects as do
from ivr import events as ev
from ivr.model import (
    CallEnd,
    CallId,
    CallPhase,
    CounsellorId,
    CounsellorState,
    EndedBy,
    OfferId,
    ProvinceId,
)
from ivr.model.exchange import ExchangeSnapshot, LiveCall
from ivr.model.record import CallRecord
from tests.core.floor_kit import START, Kit, counsellor

OFFER = OfferId("6-1")
CALL = CallId("c1")

LIVE = LiveCall(
    call=CALL,
    line="086123",
    province=ProvinceId("markazi"),
    arrived_at=START,
    facts=None,
    joined_at=START,
    offer=None,
    counsellor=None,
)
IN_ROOM = replace(LIVE, offer=OFFER, counsellor=CounsellorId("ali"))
TALKING = CallRecord(
    call=CALL,
    province=ProvinceId("markazi"),
    line="086123",
    caller=None,
    arrived_at=START,
    phase=CallPhase.TALKING,
    joined_at=START,
    connected_at=START + timedelta(seconds=20),
    counsellor=CounsellorId("ali"),
)


@pytest.fixture
def kit() -> Kit:
    kit = Kit().staff(counsellor("ali", "markazi-saveh"))
    kit.now = START + timedelta(minutes=5)
    return kit


def see(kit: Kit, *calls: LiveCall, legs: frozenset[OfferId] = frozenset()) -> None:
    kit.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=calls, legs=legs)))


def restore(kit: Kit, record: CallRecord) -> None:
    kit.post(ev.CallsRestored(records=(record,)))


def test_a_caller_left_alone_in_a_room_is_fetched_out_of_it(kit: Kit) -> None:
    """Killed between the two ways into the room: the counsellor's leg went, nobody comes."""
    see(kit, IN_ROOM)
    assert kit.only(do.RecallCaller).call == CALL
    assert kit.records[CALL].phase is CallPhase.FALLBACK
    assert kit.records[CALL].connected_at is None


def test_a_talk_is_nobody_left_alone(kit: Kit) -> None:
    see(kit, IN_ROOM, legs=frozenset({OFFER}))
    assert not kit.all(do.RecallCaller)
    assert kit.records[CALL].phase is CallPhase.TALKING


def test_a_talk_that_was_written_down_is_adopted_as_one(kit: Kit) -> None:
    """Its record says TALKING already: the counsellor has to be told so all the same."""
    restore(kit, TALKING)
    see(kit, IN_ROOM, legs=frozenset({OFFER}))
    presence = kit.floor.staff.get(CounsellorId("ali"))
    assert presence is not None
    assert presence.state() is CounsellorState.TALKING
    assert kit.records[CALL].connected_at == TALKING.connected_at


@pytest.mark.parametrize("phase", [CallPhase.TALKING, CallPhase.CLOSING])
def test_a_caller_who_hears_the_closing_sentence_was_left_by_the_counsellor(
    kit: Kit, phase: CallPhase
) -> None:
    """Killed in the talk or in the closing sentence: Asterisk says its own meanwhile."""
    restore(kit, replace(TALKING, phase=phase))
    see(kit, LIVE)
    kit.hang_up(CALL)
    record = kit.records[CALL]
    assert (record.end, record.ended_by) == (CallEnd.CONNECTED, EndedBy.COUNSELLOR)
    assert record.talk_ended_at is not None


@pytest.mark.parametrize(
    ("phase", "ended_by"),
    [(CallPhase.CLOSING, EndedBy.COUNSELLOR), (CallPhase.TALKING, EndedBy.UNKNOWN)],
)
def test_a_call_that_ended_without_us_in_the_closing_sentence_was_left_by_the_counsellor(
    kit: Kit, phase: CallPhase, ended_by: EndedBy
) -> None:
    restore(kit, replace(TALKING, phase=phase))
    see(kit)
    record = kit.records[CALL]
    assert (record.end, record.ended_by) == (CallEnd.CONNECTED, ended_by)


def test_who_has_asked_to_come_back_after_the_talk_waits_in_the_fallback(kit: Kit) -> None:
    restore(kit, TALKING)
    see(kit, replace(LIVE, joined_at=START + timedelta(minutes=4)))
    assert kit.records[CALL].phase is CallPhase.FALLBACK
    kit.hang_up(CALL)
    record = kit.records[CALL]
    assert (record.end, record.ended_by) == (CallEnd.CONNECTED, EndedBy.CALLER)


def test_a_call_that_waited_still_waits(kit: Kit) -> None:
    restore(kit, replace(TALKING, phase=CallPhase.WAITING, connected_at=None, counsellor=None))
    see(kit, LIVE)
    assert kit.records[CALL].phase is CallPhase.FALLBACK
