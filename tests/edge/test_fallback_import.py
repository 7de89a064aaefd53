"""Calls that Asterisk served alone get one record each, whatever is in its file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import RowMapping

from ivr.errors import StoreError
from ivr.model import (
    CallEnd,
    CallFacts,
    CallId,
    CallPhase,
    CategoryId,
    CounsellorId,
    CountyId,
    CountySource,
    DeviceId,
    EndedBy,
    ProvinceId,
)
from ivr.model.record import CallRecord
from ivr.store import fallback_import
from ivr.store.cdr import BadLine, CdrLine, parse_line
from ivr.store.fallback_import import ImportReport, import_fallback_calls
from ivr.store.records import Row, call_from_row
from ivr.store.store import Store
from tests.edge.store_examples import NOW, call, full_call

# Written by Asterisk 22.10.1: a call that one counsellor answered and ended, one that rang over
# two rounds of the static queue until the caller left, and one that our program served.
CONNECTED = """\
"1795307794.3","1795307794.578182","1795307794.578434","1795307797.587880","3","3","ANSWERED","PJSIP/a1-00000004","markazi","123","markazi-saveh","","1795307794","fallback","1795307795"
"1795307794.3","1795307797.588084","1795307797.588084","1795307798.588682","1","1","ANSWERED","","markazi","123","markazi-saveh","","1795307794","fallback","1795307795"
"""
RANG = """\
"1795307803.7","1795307803.687799","1795307803.688041","1795307818.691408","15","15","NO ANSWER","PJSIP/a1-00000008","markazi","123","-","child_abuse","1795307803","fallback",""
"1795307803.7","1795307818.691645","1795307818.691645","1795307822.691565","3","3","NO ANSWER","PJSIP/a1-00000009","markazi","123","-","child_abuse","1795307803","fallback",""
"""  # noqa: E501
OURS = """\
"1795307900.1","1795307900.0","1795307900.1","1795307960.0","60","59","ANSWERED","","","","","","","",""
"""
STAFF = {DeviceId("a1"): CounsellorId("maryam")}


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, NOW.tzinfo)


@dataclass(frozen=True)
class File:
    """Asterisk's file, as it writes and rotates it."""

    path: Path

    def begin(self, lines: str | bytes) -> None:
        self.path.write_bytes(lines if isinstance(lines, bytes) else lines.encode())

    def append(self, lines: str) -> None:
        with self.path.open("a") as file:
            file.write(lines)

    def rotate(self) -> None:
        self.path.rename(self.path.with_name("ivr-calls.csv.1"))


@pytest.fixture
def cdr(tmp_path: Path) -> File:
    return File(tmp_path / "ivr-calls.csv")


async def load(store: Store, name: str) -> CallRecord:
    record = await store.load_call(CallId(name))
    assert record
    return record


async def test_a_call_that_was_connected_in_the_static_queue(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=1)
    assert await load(store, "1795307794.3") == CallRecord(
        call=CallId("1795307794.3"),
        province=ProvinceId("markazi"),
        line="123",
        caller=None,
        arrived_at=instant(1795307794.578182),
        phase=CallPhase.ENDED,
        facts=CallFacts(
            province=ProvinceId("markazi"),
            county=CountyId("markazi-saveh"),
            county_source=CountySource.KEYPAD,
        ),
        joined_at=instant(1795307794),
        connected_at=instant(1795307795),
        talk_ended_at=instant(1795307797.587880),
        ended_at=instant(1795307798.588682),
        counsellor=CounsellorId("maryam"),
        ended_by=EndedBy.COUNSELLOR,
        end=CallEnd.FALLBACK_CONNECTED,
        fallback_s=pytest.approx(4.588682),
    )


async def test_a_call_that_only_rang(store: Store, cdr: File) -> None:
    cdr.begin(RANG)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=1)
    record = await load(store, "1795307803.7")
    assert (record.end, record.ended_by) == (CallEnd.FALLBACK_ABANDONED, EndedBy.CALLER)
    assert (record.connected_at, record.counsellor) == (None, None)
    assert record.ended_at == instant(1795307822.691565)
    assert record.facts
    assert (record.facts.county, record.facts.category) == (None, "child_abuse")


