"""What was said to be in the spool is there, whenever the process was killed; and is done once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from ivr import passwords
from ivr.dispatching import TripStep
from ivr.errors import StoreError
from ivr.model import CallId, CountyId, DeskId, ProvinceId
from ivr.outcome_form import OutcomeForm, one_touch
from ivr.outcomes import Relation
from ivr.store import spool as spooling
from ivr.store.deeds import (
    AddFollowUp,
    BeginVisit,
    Deed,
    EndFollowUp,
    EndVisit,
    EnterCall,
    RequestTrip,
    Save,
    StepTrip,
)
from ivr.store.dispatches import DispatchStore
from ivr.store.entered import EnteredCall
from ivr.store.follow_ups import FollowUpKind
from ivr.store.outcome_tables import dispatches, follow_ups, forms, persons, visits
from ivr.store.saving import Saving
from ivr.store.spool import Spool
from ivr.store.store import Store
from ivr.visits import StayEnd
from tests.edge.staff import take_in_staff
from tests.edge.store_examples import at, call
from tests.edge.test_referrals_store import TWO, stay, trip

CALL = CallId("1")
ROUNDS = 60
LONGEST_S = 0.03


def save(key: str, second: float, deed: Deed | None, by: str = "chief", **more: object) -> Save:
    return Save(key=key, by=by, at=at(second), deed=deed, **more)  # type: ignore[arg-type]


def spool_for_ever(home: Path, name: str, telling: int) -> None:
    """Each key goes to the descriptor `telling` once its save is kept."""
    for number in count():
        key = f"{name}-{number}"
        Spool(home).keep(save(key, number, RequestTrip(trip=trip(key=key))))
        os.write(telling, f"{key}\n".encode())


def killed_child(home: Path, number: int, after_s: float) -> list[str]:
    """The keys that a child told before it was killed."""
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        try:
            spool_for_ever(home, f"r{number}", telling)
        finally:
            os._exit(1)
    os.close(telling)
    try:
        first = os.read(told, 64)
        time.sleep(after_s)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(told, "rb") as rest:
        lines = (first + rest.read()).split(b"\n")
    return [line.decode() for line in lines[:-1]]


def forker(home: Path) -> None:
    """Runs in a process of its own, which has no threads: forks are safe there."""
    chance = random.Random(123)
    for number in range(ROUNDS):
        for key in killed_child(home, number, chance.random() * LONGEST_S):
            print(key)  # noqa: T201 - the test reads it


async def test_whatever_was_told_is_in_the_spool_after_kill_9(tmp_path: Path) -> None:
    program = f"from tests.edge.test_spool_survives import *; forker(Path({str(tmp_path)!r}))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=subprocess.PIPE
    )
    async with asyncio.timeout(300):
        printed, _ = await process.communicate()
    assert process.returncode == 0
    told = set(printed.decode().split())
    assert len(told) >= ROUNDS
    kept = Spool(tmp_path).saves()
    assert told - {one.key for one in kept} == set()
    assert all(isinstance(one.deed, RequestTrip) for one in kept), "each whole, or not there"


@pytest.fixture
async def ready(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    await store.save_calls([call("1", desk=DeskId("markazi-saveh"))])
    await take_in_staff(store)
    return store


SLIP = EnteredCall(
    key="markazi-17",
    province=ProvinceId("markazi"),
    county=CountyId("markazi-saveh"),
    arrived_at=at(0),
    connected_at=at(0),
    ended_at=at(60),
)
SENT = StepTrip(trip="t", step=TripStep.SENT, at=at(60), vehicle="ون ۱", served=TWO)
ALL = (
    save("t", 1, RequestTrip(trip=trip()), call=CALL),
    save("s1", 2, SENT),
    save("s2", 3, SENT.model_copy(update={"vehicle": "ون ۲"})),
    save("v", 4, BeginVisit(visit=stay(), served=TWO)),
    save("e", 5, EndVisit(visit="v", how=StayEnd.HOME, at=at(60))),
    save("f", 6, AddFollowUp(kind=FollowUpKind.FOLLOW_UP, due_at=at(99)), call=CALL),
    save("d", 7, EndFollowUp(follow_up="f", note="آمد")),
    save("p", 8, EnterCall(entered=SLIP, form=one_touch(Relation.PRANK))),
    save("o", 9, None, call=CALL, form=one_touch(Relation.TEST)),
)


async def counts(store: Store) -> dict[str, int]:
    tables = (dispatches, visits, follow_ups, forms)
    found = [await store.rows(select(func.count().label("n")).select_from(one)) for one in tables]
    return {table.name: rows[0]["n"] for table, rows in zip(tables, found, strict=True)}


async def test_everything_is_done_in_order_and_once_though_files_stay(
    ready: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, saving = Spool(ready.home), Saving(ready, ready.home)
    for one in reversed(ALL):
        spool.keep(one)
    assert spool.saves() == ALL, "read as they were written"
    with monkeypatch.context() as patched:
        patched.setattr(spooling, "_away", lambda *_: None)  # killed before each unlink
        await saving.drain()
        await saving.drain()
    assert await saving.drain() == len(ALL)
    assert spool.saves() == spool.set_aside() == ()
    assert await counts(ready) == {"dispatches": 1, "visits": 1, "follow_ups": 1, "forms": 2}
    (sent,) = await DispatchStore(ready).of_call(CALL)
    assert (sent.sent_at, sent.vehicle, sent.by) == (at(60), "ون ۲", "chief")
    (row,) = await ready.rows(select(func.sum(persons.c.count).label("n")))
    assert row["n"] == 4


@pytest.fixture
def database() -> str:
    """SQLite, for tests of what does not depend on it."""
    return "sqlite"


async def test_what_its_person_may_not_do_is_set_aside_and_holds_up_nobody(ready: Store) -> None:
    spool = Spool(ready.home)
    form = OutcomeForm()
    spool.keep(save("not-mine", 1, None, by="omid", call=CALL, form=form))
    spool.keep(save("nobody", 2, None, by="gone", call=CALL, form=form))
    spool.keep(save("no-team", 3, StepTrip(trip="17", step=TripStep.SENT, at=at(0))))
    spool.keep(save("mine", 4, None, by="sara", call=CALL, form=one_touch(Relation.TEST)))
    assert await Saving(ready, ready.home).drain() == 1
    assert [one.key for one in spool.set_aside()] == ["not-mine", "nobody"]
    assert [one.key for one in spool.saves()] == ["no-team"], "its trip may still come"


async def test_a_step_waits_for_its_trip_and_that_for_its_call(ready: Store) -> None:
    spool, saving = Spool(ready.home), Saving(ready, ready.home)
    spool.keep(save("t", 1, RequestTrip(trip=trip()), call=CallId("later")))
    spool.keep(save("s", 2, SENT))
    assert await saving.drain() == 0
    await ready.save_calls([call("later")])
    assert await saving.drain() == 2
    assert (await DispatchStore(ready).one("t")).sent_at == at(60)


async def test_who_waits_for_others_to_drain_adds_to_the_spool(
    ready: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "DRAINS_WITHIN_S", 0.0)
    spool = Spool(ready.home)
    spool.keep(ALL[0])

    async def drain_too(_: Save) -> None:
        with pytest.raises(StoreError, match="Others are bringing"):
            await Spool(ready.home).drain(drain_too)

    assert await spool.drain(drain_too) == 1


def test_two_saves_of_one_instant_whose_keys_look_alike_are_two_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for key in ("a-b", "ab", "x" * 100 + "1", "x" * 100 + "2"):
        spool.keep(save(key, 1, RequestTrip(trip=trip())))
    assert len(spool.saves()) == 4
    assert all(one.at - at(1) == timedelta(0) for one in spool.saves())
