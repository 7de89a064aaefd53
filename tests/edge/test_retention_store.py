"""Erasing by days and on request: what is gone is gone from the files, and no figure changes."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import BadInput, StoreError
from ivr.events import CallArrived, CallHungUp, CallsRestored, Event
from ivr.model import CallerRef, CallId, ProvinceId
from ivr.model.location import CallLocation
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem, PersonsServed
from ivr.outcomes import OutcomeId
from ivr.reports.figures import Scope
from ivr.reports.period import parse_period
from ivr.retention import OF_ALL_PROVINCES, Due, Erased, Kind, Term
from ivr.settings import Settings
from ivr.store import retention
from ivr.store.callers import CallerStore
from ivr.store.dispatches import DispatchStore
from ivr.store.forgetting import ErasureStore
from ivr.store.forms import FormStore
from ivr.store.holds import HoldKind, HoldStore, lock_holds
from ivr.store.outcome_tables import (
    answers,
    caller_links,
    deliveries,
    dispatches,
    forms,
    holds,
    persons,
    visits,
    webhooks,
)
from ivr.store.records import JournalEntry
from ivr.store.reports import ReportStore
from ivr.store.retention import RetentionStore
from ivr.store.store import Store
from ivr.store.tables import audit, calls, metadata, outcomes
from ivr.store.traces import compact, empty_log
from tests.edge.store_examples import NOW, at, full_call, killed_after_telling, settings
from tests.edge.test_callers_store import trip

WHY = "asked by the caller"
MARKAZI = ProvinceId("markazi")
LATER = NOW + timedelta(days=9)
A, B = "a" * 32, "b" * 32
NOTE = "نشانی خانه کوچه‌ی بهار"
COUNTED = (calls, outcomes, forms, persons, dispatches, visits)


def term(kind: Kind, until_at: Any = LATER) -> Term:
    of_all = kind in OF_ALL_PROVINCES
    return Term(kind=kind, province=None if of_all else MARKAZI, until_at=until_at)


ALL = tuple(term(kind) for kind in Kind)


def called(name: str, pseudonym: str = A, **changes: Any) -> CallRecord:
    """An ended call with everything that may be erased in it."""
    whole = {slot: getattr(full_call(name), slot) for slot in CallRecord.__slots__}
    ref = CallerRef(
        pseudonym=pseudonym, ciphertext=f"1.sealed-{name}", raw_ciphertext=f"1.raw-{name}"
    )
    return CallRecord(**whole | {"caller": ref, "location": CallLocation()} | changes)


async def fill(store: Store, *records: CallRecord) -> None:
    """These calls, with forms, a trip each, drafts, deliveries and what the journal has of them."""
    await store.save_calls(records)
    for record in records:
        name = record.call
        item = OutcomeItem(outcome=OutcomeId.MOBILE_TEAM, note=f"{NOTE} item {name}")
        form = OutcomeForm(
            outcomes=(item,), persons=(PersonsServed(count=2),), note=f"{NOTE} form {name}"
        )
        kept = FormStore(store)
        await kept.save(form, call=name, by="sara", at=at(1), key=f"1-{name}")
        await kept.save(form, call=name, by="sara", at=at(2), key=f"2-{name}")
        await kept.draft(name, form, by="sara", at=at(3))
        await add_referrals(store, name)
    await store.append_journal(list(events(records)))


def events(records: tuple[CallRecord, ...]) -> Iterator[JournalEntry]:
    told: list[Event] = []
    for record in records:
        told.append(
            CallArrived(
                call=record.call,
                province=record.province,
                line="123",
                caller=record.caller,
                arrived_at=NOW,
            )
        )
        told.append(CallHungUp(call=record.call))
    told.append(CallsRestored(records=records))
    for seq, event in enumerate(told, 1):
        yield JournalEntry(epoch=1, seq=seq, at=at(seq), event=event)


async def add_referrals(store: Store, of: CallId | None) -> None:
    """A trip that is over, and a message on it to another system, delivered."""
    gone = replace(trip(of), note=f"{NOTE} trip {of}", result=f"{NOTE} result {of}")
    await DispatchStore(store).request(replace(gone, sent_at=at(5), closed_at=at(6)))
    if of is not None:
        async with store.writing() as connection:
            await connection.execute(insert(deliveries).values(delivery(of)))


def delivery(of: CallId, **changes: Any) -> dict[str, Any]:
    values = {"webhook": 1, "event": f"outcome-{of}", "kind": "outcome", "at": at(7), "tries": 1}
    return values | {"body": {"data": {"call": of, "note": f"{NOTE} sent {of}"}}} | changes


@pytest.fixture
async def filled(store: Store) -> Store:
    async with store.writing() as connection:
        flags = {one.name: False for one in webhooks.c if isinstance(one.type, Boolean)}
        hook = {"url": "", "secret": "", "events": [], "by": "x", "at": NOW, **flags}
        await connection.execute(insert(webhooks).values(id=1, **hook))
    await fill(store, called("1"), called("2"), called("3", B))
    await add_referrals(store, None)
    return store


def eraser(store: Store) -> RetentionStore:
    return RetentionStore(store, pause_s=0)


async def everything(store: Store, *but: str) -> str:
    """All rows of all tables as text; JSON with its letters as they are."""
    names = [name for name in metadata.tables if name not in {"audit", *but}]
    rows = [dict(row) for name in names for row in await store.rows(select(metadata.tables[name]))]
    return json.dumps(rows, ensure_ascii=False, default=str)


async def counts(store: Store) -> dict[str, int]:
    found = {}
    for table in COUNTED:
        (row,) = await store.rows(select(func.count().label("rows")).select_from(table))
        found[table.name] = row["rows"]
    return found


async def test_all_that_is_due_is_erased_and_no_figure_changes(filled: Store) -> None:
    reports, period = ReportStore(filled), parse_period("1405/09/01", "1405/09/30")
    before, counted = await reports.report(Scope(province=MARKAZI), period), await counts(filled)
    due = {one.kind: one.rows for one in await eraser(filled).due(ALL)}
    assert due == {
        Kind.DRAFTS: 3,
        Kind.LOCATIONS: 3,
        Kind.NOTES: 4,  # a trip has no call
        Kind.JOURNAL: 7,
        Kind.DELIVERIES: 3,
        Kind.NUMBERS: 3,
        Kind.PSEUDONYMS: 3,
    }
    for trace in (NOTE, A, B, "sealed-", "raw-"):
        assert trace in await everything(filled)
    erased = await eraser(filled).erase(ALL)
    assert {kind: rows for (kind, _), rows in erased.items()} == due
    assert await eraser(filled).due(ALL) == ()
    left = await everything(filled)
    for trace in (NOTE, A, B, "sealed-", "raw-"):
        assert trace not in left
    assert await counts(filled) == counted
    after = await reports.report(Scope(province=MARKAZI), period)
    assert after == before
    assert any(figure.now.number for figure in after.figures)
    forms_left = await FormStore(filled).history(CallId("1"))
    assert [one.form.persons[0].count for one in forms_left] == [2, 2]
    record = await filled.load_call(CallId("1"))
    assert record is not None
    assert (record.caller, record.location) == (None, None)


async def test_a_number_goes_before_its_pseudonym_and_the_call_can_be_read(filled: Store) -> None:
    await eraser(filled).erase([term(Kind.NUMBERS)])
    record = await filled.load_call(CallId("1"))
    assert record is not None
    assert record.caller == CallerRef(pseudonym=A, ciphertext="")
    assert "sealed-" not in await everything(filled, "journal")
    with pytest.raises(BadInput, match="it was erased"):
        await CallerStore(filled).reveal(None, CallId("1"), WHY, by="x", at=NOW)  # type: ignore[arg-type]


async def test_what_is_younger_open_of_another_province_or_at_work_stays(filled: Store) -> None:
    young = tuple(term(kind, NOW) for kind in Kind)
    assert await eraser(filled).due(young) == ()
    other = called("8", province=ProvinceId("ilam"))
    open_one = called("9", ended_at=None, end=None)
    await filled.save_calls([other, open_one])
    await FormStore(filled).save(
        OutcomeForm(note=f"{NOTE} open"), call=CallId("9"), by="x", at=NOW, key="9"
    )
    await DispatchStore(filled).request(replace(trip("1"), key="under way"))
    await eraser(filled).erase(ALL)
    assert await filled.load_call(CallId("8")) == other
    assert await filled.load_call(CallId("9")) == open_one
    left = await everything(filled)
    assert f"{NOTE} open" in left
    assert f"{NOTE} form 1" in left  # a team is under way
    assert f"{NOTE} form 2" not in left


@pytest.mark.parametrize("kind", HoldKind)
async def test_a_hold_wins_until_it_is_released(filled: Store, kind: HoldKind) -> None:
    await CallerStore(filled).merge(A, B, WHY, by="x", at=NOW)
    subject, held = ("1", {"1"}) if kind is HoldKind.CALL else (B, {"1", "2", "3"})
    hold = await HoldStore(filled).hold(kind, subject, WHY, by="x", at=NOW)
    await eraser(filled).erase(ALL)
    left = await everything(filled)
    for name in "123":
        for trace in (f"form {name}", f"sealed-{name}", f"sent {name}", f"trip {name}"):
            assert (f'{trace}"' in left or f"{trace}'" in left) == (name in held), trace
    await HoldStore(filled).release(hold.id, by="x", at=NOW)
    await eraser(filled).erase(ALL)
    left = await everything(filled)
    assert NOTE not in left
    assert "sealed-" not in left
    assert not await filled.rows(select(caller_links))


async def test_what_saves_were_answered_goes_after_its_time(filled: Store) -> None:
    await filled.save_calls([called("9", ended_at=None, end=None)])
    await HoldStore(filled).hold(HoldKind.CALL, "2", WHY, by="x", at=NOW)
    said = {"old": ("1", NOW), "of none": (None, NOW), "held": ("2", NOW), "open": ("9", NOW)}
    said["young"] = ("1", LATER)
    rows = [
        {"key": key, "about": "follow_ups 1 done", "answer": {"call": call}, "at": when}
        for key, (call, when) in said.items()
    ]
    async with filled.writing() as connection:
        await connection.execute(insert(answers), rows)
    wanted = [term(Kind.ANSWERS)]
    (due,) = await eraser(filled).due(wanted)
    assert (due.kind, due.province, due.rows, due.oldest_at) == (Kind.ANSWERS, None, 2, NOW)
    assert len(await filled.rows(select(answers))) == len(said)  # to ask erases nothing
    assert (await eraser(filled).erase(wanted)).total() == 2
    assert {row["key"] for row in await filled.rows(select(answers))} == {"held", "open", "young"}
    assert await eraser(filled).due(wanted) == ()


async def test_a_hold_that_comes_between_two_looks_is_kept(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held_meanwhile(connection: AsyncConnection) -> None:
        monkeypatch.undo()
        row = {"kind": "call", "subject": "1", "reason": WHY, "by": "x", "at": NOW}
        await connection.execute(insert(holds).values(row))

    monkeypatch.setattr(retention, "lock_holds", held_meanwhile)
    await eraser(filled).erase([term(Kind.NOTES)])
    left = await everything(filled, "drafts")
    assert f"{NOTE} form 1" in left
    assert f"{NOTE} form 2" not in left


async def test_a_run_that_broke_off_goes_on(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = 0

    async def fail_at_the_third(connection: AsyncConnection) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise StoreError("away")
        await lock_holds(connection)

    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "lock_holds", fail_at_the_third)
    erased = Erased()
    with pytest.raises(StoreError):
        await eraser(filled).erase(ALL, erased)
    assert erased == {(Kind.DRAFTS, MARKAZI): 2}, "what was done before it broke off"
    due = {one.kind: one.rows for one in await eraser(filled).due(ALL)}
    assert due[Kind.DRAFTS] == 1
    await eraser(filled).erase(ALL)
    assert await eraser(filled).due(ALL) == ()


async def test_a_run_is_in_the_trail(filled: Store) -> None:
    found = await eraser(filled).due([term(Kind.NUMBERS)])
    assert found == (Due(kind=Kind.NUMBERS, province=MARKAZI, rows=3, oldest_at=at(340.25)),)
    await eraser(filled).note(found, by="boss", at=NOW)
    (row,) = await filled.rows(select(audit))
    assert (row["action"], row["detail"]["due"][0]["rows"]) == ("retention.run", 3)


async def test_a_caller_is_erased_on_request_in_every_table(filled: Store) -> None:
    erasing = ErasureStore(filled)
    wanted = await erasing.plan(HoldKind.CALLER, A)
    assert (wanted.calls, wanted.held, wanted.not_over) == (2, 0, 0)
    assert wanted.provinces == (MARKAZI,)
    assert NOTE in await everything(filled)
    counted = await counts(filled)
    await erasing.erase(wanted, WHY, by="boss", at=NOW)
    left = await everything(filled)
    for name in "12":
        for trace in ("form", "item", "trip", "result", "sent"):
            assert f"{NOTE} {trace} {name}" not in left
        assert f"sealed-{name}" not in left
    assert A not in left
    for trace in (f"{NOTE} form 3", "sealed-3", B):
        assert trace in left
    assert await counts(filled) == counted
    entries = await filled.read_journal(1)
    assert [type(entry.event).__name__ for entry in entries].count("CallArrived") == 1
    (row,) = await filled.rows(select(audit))
    assert (row["action"], row["subject"], row["detail"]["calls"]) == ("callers.erase", A, 2)


async def test_one_call_is_erased_alone_and_what_is_held_not_at_all(filled: Store) -> None:
    erasing = ErasureStore(filled)
    await HoldStore(filled).hold(HoldKind.CALL, "2", WHY, by="x", at=NOW)
    both = await erasing.plan(HoldKind.CALLER, A)
    assert (both.calls, both.held) == (1, 1)
    await erasing.erase(both, WHY, by="x", at=NOW)
    left = await everything(filled)
    assert ("sealed-1" in left, "sealed-2" in left) == (False, True)
    await erasing.erase(await erasing.plan(HoldKind.CALL, "3"), WHY, by="x", at=NOW)
    assert B not in await everything(filled)
    with pytest.raises(BadInput, match="at least 10 letters"):
        await erasing.erase(both, "no", by="x", at=NOW)


def on_disk(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("line123.sqlite*")))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_files_have_nothing_left_of_it(filled: Store, chosen: Settings) -> None:
    await fill(filled, *(called(f"more-{number}") for number in range(150)))
    escaped = json.dumps(NOTE).strip('"').encode()  # as JSON columns have it
    traces = (NOTE.encode(), escaped, A.encode(), b"sealed-", b"raw-")
    assert all(trace in on_disk(chosen.home) for trace in traces)
    await eraser(filled).erase(ALL)
    assert await empty_log(filled)
    assert await compact(filled)
    assert not [trace for trace in traces if trace in on_disk(chosen.home)]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_postgresql_compacts_by_its_own_means(store: Store) -> None:
    assert await empty_log(store)
    with pytest.raises(BadInput, match="vacuumdb --full"):
        await compact(store)


_ERASE_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from tests.edge import test_retention_store as kit
asyncio.run(kit.erase_and_wait(Path(sys.argv[1])))
"""


