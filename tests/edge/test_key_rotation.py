"""`ivr store key`: another key for what is sealed, whatever ends the command, and none is lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed, StoreError
from ivr.events import CallArrived
from ivr.model import CallerRef, CallId
from ivr.settings import Settings
from ivr.store import resealing
from ivr.store.emergency import Batch, EmergencyFile
from ivr.store.key_file import KeyFile
from ivr.store.key_needed import FORGOTTEN_AFTER, check_not_needed
from ivr.store.records import JournalEntry
from ivr.store.resealing import OTHERS, Resealing
from ivr.store.store import Store
from ivr.store.tables import audit, calls, journal
from ivr.store.vault import Vault
from ivr.store.webhooks import WebhookStore
from ivr.webhooks import HookEvent, Webhook
from tests.edge.staff import PASSWORD, take_in_staff
from tests.edge.store_examples import NOW, at, call, settings

SECRET = "of another program"
COUNT = 45


def number(which: int) -> str:
    return f"0912000{which:04}"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setattr(resealing, "BATCH", 7)
    monkeypatch.delenv("IVR_USER", raising=False)
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)


def key_file(home: Path) -> KeyFile:
    return KeyFile(home / "secrets" / "numbers.key")


async def fill(store: Store, vault: Vault) -> None:
    """Calls with numbers, some with headers, one without, one erased; events; a webhook."""
    sealed = [vault.seal(number(n), raw=f"tel:{n}" if n % 3 == 0 else "") for n in range(COUNT)]
    records = [
        call(f"c{n:03}", caller=caller, arrived_at=at(n), ended_at=at(n + 9))
        for n, caller in enumerate(sealed)
    ]
    erased = replace(sealed[1], ciphertext="")
    bare = [call("x1", ended_at=at(1)), call("x2", caller=erased, ended_at=at(1))]
    await store.save_calls([*records, *bare])
    arrived = [
        CallArrived(**{name: getattr(one, name) for name in CallArrived.__slots__})
        for one in records
    ]
    entries = [
        JournalEntry(epoch=1, seq=n, at=it.arrived_at, event=it) for n, it in enumerate(arrived)
    ]
    await store.append_journal(entries)
    hook = Webhook(
        id=0,
        url="https://example.org/",
        secret=vault.seal_secret(SECRET),
        events=frozenset(HookEvent),
        province=None,
        private=False,
        by="admin",
        at=NOW,
    )
    await WebhookStore(store).add(hook)


async def check_all_opens(store: Store, vault: Vault) -> set[str]:
    """Every number, header, event and secret; the keys that they are sealed with."""
    used = set()
    for n in range(COUNT):
        record = await store.load_call(CallId(f"c{n:03}"))
        assert record
        assert record.caller
        assert vault.reveal(record.caller) == number(n)
        assert vault.reveal_raw(record.caller) == (f"tel:{n}" if n % 3 == 0 else "")
        assert record.caller.pseudonym == vault.pseudonym(number(n))
        used.add(record.caller.ciphertext.partition(".")[0])
    for row in await store.rows(select(journal).order_by(journal.c.seq)):
        ref = CallerRef(**row["event"]["caller"])
        assert vault.reveal(ref) == number(row["seq"])
        used.add(ref.ciphertext.partition(".")[0])
    (hook,) = await WebhookStore(store).all()
    assert vault.reveal_secret(hook.secret) == SECRET
    return used | {hook.secret.partition(".")[0]}


# --- the records


async def test_all_that_is_sealed_gets_another_key_and_callers_stay_known(
    store: Store, chosen: Settings
) -> None:
    vault = Vault.open(chosen)
    await fill(store, vault)
    file, work = key_file(chosen.home), Resealing(store, pause_s=0)
    assert await check_all_opens(store, vault) == {"1"}
    assert not await work.run(vault)  # there is one key alone
    new = file.add(file.next_key(), NOW)
    assert new.current == "2"
    before = {("numbers", "1"): COUNT, ("headers", "1"): COUNT // 3, ("journal", "1"): COUNT}
    before |= {("webhook secrets", "1"): 1}
    assert await work.state(new.keys) == before
    done = await work.run(new)
    assert done == {"numbers": COUNT, "headers": COUNT // 3, "journal": COUNT, "webhook secrets": 1}
    assert await work.state(new.keys) == {(what, "2"): rows for (what, _), rows in before.items()}
    assert await check_all_opens(store, new) == {"2"}
    file.forget("1")
    assert await check_all_opens(store, Vault.open(chosen)) == {"2"}
    assert (await store.load_call(CallId("x1"))).caller is None  # type: ignore[union-attr]
    assert (await store.load_call(CallId("x2"))).caller.ciphertext == ""  # type: ignore[union-attr]


async def test_what_no_key_opens_stays_and_is_counted(store: Store, chosen: Settings) -> None:
    vault = Vault.open(chosen)
    await fill(store, vault)
    for name, forged in (("c003", "1.c2VhbGVk"), ("c004", "9.c2VhbGVk")):
        await set_ciphertext(store, name, forged)
    file, work = key_file(chosen.home), Resealing(store, pause_s=0)
    new = file.add(file.next_key(), NOW)
    assert (await work.run(new))["numbers"] == COUNT - 2
    left = await work.state(new.keys)
    assert (left["numbers", "1"], left["numbers", OTHERS]) == (1, 1)
    with pytest.raises(BadInput, match="1 rows are sealed with it"):
        await check_not_needed(store, "1", since_at=NOW, now=NOW + FORGOTTEN_AFTER)


async def test_a_key_is_forgotten_once_nothing_may_need_it(store: Store, chosen: Settings) -> None:
    vault, later = Vault.open(chosen), NOW + FORGOTTEN_AFTER
    with pytest.raises(BadInput, match="younger than 24 hours"):
        await check_not_needed(store, "1", since_at=NOW, now=later - timedelta(seconds=1))
    await check_not_needed(store, "1", since_at=NOW, now=later)
    under_way = call("open", arrived_at=NOW - timedelta(seconds=1))
    await store.save_calls([under_way])
    with pytest.raises(BadInput, match="before the key of now: open"):
        await check_not_needed(store, "1", since_at=NOW, now=later)
    await store.save_calls([replace(under_way, ended_at=NOW)])
    kept = call("kept", caller=vault.seal(number(1)), ended_at=NOW)
    EmergencyFile(chosen.home / "emergency", 1).append(Batch(records=[kept]))
    with pytest.raises(BadInput, match=r"epoch-0000000001\.jsonl has not been brought"):
        await check_not_needed(store, "1", since_at=NOW, now=later)


async def set_ciphertext(store: Store, name: str, text: str) -> None:
    async with store.writing() as connection:
        chosen = update(calls).where(calls.c.call == name)
        await connection.execute(chosen.values(caller_ciphertext=text))


# --- the key file


def test_a_running_line_seals_with_the_new_key_and_opens_what_others_sealed(
    tmp_path: Path,
) -> None:
    line = Vault.open(settings(tmp_path))
    first = line.seal(number(1))
    other = key_file(tmp_path).add("2", NOW)
    assert line.reveal(other.seal(number(2))) == number(2)
    second = line.seal(number(1))
    assert (first.ciphertext[:2], second.ciphertext[:2]) == ("1.", "2.")
    assert line.reveal(first) == line.reveal(second) == number(1)
    assert second.pseudonym == first.pseudonym


@pytest.mark.parametrize("wrong", ["", "another", "gone"])
def test_a_line_goes_on_with_its_keys_where_the_file_is_none(tmp_path: Path, wrong: str) -> None:
    line = Vault.open(settings(tmp_path / "one"))
    path = key_file(tmp_path / "one").path
    Vault.open(settings(tmp_path / "two"))
    path.unlink()
    if wrong != "gone":
        other = key_file(tmp_path / "two").path.read_text() if wrong else ""
        path.write_text(other)
    sealed = line.seal(number(1))
    assert line.reveal(sealed) == number(1)
    assert line.pseudonym(number(1)) == sealed.pseudonym


def test_a_new_key_file_is_for_those_of_the_one_before(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path))
    file = key_file(tmp_path)
    for mode in (0o600, 0o640):
        file.path.chmod(mode)
        file.add(file.next_key(), NOW)
        assert file.path.stat().st_mode & 0o777 == mode


def test_one_command_at_a_time_and_no_half_made_file_stays(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path))
    file = key_file(tmp_path)
    half = file.path.with_name(f".numbers.key.{'0a' * 8}")
    half.write_text("{}")
    with file.alone():
        assert not half.exists()
        with pytest.raises(BadInput, match="under way"), file.alone():
            pass
    with file.alone():
        pass


def test_a_forgotten_keys_name_is_never_given_again(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path))
    file = key_file(tmp_path)
    assert file.add(file.next_key(), NOW).keys == ("1", "2")
    assert (file.made_at("2"), file.next_key()) == (NOW, "3")
    for not_old in ("2", "7"):
        with pytest.raises(BadInput, match="not one of the old keys"):
            file.forget(not_old)
    file.add("3", NOW)
    file.forget("2")
    assert (Vault.open(settings(tmp_path)).keys, file.next_key()) == (("1", "3"), "4")


# --- the command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    asyncio.run(_prepare(tmp_path))
    return tmp_path


async def _prepare(home: Path) -> None:
    async with await Store.open(settings(home)) as store:
        await take_in_staff(store)
        await fill(store, Vault.open(settings(home)))


def run(*words: str, who: str = "admin") -> str:
    line = ["store", "key", *words, "--as", who]
    result = CliRunner().invoke(app, line, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def opened(home: Path) -> set[str]:
    async def look() -> set[str]:
        async with await Store.open(settings(home)) as store:
            return await check_all_opens(store, Vault.read(key_file(home).path))

    return asyncio.run(look())


def trail(home: Path) -> list[tuple[str, str]]:
    async def look() -> list[tuple[str, str]]:
        async with await Store.open(settings(home)) as store:
            chosen = select(audit).where(audit.c.action.startswith("keys.")).order_by(audit.c.seq)
            return [(row["action"], row["subject"]) for row in await store.rows(chosen)]

    return asyncio.run(look())


def test_it_is_tried_then_done_then_the_old_key_is_forgotten(home: Path) -> None:
    before = key_file(home).path.read_bytes()
    tried = answer("rotate", "--dry-run")
    assert (tried["key"], tried["made"], tried["again"]) == ("2", True, {})
    assert "Nothing was changed" in run("rotate", "--dry-run")
    assert (key_file(home).path.read_bytes(), opened(home), trail(home)) == (before, {"1"}, [])
    done = answer("rotate")
    assert (done["key"], done["made"], sum(done["again"].values())) == ("2", True, 106)
    assert {one["key"] for one in done["left"]} == {"2"}
    assert opened(home) == {"2"}
    assert trail(home) == [("keys.new", "2"), ("keys.resealed", "2")]
    assert "sealed with now" in run("list")
    assert {(one["key"], one["current"]) for one in answer("list")} == {("2", True)}
    with pytest.raises(BadInput, match="younger than 24 hours"):
        run("forget", "1")
    old_enough = datetime.now(UTC) - 2 * FORGOTTEN_AFTER
    content = json.loads(key_file(home).path.read_text())
    content["made"]["2"] = old_enough.isoformat()
    key_file(home).path.write_text(json.dumps(content))
    assert run("forget", "1") == "Forgotten: key 1\n"
    assert opened(home) == {"2"}
    assert trail(home)[-1] == ("keys.forget", "1")
    assert answer("rotate")["key"] == "3"


def test_a_key_is_made_beforehand_for_other_machines(home: Path) -> None:
    assert answer("rotate", "--prepare")["key"] == "2"
    assert opened(home) == {"1"}
    assert answer("rotate", "--prepare")["made"] is False  # no third one
    done = answer("rotate")
    assert (done["key"], done["made"]) == ("2", False)
    assert opened(home) == {"2"}


def test_only_who_keeps_all_provinces_may_and_only_with_the_right_file(home: Path) -> None:
    for who in ("keeper", "chief", "auditor", "manager", "sara"):
        for words in (("rotate",), ("list",), ("forget", "1")):
            with pytest.raises(NotAllowed):
                run(*words, who=who)
    file = key_file(home)
    Vault.open(settings(home / "other"))
    right = file.path.read_bytes()
    file.path.write_bytes(key_file(home / "other").path.read_bytes())
    with pytest.raises(StoreError, match="it is another copy's"):
        run("rotate")
    file.path.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        run("rotate")
    assert not file.path.exists()
    file.path.write_bytes(right)
    assert (opened(home), trail(home)) == ({"1"}, [])


# A command that kills itself at the n-th number, or as the new key file is to take its place.
KILLED = """
import os, pathlib, signal, sys
from ivr.cli import main
from ivr.store import key_file, resealing