async def test_an_unknown_device_has_no_counsellor(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED)
    await import_fallback_calls(store, cdr.path, {})
    assert (await load(store, "1795307794.3")).counsellor is None


async def test_importing_twice_changes_nothing(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED + RANG)
    copy = File(cdr.path.with_name("copy.csv"))
    copy.begin(CONNECTED + RANG)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=2)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()
    assert await import_fallback_calls(store, copy.path, STAFF) == ImportReport(skipped=2)


async def test_only_whole_lines_are_read(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED + RANG[:-30])
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=2)
    cdr.append(RANG[-30:] + OURS)
    report = await import_fallback_calls(store, cdr.path, STAFF)
    assert (report.added, report.skipped, len(report.bad_lines)) == (0, 1, 1)


async def test_our_own_ended_call_is_left_alone(store: Store, cdr: File) -> None:
    ours = full_call("1795307900.1")
    await store.save_calls([ours])
    cdr.begin(OURS)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(skipped=1)
    assert await load(store, "1795307900.1") == ours


@pytest.mark.parametrize(
    ("before", "end", "ended_by"),
    [
        (call("1795307900.1"), CallEnd.IN_MENU, EndedBy.CALLER),
        (
            call("1795307900.1", phase=CallPhase.WAITING, joined_at=instant(1795307910)),
            CallEnd.ABANDONED,
            EndedBy.CALLER,
        ),
        (
            call("1795307900.1", phase=CallPhase.FALLBACK, joined_at=instant(1795307910)),
            CallEnd.FALLBACK_ABANDONED,
            EndedBy.CALLER,
        ),
        (
            call(
                "1795307900.1",
                phase=CallPhase.TALKING,
                joined_at=instant(1795307910),
                connected_at=instant(1795307915),
                counsellor=CounsellorId("reza"),
            ),
            CallEnd.CONNECTED,
            EndedBy.UNKNOWN,
        ),
    ],
)
async def test_an_open_call_is_closed_with_asterisks_end(
    store: Store, cdr: File, before: CallRecord, end: CallEnd, ended_by: EndedBy
) -> None:
    await store.save_calls([before])
    cdr.begin(OURS)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(closed=1)
    after = await load(store, "1795307900.1")
    assert (after.end, after.ended_by, after.phase) == (end, ended_by, CallPhase.ENDED)
    assert after.ended_at == instant(1795307960)
    assert after.counsellor == before.counsellor
    assert after.talk_ended_at == (after.ended_at if before.connected_at else None)
    assert await store.open_calls() == ()


async def test_an_open_call_that_the_static_queue_connected(store: Store, cdr: File) -> None:
    before = call(
        "1795307794.3",
        phase=CallPhase.WAITING,
        joined_at=instant(1795307700),
        facts=CallFacts(province=ProvinceId("markazi"), category=CategoryId("runaway")),
    )
    await store.save_calls([before])
    cdr.begin(CONNECTED)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(closed=1)
    after = await load(store, "1795307794.3")
    assert (after.end, after.counsellor) == (CallEnd.FALLBACK_CONNECTED, "maryam")
    assert (after.joined_at, after.facts) == (before.joined_at, before.facts)


@pytest.mark.parametrize(
    ("text", "ended"), [(CONNECTED, CallEnd.FALLBACK_CONNECTED), (OURS, CallEnd.IN_MENU)]
)
async def test_what_we_had_not_yet_written_down_is_taken_from_asterisk(
    store: Store, cdr: File, text: str, ended: CallEnd
) -> None:
    """Killed before the call's answers were saved: the static queue wrote down those it had."""
    before = call("1795307794.3" if ended is CallEnd.FALLBACK_CONNECTED else "1795307900.1")
    await store.save_calls([before])
    cdr.begin(text)
    await import_fallback_calls(store, cdr.path, STAFF)
    after = await load(store, before.call)
    assert after.end is ended
    known = after.facts and (after.facts.county, after.facts.county_source)
    assert known == (("markazi-saveh", CountySource.KEYPAD) if text is CONNECTED else None)


