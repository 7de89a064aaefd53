"""`ivr floor pause …`: who is asked for a password, what the line hears, what is said of it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from ivr import events as ev
from ivr.act_watch import ActWatch
from ivr.cli import app
from ivr.errors import BadInput, LineError, NotAllowed
from ivr.model import CallId, CounsellorId, DeskId, ProvinceId
from ivr.people import Grant, Person, Role
from ivr.settings import Settings
from ivr.store import floor_acts
from ivr.store.floor_acts import FloorActStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from tests.edge.store_examples import call as call_record

PASSWORD = "specimen words for a test"
MARKAZI = ProvinceId("markazi")
ALI = CounsellorId("ali")
CALL = CallId("1790000000.7")


def line_of(store: Store, told: list[ev.Event]) -> ActWatch:
    return ActWatch(FloorActStore(store), told.append, lambda: datetime.now(UTC))


@pytest.fixture
async def copy(chosen: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy with a counsellor, a supervisor and a lost call, and the line's own store of it."""
    desk = DeskId("markazi-saveh")
    people = [
        Person(id=ALI, name_fa="نمونه", desks=(desk,)),
        Person(
            id=CounsellorId("boss"),
            name_fa="سرپرست",
            grants=(Grant(role=Role.SUPERVISOR, province=MARKAZI),),
        ),
    ]
    now = datetime.now(UTC)
    passwords = dict.fromkeys(("ali", "boss"), PASSWORD)
    await PeopleStore(store).take_in(people, by="local", now=now, passwords=passwords)
    await store.save_calls([call_record(CALL, province=MARKAZI, lost_at=now)])
    monkeypatch.setenv("IVR_HOME", str(chosen.home))
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    monkeypatch.setattr(floor_acts, "TAKEN_WITHIN_S", 60.0)
    return store


@asynccontextmanager
async def running_line(store: Store) -> AsyncIterator[list[ev.Event]]:
    """What a running line hears."""
    told: list[ev.Event] = []
    watching = asyncio.create_task(line_of(store, told).run())
    try:
        yield told
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def run(*words: str) -> str:
    """What the command prints; raises what it ends with."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["floor", *words])
    if result.exception is not None:
        raise result.exception
    return result.stdout


async def test_a_counsellor_pauses_and_comes_back(copy: Store) -> None:
    async with running_line(copy) as told:
        said = await run("pause", "ali", "--reason", "meal", "--as", "ali")
        assert said == "Taken in by the line: pause, ali.\n"
        await run("resume", "ali", "--as", "ali")
        assert told == [
            ev.CounsellorPaused(counsellor=ALI, reason="meal"),
            ev.CounsellorResumed(counsellor=ALI),
        ]


async def test_every_act_reaches_the_line(copy: Store) -> None:
    async with running_line(copy) as told:
        await run("pause-after-call", "ali", "--reason", "training", "--as", "boss")
        await run("ask-for-break", "ali", "--as", "ali")
        await run("grant-break", "ali", "--as", "boss")
        await run("extend-wrap-up", "ali", "--by", "90", "--as", "boss")
        await run("end-wrap-up", "ali", "--as", "ali")
        assert await run("acknowledge", CALL[:8], "--as", "boss") == f"Taken up: {CALL[:8]}.\n"
        assert told == [
            ev.CounsellorWillPause(counsellor=ALI, reason="training"),
            ev.BreakAsked(counsellor=ALI),
            ev.CounsellorWillPause(counsellor=ALI, reason="break"),
            ev.WrapUpExtended(counsellor=ALI, by_s=90.0),
            ev.WrapUpEnded(counsellor=ALI),
            ev.SupervisorAcknowledged(call=CALL, by="boss"),
        ]


async def test_where_no_line_runs_nothing_happens_then_or_later(
    copy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor_acts, "TAKEN_WITHIN_S", 0.0)
    with pytest.raises(LineError, match="not taken: the line is not running") as error:
        await run("pause", "ali", "--as", "boss")
    assert error.value.exit_status == 1
    told: list[ev.Event] = []
    await line_of(copy, told).look()
    assert told == []


async def test_who_may_not_is_told_so_and_nothing_is_kept(copy: Store) -> None:
    with pytest.raises(NotAllowed, match="ali may not"):
        await run("grant-break", "ali", "--as", "ali")
    with pytest.raises(NotAllowed, match="ali may not"):
        await run("acknowledge", CALL, "--as", "ali")
    with pytest.raises(BadInput, match="is no counsellor"):
        await run("pause", "boss", "--as", "boss")
    told: list[ev.Event] = []
    await line_of(copy, told).look()
    assert told == []


async def test_a_wrong_password_changes_nothing(
    copy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_PASSWORD", "another")
    with pytest.raises(BadInput, match="wrong password"):
        await run("pause", "ali", "--as", "ali")


async def test_a_script_sees_the_status(copy: Store) -> None:
    """As people run it; unknown reasons are refused before any password is asked for."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", "floor", "pause", "ali", "--reason", "holiday"),
        env={**os.environ},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert "administration" in errors.decode()
