"""The pure parts of `ivr bench scale`: hand-overs from events, use of processor and memory."""

from ivr.bench.scale import HandOvers
from ivr.bench.usage import read_usage
from ivr.simulator.feed import Message


def event(name: str, device: str, leg: str, *, number: int = 1) -> Message:
    channel = ("Channel", f"PJSIP/{device}-0000000{number}")
    return [("Event", name), ("Privilege", "call,all"), channel, ("Uniqueid", leg)]


def samples(*heard: Message) -> int:
    found = HandOvers()
    for message in heard:
        found.listen(message)
    return len(found.samples)


def test_a_hand_over_ends_with_the_next_leg_to_the_same_device() -> None:
    freed = event("HangupRequest", "bench-1", "ivr-1-1")
    assert samples(freed, event("Newchannel", "bench-1", "ivr-1-2", number=2)) == 1
    assert samples(freed, event("Newchannel", "bench-2", "ivr-1-2", number=2)) == 0


def test_callers_and_other_events_are_no_hand_overs() -> None:
    freed = event("HangupRequest", "bench-1", "ivr-1-1")
    assert samples(freed, event("Hangup", "bench-1", "ivr-1-1")) == 0
    assert samples(freed, event("Newchannel", "bench-1", "1790000000.7", number=2)) == 0


def test_a_leg_that_nobody_was_freed_for_is_no_hand_over() -> None:
    assert samples(event("Newchannel", "bench-1", "ivr-1-1")) == 0


def test_moments_are_subtracted_in_the_order_of_the_hand_overs_ends() -> None:
    found = HandOvers()
    found.note("HangupRequest", "a", 1.0)
    found.note("HangupRequest", "b", 2.0)
    found.note("Newchannel", "b", 2.5)
    found.note("Newchannel", "a", 4.0)
    assert found.samples == [0.5, 3.0]


def test_usage_is_read_where_the_name_holds_blanks_and_brackets() -> None:
    stat = "7 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 250 50 9 9 20 0 1 0 5"
    usage = read_usage(stat, "Name:\ta\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
    assert usage.processor_s == 3.0
    assert (usage.rss_mb, usage.peak_rss_mb) == (1.0, 2.0)
