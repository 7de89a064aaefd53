"""Breaks outlive the controller: whoever is at lunch is not rung because it was started again."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr import events as ev
from ivr import kept_pauses
from ivr.floor_view import Break
from ivr.kept_pauses import FORGOTTEN_AFTER, KeptPauses
from ivr.model import CounsellorId
from ivr.store.files import write_synced
from tests.patience import PATIENCE_S

NOON = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
ANA, BEN = CounsellorId("ana"), CounsellorId("ben")


class Line:
    """A controller of whom only the breaks are known."""

    def __init__(self) -> None:
        self.exchange_up = True
        self.at = NOON
        self.resting: dict[CounsellorId, Break] = {}
        self.changed = asyncio.Event()

    def breaks(self) -> Mapping[CounsellorId, Break]:
        return dict(self.resting)

    def watch(self) -> asyncio.Event:
        return self.changed

    def unwatch(self, changed: asyncio.Event) -> None:
        assert changed is self.changed

    def now(self) -> datetime:
        return self.at


def paused(person: CounsellorId, reason: str) -> ev.CounsellorPaused:
    return ev.CounsellorPaused(counsellor=person, reason=reason)


def kept(tmp_path: Path, line: Line) -> KeptPauses:
    return KeptPauses(tmp_path / "breaks.json", line, line.now)


async def test_whoever_is_on_a_break_is_after_a_restart(tmp_path: Path) -> None:
    line = Line()
    line.resting = {ANA: paused(ANA, "meal"), BEN: paused(BEN, "break")}
    await kept(tmp_path, line).look()
    assert set(kept(tmp_path, line).restored()) == {paused(ANA, "meal"), paused(BEN, "break")}
    del line.resting[BEN]
    await kept(tmp_path, line).look()
    assert kept(tmp_path, line).restored() == (paused(ANA, "meal"),)


async def test_whoever_is_to_have_a_break_still_is_after_a_restart(tmp_path: Path) -> None:
    line = Line()
    line.resting = {
        ANA: ev.CounsellorWillPause(counsellor=ANA, reason="meal"),
        BEN: ev.BreakAsked(counsellor=BEN),
    }
    await kept(tmp_path, line).look()
    assert kept(tmp_path, line).restored() == tuple(line.resting.values())


async def test_what_was_restored_is_kept_until_the_floor_has_taken_it_in(tmp_path: Path) -> None:
    line = Line()
    line.resting = {ANA: paused(ANA, "meal")}
    await kept(tmp_path, line).look()
    line.resting, line.exchange_up = {}, False
    again = kept(tmp_path, line)
    assert again.restored() == (paused(ANA, "meal"),)
    await again.look()
    assert kept(tmp_path, line).restored() == (paused(ANA, "meal"),)
    line.exchange_up = True  # and nobody rests
    await again.look()
    assert kept(tmp_path, line).restored() == ()


async def test_a_break_that_somebody_forgot_ends_however_often_we_start(tmp_path: Path) -> None:
    line = Line()
    line.resting = {ANA: paused(ANA, "meal")}
    await kept(tmp_path, line).look()
    line.at = NOON + FORGOTTEN_AFTER - timedelta(seconds=1)
    again = kept(tmp_path, line)
    assert again.restored() == (paused(ANA, "meal"),)
    line.resting[BEN] = paused(BEN, "break")
    await again.look()
    line.at = NOON + FORGOTTEN_AFTER
    assert kept(tmp_path, line).restored() == (paused(BEN, "break"),)


async def test_each_change_is_kept_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, loop = asyncio.Event(), asyncio.get_running_loop()

    def write(path: Path, data: bytes) -> None:
        write_synced(path, data)
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(kept_pauses, "write_synced", write)
    monkeypatch.setattr(kept_pauses, "SETTLE_S", 0.0)
    line = Line()
    task = asyncio.create_task(kept(tmp_path, line).run())
    for reason in ("meal", "break"):
        line.resting = {ANA: paused(ANA, reason)}
        line.changed.set()
        async with asyncio.timeout(PATIENCE_S):
            await written.wait()
        written.clear()
        assert kept(tmp_path, line).restored() == (paused(ANA, reason),)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", '{"ana": 7}', '{"ana": ["meal", "noon"]}'),
        '{"ana": ["TimePassed", {}, "2026-11-22T08:00:00+00:00"]}',
    ],
)
def test_a_file_that_tells_nothing_keeps_nobody_from_being_rung(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "breaks.json").write_text(content, "utf-8")
    assert kept(tmp_path, Line()).restored() == ()


def test_a_disk_that_is_full_costs_no_call(tmp_path: Path) -> None:
    line = Line()
    line.resting = {ANA: paused(ANA, "meal")}
    nowhere = KeptPauses(tmp_path / "not" / "there" / "breaks.json", line, line.now)
    asyncio.run(nowhere.look())
    assert nowhere.restored() == ()
