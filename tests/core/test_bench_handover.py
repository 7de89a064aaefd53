"""The pure parts of `ivr bench handover`: the capture's file, and hand-overs from its SIP."""

import struct

import pytest

from ivr.bench.handover import shares
from ivr.bench.handover_capture import Datagram, datagrams, dropped
from ivr.bench.handover_sip import dialogs, hand_overs, messages
from ivr.bench.running_copy import BenchError
from ivr.bench.samples import median, percentile

ASTERISK, CALLER, PHONE = 5060, 40000, 50000


def frame(payload: bytes, *, source: int, target: int, protocol: int = 17) -> bytes:
    udp = struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(udp), 0, 0, 64, protocol, 0, bytes(8)) + udp
    return bytes(12) + b"\x08\x00" + ip


def pcap(*frames: tuple[int, int, bytes], order: str = "<", magic: int = 0xA1B23C4D) -> bytes:
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(
        struct.pack(f"{order}IIII", seconds, fraction, len(data), len(data)) + data
        for seconds, fraction, data in frames
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 250_000), (0xA1B23C4D, 250_000_000)])
def test_a_capture_is_read_in_either_byte_order_and_resolution(
    order: str, magic: int, fraction: int
) -> None:
    data = pcap((10, fraction, frame(b"abc", source=1, target=2)), order=order, magic=magic)
    assert list(datagrams(data)) == [Datagram(10.25, 1, 2, b"abc")]


def test_other_packets_are_passed_over_and_a_cut_off_one_ends_it() -> None:
    tcp = frame(b"x" * 20, source=1, target=2, protocol=6)
    whole = frame(b"abc", source=1, target=2)
    data = pcap((1, 0, tcp), (2, 0, whole), (3, 0, whole))
    assert [one.at for one in datagrams(data[:-1])] == [2.0]


def test_padding_of_a_short_frame_is_not_payload() -> None:
    data = pcap((1, 0, frame(b"abc", source=1, target=2) + bytes(9)))
    assert next(datagrams(data)).payload == b"abc"


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40)])
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(BenchError):
        list(datagrams(data))


def test_packets_that_were_not_seen_are_counted() -> None:
    assert dropped("12 packets received by filter\n3 packets dropped by kernel\n") == 3


def sip(at: float, start: str, call: str, *, source: int, target: int, user: str = "1") -> Datagram:
    method = start.split(maxsplit=1)[0] if not start.startswith("SIP/2.0") else "INVITE"
    text = (
        f"{start}\r\nFrom: <sip:{user}@a>;tag=1\r\nTo: <sip:{user}@b>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 {method}\r\n\r\n"
    )
    return Datagram(at, source, target, text.encode())


def caller(at: float, call: str, line: str = "086123") -> list[Datagram]:
    return [
        sip(at, "INVITE sip:x SIP/2.0", call, source=CALLER, target=ASTERISK, user=line),
        sip(at + 0.01, "SIP/2.0 200 OK", call, source=ASTERISK, target=CALLER),
    ]


def offer(at: float, call: str, shown: str = "123") -> Datagram:
    return sip(at, "INVITE sip:p SIP/2.0", call, source=ASTERISK, target=PHONE, user=shown)


def bye(at: float, call: str, source: int = PHONE) -> Datagram:
    target = ASTERISK if source == PHONE else PHONE
    return sip(at, "BYE sip:x SIP/2.0", call, source=source, target=target)


def samples(*captured: Datagram, line: str = "086123", shown: str = "123") -> list[float]:
    calls = dialogs(messages(captured), ASTERISK)
    return [round(s, 6) for s in hand_overs(calls, line=line, shown=shown, sip_port=ASTERISK)]


def test_a_hand_over_is_from_the_phones_bye_to_its_next_invite() -> None:
    assert samples(
        *caller(0, "a"), *caller(1, "b"), offer(2, "x"), bye(5, "x"), offer(5.006, "y")
    ) == [0.006]


def test_of_messages_that_are_sent_again_the_first_counts() -> None:
    assert samples(
        *caller(0, "a"),
        *caller(1, "b"),
        offer(2, "x"),
        bye(5, "x"),
        bye(5.5, "x"),
        offer(5.006, "y"),
        offer(5.506, "y"),
    ) == [0.006]


def test_nobody_waiting_is_no_hand_over() -> None:
    quiet = [*caller(0, "a"), offer(0.5, "x"), bye(5, "x")]
    assert samples(*quiet) == []
    assert samples(*quiet, *caller(7, "b"), offer(7.5, "y"), bye(8, "y")) == []


def test_a_talk_that_the_caller_ended_is_no_hand_over() -> None:
    assert (
        samples(
            *caller(0, "a"),
            *caller(1, "b"),
            offer(2, "x"),
            bye(5, "x", source=ASTERISK),
            offer(5.006, "y"),
        )
        == []
    )


def test_each_kind_of_call_is_measured_by_itself() -> None:
    captured = [
        *caller(0, "a"),
        *caller(0.2, "b", line="0199"),
        offer(1, "x"),
        bye(2, "x"),
        offer(2.5, "y", shown="0199"),
    ]
    assert samples(*captured) == []


def test_a_phone_that_is_never_rung_again_is_an_error() -> None:
    with pytest.raises(BenchError, match="never rang again"):
        samples(*caller(0, "a"), *caller(1, "b"), offer(2, "x"), bye(5, "x"))


def test_what_is_no_sip_is_passed_over() -> None:
    assert list(messages([Datagram(1.0, 1, 2, b"\r\n\r\n")])) == []


def test_percentiles_are_by_nearest_rank() -> None:
    hundred = [float(number) for number in range(100, 0, -1)]
    assert percentile(hundred, 99) == 99.0
    assert percentile([5.0], 99) == 5.0
    assert percentile([], 99) is None
    assert median([]) is None


@pytest.mark.parametrize(("total", "blocks"), [(200, 8), (30, 8), (3, 8)])
def test_blocks_share_all_samples(total: int, blocks: int) -> None:
    split = shares(total, blocks)
    assert sum(split) == total
    assert len(split) == blocks
    assert max(split) - min(split) <= 1
