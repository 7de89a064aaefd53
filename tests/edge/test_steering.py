"""A running line follows what people decide and what time brings, with a database or without."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, insert, update

from ivr.audit import AuditEntry
from ivr.controller import Clock, SetClock
from ivr.duty import Closure, ClosureKind, DutyBook
from ivr.errors import BadInput, StoreError
from ivr.floor_view import AtWork
from ivr.in_force import InForce, NotTakenIn
from ivr.model import CallId, DeskId
from ivr.outcomes import OutcomeId
from ivr.settings import Settings
from ivr.steering import Outcomes, OutcomeWatch, Steering
from ivr.store.in_force import load_in_force
from ivr.store.outcome_news import OutcomeNews
from ivr.store.store import Store
from ivr.store.tables import closures, people, roster
from tests.edge.store_examples import add_outcome
from tests.edge.store_examples import call as record

AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
FIRST = InForce(rules=(), people=(), revision=1)


def closed(from_s: float, until_s: float) -> DutyBook:
    closure = Closure(
        id=1,
        desk=DeskId("markazi-saveh"),
        kind=ClosureKind.EVACUATED,
        reason="",
        from_at=AT + timedelta(seconds=from_s),
        until_at=AT + timedelta(seconds=until_s),
    )
    return DutyBook(closures=(closure,))


@dataclass
class World:
    """The database, the clock and the line, in a test's hands."""

    stored: InForce = FIRST
    away: bool = False
    unreadable: bool = False
    refused: bool = False
    now: datetime = AT
    taken: list[InForce] = field(default_factory=list)
    told: list[bool] = field(default_factory=list)
    not_taken_in: list[NotTakenIn] = field(default_factory=list)

    def steering(self) -> Steering:
        return Steering(
            self,
            self.take,
            lambda: self.now,
            self.stored,
            tell_reachable=self.told.append,
            tell_not_taken_in=self.not_taken_in.append,
        )

    async def revision(self) -> int:
        if self.away:
            raise StoreError("away")
        return self.stored.revision

    async def load(self, _at: datetime) -> InForce:
        if self.away or self.unreadable:
            raise StoreError("away")
        return self.stored

    async def take(self, in_force: InForce) -> None:
        if self.refused:
            raise BadInput("does not fit")
        self.taken.append(in_force)


async def test_what_nobody_changed_is_not_taken_in_again() -> None:
    world = World()
    steering = world.steering()
    await steering.look()
    assert world.taken == []


async def test_a_decision_is_taken_in_once() -> None:
    world = World()
    steering = world.steering()
    world.stored = replace(FIRST, revision=2)
    await steering.look()
    await steering.look()
    assert [it.revision for it in world.taken] == [2]


async def test_the_beginning_and_the_end_of_a_closure_come_by_themselves() -> None:
    world = World(stored=replace(FIRST, book=closed(10, 20)))
    steering = world.steering()
    for seconds in (0, 9, 10, 11, 19, 20, 30):
        world.now = AT + timedelta(seconds=seconds)
        await steering.look()
    assert len(world.taken) == 2


async def test_a_closure_ends_also_while_the_database_is_away() -> None:
    world = World(stored=replace(FIRST, book=closed(-10, 20)), away=True)
    steering = world.steering()
    world.now = AT + timedelta(seconds=20)
    await steering.look()
    await steering.look()
    assert world.taken == [world.stored]


async def test_what_was_decided_while_the_database_was_away_is_taken_in_afterwards() -> None:
    world = World()
    steering = world.steering()
    world.away, world.stored = True, replace(FIRST, revision=2)
    await steering.look()
    assert world.taken == []
    world.away = False
    await steering.look()
    assert [it.revision for it in world.taken] == [2]


async def test_a_kept_copy_gives_way_to_the_database_even_where_nothing_was_decided() -> None:
    world = World(stored=replace(FIRST, from_copy=True), away=True)
    steering = world.steering()
    await steering.look()
    assert world.taken == []
    world.away, world.stored = False, FIRST
    await steering.look()
    await steering.look()
    assert world.taken == [FIRST]


async def test_a_copy_stays_where_the_database_has_nothing_yet() -> None:
    world = World(stored=replace(FIRST, from_copy=True, revision=0))
    steering = world.steering()
    world.stored = replace(FIRST, revision=0)
    await steering.look()
    assert world.taken == []


async def test_whether_decisions_arrive_is_told_once_each_way() -> None:
    world = World()
    steering = world.steering()
    for away in (False, True, True, False, False):
        world.away = away
        await steering.look()
    assert world.told == [False, True]


async def test_a_scheduled_version_comes_in_force_at_its_hour() -> None:
    world = World(stored=replace(FIRST, next_rules_at=AT + timedelta(seconds=5)))
    steering = world.steering()
    world.now = AT + timedelta(seconds=5)
    world.stored = FIRST
    await steering.look()
    await steering.look()
    assert len(world.taken) == 1


async def test_a_version_whose_hour_came_without_a_database_is_taken_in_afterwards() -> None:
    world = World(stored=replace(FIRST, next_rules_at=AT + timedelta(seconds=5)))
    steering = world.steering()
    world.now, world.away = AT + timedelta(seconds=5), True
    await steering.look()
    world.away, world.stored = False, FIRST
    await steering.look()
    await steering.look()
    assert world.taken[1:] == [FIRST]


async def test_what_cannot_be_read_is_told_once_until_it_can() -> None:
    world = World()
    steering = world.steering()
    world.stored, world.unreadable = replace(FIRST, revision=2), True
    for _ in range(3):
        await steering.look()
    world.unreadable = False
    await steering.look()
    assert world.told == [False, True]
    assert [it.revision for it in world.taken] == [2]