@pytest.mark.parametrize("end", [CallEnd.FALLBACK_ABANDONED, CallEnd.ABANDONED])
async def test_a_talk_that_our_record_missed_is_added_to_it(
    store: Store, cdr: File, end: CallEnd
) -> None:
    """ABANDONED: the caller came back to our conversation after the talk, for the closing."""
    before = call(
        "1795307794.3",
        phase=CallPhase.ENDED,
        joined_at=instant(1795307700),
        ended_at=instant(1795307799),
        end=end,
        ended_by=EndedBy.CALLER,
    )
    await store.save_calls([before])
    cdr.begin(CONNECTED)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(corrected=1)
    after = await load(store, "1795307794.3")
    assert (after.end, after.counsellor) == (CallEnd.FALLBACK_CONNECTED, "maryam")
    assert after.ended_at == before.ended_at


BAD = {
    "": "0 columns",
    '"unclosed': "not one line",
    "a,b": "2 columns",
    OURS.replace("1795307900.1", "=cmd()", 1): "linkedid is not an id",
    OURS.replace('"1795307900.0"', '"soon"'): "start is not in Unix seconds",
    OURS.replace('"1795307960.0"', '"1e300"'): "end is not in Unix seconds",
    OURS.replace('"1795307960.0"', '"nan"'): "end is not in Unix seconds",
    OURS.replace('"60"', '"-1"'): "duration is not a whole number",
    OURS.replace('"ANSWERED",""', '"ANSWERED","PJSIP"'): "dstchannel is not a channel",
    OURS.replace('"ANSWERED","",""', '"ANSWERED","","mar kazi"'): "ivr_province is not an id",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items())
def test_a_bad_line_is_refused_by_column(line: str, reason: str) -> None:
    with pytest.raises(BadLine, match=reason):
        parse_line(line.rstrip("\n"))


async def test_bad_lines_are_named_and_the_others_imported(store: Store, cdr: File) -> None:
    cdr.begin(b"rubbish\n" + CONNECTED.encode() + b"\xff\xfe\n" + RANG.encode() + b"\n")
    report = await import_fallback_calls(store, cdr.path, STAFF)
    assert report.added == 2
    assert report.bad_lines == (
        f"{cdr.path}, byte 0: it has 1 columns, not 16",
        f"{cdr.path}, byte {8 + len(CONNECTED)}: it is not UTF-8",
        f"{cdr.path}, byte {11 + len(CONNECTED) + len(RANG)}: it has 0 columns, not 16",
    )
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()


async def test_a_call_without_record_and_province_is_named(store: Store, cdr: File) -> None:
    cdr.begin(OURS)
    report = await import_fallback_calls(store, cdr.path, STAFF)
    assert report == ImportReport(bad_lines=report.bad_lines)
    assert "1795307900.1" in report.bad_lines[0]


async def test_a_rotated_file_is_read_to_its_end(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED)
    await import_fallback_calls(store, cdr.path, STAFF)
    cdr.append(RANG)
    cdr.rotate()
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=1)
    cdr.begin(later(CONNECTED, days=1))
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=1)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()


async def test_a_file_that_was_begun_anew_is_read_from_its_start(store: Store, cdr: File) -> None:
    cdr.begin(CONNECTED)
    await import_fallback_calls(store, cdr.path, STAFF)
    cdr.begin(later(CONNECTED + RANG, days=1))
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=2)


