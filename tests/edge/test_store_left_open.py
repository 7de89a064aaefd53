"""At start: which calls an earlier controller left open, wherever it had to write that down."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, text

from ivr.model import CallEnd, CallId, CallPhase
from ivr.model.record import CallRecord
from ivr.settings import Settings
from ivr.store.emergency import Batch, EmergencyFile
from ivr.store.left_open import calls_left_open
from ivr.store.store import Store
from tests.edge.store_examples import FACTS, PLAN, at, call, full_call, settings


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