async def test_what_does_not_fit_leaves_the_line_alone_and_the_next_decision_mends_it() -> None:
    world = World(refused=True)
    steering = world.steering()
    world.stored = replace(FIRST, revision=2)
    await steering.look()
    world.refused, world.stored = False, replace(FIRST, revision=3)
    await steering.look()
    assert [it.revision for it in world.taken] == [3]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (roster, "kind", "bogus"),
        (closures, "kind", "bogus"),
        (people, "person", "no object"),
    ],
)
async def test_values_of_no_form_of_ours_are_a_store_that_cannot_be_used(
    tmp_path: Path, table: Table, column: str, value: str
) -> None:
    """The line would end, start again, and end again."""
    span = {"from_at": AT, "until_at": AT + timedelta(hours=1), "by": "boss", "at": AT}
    rows: dict[str, dict[str, object]] = {
        "roster": {"desk": "markazi-saveh", "counsellor": "a", "kind": "desk", **span},
        "closures": {"desk": "markazi-saveh", "kind": "evacuated", "reason": "x", **span},
        "people": {"id": "a", "person": {"id": "a", "name_fa": "a"}},
    }
    async with await Store.open(Settings(home=tmp_path)) as store:
        async with store.writing() as connection:
            await connection.execute(insert(table).values(rows[table.name]))
        await load_in_force(store, AT)
        async with store.writing() as connection:
            await connection.execute(update(table).values({column: value}))
        with pytest.raises(StoreError):
            await load_in_force(store, AT)


@dataclass
class Desks:
    """What counsellors work at, in a test's hands, and what was told of it."""

    talking: frozenset[CallId] = frozenset()
    wrapped_up: frozenset[CallId] = frozenset()
    told: list[CallId] = field(default_factory=list)

    def at_work(self) -> AtWork:
        return AtWork(self.talking, self.wrapped_up)

    def watch(self, source: Outcomes) -> OutcomeWatch:
        return OutcomeWatch(source, self.at_work, self.told.append)


C1, C2 = CallId("c1"), CallId("c2")


async def test_forms_are_told_once_whoever_saves_them(store: Store, chosen: Settings) -> None:
    desks = Desks(talking=frozenset({C1, C2}))
    await store.save_calls([record(call) for call in (C1, C2)])
    watch = desks.watch(OutcomeNews(store))
    await add_outcome(store, C1, OutcomeId.TEST, by="in the talk", at=AT)
    await watch.look()
    desks.talking, desks.wrapped_up = frozenset(), frozenset({C1, C2})
    await watch.look()
    assert desks.told == []
    async with await Store.open(chosen) as another:
        await add_outcome(another, C2, OutcomeId.PHONE_RESOLVED, by="sara", at=AT)
        await watch.look()
        await add_outcome(another, C1, OutcomeId.PHONE_RESOLVED, by="ali", at=AT)
    await watch.look()
    await watch.look()
    assert desks.told == [C2, C1]


async def test_of_calls_that_nobody_works_at_nothing_is_asked(store: Store) -> None:
    await store.save_calls([record(C1)])
    await add_outcome(store, C1, OutcomeId.TEST, by="sara", at=AT)
    desks = Desks()
    source = AwayAtFirst()
    await desks.watch(source).look()
    await desks.watch(OutcomeNews(store)).look()
    assert (source.asked, desks.told) == (0, [])


@dataclass
class AwayAtFirst:
    away: bool = True
    asked: int = 0

    async def forms_of(self, of: Collection[CallId]) -> Mapping[CallId, frozenset[int]]:
        self.asked += 1
        if self.away:
            raise StoreError("away")
        return dict.fromkeys(of, frozenset({1}))


async def test_forms_are_told_when_the_database_is_back() -> None:
    desks, source = Desks(wrapped_up=frozenset({C1})), AwayAtFirst()
    watch = desks.watch(source)
    await watch.look()
    assert desks.told == []
    source.away = False
    await watch.look()
    await watch.look()
    assert desks.told == [C1]


async def test_the_wall_of_a_served_line_follows_a_clock_that_was_set() -> None:
    """Its own clock neither jumps nor runs back; what people date goes by the machine's."""
    began_at = datetime.now(UTC) - timedelta(minutes=10)  # as if it had been set on since
    clock = SetClock(started_at=began_at)
    assert clock.now() - began_at < timedelta(minutes=1)
    assert datetime.now(UTC) - clock.wall() < timedelta(minutes=1)
    played = Clock(started_at=began_at)
    assert played.wall() - began_at < timedelta(minutes=1)


async def test_a_refusal_names_the_decision_and_the_reason() -> None:
    world = World(refused=True)
    steering = world.steering()
    for revision, newest in ((2, "duty.close 1 by boss (2)"), (3, "")):
        world.stored = replace(FIRST, revision=revision, newest=newest)
        await steering.look()
    assert world.not_taken_in == [
        NotTakenIn(subject="duty.close 1 by boss (2)", reason="does not fit"),
        NotTakenIn(subject="decision 3", reason="does not fit"),
    ]


async def test_what_is_in_force_names_the_newest_decision(tmp_path: Path) -> None:
    async with await Store.open(Settings(home=tmp_path)) as store:
        async with store.writing() as connection:
            entry = AuditEntry(at=AT, by="boss", action="duty.close", subject="1")
            await store.note_decision(connection, entry)
        assert (await load_in_force(store, AT)).newest == "duty.close 1 by boss (1)"