def later(lines: str, *, days: int) -> str:
    shift = int(timedelta(days=days).total_seconds())
    return lines.replace("17953077", str(17953077 + shift // 100)).replace(
        "17953078", str(17953078 + shift // 100)
    )


async def test_no_file_yet(store: Store, cdr: File) -> None:
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()


async def test_a_file_that_cannot_be_read(store: Store, cdr: File) -> None:
    cdr.path.mkdir()
    with pytest.raises(StoreError, match=r"ivr-calls\.csv cannot be read"):
        await import_fallback_calls(store, cdr.path, STAFF)


async def test_a_call_whose_end_is_not_saved_yet_is_left_to_the_controller_that_serves_it(
    store: Store, cdr: File
) -> None:
    """Asterisk writes it down before the controller that served it has heard of its end."""
    cdr.begin(RANG + CONNECTED)
    rang = CallId("1795307803.7")
    await store.save_calls([call(rang, phase=CallPhase.WAITING)])
    report = await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == rang)
    assert report == ImportReport(added=1)
    assert (await load(store, rang)).ended_at is None
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(closed=1, skipped=1)
    assert (await load(store, rang)).ended_at is not None


@dataclass
class Work:
    """How many lines of the file imports have parsed, and how many whole records decoded."""

    lines: int = 0
    records: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    done = Work()

    def parse(text: str) -> CdrLine:
        done.lines += 1
        return parse_line(text)

    def decode(row: Row | RowMapping) -> CallRecord:
        done.records += 1
        return call_from_row(row)

    monkeypatch.setattr(fallback_import, "parse_line", parse)
    monkeypatch.setattr(fallback_import, "call_from_row", decode)
    return done


def ours(number: int) -> str:
    return OURS.replace("1795307900.1", f"1795307900.{number}")


async def test_the_work_of_an_import_does_not_grow_with_calls_that_were_imported(
    store: Store, cdr: File, work: Work
) -> None:
    """Under load somebody is always yet to tell: what was there before is not read again."""
    cdr.begin("")
    for number in range(0, 400, 10):
        names = [f"1795307900.{n}" for n in range(number, number + 10)]
        await store.save_calls([full_call(name) for name in names])
        cdr.append("".join(ours(n) for n in range(number, number + 10)))
        work.lines = 0
        report = await import_fallback_calls(store, cdr.path, STAFF, names[-1:].__contains__)
        assert report == ImportReport(skipped=9 if number == 0 else 10)
        assert work.lines <= 11
    assert work.records == 0


async def test_what_stands_after_a_call_that_is_yet_to_tell_is_imported(
    store: Store, cdr: File, work: Work
) -> None:
    cdr.begin(OURS + CONNECTED + RANG)
    served = CallId("1795307900.1")
    await store.save_calls([call(served, phase=CallPhase.TALKING)])
    report = await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == served)
    assert report == ImportReport(added=2)
    before = [await load(store, name) for name in ("1795307794.3", "1795307803.7")]
    report = await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == served)
    assert report == ImportReport(skipped=2)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(closed=1, skipped=2)
    assert [await load(store, name) for name in ("1795307794.3", "1795307803.7")] == before
    work.lines = 0
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()
    assert work.lines == 0


async def test_a_call_whose_lines_stand_before_and_after_where_the_next_import_begins(
    store: Store, cdr: File
) -> None:
    """Read once more without its first line it stays what it was."""
    first, second = CONNECTED.splitlines(keepends=True)
    cdr.begin(first + OURS + second)
    served = CallId("1795307900.1")
    await store.save_calls([call(served, phase=CallPhase.TALKING)])
    await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == served)
    before = await load(store, "1795307794.3")
    assert before.end is CallEnd.FALLBACK_CONNECTED
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(closed=1, skipped=1)
    assert await load(store, "1795307794.3") == before


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
async def test_a_file_is_read_a_few_lines_at_a_time(
    store: Store, cdr: File, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """A call's lines are never taken apart, and what is yet to tell is not passed over."""
    monkeypatch.setattr(fallback_import, "_LINES_AT_ONCE", at_once)
    cdr.begin(OURS + CONNECTED + RANG + "rubbish\n" + ours(2))
    await store.save_calls([call("1795307900.1"), full_call("1795307900.2")])
    rang = CallId("1795307803.7")
    report = await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == rang)
    place = f"{cdr.path}, byte {len(OURS + CONNECTED + RANG)}"
    assert (report.closed, report.added, report.skipped) == (1, 1, 1)
    assert report.bad_lines == (f"{place}: it has 1 columns, not 16",)
    assert (await load(store, "1795307794.3")).ended_at == instant(1795307798.588682)
    assert await store.load_call(rang) is None
    report = await import_fallback_calls(store, cdr.path, STAFF)
    assert (report.added, report.skipped) == (1, 1)
    assert (await load(store, "1795307803.7")).ended_at == instant(1795307822.691565)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()


async def test_a_call_that_is_yet_to_tell_in_a_file_that_is_rotated(
    store: Store, cdr: File
) -> None:
    cdr.begin(CONNECTED + RANG)
    rang = CallId("1795307803.7")
    report = await import_fallback_calls(store, cdr.path, STAFF, lambda one: one == rang)
    assert report == ImportReport(added=1)
    cdr.rotate()
    cdr.begin(later(CONNECTED, days=1))
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport(added=2)
    assert await import_fallback_calls(store, cdr.path, STAFF) == ImportReport()
