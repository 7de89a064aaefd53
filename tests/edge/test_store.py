"""The database: records come back as they were, and what was told to be saved is saved."""

from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from ivr.errors import BadInput, StoreError
from ivr.events import CallHungUp, CallJoined, TimePassed
from ivr.model import CallEnd, CallId, CallPhase
from ivr.outcomes import OUTCOME_LABELS, OutcomeId, outcome_id
from ivr.settings import Settings
from ivr.store.database import database_url
from ivr.store.outcome_tables import forms
from ivr.store.records import JournalEntry, served_by
from ivr.store.store import Store, clock_epoch
from ivr.store.tables import metadata
from tests.edge.store_examples import (
    FACTS,
    NOW,
    PLAN,
    add_outcome,
    at,
    call,
    full_call,
    killed_after_telling,
    settings,
)

TEST = OutcomeId("test")


async def test_a_record_comes_back_as_it_was(chosen: Settings) -> None:
    records = [full_call(), call("bare"), call("joined", facts=FACTS, joined_at=at(1))]
    async with await Store.open(chosen) as store:
        await store.save_calls(records)
    async with await Store.open(chosen) as store:
        assert [await store.load_call(record.call) for record in records] == records
        assert await store.load_call(CallId("another")) is None


async def test_a_call_is_one_row_and_the_newer_record_replaces_the_older(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([call("1"), call("1", phase=CallPhase.WAITING)])
        await store.save_calls([call("1", phase=CallPhase.TALKING, connected_at=at(9))])
        assert await store.open_calls() == (call("1", phase=CallPhase.TALKING, connected_at=at(9)),)


async def test_an_ended_call_is_not_replaced_by_an_open_one(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        ended = full_call("1")
        await store.save_calls([ended])
        await store.save_calls([call("1", phase=CallPhase.WAITING)])
        assert await store.load_call(ended.call) == ended
        later = replace(ended, ended_at=at(400))
        await store.save_calls([later])
        assert await store.load_call(ended.call) == later


async def test_calls_of_a_time_newest_first(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([call(str(n), arrived_at=at(n)) for n in range(5)])
        assert [c.call for c in await store.calls(at(1), at(4))] == ["3", "2", "1"]
        assert [c.call for c in await store.calls(at(0), at(9), limit=2)] == ["4", "3"]
        assert [c.call for c in await store.find_calls("3")] == ["3"]
        assert await store.find_calls("%") == ()


async def test_a_large_batch_is_saved_whole(chosen: Settings) -> None:
    records = [call(str(n)) for n in range(120)]
    entries = [JournalEntry(epoch=1, seq=n, at=NOW, event=TimePassed()) for n in range(1, 121)]
    async with await Store.open(chosen) as store:
        await store.save_batch(records, entries)
        assert len(await store.open_calls()) == 120
        assert list(await store.read_journal(1)) == entries


def test_who_had_the_call_at_its_end() -> None:
    assert served_by(full_call()) == "controller"
    assert served_by(replace(full_call(), end=CallEnd.FALLBACK_ABANDONED)) == "fallback"


async def test_epochs_go_up_for_everybody(chosen: Settings) -> None:
    async with (
        await Store.open(chosen) as one,
        await Store.open(chosen) as other,
    ):
        epochs = [await one.next_epoch(), await other.next_epoch(), await one.next_epoch()]
    assert epochs == sorted(set(epochs))


async def test_an_epoch_without_a_database_fits_between(chosen: Settings) -> None:
    first = clock_epoch()
    async with await Store.open(chosen) as store:
        second = await store.next_epoch()
        third = await store.next_epoch()
    assert first <= second < third


async def test_a_store_that_could_not_be_opened_opens_when_it_can(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    async with Store(settings(home)) as store:
        with pytest.raises(StoreError, match=r"cannot be used: .*exists"):
            await store.save_calls([call("1")])
        home.unlink()
        await store.save_calls([call("1")])
        assert await store.open_calls() == (call("1"),)


async def test_the_journal_is_read_in_order_and_an_entry_is_kept_once(chosen: Settings) -> None:
    events = [
        CallJoined(call=CallId("1"), facts=FACTS, plan=PLAN, joined_at=NOW),
        TimePassed(),
        CallHungUp(call=CallId("1")),
    ]
    entries = [
        JournalEntry(epoch=4, seq=n, at=at(n), event=event) for n, event in enumerate(events, 1)
    ]
    async with await Store.open(chosen) as store:
        await store.append_journal(entries[1:])
        await store.append_journal(entries)
        assert list(await store.read_journal(4)) == entries
        assert list(await store.read_journal(4, after_seq=1, limit=1)) == entries[1:2]
        assert await store.read_journal(5) == ()


async def test_outcomes_of_a_call(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([call("1"), call("2")])
        first = await add_outcome(store, CallId("1"), TEST, by="reza", at=at(1), note="آزمون")
        second = await add_outcome(store, CallId("2"), TEST, by="reza", at=at(2))
        third = await add_outcome(store, CallId("1"), OutcomeId("silent"), by="maryam", at=at(3))
        assert first.note == "آزمون"
        assert await store.outcomes(CallId("1")) == (third,)  # none for the service says all
        assert await store.outcomes(CallId("2"), CallId("1")) == (second, third)
        assert await store.outcomes() == ()


async def test_an_outcome_of_an_unknown_call_is_refused(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        with pytest.raises(BadInput, match="no call '9'"):
            await add_outcome(store, CallId("9"), TEST, by="reza", at=NOW)


def test_outcome_ids() -> None:
    assert outcome_id("prank") == "prank"
    with pytest.raises(BadInput, match=r"'joke'.*phone_resolved.*call_back_due"):
        outcome_id("joke")
    assert len(OUTCOME_LABELS) == 12


_SAVE_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from ivr.store.store import Store, clock_epoch
from ivr.outcomes import OutcomeId
from tests.edge.store_examples import NOW, add_outcome, call, settings

async def main():
    store = await Store.open(settings(Path(sys.argv[1])))
    await store.save_calls([call("1")])
    await add_outcome(store, "1", OutcomeId("test"), by="reza", at=NOW, note="saved")
    print("saved", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


async def test_what_was_told_to_be_saved_survives_kill_9(chosen: Settings) -> None:
    assert killed_after_telling(_SAVE_AND_WAIT, chosen.home, "saved")
    async with await Store.open(chosen) as store:
        assert [entry.note for entry in await store.outcomes(CallId("1"))] == ["saved"]


async def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    async with await Store.open(settings(tmp_path)) as store, store.engine.connect() as connection:
        pragmas = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_the_tables_that_the_code_uses(chosen: Settings) -> None:
    async with await Store.open(chosen) as store, store.engine.connect() as connection:
        assert forms.metadata is metadata  # all tables are known to it
        assert await connection.run_sync(_differences) == []


async def test_a_database_of_a_newer_version_is_refused_and_unharmed(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        await store.save_calls([full_call("1")])
        async with store.engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match=r"newer version.*'9999'.*IVR_HOME"):
            await Store.open(chosen)
        assert await store.load_call(CallId("1")) == full_call("1")


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "line123.sqlite").write_text("not a database, but long enough to be looked at" * 99)
    with pytest.raises(StoreError, match=r"line123\.sqlite cannot be used: .*not a database"):
        await Store.open(settings(tmp_path))


async def test_the_database_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        await store.next_epoch()
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}  # noqa: ASYNC240
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:////srv/line.sqlite", "sqlite+line123:////srv/line.sqlite"),
        ("postgresql://ivr:secret@db/line", "postgresql+asyncpg://ivr:***@db/line"),
        ("postgresql+psycopg://db/line", "postgresql+asyncpg://db/line"),
    ],
)
def test_the_address_of_the_database(tmp_path: Path, given: str, used: str) -> None:
    url = database_url(settings(tmp_path, database_url=given))
    assert url.render_as_string(hide_password=True) == used


@pytest.mark.parametrize("given", ["in the cellar", "mysql://ivr:secret@db/line"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadInput, match="IVR_DATABASE_URL") as caught:
        database_url(settings(tmp_path, database_url=given))
    assert "secret" not in str(caught.value)


def test_options_of_the_address(tmp_path: Path) -> None:
    address = "postgresql://ivr@db/line?sslmode=verify-full"
    assert database_url(settings(tmp_path, database_url=address)).query == {"ssl": "verify-full"}
    with pytest.raises(BadInput, match="do not know: connect_timeout"):
        database_url(settings(tmp_path, database_url=f"{address}&connect_timeout=3"))


async def test_an_error_tells_no_values(chosen: Settings) -> None:
    async with await Store.open(chosen) as store:
        async with store.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE calls RENAME TO gone"))
        with pytest.raises(StoreError) as caught:
            await store.save_calls([full_call()])
    told = f"{caught.value} {caught.value.__cause__}"
    assert "no such table: calls" in told or 'relation "calls" does not exist' in told
    assert full_call().caller
    assert "ab" * 16 not in told


async def test_a_talk_known_from_asterisk_is_not_overwritten_by_a_record_without_it(
    chosen: Settings,
) -> None:
    """The import and the controller end the same call within milliseconds."""
    end = CallEnd.FALLBACK_CONNECTED
    from_asterisk = call("9", end=end, connected_at=at(3), ended_at=at(5))
    async with await Store.open(chosen) as store:
        await store.save_calls([from_asterisk])
        await store.save_calls([call("9", end=CallEnd.FALLBACK_ABANDONED, ended_at=at(5))])
        assert await store.load_call(CallId("9")) == from_asterisk
