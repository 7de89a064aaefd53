"""What people tell the floor through the database: kept, sealed, taken once, or not at all."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from ivr import events as ev
from ivr.act_watch import ActWatch
from ivr.audit import AuditEntry
from ivr.errors import BadInput, NotAllowed, StoreError
from ivr.floor_acts import ActKind, FloorAct, PauseReason
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.model.record import CallRecord
from ivr.people import Grant, Person, Role
from ivr.store.decisions import Decisions
from ivr.store.floor_acts import FRESH_S, FloorActStore
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit, floor_acts
from tests.edge.store_examples import call as call_record

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
MARKAZI = ProvinceId("markazi")


def somebody(name: str, *desks: str, **grant: str) -> Person:
    grants = (Grant.model_validate({"role": Role.SUPERVISOR, **grant}),) if grant else ()
    return Person(
        id=CounsellorId(name),
        name_fa="نمونه",
        desks=tuple(DeskId(desk) for desk in desks),
        grants=grants,
    )


ALI = somebody("ali", "markazi-saveh")
SARA = somebody("sara", "markazi-arak", "markazi-saveh")
BOSS = somebody("boss", province="markazi")
SAVEH_BOSS = somebody("saveh-boss", province="markazi", desk="markazi-saveh")
ILAM_BOSS = somebody("ilam-boss", province="ilam")
ADMIN = Person(
    id=CounsellorId("admin"),
    name_fa="نمونه",
    grants=(Grant(role=Role.ADMIN, province=MARKAZI),),
)


@pytest.fixture
async def acts(store: Store) -> FloorActStore:
    await PeopleStore(store).take_in([ALI, SARA, BOSS], by="local", now=NOW, passwords={})
    return FloorActStore(store)


class Line:
    """A running line as far as acts go; `now` is its clock."""

    def __init__(self, acts: FloorActStore) -> None:
        self.told: list[ev.Event] = []
        self.now = NOW
        self._watch = ActWatch(acts, self.told.append, lambda: self.now)

    async def look(self) -> list[ev.Event]:
        """What it heard by now."""
        await self._watch.look()
        return self.told


async def trail(store: Store) -> list[tuple[str, str, str]]:
    rows = await store.rows(select(audit).order_by(audit.c.seq))
    found = [(row["action"], row["subject"], row["by"]) for row in rows]
    return [entry for entry in found if entry[0].startswith("floor.")]


async def test_an_act_is_taken_once_and_stands_in_the_trail(
    store: Store, acts: FloorActStore
) -> None:
    line = Line(acts)
    number = await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW, reason=PauseReason.MEAL)
    paused = ev.CounsellorPaused(counsellor=ALI.id, reason="meal")
    assert await line.look() == [paused]
    assert await line.look() == [paused]
    assert await acts.is_taken_in(number, by="ali", now=lambda: NOW)
    assert await trail(store) == [("floor.pause", "ali", "ali")]
    rows = await store.rows(select(audit).where(audit.c.action == "floor.pause"))
    assert rows[0]["detail"] == {"act": number, "reason": "meal"}
    assert (rows[0]["province"], rows[0]["desk"]) == ("markazi", "markazi-saveh")


async def test_acts_come_in_their_order(acts: FloorActStore) -> None:
    for kind in (ActKind.PAUSE, ActKind.RESUME, ActKind.EXTEND_WRAP_UP, ActKind.END_WRAP_UP):
        await acts.tell(ALI, kind, "ali", now=NOW, more_s=60)
    assert await Line(acts).look() == [
        ev.CounsellorPaused(counsellor=ALI.id, reason="break"),
        ev.CounsellorResumed(counsellor=ALI.id),
        ev.WrapUpExtended(counsellor=ALI.id, by_s=60),
        ev.WrapUpEnded(counsellor=ALI.id),
    ]


async def test_a_line_that_starts_hears_only_what_is_fresh(acts: FloorActStore) -> None:
    await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW)
    line = Line(acts)
    line.now = NOW + timedelta(seconds=FRESH_S + 1)
    await acts.tell(ALI, ActKind.RESUME, "ali", now=NOW + timedelta(seconds=FRESH_S))
    assert await line.look() == [ev.CounsellorResumed(counsellor=ALI.id)]


async def test_what_was_not_taken_in_time_is_never_taken(store: Store, acts: FloorActStore) -> None:
    """Who was told that nothing happened can rely on it."""
    number = await acts.tell(BOSS, ActKind.PAUSE, "ali", now=NOW)
    assert not await acts.is_taken_in(number, by="boss", now=lambda: NOW, within_s=0)
    assert await Line(acts).look() == []
    assert await trail(store) == [("floor.pause", "ali", "boss"), ("floor.withdraw", "ali", "boss")]


async def test_who_waits_is_told_as_soon_as_the_line_has_it(acts: FloorActStore) -> None:
    line = Line(acts)
    number = await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW)
    waiting = asyncio.create_task(acts.is_taken_in(number, by="ali", now=lambda: NOW, within_s=60))
    await line.look()
    assert await waiting


async def test_what_the_line_took_at_the_last_moment_is_not_withdrawn(
    store: Store, acts: FloorActStore
) -> None:
    number = await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW)
    await Line(acts).look()
    assert await acts.is_taken_in(number, by="ali", now=lambda: NOW, within_s=0)
    assert await trail(store) == [("floor.pause", "ali", "ali")]


async def test_of_two_lines_one_takes_it(acts: FloorActStore) -> None:
    await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW)
    lines = Line(acts), Line(acts)
    await asyncio.gather(*(line.look() for line in lines))
    assert sorted(len(line.told) for line in lines) == [0, 1]


@pytest.mark.parametrize(
    ("actor", "kind", "counsellor", "allowed"),
    [
        (ALI, ActKind.PAUSE, "ali", True),
        (ALI, ActKind.ASK_FOR_BREAK, "ali", True),
        (ALI, ActKind.GRANT_BREAK, "ali", False),
        (ALI, ActKind.PAUSE, "sara", False),
        (BOSS, ActKind.GRANT_BREAK, "ali", True),
        (BOSS, ActKind.PAUSE, "sara", True),
        (SAVEH_BOSS, ActKind.RESUME, "ali", True),
        (SAVEH_BOSS, ActKind.PAUSE, "sara", True),  # who sits at Saveh as well
        (ILAM_BOSS, ActKind.PAUSE, "ali", False),
        (ADMIN, ActKind.PAUSE, "ali", False),
    ],
)
async def test_who_may_tell_the_floor_of_whom(
    store: Store,
    acts: FloorActStore,
    actor: Person,
    kind: ActKind,
    counsellor: str,
    *,
    allowed: bool,
) -> None:
    if allowed:
        await acts.tell(actor, kind, counsellor, now=NOW)
        assert len(await trail(store)) == 1
    else:
        with pytest.raises(NotAllowed, match="Nothing was changed"):
            await acts.tell(actor, kind, counsellor, now=NOW)
        assert await trail(store) == []
        assert await Line(acts).look() == []


@pytest.mark.parametrize("name", ["nobody", "boss"])
async def test_nobody_and_who_sits_at_no_desk_cannot_be_paused(
    acts: FloorActStore, name: str
) -> None:
    with pytest.raises(BadInput, match="is no counsellor"):
        await acts.tell(BOSS, ActKind.PAUSE, name, now=NOW)


@pytest.mark.parametrize("more_s", [0.0, -1.0, float("nan"), float("inf"), 3601.0])
async def test_a_wrap_up_is_lengthened_by_a_time_that_makes_sense(
    acts: FloorActStore, more_s: float
) -> None:
    with pytest.raises(BadInput, match="how many seconds"):
        await acts.tell(ALI, ActKind.EXTEND_WRAP_UP, "ali", now=NOW, more_s=more_s)


def lost(**changes: object) -> CallRecord:
    return call_record("c1", province=MARKAZI, lost_at=NOW, **changes)


async def test_a_lost_call_is_taken_up_by_a_supervisor_of_its_province(
    acts: FloorActStore,
) -> None:
    await acts.acknowledge(BOSS, lost(), now=NOW)
    assert await Line(acts).look() == [ev.SupervisorAcknowledged(call=lost().call, by="boss")]


@pytest.mark.parametrize("actor", [ALI, SAVEH_BOSS, ILAM_BOSS, ADMIN])
async def test_nobody_else_takes_up_a_lost_call(acts: FloorActStore, actor: Person) -> None:
    with pytest.raises(NotAllowed):
        await acts.acknowledge(actor, lost(), now=NOW)


async def test_what_was_not_lost_or_was_taken_up_is_refused(acts: FloorActStore) -> None:
    with pytest.raises(BadInput, match="not lost in danger"):
        await acts.acknowledge(BOSS, call_record("c1", province=MARKAZI), now=NOW)
    with pytest.raises(BadInput, match="taken up by sara"):
        await acts.acknowledge(BOSS, lost(acknowledged_at=NOW, acknowledged_by="sara"), now=NOW)


async def test_an_act_of_a_later_version_stops_nobody(store: Store, acts: FloorActStore) -> None:
    values = {
        "kind": "sing",
        "subject": "ali",
        "reason": "break",
        "more_s": 0,
        "by": "x",
        "at": NOW,
    }
    async with store.writing() as connection:
        await connection.execute(insert(floor_acts).values(values))
    await acts.tell(ALI, ActKind.RESUME, "ali", now=NOW)
    assert await Line(acts).look() == [ev.CounsellorResumed(counsellor=ALI.id)]


async def test_without_a_database_the_line_goes_on() -> None:
    class Away:
        async def take(self, _now: datetime) -> tuple[FloorAct, ...]:
            raise StoreError("away")

    told: list[ev.Event] = []
    await ActWatch(Away(), told.append, lambda: NOW).look()
    assert told == []


async def test_acts_do_not_put_everything_in_force_anew(store: Store, acts: FloorActStore) -> None:
    decisions = Decisions(store, seen=0)
    at_first = (await decisions.load(NOW)).revision
    await acts.tell(ALI, ActKind.PAUSE, "ali", now=NOW)
    assert await decisions.revision() == at_first
    entry = AuditEntry(at=NOW, by="boss", action="duty.close", subject="1")
    async with store.writing() as connection:
        closed = await store.note_decision(connection, entry)
    await acts.tell(ALI, ActKind.RESUME, "ali", now=NOW)
    assert await decisions.revision() == closed + 1 > at_first
    assert await decisions.revision() == (await decisions.load(NOW)).revision == closed + 1
