"""Callers in the database: merged, split, held, their contacts and numbers shown to who may."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.callers import Sight
from ivr.dispatching import AskedBy, CoverKind, Dispatch
from ivr.errors import BadInput
from ivr.model import CallerRef, CallId, CountyId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.outcomes import OutcomeId, Risk
from ivr.people import Grant, Person, Role
from ivr.settings import Settings
from ivr.store.callers import CallerStore
from ivr.store.contacts import ContactStore
from ivr.store.decisions import Decisions
from ivr.store.dispatches import DispatchStore
from ivr.store.forms import FormStore
from ivr.store.holds import HoldKind, HoldStore
from ivr.store.store import Store
from ivr.store.tables import audit
from ivr.store.vault import Vault
from tests.edge.store_examples import FACTS, NOW, at, call

WHY = "asked by the court"
A, B, C = "a" * 32, "b" * 32, "c" * 32
ILAM = ProvinceId("ilam")


def called(name: str, pseudonym: str, **changes: Any) -> CallRecord:
    ref = CallerRef(pseudonym=pseudonym, ciphertext="1.c2VhbGVk")
    return call(name, caller=ref, ended_at=at(60), facts=FACTS, **changes)


@pytest.fixture
async def callers(store: Store) -> CallerStore:
    await store.save_calls(
        [
            called("1", A),
            called("2", B, arrived_at=at(10), province=ILAM),
            called("3", C, arrived_at=at(20)),
        ]
    )
    return CallerStore(store)


async def test_merged_callers_are_one_until_they_are_split(callers: CallerStore) -> None:
    one = await callers.merge(A, B, WHY, by="x", at=NOW)
    two = await callers.merge(C, A, WHY, by="x", at=NOW)
    assert await callers.same(B) == {A, B, C}
    assert await callers.provinces({A, B}) == {"markazi", "ilam"}
    with pytest.raises(BadInput, match="one caller already"):
        await callers.merge(B, C, WHY, by="x", at=NOW)
    undone = await callers.split(one.id, by="y", at=at(1))
    assert (undone.undone_by, undone.undone_at) == ("y", at(1))
    assert (await callers.same(A), await callers.same(B)) == ({A, C}, {B})
    assert await callers.links(A) == (undone, two)
    with pytest.raises(BadInput, match="No link 1 stands"):
        await callers.split(one.id, by="y", at=NOW)
    assert await callers.link(two.id) == two


async def test_what_is_unknown_is_not_merged(callers: CallerStore) -> None:
    with pytest.raises(BadInput, match="Nobody has called"):
        await callers.merge(A, "f" * 32, WHY, by="x", at=NOW)
    with pytest.raises(BadInput, match="at least 10 letters"):
        await callers.merge(A, B, "same", by="x", at=NOW)
    assert await callers.same(A) == {A}


async def test_each_act_is_in_the_trail_and_none_makes_a_line_read_its_rules_anew(
    store: Store, callers: CallerStore
) -> None:
    decisions = Decisions(store, seen=0)
    before = (await decisions.load(NOW)).revision
    link = await callers.merge(A, B, WHY, by="x", at=NOW)
    await callers.split(link.id, by="x", at=NOW)
    holds = HoldStore(store)
    hold = await holds.hold(HoldKind.CALLER, A, WHY, by="x", at=NOW)
    assert await holds.one(hold.id) == hold
    await holds.release(hold.id, by="x", at=NOW)
    assert await decisions.revision() == (await decisions.load(NOW)).revision == before
    rows = await store.rows(select(audit.c.action, audit.c.subject).order_by(audit.c.seq))
    assert [tuple(row.values()) for row in rows] == [
        ("callers.merge", A),
        ("callers.split", A),
        ("callers.hold", A),
        ("callers.release", A),
    ]


async def test_only_what_is_there_is_held_and_released_once(
    store: Store, callers: CallerStore
) -> None:
    holds = HoldStore(store)
    with pytest.raises(BadInput, match="There is no call '9'"):
        await holds.hold(HoldKind.CALL, "9", WHY, by="x", at=NOW)
    hold = await holds.hold(HoldKind.CALL, "1", WHY, by="x", at=NOW)
    assert await holds.standing() == (hold,)
    await holds.release(hold.id, by="x", at=NOW)
    assert await holds.standing() == ()
    with pytest.raises(BadInput, match="No hold 1 stands"):
        await holds.release(hold.id, by="x", at=NOW)


def in_another_process(chosen: Settings) -> list[str]:
    """The actions in the trail, as whoever opens the database now sees them."""

    async def actions() -> list[str]:
        async with await Store.open(chosen) as store:
            return [row["action"] for row in await store.rows(select(audit.c.action))]

    with ThreadPoolExecutor() as pool:
        return pool.submit(lambda: asyncio.run(actions())).result()


async def test_a_number_is_shown_only_when_it_stands_in_the_trail_that_it_was_asked_for(
    store: Store, chosen: Settings, tmp_path: Path
) -> None:
    vault = Vault.open(Settings(home=tmp_path / "vault"))
    secret = "02188" + "776655"
    await store.save_calls([call("5", caller=vault.seal(secret)), call("6")])
    callers = CallerStore(store)
    seen: list[list[str]] = []

    class Watched(Vault):
        def __init__(self) -> None:
            """Without keys of its own."""

        def reveal(self, ref: CallerRef) -> str:
            seen.append(in_another_process(chosen))
            return vault.reveal(ref)

    watched = Watched()
    told = await callers.reveal(watched, CallId("5"), WHY, by="boss", at=NOW)
    assert told == secret
    assert seen == [["callers.reveal"]]
    (row,) = await store.rows(select(audit))
    assert (row["action"], row["subject"], row["by"]) == ("callers.reveal", "5", "boss")
    assert secret not in str(dict(row))
    for name, why, words in (
        ("5", "curious", "at least 10 letters"),
        ("6", WHY, "the caller sent none"),
        ("7", WHY, "There is no call"),
    ):
        with pytest.raises(BadInput, match=words):
            await callers.reveal(watched, CallId(name), why, by="boss", at=NOW)
    assert len(await store.rows(select(audit))) == 1


def person(*grants: Grant, **changes: object) -> Person:
    values: dict[str, object] = {"id": "x", "name_fa": "نمونه", "grants": grants}
    return Person.model_validate(values | changes)


async def test_contacts_are_told_as_far_as_rights_go_newest_first(
    store: Store, callers: CallerStore
) -> None:
    await callers.merge(A, B, WHY, by="x", at=NOW)
    form = OutcomeForm(
        risk=Risk.HIGH, outcomes=(OutcomeItem(outcome=OutcomeId.MOBILE_TEAM),), note="برگشت"
    )
    await FormStore(store).save(form, call=CallId("1"), by="sara", at=NOW, key="k")
    await DispatchStore(store).request(trip("1"))
    contacts = ContactStore(store)
    at_saveh = person(desks=(DeskId("markazi-saveh"),))
    ilams, whole = await contacts.contacts(A, for_person=at_saveh, now=at(99))
    assert (ilams.sight, ilams.call, ilams.danger) == (Sight.BRIEF, None, True)
    assert (whole.sight, whole.call, whole.danger) == (Sight.FULL, "1", True)
    assert whole.form is not None
    assert (whole.form.note, whole.form.outcomes) == ("برگشت", ("mobile_team",))
    assert [one.team for one in whole.trips] == ["team-saveh"]
    auditor = person(Grant(role=Role.AUDITOR, province=ILAM))
    (only,) = await contacts.contacts(A, for_person=auditor, now=at(99))
    assert (only.call, only.province) == ("2", "ilam")
    assert await contacts.contacts(A, for_person=person(), now=at(99)) == ()
    assert await contacts.contacts(A, for_person=at_saveh, now=NOW - timedelta(1)) == ()
    (newest,) = await contacts.contacts(A, for_person=at_saveh, now=at(99), limit=1)
    assert newest == ilams


def trip(of: str | None) -> Dispatch:
    return Dispatch(
        id=0,
        key=f"trip-{of}",
        call=CallId(of) if of else None,
        province=ProvinceId("markazi"),
        county=CountyId("markazi-saveh"),
        team="team-saveh",
        team_county=CountyId("markazi-saveh"),
        cover=CoverKind.OWN,
        asked_by=AskedBy.CALL,
        requested_at=NOW,
        by="sara",
        at=NOW,
    )