def die():
    os.kill(os.getpid(), signal.SIGKILL)

resealing.BATCH = 7
where = sys.argv[1]
if where == "file":
    real_write = key_file.write_private
    def write_and_die(*of):
        real_write(*of)
        die()
    key_file.write_private = write_and_die
else:
    real_seal, left = resealing.sealed_again, [int(where)]
    def seal_or_die(*of):
        left[0] -= 1
        return real_seal(*of) if left[0] >= 0 else die()
    resealing.sealed_again = seal_or_die
sys.argv = ["ivr", "store", "key", "rotate", "--as", "admin"]
main()
"""


# One of each kind is opened first, to see that the keys fit; then come 45 numbers, 15 headers, 45
# events and a secret, in batches of seven.
@pytest.mark.parametrize("instants", [("file", "0", "30"), ("60", "40"), ("50", "12")])
def test_killed_at_any_moment_nothing_is_lost_and_the_next_goes_on(
    home: Path, instants: tuple[str, ...]
) -> None:
    for where in instants:
        line = [sys.executable, "-c", KILLED, where]
        killed = subprocess.run(line, env=dict(os.environ), capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert opened(home) <= {"1", "2"}
    done = answer("rotate")
    assert done["key"] == "2"
    assert opened(home) == {"2"}
    assert len(json.loads(key_file(home).path.read_text())["sealing"]) == 2
    assert list(key_file(home).path.parent.glob(".numbers.key.*")) == [
        key_file(home).path.with_name(".numbers.key.lock")
    ]
