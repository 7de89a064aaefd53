"""At start: which calls an earlier controller left open, wherever it had to write that down."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import RowMapping, text

from ivr.model import CallEnd, CallId, CallPhase, CounsellorId, Lane
from ivr.model.record import CallRecord, EndedTalk, ended_talk
from ivr.settings import Settings
from ivr.store.emergency import Batch, EmergencyFile
from ivr.store.left_open import left_behind, talks_since
from ivr.store.store import Store
from tests.edge.store_examples import FACTS, PLAN, at, call, full_call, settings

REZA = CounsellorId("reza")


async def calls_left_open(store: Store, directory: Path) -> tuple[CallRecord, ...]:
    return (await left_behind(store, directory, at(0))).open_calls


def keep(directory: Path, *records: CallRecord, epoch: int = 1) -> Path:
    """An emergency file, as a controller leaves it that could not reach the database."""
    EmergencyFile(directory, epoch).append(Batch(records))
    return directory


async def test_an_open_row_whose_end_is_not_brought_back_yet_is_not_restored(
    store: Store, tmp_path: Path
) -> None:
    await store.save_calls([call("1", phase=CallPhase.WAITING), call("2", arrived_at=at(9))])
    directory = keep(tmp_path / "emergency", full_call("1"))
    assert await calls_left_open(store, directory) == (call("2", arrived_at=at(9)),)


async def test_what_was_kept_is_laid_over_the_row(store: Store, tmp_path: Path) -> None:
    await store.save_calls([call("1"), call("2", arrived_at=at(5))])
    directory = tmp_path / "emergency"
    keep(directory, call("1", phase=CallPhase.TALKING, connected_at=at(30)), epoch=10)
    keep(directory, call("1", phase=CallPhase.WAITING, facts=FACTS, joined_at=at(2)), epoch=9)
    assert await calls_left_open(store, directory) == (
        call("2", arrived_at=at(5)),
        call("1", phase=CallPhase.TALKING, facts=FACTS, joined_at=at(2), connected_at=at(30)),
    )


async def test_a_call_that_ended_in_the_database_is_not_restored_from_a_file(
    store: Store, tmp_path: Path
) -> None:
    """Asterisk's own record, imported at start, has the end that the dead controller missed."""
    ended = call("1", phase=CallPhase.ENDED, end=CallEnd.FALLBACK_ABANDONED, ended_at=at(60))
    await store.save_calls([ended])
    directory = keep(tmp_path / "emergency", call("1", phase=CallPhase.WAITING))
    assert await calls_left_open(store, directory) == ()


