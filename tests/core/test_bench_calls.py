"""The pure parts of `ivr bench calls`: what a failure is, the search, the compared dialplan."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.bench.calls_load import KEYS
from ivr.bench.calls_pure import markazi_flow, pure_dialplan, pure_queue
from ivr.bench.calls_search import STEP, Search, ramp_rates
from ivr.bench.calls_talks import Record, by_order, by_record, read_records
from ivr.bench.calls_traces import CallSeen, Course, LegSeen, calls_of, counted, failures, legs_of
from ivr.bench.handover_capture import datagrams
from ivr.bench.sounds import rtp_pcap
from ivr.simulator.sipp import Traced

COURSE = Course(keys_s=4.0, talk_s=6.0)
LATER = float("inf")


def traced(at: float, call: str, way: str, cseq: str, what: str) -> Traced:
    return Traced(datetime.fromtimestamp(at, UTC), way == "S", call, cseq, what)


def call(at: float = 100.0) -> CallSeen:
    return CallSeen(at, answered_at=at, left_at=at + 10.0, closed=True)


def leg(at: float = 104.05) -> LegSeen:
    return LegSeen(at - 0.05, up_at=at, ended_at=at + 5.96)


def why(one: CallSeen, *legs: LegSeen, now: float = LATER) -> dict[str, int]:
    return counted(failures(by_order([one], legs), COURSE, now))


def test_a_call_that_goes_as_it_should_is_no_failure() -> None:
    assert why(call(), leg()) == {}


def test_no_answer_and_a_late_one_are_failures() -> None:
    assert why(CallSeen(100.0)) == {"not answered": 1}
    late = call()
    late.answered_at = 101.5
    assert why(late, leg(105.55)) == {"answered late": 1}


def test_nobody_at_the_phone_and_a_late_pick_up_are_failures() -> None:
    assert why(call()) == {"not connected": 1}
    assert why(call(), LegSeen(104.0)) == {"not connected": 1}
    assert why(call(), leg(105.2)) == {"connected late": 1}


def test_a_talk_that_ends_other_than_by_the_caller_is_a_failure() -> None:
    thrown = call()
    thrown.thrown_out = True
    assert why(thrown, leg()) == {"ended by the machine": 1}
    early, stays = leg(), leg()
    early.ended_at, stays.ended_at = 108.0, None
    assert why(call(), early) == {"cut off": 1}
    assert why(call(), stays) == {"counsellor not let go": 1}
    open_ended = call()
    open_ended.closed = False
    assert why(open_ended, leg()) == {"broken off": 1}


def test_what_is_not_due_yet_is_not_judged() -> None:
    assert why(CallSeen(100.0), now=100.5) == {}
    assert why(CallSeen(100.0, answered_at=100.0), now=104.5) == {}
    assert why(CallSeen(100.0, answered_at=100.0), LegSeen(104.0, up_at=104.1), now=109.0) == {}


def test_while_a_load_goes_on_calls_and_phones_are_paired_in_order() -> None:
    calls, legs = [call(100.0), call(101.0)], [leg(105.03), leg(104.05)]
    assert failures(by_order(calls, legs), COURSE, LATER) == []
    assert failures(by_order(calls, legs[:1]), COURSE, LATER) == [
        (100.0, "connected late"),
        (101.0, "not connected"),
    ]


def numbered(number: str, at: float) -> CallSeen:
    one = call(at)
    one.number = number
    return one


def test_a_call_has_the_phone_that_asterisk_called_for_it() -> None:
    """Both waited for one moment of the machine; the second was put through first."""
    calls = [numbered("1", 100.0), numbered("2", 100.9)]
    legs = [
        LegSeen(104.9, up_at=104.95, ended_at=110.9, device="b"),
        LegSeen(104.9, up_at=104.99, ended_at=110.0, device="a"),
    ]
    records = [Record("1", "a", 8), Record("2", "b", 7)]
    assert counted(failures(by_order(calls, legs), COURSE, LATER)) == {"cut off": 1}
    talks = by_record(calls, legs, records)
    assert [talk.leg for talk in talks] == [legs[1], legs[0]]
    assert failures(talks, COURSE, LATER) == []


def test_a_phone_has_one_call_after_the_other_and_not_each_is_picked_up() -> None:
    calls = [numbered("1", 100.0), numbered("2", 120.0), numbered("3", 130.0)]
    legs = [
        LegSeen(124.0, up_at=124.1, device="a"),
        LegSeen(104.0, up_at=104.1, device="a"),
        LegSeen(134.0, device="a"),
    ]
    records = [Record("1", "a", 1), Record("1", "b", 2), Record("2", "a", 3), Record("3", "a", 4)]
    talks = by_record(calls, legs, records)
    assert [talk.leg for talk in talks] == [legs[1], legs[0], None]


def test_a_phone_that_was_told_that_somebody_was_quicker_and_then_had_the_call() -> None:
    calls = [numbered("1", 100.0), numbered("2", 101.0)]
    legs = [
        LegSeen(101.0, up_at=101.1, ended_at=103.0, device="a"),  # of a third caller
        LegSeen(104.0, up_at=104.1, ended_at=110.0, device="a"),
        LegSeen(105.0, up_at=105.1, ended_at=111.0, device="b"),
    ]
    talks = by_record(calls, legs, [Record("1", "a", 2), Record("2", "b", 3)])
    assert [talk.leg for talk in talks] == legs[1:]
    assert failures(talks, COURSE, LATER) == []


def test_records_are_read_in_the_order_of_the_channels(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    assert read_records(path) == []
    path.write_text('"2","PJSIP/bench-001-0000000a"\n"3",""\n"1","PJSIP/bench-002-00000009"\n')
    assert read_records(path) == [Record("1", "bench-002", 9), Record("2", "bench-001", 10)]


def test_both_sides_are_read_from_traces() -> None:
    caller = [
        traced(1.0, "a", "S", "1 INVITE", "INVITE sip:x SIP/2.0"),
        traced(1.5, "a", "S", "1 INVITE", "INVITE sip:x SIP/2.0"),
        traced(1.6, "a", "R", "1 INVITE", "SIP/2.0 200 OK"),
        traced(9.0, "a", "S", "2 BYE", "BYE sip:x SIP/2.0"),
        traced(9.1, "a", "R", "2 BYE", "SIP/2.0 200 OK"),
    ]
    assert calls_of(caller) == [CallSeen(1.0, answered_at=1.6, left_at=9.0, closed=True)]
    counsellor = [
        traced(2.0, "b", "R", "7 INVITE", "INVITE sip:desk@x SIP/2.0"),
        traced(2.1, "b", "S", "7 INVITE", "SIP/2.0 200 OK"),
        traced(2.2, "b", "R", "7 ACK", "ACK sip:x SIP/2.0"),
        traced(8.0, "b", "R", "8 BYE", "BYE sip:x SIP/2.0"),
        traced(3.0, "c", "R", "1 OPTIONS", "OPTIONS sip:x SIP/2.0"),
    ]
    assert legs_of(counsellor) == [LegSeen(2.0, up_at=2.2, ended_at=8.0, device="desk")]


def test_a_machine_that_hangs_up_is_seen() -> None:
    caller = [
        traced(1.0, "a", "S", "1 INVITE", "INVITE sip:x SIP/2.0"),
        traced(2.0, "a", "R", "9 BYE", "BYE sip:x SIP/2.0"),
    ]
    assert calls_of(caller)[0].thrown_out


@pytest.mark.parametrize("limit", [1.3, 7.7, 19.0])
def test_the_search_finds_the_highest_rate_to_a_step(limit: float) -> None:
    search = Search()
    search.begin(10.0)
    for _ in range(60):
        rate = search.next_rate()
        if rate is None:
            break
        search.note(rate, {} if rate <= limit else {"not connected": 1})
    assert search.good is not None
    assert search.good <= limit <= search.good * STEP * 1.002


def test_the_search_ends_where_even_the_least_fails_and_at_its_highest() -> None:
    search, capped = Search(), Search(up_to=5.0)
    search.begin(1.0)
    while (rate := search.next_rate()) is not None:
        search.note(rate, {"not answered": 1})
    assert search.good is None
    capped.begin(40.0)
    while (rate := capped.next_rate()) is not None:
        capped.note(rate, {})
    assert capped.good == 5.0


def test_a_rate_that_failed_below_one_that_went_well_does_not_count() -> None:
    search = Search()
    search.note(10.0, {})
    search.note(9.0, {"not connected": 1})
    assert (search.good, search.bad) == (10.0, None)


def test_a_ramp_ends_at_its_highest() -> None:
    assert ramp_rates(4.0, 6.0, 1.2) == pytest.approx([4.0, 4.8, 5.76])


def test_the_compared_dialplan_asks_the_same_questions() -> None:
    flow = markazi_flow()
    text = pure_dialplan(flow)
    assert text.count("Read(") == len(flow.questions) == len(KEYS)
    for question, key in zip(flow.questions, KEYS, strict=True):
        assert "&".join(f"ivr/{prompt}" for prompt in question.pages[0].prompts) in text
        assert key in question.pages[0].answers
    assert text.rstrip().endswith("Hangup()")
    assert "member => PJSIP/a\nmember => PJSIP/b\n" in pure_queue(["a", "b"])


def test_speech_is_a_capture_of_rtp_every_20_ms() -> None:
    audio = bytes(range(160)) * 3
    sent = list(datagrams(rtp_pcap(audio)))
    assert [round(one.at, 6) for one in sent] == [0.0, 0.02, 0.04]
    kind, sequence, moment = struct.unpack_from("!xBHI", sent[2].payload)
    assert (kind, sequence, moment) == (8, 2, 320)
    assert b"".join(one.payload[12:] for one in sent) == audio
