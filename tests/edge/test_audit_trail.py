"""The audit trail in a database: chained whoever writes, and what was done to it is shown."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.audit import AuditEntry, TamperingKind
from ivr.errors import StoreError
from ivr.model import DeskId, ProvinceId
from ivr.settings import Settings
from ivr.store.store import Store
from ivr.store.trail_reading import TrailSearch, find_entries, verify
from tests.edge.store_examples import at, settings
from tests.patience import PATIENCE_S

PROJECT = Path(__file__).parents[2]


def entry(number: int, **changes: object) -> AuditEntry:
    values: dict[str, object] = {
        "at": at(number),
        "by": "arak-supervisor",
        "action": "duty.close",
        "subject": str(number),
        "province": ProvinceId("markazi"),
        "desk": DeskId("markazi-saveh"),
        "detail": {"reason": "سیل", "hours": 2.5, "list": [1, None, True]},
    }
    return AuditEntry(**values | changes)  # type: ignore[arg-type]


async def write(home: Path, count: int, first: int = 1, by: str = "arak-supervisor") -> None:
    async with await Store.open(settings(home)) as store:
        for number in range(first, first + count):
            async with store.writing() as connection:
                assert await store.note_decision(connection, entry(number, by=by)) == number


async def shown(home: Path) -> list[tuple[str, int, int]]:
    async with await Store.open(settings(home)) as store:
        _, found = await verify(store)
    return [(one.kind.value, one.first, one.last) for one in found]


def change(home: Path, *statements: str) -> None:
    with sqlite3.connect(home / "line123.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


async def test_entries_come_back_as_written(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    async with await Store.open(settings(tmp_path)) as store:
        assert await verify(store) == (3, ())
        found = await find_entries(store, TrailSearch())
    assert [item.entry for item in found] == [entry(3), entry(2), entry(1)]


async def fail_after(store: Store, decision: AuditEntry) -> None:
    async with store.writing() as connection:
        await store.note_decision(connection, decision)
        raise RuntimeError


async def test_nothing_stays_of_a_transaction_that_failed(tmp_path: Path) -> None:
    await write(tmp_path, 1)
    async with await Store.open(settings(tmp_path)) as store:
        with pytest.raises(RuntimeError):
            await fail_after(store, entry(2))
        assert await verify(store) == (1, ())
        async with store.writing() as connection:
            assert await store.note_decision(connection, entry(2)) == 2
        assert await verify(store) == (2, ())


async def test_several_entries_of_one_transaction_are_chained(tmp_path: Path) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        async with store.writing() as connection:
            for number in (1, 2, 3):
                await store.note_decision(connection, entry(number))
        assert await verify(store) == (3, ())


SHIFT_UP = "UPDATE audit SET seq = -seq - 1 WHERE seq > 2"
PUT_IN = """INSERT INTO audit (seq, at, by, action, province, desk, subject, detail, previous, hash)
    SELECT {}, at, 'me', action, province, desk, subject, detail, previous, hash FROM audit
    WHERE seq = 2"""


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE audit SET by = 'nobody' WHERE seq = 3"], ("changed", 3, 3)),
        (["UPDATE audit SET desk = NULL WHERE seq = 1"], ("changed", 1, 1)),
        (["UPDATE audit SET detail = '{}' WHERE seq = 5"], ("changed", 5, 5)),
        (["UPDATE audit SET at = datetime(at, '+1 day') WHERE seq = 2"], ("changed", 2, 2)),
        (["UPDATE audit SET at = 'yesterday' WHERE seq = 2"], ("changed", 2, 2)),
        (["UPDATE audit SET detail = 'no json' WHERE seq = 2"], ("changed", 2, 2)),
        (["UPDATE audit SET by = x'ff00' WHERE seq = 4"], ("changed", 4, 4)),
        (["UPDATE audit SET hash = lower(hex(randomblob(32))) WHERE seq = 3"], ("changed", 3, 3)),
        (["DELETE FROM audit WHERE seq = 3"], ("missing", 3, 3)),
        (["DELETE FROM audit WHERE seq < 3"], ("missing", 1, 2)),
        (
            [SHIFT_UP, "UPDATE audit SET seq = -seq WHERE seq < 0", PUT_IN.format(3)],
            ("changed", 3, 6),
        ),
        ([PUT_IN.format(6)], ("changed", 6, 6)),
        (["DELETE FROM audit WHERE seq > 3"], ("cut_off", 4, 5)),
        (["DELETE FROM audit"], ("cut_off", 1, 5)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
async def test_what_was_done_to_the_database_is_shown(
    tmp_path: Path, statements: list[str], expected: tuple[str, int, int]
) -> None:
    await write(tmp_path, 5)
    change(tmp_path, *statements)
    found = await shown(tmp_path)
    assert expected in found
    assert found[0] == expected or expected[0] == "changed"


async def test_an_end_that_was_cut_off_stays_shown_when_the_trail_goes_on(tmp_path: Path) -> None:
    await write(tmp_path, 5)
    change(tmp_path, "DELETE FROM audit WHERE seq > 3")
    await write(tmp_path, 1, first=4, by="another")
    assert await shown(tmp_path) == [("cut_off", 5, 5)]
    await write(tmp_path, 3, first=5, by="another")
    assert await shown(tmp_path) == [("replaced", 5, 5)]


def remove_key(home: Path) -> None:
    (home / "secrets" / "audit.key").unlink()


def spoil_key(home: Path) -> None:
    (home / "secrets" / "audit.key").write_text("ab")


def spoil_head(home: Path) -> None:
    (home / "secrets" / "audit.head").write_text("[]")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_key, r"audit\.key: the key of the audit trail is missing .*openssl rand"),
        (spoil_key, r"audit\.key: not the key of the audit trail"),
        (spoil_head, r"audit\.head: not the head"),
    ],
)
async def test_a_trail_without_its_key_is_never_gone_on_with(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    await write(tmp_path, 2)
    spoil(tmp_path)
    async with await Store.open(settings(tmp_path)) as store:
        with pytest.raises(StoreError, match=message):
            async with store.writing() as connection:
                await store.note_decision(connection, entry(3))
        with pytest.raises(StoreError, match=message):
            await verify(store)
    assert spoil is not remove_key or not (tmp_path / "secrets" / "audit.key").exists()


async def test_no_new_key_where_only_the_head_tells_of_entries(tmp_path: Path) -> None:
    await write(tmp_path, 2)
    remove_key(tmp_path)
    change(tmp_path, "DELETE FROM audit")
    with pytest.raises(StoreError, match="is missing"):
        await write(tmp_path, 1)


async def test_a_lost_head_is_shown_until_the_next_decision(tmp_path: Path) -> None:
    await write(tmp_path, 2)
    (tmp_path / "secrets" / "audit.head").unlink()
    assert await shown(tmp_path) == [(TamperingKind.NO_HEAD.value, 2, 2)]
    await write(tmp_path, 1, first=3)
    assert await shown(tmp_path) == []


async def test_key_and_head_are_for_their_owner_alone(tmp_path: Path) -> None:
    await write(tmp_path, 1)
    for name in ("audit.key", "audit.head"):
        assert (tmp_path / "secrets" / name).stat().st_mode & 0o777 == 0o600


async def test_a_search_finds_what_fits_all_of_it(tmp_path: Path) -> None:
    entries = [
        entry(1),
        entry(2, by="ilam-admin", action="rules.publish", province=ProvinceId("ilam"), desk=None),
        entry(3, by="ilam-admin", action="people.sign_in", subject="ilam-1", province=None),
        entry(4, by="ilam-admin", action="peoples", subject="100%"),
    ]
    async with await Store.open(settings(tmp_path)) as store:
        for item in entries:
            async with store.writing() as connection:
                await store.note_decision(connection, item)

        async def numbers(limit: int | None = None, **search: object) -> list[int]:
            wanted = TrailSearch(**search)  # type: ignore[arg-type]
            return [item.seq for item in await find_entries(store, wanted, limit)]

        assert await numbers() == [4, 3, 2, 1]
        assert await numbers(limit=2) == [4, 3]
        assert await numbers(by="ilam-admin") == [4, 3, 2]
        assert await numbers(action="people") == [3]
        assert await numbers(action="people.sign_in") == [3]
        assert await numbers(action="%") == []
        assert await numbers(subject="ilam-1") == [3]
        assert await numbers(province=ProvinceId("ilam")) == [2]
        assert await numbers(since_at=at(2), until_at=at(4)) == [3, 2]
        assert await numbers(by="ilam-admin", province=ProvinceId("markazi")) == [4]


ADDS = """
import asyncio, sys
from pathlib import Path
from datetime import UTC, datetime
from ivr.audit import AuditEntry
from ivr.settings import Settings
from ivr.store import database
from ivr.store.store import Store

database.LOCK_WAIT_S = 300.0

async def add(home, by):
    async with await Store.open(Settings(home=home)) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(15):
            async with store.writing() as connection:
                now = datetime.now(UTC)
                entry = AuditEntry(at=now, by=by, action="duty.close", subject=str(number))
                await store.note_decision(connection, entry)

asyncio.run(add(Path(sys.argv[1]), sys.argv[2]))
"""


async def test_processes_that_add_at_the_same_time_make_one_chain(chosen: Settings) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ADDS, str(chosen.home), name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
        )
        for name in ("one", "other")
    ]
    async with asyncio.timeout(PATIENCE_S):
        for process in processes:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
        await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    async with await Store.open(chosen) as store:
        assert await verify(store) == (30, ())
        assert len(await find_entries(store, TrailSearch(by="one"))) == 15


async def test_transactions_that_begin_at_the_same_time_make_one_chain(chosen: Settings) -> None:
    async with await Store.open(chosen) as one, await Store.open(chosen) as other:

        async def add(store: Store, number: int) -> None:
            async with store.writing() as connection:
                await store.note_decision(connection, entry(number))

        await asyncio.gather(*(add(store, number) for number in range(8) for store in (one, other)))
        assert await verify(one) == (16, ())
