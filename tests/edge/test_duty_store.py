"""Rosters and closures in the database: decisions, what is refused, and the trail they leave."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from ivr.closures import NewClosure
from ivr.duty import ClosureKind, DutyKind, PlannedDuty
from ivr.errors import BadInput, StoreError
from ivr.jalali import JalaliWeek
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.people import Person
from ivr.rosters import NewEntry, RestCode
from ivr.settings import Settings
from ivr.store.duty import DutyStore, RosterDecision
from ivr.store.store import Store
from ivr.store.tables import audit, people
from tests.core.duty_kit import ARAK, SAVEH, TAFRESH, WEEK, entry, hour

NOW = hour(0)
DESKS = {desk: ProvinceId("markazi") for desk in (SAVEH, ARAK, TAFRESH)}
NEXT = JalaliWeek(WEEK.year, WEEK.number + 1)
HOUR = timedelta(hours=1)
EVACUATED, SHORT = ClosureKind.EVACUATED, ClosureKind.SHORT_STAFFED


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(Settings(home=tmp_path)) as store:
        persons = [
            Person(id=CounsellorId(name), name_fa=name, enabled=name != "gone")
            for name in ("a", "b", "c", "gone")
        ]
        rows = [{"id": one.id, "person": one.model_dump(mode="json")} for one in persons]
        async with store.writing() as connection:
            await connection.execute(insert(people), rows)
        yield store


@pytest.fixture
def duty(store: Store) -> DutyStore:
    return DutyStore(store, DESKS)


def new(
    who: str, begins: float, ends: float, desk: str = SAVEH, kind: DutyKind = DutyKind.DESK
) -> NewEntry:
    return NewEntry.like(entry(who, begins, ends, desk, kind))


async def add(duty: DutyStore, *asked: NewEntry, at: datetime = NOW) -> RosterDecision:
    return await duty.add(asked, by="boss", at=at)


def closing(
    begins: float, ends: float, kind: ClosureKind = EVACUATED, desk: str = SAVEH
) -> NewClosure:
    return NewClosure(
        desk=DeskId(desk),
        kind=kind,
        reason="آتش‌سوزی",
        from_at=hour(begins),
        until_at=hour(ends),
    )


def lines(duties: Iterable[PlannedDuty]) -> list[tuple[str, str, float, float]]:
    return [
        (one.counsellor, one.desk, (one.from_at - NOW) / HOUR, (one.until_at - NOW) / HOUR)
        for one in duties
    ]


async def roster(duty: DutyStore, week: JalaliWeek = WEEK) -> list[tuple[str, str, float, float]]:
    found = await duty.entries(list(DESKS), week.begins_at, week.ends_at)
    return sorted(lines(found), key=lambda line: (line[2], line[0]))


async def trail(store: Store) -> list[dict[str, Any]]:
    rows = await store.rows(select(audit).order_by(audit.c.seq))
    return [dict(row) for row in rows]


async def test_what_is_added_stands_in_book_and_trail(store: Store, duty: DutyStore) -> None:
    decision = await add(duty, new("a", 7, 14), new("b", 22, 31, kind=DutyKind.ON_CALL))
    book = await duty.book(NOW)
    assert book.roster == decision.added
    assert book.rostered(SAVEH, hour(8)) == ("a",)
    assert book.on_call(hour(23)) == {SAVEH: ("b",)}
    (noted,) = await trail(store)
    assert (noted["action"], noted["by"], noted["at"]) == ("duty.roster.add", "boss", NOW)
    assert (noted["province"], noted["desk"], noted["subject"]) == ("markazi", SAVEH, SAVEH)
    assert [one["counsellor"] for one in noted["detail"]["added"]] == ["a", "b"]


async def test_a_decision_on_one_entry_is_found_by_its_number(
    store: Store, duty: DutyStore
) -> None:
    decision = await add(duty, new("a", 7, 14))
    number = decision.added[0].id
    await duty.take_out(number, by="boss", at=NOW)
    assert [row["subject"] for row in await trail(store)] == [str(number), str(number)]
    assert await roster(duty) == []
    (record,) = await duty.roster_history(SAVEH, WEEK.begins_at, WEEK.ends_at)
    assert (record.entry.id, record.by, record.taken_out_by) == (number, "boss", "boss")
    with pytest.raises(BadInput, match="no entry"):
        await duty.take_out(number, by="boss", at=NOW)


async def test_all_or_nothing_is_written_and_every_problem_is_named(
    store: Store, duty: DutyStore
) -> None:
    await add(duty, new("a", 7, 14))
    asked = [new("c", 7, 14), new("a", 13, 20, ARAK), new("gone", 1, 2), new("x", 1, 2)]
    with pytest.raises(BadInput) as caught:
        await add(duty, *asked, new("c", 40, 70))
    for words in ("a would be on duty twice", "gone is disabled", "x is not", "more than 24 hours"):
        assert words in str(caught.value)
    assert await roster(duty) == [("a", SAVEH, 7, 14)]
    assert len(await trail(store)) == 1


async def test_an_unknown_desk_is_refused_with_the_likely_one(duty: DutyStore) -> None:
    with pytest.raises(BadInput, match="Did you mean markazi-saveh"):
        await add(duty, new("a", 7, 14, "markazi-saweh"))
    with pytest.raises(BadInput, match="Did you mean markazi-saveh"):
        await duty.close(closing(0, 2, desk="markazi-saweh"), by="boss", at=NOW)


async def test_of_two_who_write_at_once_one_is_refused(store: Store, duty: DutyStore) -> None:
    results = await asyncio.gather(
        add(duty, new("a", 7, 14)), add(duty, new("a", 7, 14, ARAK)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["BadInput", "RosterDecision"]
    assert len(await roster(duty)) == len(await trail(store)) == 1


async def test_little_rest_only_warns_also_beside_what_was_there(duty: DutyStore) -> None:
    await add(duty, new("a", -8, -1))
    decision = await add(duty, new("a", 5, 12), new("a", 12, 19, ARAK))
    assert [one.code for one in decision.warnings] == [
        RestCode.LONG_STRETCH,
        RestCode.LITTLE_REST,
    ]
    assert (await add(duty, new("b", 0, 8))).warnings == ()


async def test_a_week_is_copied_with_its_nights_and_only_into_an_empty_one(
    store: Store, duty: DutyStore
) -> None:
    await add(duty, new("a", 7, 14), new("b", 166, 175), new("c", 7, 14, ARAK))
    await duty.copy(WEEK, NEXT, [SAVEH], by="boss", at=NOW)
    copied = [("b", SAVEH, 166, 175), ("a", SAVEH, 175, 182), ("b", SAVEH, 334, 343)]
    assert await roster(duty, NEXT) == copied
    with pytest.raises(BadInput, match=r"already has entries of markazi-saveh.*--add"):
        await duty.copy(WEEK, NEXT, [SAVEH, ARAK], by="boss", at=NOW)
    decision = await duty.copy(WEEK, NEXT, [SAVEH, ARAK], by="boss", at=NOW, add=True)
    assert lines(decision.added) == [("c", ARAK, 175, 182)]
    again = await duty.copy(WEEK, NEXT, [SAVEH, ARAK], by="boss", at=NOW, add=True)
    assert again == RosterDecision()
    assert [row["action"] for row in await trail(store)] == [
        *["duty.roster.add"] * 2,
        *["duty.roster.copy"] * 2,
    ]


async def test_a_copy_leaves_out_who_is_named_and_refuses_an_empty_week(duty: DutyStore) -> None:
    await add(duty, new("a", 7, 14), new("b", 14, 22))
    decision = await duty.copy(WEEK, NEXT, [SAVEH], by="boss", at=NOW, without={CounsellorId("a")})
    assert [one.counsellor for one in decision.added] == ["b"]
    with pytest.raises(BadInput, match="nothing to copy"):
        await duty.copy(WEEK, NEXT, [TAFRESH], by="boss", at=NOW)


async def test_an_import_wants_its_weeks_empty(duty: DutyStore) -> None:
    await add(duty, new("a", 7, 14))
    with pytest.raises(BadInput, match="1405/36 already has entries"):
        await duty.add([new("b", 7, 14)], by="boss", at=NOW, empty=[(SAVEH, WEEK)])
    await duty.add([new("b", 175, 180)], by="boss", at=NOW, empty=[(SAVEH, NEXT), (ARAK, WEEK)])


async def test_a_swap_changes_both_and_is_told_at_each_desk(store: Store, duty: DutyStore) -> None:
    first, second = (await add(duty, new("a", 7, 14), new("b", 14, 22, ARAK))).added
    await duty.swap(first.id, second.id, by="boss", at=hour(10))
    assert await roster(duty) == [("a", SAVEH, 7, 10), ("b", SAVEH, 10, 14), ("a", ARAK, 14, 22)]
    noted = (await trail(store))[2:]
    assert {(row["desk"], row["subject"]) for row in noted} == {
        (SAVEH, str(first.id)),
        (ARAK, str(second.id)),
    }


async def test_nobody_gets_by_a_swap_what_they_cannot_do(duty: DutyStore) -> None:
    first, _, third = (
        await add(duty, new("a", 7, 14), new("a", 15, 22), new("b", 14, 22, ARAK))
    ).added
    before = await roster(duty)
    with pytest.raises(BadInput, match="a would be on duty twice at once"):
        await duty.swap(first.id, third.id, by="boss", at=NOW)
    for who, said in (("gone", "disabled"), ("nobody", "not among"), ("a", "already")):
        with pytest.raises(BadInput, match=said):
            await duty.give(first.id, CounsellorId(who), by="boss", at=NOW)
    with pytest.raises(BadInput, match="is over"):
        await duty.give(first.id, CounsellorId("c"), by="boss", at=hour(14))
    assert await roster(duty) == before


async def test_a_duty_is_given_away_also_by_somebody_who_has_left(
    store: Store, duty: DutyStore
) -> None:
    (mine,) = (await add(duty, new("a", 7, 14))).added
    async with store.writing() as connection:
        gone = Person(id=CounsellorId("a"), name_fa="a", enabled=False).model_dump(mode="json")
        await connection.execute(people.update().where(people.c.id == "a").values(person=gone))
    await duty.give(mine.id, CounsellorId("c"), by="boss", at=hour(9))
    assert await roster(duty) == [("a", SAVEH, 7, 9), ("c", SAVEH, 9, 14)]


@pytest.mark.parametrize("at_once", [1, 5, 250])
async def test_the_book_keeps_what_may_still_matter(
    duty: DutyStore, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("ivr.store.duty.ENTRIES_AT_ONCE", at_once)
    asked = [new("a", -150, -140), new("a", -100, -90), new("b", -10, -5), new("b", 500, 507)]
    await add(duty, *asked, new("b", -100, -90, ARAK), new("c", -98, -97, TAFRESH))
    book = await duty.book(NOW)
    assert lines(book.roster) == [
        ("a", SAVEH, -100, -90),
        ("b", SAVEH, -10, -5),
        ("b", SAVEH, 500, 507),
        ("b", ARAK, -100, -90),
        ("c", TAFRESH, -98, -97),
    ]
    assert book.rostered(SAVEH, NOW) == ()
    assert book.rostered(ARAK, NOW) is None
    much_later = await duty.book(hour(24 * 40))
    assert lines(much_later.roster) == [("b", SAVEH, 500, 507)]


async def test_a_closure_ends_by_itself(store: Store, duty: DutyStore) -> None:
    closure = await duty.close(closing(0, 2), by="boss", at=NOW)
    assert (await duty.book(hour(1))).closed(hour(1)) == {SAVEH: closure}
    assert (await duty.book(hour(1))).next_change_at(hour(1)) == hour(2)
    assert (await duty.book(hour(2))).closures == ()
    (noted,) = await trail(store)
    assert (noted["action"], noted["subject"]) == ("duty.close", str(closure.id))
    assert (noted["province"], noted["desk"]) == ("markazi", SAVEH)
    assert noted["detail"]["kind"] == "evacuated"


async def test_reopening_a_desk_ends_all_in_force_and_leaves_what_is_to_come(
    store: Store, duty: DutyStore
) -> None:
    first = await duty.close(closing(0, 9), by="boss", at=NOW)
    second = await duty.close(closing(0, 5, SHORT), by="boss", at=NOW)
    later = await duty.close(closing(20, 25), by="boss", at=NOW)
    other = await duty.close(closing(0, 9, desk=ARAK), by="boss", at=NOW)
    assert await duty.reopen(SAVEH, by="chief", at=hour(1)) == (first, second)
    assert (await duty.book(hour(1))).closures == (later, other)
    assert await duty.reopen(later.id, by="chief", at=hour(1)) == (later,)
    assert (await duty.book(hour(1))).closures == (other,)
    noted = (await trail(store))[4:]
    assert [(row["action"], row["subject"]) for row in noted] == [
        ("duty.reopen", str(one.id)) for one in (first, second, later)
    ]
    records = {one.closure.id: one for one in await duty.closure_history([SAVEH])}
    assert list(records) == [later.id, second.id, first.id]
    assert (records[first.id].ended_by, records[first.id].ended_at) == ("chief", hour(1))
    assert [records[first.id].in_force(hour(at)) for at in (0.5, 1)] == [True, False]


async def test_what_is_not_closed_cannot_be_reopened(duty: DutyStore) -> None:
    closure = await duty.close(closing(0, 2), by="boss", at=NOW)
    with pytest.raises(BadInput, match="no closure in force"):
        await duty.reopen(ARAK, by="boss", at=NOW)
    with pytest.raises(BadInput, match="no closure in force"):
        await duty.reopen(closure.id, by="boss", at=hour(2))
    with pytest.raises(BadInput, match="no closure 99"):
        await duty.closure(99)


async def test_a_number_that_no_column_holds_is_refused(duty: DutyStore) -> None:
    with pytest.raises(StoreError, match="a value does not fit"):
        await duty.closure(10**20)


@pytest.mark.parametrize(
    ("begins", "ends", "reason", "said"),
    [
        (-3, -1, "x", "lies in the past"),
        (-3, 0, "x", "lies in the past"),
        (5, 4, "x", "before it begins"),
        (0, 30 * 24 + 0.1, "x", "30 days at most"),
        (9000, 9001, "x", "more than a year ahead"),
        (0, 1, "", "write why"),
        (0, 1, "x" * 401, "write why"),
    ],
)
async def test_a_closure_is_dated_and_reasoned(
    duty: DutyStore, begins: float, ends: float, reason: str, said: str
) -> None:
    asked = NewClosure(
        desk=SAVEH, kind=EVACUATED, reason=reason, from_at=hour(begins), until_at=hour(ends)
    )
    with pytest.raises(BadInput, match=said):
        await duty.close(asked, by="boss", at=NOW)
    assert await duty.closure_history([SAVEH]) == ()


async def test_a_closure_may_last_thirty_days(duty: DutyStore) -> None:
    await duty.close(closing(24, 31 * 24), by="boss", at=NOW)