async def erase_and_wait(home: Path) -> None:
    """Stand still in the middle of the fourth batch, with its rows blanked and not on disk."""
    blank, batches = dict(retention.ERASE), 0

    async def wait_at_the_fourth(connection: AsyncConnection, of: Any) -> None:
        nonlocal batches
        await blank[Kind.NOTES](connection, of)
        batches += 1
        if batches == 4:
            os.write(1, b"erased\n")
            await asyncio.Event().wait()

    retention.BATCH = 1
    retention.ERASE = {**blank, Kind.NOTES: wait_at_the_fourth}
    async with await Store.open(settings(home)) as store:
        await eraser(store).erase([term(Kind.NOTES)])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_after_kill_9_all_of_a_batch_is_there_or_nothing_and_the_next_run_goes_on(
    filled: Store, chosen: Settings
) -> None:
    await fill(filled, called("4"), called("5"))
    assert await asyncio.to_thread(killed_after_telling, _ERASE_AND_WAIT, chosen.home, "erased")
    left = await everything(filled, "drafts")
    assert sum(f"{NOTE} form {name}" in left for name in "12345") == 2
    (due,) = await eraser(filled).due([term(Kind.NOTES)])
    assert due.rows == 2 + 1
    await eraser(filled).erase([term(Kind.NOTES)])
    assert await eraser(filled).due([term(Kind.NOTES)]) == ()
