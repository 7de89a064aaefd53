"""What a counsellor was told is saved is there, whenever the process was killed.

Each round a child saves forms one after the other and says "saved KEY" after each; it is killed
(kill -9) at an instant drawn by chance. Children are forked from one process that has everything
loaded, so that two hundred rounds take seconds.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from ivr.store.forms import FormStore
from ivr.store.outcome_tables import forms
from ivr.store.store import Store
from tests.edge.store_examples import CALLS_OF_SAVES, at, call, save_for_ever, settings
from tests.patience import PATIENCE_S

ROUNDS = 200
LONGEST_S = 0.08


async def prepare(home: Path) -> None:
    async with await Store.open(settings(home)) as store:
        await store.save_calls([call(name, connected_at=at(1)) for name in CALLS_OF_SAVES])


def killed_child(home: Path, number: int, after_s: float) -> list[str]:
    """The keys that a child told before it was killed."""
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        try:
            asyncio.run(save_for_ever(home, f"r{number}", telling))
        finally:
            os._exit(1)
    os.close(telling)
    try:
        first = os.read(told, 64)  # from here on it is in the middle of saving
        time.sleep(after_s)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(told, "rb") as rest:
        lines = (first + rest.read()).split(b"\n")
    return [line.decode() for line in lines[:-1]]  # what stands behind the last one was cut off


def forker(home: Path) -> None:
    """Runs in a process of its own, which has no threads: forks are safe there."""
    chance = random.Random(123)
    for number in range(ROUNDS):
        for key in killed_child(home, number, chance.random() * LONGEST_S):
            print(key)  # noqa: T201 - the test reads it


@pytest.mark.timeout(3600)
async def test_every_acknowledged_save_survives_kill_9_two_hundred_times(tmp_path: Path) -> None:
    await prepare(tmp_path)
    program = f"from tests.edge.test_saves_survive import *; forker(Path({str(tmp_path)!r}))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    told = set(printed.decode().split())
    assert len(told) >= ROUNDS  # each child said at least one
    async with await Store.open(settings(tmp_path)) as store:
        there = {row["key"] for row in await store.rows(select(forms.c.key))}
        assert told - there == set()
        for name in CALLS_OF_SAVES:  # and of each call one form counts
            history = await FormStore(store).history(name)
            assert sum(one.replaced_by is None for one in history) == 1


SAVE_ONE = """
import asyncio, sys
from pathlib import Path
from ivr.outcome_form import one_touch
from ivr.outcomes import Relation
from ivr.store.forms import FormStore
from ivr.store.store import Store
from tests.edge.store_examples import at, settings

async def main():
    async with await Store.open(settings(Path(sys.argv[1]))) as store:
        print("begin", flush=True)
        save = FormStore(store).save
        await save(one_touch(Relation.PRANK), call="1", by="sara", at=at(1), key="traced")
        print("told", flush=True)

asyncio.run(main())
"""


def may_trace() -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    return subprocess.run([strace, "-qo/dev/null", "true"], check=False).returncode == 0


async def test_the_disk_is_flushed_before_anybody_is_told(tmp_path: Path) -> None:
    """As the kernel saw it: strace(1) of one save into SQLite's write-ahead log."""
    if not may_trace():
        pytest.skip("this machine lets no process be traced (ptrace), or strace is missing")
    await prepare(tmp_path)
    trace = tmp_path / "trace"
    tracing = ("strace", "-f", "-y", "-o", str(trace), "-e", "trace=write,fsync,fdatasync,pwrite64")
    process = await asyncio.create_subprocess_exec(
        *(*tracing, sys.executable, "-c", SAVE_ONE, str(tmp_path)), stdout=subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 0
    calls = trace.read_text(errors="replace").splitlines()
    (begin,) = (number for number, line in enumerate(calls) if '"begin' in line)
    (told,) = (number for number, line in enumerate(calls) if '"told' in line)
    of_log = [
        line.split("(")[0].split()[-1] for line in calls[begin:told] if ".sqlite-wal>" in line
    ]
    assert "pwrite64" in of_log
    assert of_log[-1] in {"fsync", "fdatasync"}, of_log
