"""`ivr serve`: a call up to its record in PostgreSQL, and what a start finds."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr.limits import Limits
from ivr.model import CallEnd, CallPhase, CounsellorId
from ivr.settings import Settings
from ivr.simulator.demo import CallRequest, demo_exchange, place_call
from ivr.simulator.timing import Timing
from ivr.store.store import Store
from tests.edge.store_examples import PLAN, call, full_call
from tests.edge.test_fallback_import import CONNECTED, load
from tests.edge.test_store_left_open import keep
from tests.ports import free_port

FAST = Timing(speed=20.0)
READY_S = 300.0


@pytest.fixture
def served(chosen: Settings) -> Settings:
    ports = {name: free_port() for name in ("ami_port", "agi_port", "http_port")}
    return chosen.model_copy(update={"asterisk": "simulated", **ports})


def environment(settings: Settings) -> dict[str, str]:
    names = ("home", "asterisk", "ami_port", "agi_port", "http_port", "calls_csv")
    values = {f"IVR_{name.upper()}": getattr(settings, name) for name in names}
    return {**os.environ, **{name: str(value) for name, value in values.items() if value}}


@asynccontextmanager
async def serving(
    settings: Settings, *, ended_by: signal.Signals = signal.SIGINT
) -> AsyncIterator[Path]:
    """`ivr serve` as a process, once it serves; yields where it writes its log."""
    log_path = settings.home / "serve.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr", "serve"),
            env=environment(settings),
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(READY_S):
            while b'"serving"' not in log_path.read_bytes():
                assert process.returncode is None, log_path.read_text()
                await asyncio.sleep(0.02)
        yield log_path
    finally:
        if process.returncode is None:
            process.send_signal(ended_by)
        async with asyncio.timeout(READY_S):
            await process.wait()
    expected = -ended_by if ended_by is signal.SIGKILL else 0
    assert process.returncode == expected, log_path.read_text()


async def ivr(settings: Settings, *words: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", *words, "--json"),
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(told)


@pytest.mark.parametrize("database", ["postgresql"])  # on SQLite everything else is served
async def test_a_call_is_served_and_recorded(served: Settings) -> None:
    async with demo_exchange(served, timing=FAST), serving(served) as log:
        request = CallRequest(called="086123", keys="0")
        moments = [str(moment) async for moment in place_call(served, request)]
        assert "answered" in moments
    told = log.read_text()
    assert "Traceback" not in told
    [record] = await ivr(served, "calls", "list")
    assert (record["province"], record["end"]) == ("markazi", "connected")


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_start_takes_in_what_was_written_elsewhere(served: Settings) -> None:
    """One call's row stood open, and was ended as unknown before its end was brought back.

    The other is in Asterisk's own records only, which are where IVR_CALLS_CSV says.
    """
    ended, elsewhere = full_call("1700000000.1"), served.home / "elsewhere.csv"
    elsewhere.write_text(CONNECTED)
    async with await Store.open(served) as store:
        await store.save_calls([call(ended.call, phase=CallPhase.WAITING)])
    keep(served.home / "emergency", ended)
    settings = served.model_copy(update={"calls_csv": elsewhere})
    async with demo_exchange(settings, timing=FAST), serving(settings):
        pass
    async with await Store.open(served) as store:
        assert await store.load_call(ended.call) == ended
        assert (await load(store, "1795307794.3")).end is CallEnd.FALLBACK_CONNECTED


async def floor_of(settings: Settings) -> Any:
    """As `ivr floor` says; asked again where a line that is busy has not answered in time."""
    words = (sys.executable, "-m", "ivr", "floor", "--json")
    async with asyncio.timeout(READY_S):
        while True:
            asking = await asyncio.create_subprocess_exec(
                *words,
                env=environment(settings),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            told, _ = await asking.communicate()
            if asking.returncode == 0:
                return json.loads(told)


async def spared_after_heavy(settings: Settings) -> dict[str, datetime]:
    """Until when whom; asked until there is somebody."""
    async with asyncio.timeout(READY_S):
        while True:
            people = (await floor_of(settings))["counsellors"]
            found = {
                person["counsellor"]: datetime.fromisoformat(person["heavy_until_at"])
                for person in people
                if "heavy_call" in person["protections"]
            }
            if found:
                return found


@pytest.mark.parametrize("database", ["sqlite"])
async def test_what_spares_a_counsellor_outlives_kill_9(served: Settings) -> None:
    """For half an hour after a heavy call: no test takes as long."""
    now = datetime.now(UTC)
    plan = replace(PLAN, heavy=True)
    heavy = replace(full_call(), plan=plan, counsellor=CounsellorId("saveh-1"))
    async with await Store.open(served) as store:
        await store.save_calls([replace(heavy, talk_ended_at=now, ended_at=now)])
    until_at = now + timedelta(seconds=Limits().heavy_gap_s)
    async with demo_exchange(served, timing=FAST):
        for ended_by in (signal.SIGKILL, signal.SIGINT):
            async with serving(served, ended_by=ended_by):
                assert await spared_after_heavy(served) == {"saveh-1": until_at}