async def test_without_a_database_the_files_tell(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    directory = keep(tmp_path / "emergency", call("1", phase=CallPhase.WAITING), full_call("2"))
    async with Store(settings(home)) as store:
        assert await calls_left_open(store, directory) == (call("1", phase=CallPhase.WAITING),)


async def test_without_a_directory_the_database_tells(store: Store, tmp_path: Path) -> None:
    await store.save_calls([call("1")])
    assert await calls_left_open(store, tmp_path / "emergency") == (call("1"),)
    (tmp_path / "file").touch()
    assert await calls_left_open(store, tmp_path / "file") == (call("1"),)


class BringingBack(Store):
    """A store whose writer brings a file back before anything is read from the database."""

    brought_back: Path

    async def rows(self, statement: Any) -> Sequence[RowMapping]:
        await self.save_calls([full_call("1")])
        self.brought_back.unlink(missing_ok=True)
        return await super().rows(statement)


async def test_a_file_that_is_brought_back_between_the_two_readings(
    chosen: Settings, tmp_path: Path
) -> None:
    async with await BringingBack.open(chosen) as store:
        await store.save_calls([call("1", phase=CallPhase.WAITING)])
        keep(tmp_path / "emergency", full_call("1"))
        (store.brought_back,) = (tmp_path / "emergency").iterdir()
        assert await calls_left_open(store, tmp_path / "emergency") == ()


async def test_a_row_that_this_version_cannot_read_hides_no_other(
    store: Store, tmp_path: Path
) -> None:
    await store.save_calls([call("1"), call("2")])
    async with store.writing() as connection:
        await connection.execute(text("UPDATE calls SET phase = 'dancing' WHERE call = '1'"))
    assert await calls_left_open(store, tmp_path) == (call("2"),)


async def test_the_blank_record_of_an_adopted_call_takes_nothing_from_the_fuller_row(
    store: Store,
) -> None:
    """The database was away at start: the floor knew of the call what Asterisk showed."""
    fuller = replace(
        full_call("1"), phase=CallPhase.WAITING, ended_at=None, ended_by=None, end=None
    )
    await store.save_calls([fuller])
    blank = call("1", phase=CallPhase.FALLBACK)
    await store.save_calls([blank])
    assert await store.load_call(CallId("1")) == replace(fuller, phase=CallPhase.FALLBACK)


async def test_a_fuller_record_brought_back_late_fills_what_an_import_could_not_know(
    store: Store,
) -> None:
    """The import ends a call first; then comes the file of the controller that died."""
    imported = call("1", phase=CallPhase.ENDED, end=CallEnd.FALLBACK_ABANDONED, ended_at=at(60))
    await store.save_calls([imported])
    await store.save_calls([call("1", phase=CallPhase.WAITING, facts=FACTS, plan=PLAN)])
    assert await store.load_call(CallId("1")) == replace(imported, facts=FACTS, plan=PLAN)


def talked(name: str, ended_s: float, **changes: Any) -> CallRecord:
    """Of Reza, who has ended it at that second."""
    return replace(full_call(name), talk_ended_at=at(ended_s), ended_at=at(ended_s + 5), **changes)


async def talks_of(store: Store, directory: Path, since_s: float) -> list[tuple[str, float]]:
    talks = (await left_behind(store, directory, at(since_s))).talks
    return [(talk.call, (talk.ended_at - at(0)).total_seconds()) for talk in talks]


async def test_talks_that_ended_lately_are_told_with_what_they_leave_to_do(
    store: Store, tmp_path: Path
) -> None:
    plan = replace(PLAN, heavy=True, wrap_up_s=90.0)
    whole = talked("1", 400, plan=plan)
    await store.save_calls([whole, talked("2", 99), talked("3", 300, plan=None)])
    calmer = replace(FACTS, lane=Lane.ORDINARY)
    keep(tmp_path, talked("4", 350, plan=replace(plan, heavy=False), facts=calmer))
    assert (await left_behind(store, tmp_path, at(100))).talks == (
        ended_talk(talked("3", 300, plan=None), REZA, at(300), danger=True),
        EndedTalk(
            call=CallId("4"),
            province=whole.province,
            counsellor=REZA,
            began_at=at(31),
            ended_at=at(350),
            wrap_up_s=90.0,
        ),
        ended_talk(whole, REZA, at(400), danger=True),
    )


async def test_a_caller_who_stays_on_the_line_does_not_hide_that_the_talk_is_over(
    store: Store, tmp_path: Path
) -> None:
    still = {"ended_at": None, "ended_by": None, "end": None}
    closing = replace(talked("1", 300), phase=CallPhase.CLOSING, **still)
    again = replace(talked("2", 200), phase=CallPhase.TALKING, **still)
    await store.save_calls([closing, again, call("3"), talked("4", 250, counsellor=None)])
    assert await talks_of(store, tmp_path, 100) == [("1", 300.0)]


async def test_what_was_entered_from_paper_keeps_nobody_from_being_rung(
    store: Store, tmp_path: Path
) -> None:
    await store.save_calls([talked("1", 300), talked("2", 310)])
    async with store.writing() as connection:
        await connection.execute(text("UPDATE calls SET entered = 'paper' WHERE call = '1'"))
    assert await talks_of(store, tmp_path, 100) == [("2", 310.0)]


async def test_without_a_database_the_files_tell_of_talks_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    directory = keep(tmp_path / "emergency", talked("1", 300), talked("2", 50))
    async with Store(settings(home)) as store:
        assert await talks_of(store, directory, 100) == [("1", 300.0)]


@pytest.mark.parametrize("database", ["sqlite"])
async def test_talks_are_looked_up_by_an_index(store: Store) -> None:
    statement = talks_since(at(0)).compile(store.engine)
    explained = text(f"EXPLAIN QUERY PLAN {str(statement).replace('?', '1')}")
    async with store.engine.connect() as connection:
        rows = (await connection.execute(explained)).all()
    (step,) = [row[3] for row in rows]
    assert step.startswith("SEARCH calls USING INDEX ix_calls_ended_at")
