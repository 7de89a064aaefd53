"""Versions in the database: who publishes what, what is in force, and who comes too late."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ivr.errors import BadInput, StoreError
from ivr.model import CounsellorId, DeskId, DeviceId, ProvinceId
from ivr.people import DeviceEntry, Person, load_persons
from ivr.rules.load import load_all, load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit, rules_versions
from ivr.store.versions import VersionStore
from ivr.versions import Version, VersionState, state_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
REASON = "the centre of Saveh burns and nobody else can be reached"
MARKAZI = ProvinceId("markazi")
PROVINCES = load_all(PROJECT / "deploy" / "provinces")
DATA = Path(__file__).parents[1] / "core" / "data"
GOOD = load_rules(DATA / "good.yaml")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def markazi(**changes: Any) -> ProvinceRules:
    """Markazi's rules with other limits: versions that differ."""
    document = next(one for one in PROVINCES if one.id == MARKAZI).model_dump(mode="json")
    document["limits"] |= changes
    return ProvinceRules.model_validate(document)


def broken() -> ProvinceRules:
    """Two counties on one key: readable, and not fit for any caller."""
    document = GOOD.model_dump(mode="json")
    for choice in document["menus"]["county_pages"][0]:
        choice["key"] = "1"
    return ProvinceRules.model_validate(document)


@pytest.fixture
async def versions(store: Store) -> VersionStore:
    """With the demonstration's people, and somebody at Qom's desk: nobody is left unanswered."""
    desk, phone = DeskId("qom-qom"), DeviceEntry(id=DeviceId("qom-1"))
    qom = Person(id=CounsellorId("qom-1"), name_fa="q", desks=(desk,), devices=(phone,))
    people = (*load_persons(PROJECT / "deploy" / "demo"), qom)
    await PeopleStore(store).take_in(people, by="installation", now=NOON)
    return VersionStore(store)


async def drafted(versions: VersionStore, minutes: float = 0, **changes: Any) -> int:
    rules = markazi(**changes)
    return await versions.draft(rules, note="a trial", by="sara", at=at(minutes))


async def published(versions: VersionStore, minutes: float = 0, **changes: Any) -> int:
    """Drafted by sara and published by omid."""
    number = await drafted(versions, minutes, **changes)
    await versions.publish(MARKAZI, number, by="omid", at=at(minutes))
    return number


async def number_in_force(versions: VersionStore, minutes: float) -> int | None:
    found = (await versions.in_force(at(minutes))).versions.get(MARKAZI)
    return found.number if found else None


async def trail(store: Store) -> list[tuple[str, str, str]]:
    ours = select(audit).where(audit.c.action.startswith("rules."))
    rows = await store.rows(ours.order_by(audit.c.seq))
    return [(row["action"], row["subject"], row["by"]) for row in rows]


async def details(store: Store, action: str) -> list[dict[str, Any]]:
    rows = await store.rows(select(audit).where(audit.c.action == action).order_by(audit.c.seq))
    return [dict(row["detail"]) for row in rows]


async def one(versions: VersionStore, number: int) -> Version:
    return next(item for item in await versions.history(MARKAZI) if item.number == number)


# --- the stored document


@pytest.mark.parametrize("rules", [*PROVINCES, GOOD], ids=lambda rules: rules.id)
async def test_rules_come_back_as_they_were(rules: ProvinceRules, versions: VersionStore) -> None:
    number = await versions.draft(rules, note="", by="sara", at=NOON)
    stored = await versions.version(rules.id, number)
    assert stored.rules == rules
    assert stored.rules.version == stored.version == rules.version


async def test_an_old_document_takes_the_default_of_a_new_field(
    store: Store, versions: VersionStore
) -> None:
    await published(versions, ring_s=44)
    document = markazi(ring_s=44).model_dump(mode="json")
    del document["limits"]["whisper_s"], document["skills"], document["conversation"]
    await overwrite(store, 1, document)
    rules = (await versions.in_force(at(1))).versions[MARKAZI].rules
    assert (rules.limits.ring_s, rules.limits.whisper_s, rules.skills) == (44, 15, ())


async def overwrite(store: Store, number: int, document: Any, province: str = MARKAZI) -> None:
    mine = (rules_versions.c.province == province) & (rules_versions.c.number == number)
    async with store.writing() as connection:
        await connection.execute(update(rules_versions).where(mine).values(rules=document))


@pytest.mark.parametrize(
    "document", [{"id": "markazi"}, {"a_field_of_tomorrow": 1}, [], None, "text", 3]
)
async def test_one_unreadable_document_stops_no_other_province(
    store: Store, versions: VersionStore, document: Any
) -> None:
    for rules in PROVINCES:
        await versions.install(rules, note="first", by="installation", at=NOON)
    await overwrite(store, 1, document)
    found = await versions.in_force(at(1))
    assert set(found.versions) == {rules.id for rules in PROVINCES} - {MARKAZI}
    assert list(found.unreadable) == [MARKAZI]
    assert str(found.unreadable[MARKAZI]).startswith(
        "Version 1 of markazi in the database cannot be read by this version of line 123"
    )
    with pytest.raises(StoreError, match="Version 1 of markazi"):
        await versions.version(MARKAZI, 1)
    assert [item.number for item in await versions.history(MARKAZI)] == [1]


@pytest.mark.parametrize("database", ["sqlite"])  # PostgreSQL takes no such text
async def test_text_that_is_no_json_is_unreadable_too(store: Store, versions: VersionStore) -> None:
    await published(versions)
    async with store.writing() as connection:
        await connection.exec_driver_sql("UPDATE rules_versions SET rules = '{broken'")
    found = await versions.in_force(at(1))
    assert list(found.unreadable) == [MARKAZI]


async def test_a_copy_leaves_unreadable_rules_by_a_rollback(
    store: Store, versions: VersionStore
) -> None:
    await published(versions, 0, ring_s=21)
    await published(versions, 1, ring_s=22)
    await overwrite(store, 2, {"a_field_of_tomorrow": 1})
    await versions.rollback(MARKAZI, by="omid", at=at(2))
    assert await number_in_force(versions, 2) == 3


# --- drafting and publishing


async def test_numbers_count_up_within_a_province(versions: VersionStore) -> None:
    assert [await drafted(versions), await drafted(versions)] == [1, 2]
    assert await versions.draft(GOOD, note="", by="sara", at=NOON) == 1
    assert [item.note for item in await versions.history(MARKAZI)] == ["a trial", "a trial"]
    assert await versions.history(ProvinceId("nowhere")) == ()


async def test_a_draft_changes_nothing_until_a_second_person_publishes_it(
    store: Store, versions: VersionStore
) -> None:
    number = await drafted(versions)
    assert (await versions.in_force(at(9))).versions == {}
    with pytest.raises(BadInput, match="somebody else must publish it"):
        await versions.publish(MARKAZI, number, by="sara", at=at(1))
    done = await versions.publish(MARKAZI, number, by="omid", at=at(2))
    assert (done.version.published_by, done.version.active_from_at) == ("omid", at(2))
    assert [await number_in_force(versions, minutes) for minutes in (1, 2)] == [None, 1]
    assert await trail(store) == [
        ("rules.draft", "markazi/1", "sara"),
        ("rules.publish", "markazi/1", "omid"),
    ]


async def test_warnings_are_told_and_errors_block(store: Store, versions: VersionStore) -> None:
    number = await drafted(versions)
    done = await versions.publish(MARKAZI, number, by="omid", at=at(1))
    assert any("nobody has confirmed" in item.message for item in done.warnings)
    bad = broken()
    number = await versions.draft(bad, note="", by="sara", at=NOON)
    assert (await details(store, "rules.draft"))[-1]["errors"] == 1
    assert "menus.county_pages" in (await details(store, "rules.draft"))[-1]["findings"][0]
    for attempt in (
        versions.publish(bad.id, number, by="omid", at=at(1)),
        versions.break_glass(bad.id, number, by="omid", at=at(1), reason=REASON),
    ):
        with pytest.raises(BadInput, match=r"cannot be published, 1 error\(s\)"):
            await attempt
    assert bad.id not in (await versions.in_force(at(2))).versions


async def test_what_is_not_there_cannot_be_published(versions: VersionStore) -> None:
    with pytest.raises(BadInput, match="no version 7 of markazi"):
        await versions.publish(MARKAZI, 7, by="omid", at=NOON)


async def test_a_scheduled_version_comes_by_itself(versions: VersionStore) -> None:
    await published(versions, 0, ring_s=21)
    number = await drafted(versions, 1, ring_s=22)
    start = at(60)
    done = await versions.publish(MARKAZI, number, by="omid", at=at(2), active_from_at=start)
    assert done.version.active_from_at == start
    assert await versions.next_activation_at(at(2)) == start
    assert await versions.next_activation_at(start) is None
    assert [await number_in_force(versions, minutes) for minutes in (59, 60)] == [1, 2]
    await drafted(versions, 3, ring_s=23)
    done = await versions.publish(MARKAZI, 3, by="omid", at=at(4))
    assert [item.number for item in done.still_to_come] == [2]
    with pytest.raises(BadInput, match="in the past"):
        await versions.publish(
            MARKAZI, await drafted(versions, 5), by="omid", at=at(6), active_from_at=at(5)
        )


async def test_withdrawing(store: Store, versions: VersionStore) -> None:
    await published(versions, 0, ring_s=21)
    await drafted(versions, 1, ring_s=22)
    await versions.publish(MARKAZI, 2, by="omid", at=at(2), active_from_at=at(60))
    await drafted(versions, 1, ring_s=23)
    for number in (2, 3):
        gone = await versions.withdraw(MARKAZI, number, by="sara", at=at(3))
        assert (gone.withdrawn_by, gone.withdrawn_at) == ("sara", at(3))
        with pytest.raises(BadInput, match="was withdrawn by sara"):
            await versions.publish(MARKAZI, number, by="omid", at=at(4))
    assert await number_in_force(versions, 61) == 1
    assert await versions.next_activation_at(at(3)) is None
    with pytest.raises(BadInput, match="has come in force already"):
        await versions.withdraw(MARKAZI, 1, by="sara", at=at(4))
    with pytest.raises(BadInput, match=r"no version 9 of .*rules history markazi"):
        await versions.withdraw(MARKAZI, 9, by="sara", at=at(4))
    assert [item["number"] for item in await details(store, "rules.withdraw")] == [2, 3]


async def test_the_first_rules_are_installed_once(store: Store, versions: VersionStore) -> None:
    first = await versions.install(markazi(), note="as delivered", by="installation", at=NOON)
    assert first is not None
    assert not first.awaits_review
    assert await versions.install(markazi(), note="", by="installation", at=at(1)) is None
    assert await number_in_force(versions, 0) == 1
    assert await trail(store) == [("rules.publish", "markazi/1", "installation")]


# --- broken glass


async def test_one_person_alone_gives_a_reason_and_is_reviewed(
    store: Store, versions: VersionStore
) -> None:
    number = await drafted(versions)
    with pytest.raises(BadInput, match="at least 10 letters"):
        await versions.break_glass(MARKAZI, number, by="sara", at=at(1), reason="fire")
    done = await versions.break_glass(MARKAZI, number, by="sara", at=at(1), reason=REASON)
    assert done.version.break_glass == REASON
    assert await number_in_force(versions, 1) == number
    assert [item.number for item in await versions.to_be_reviewed()] == [number]
    with pytest.raises(BadInput, match="somebody else must review"):
        await versions.review(MARKAZI, number, by="sara", at=at(2), note="fine")
    await versions.review(MARKAZI, number, by="omid", at=at(3), note="it was right")
    assert await versions.to_be_reviewed() == ()
    assert await trail(store) == [
        ("rules.draft", "markazi/1", "sara"),
        ("rules.break_glass", "markazi/1", "sara"),
        ("rules.review", "markazi/1", "omid"),
    ]
    assert (await details(store, "rules.break_glass"))[0]["reason"] == REASON
    assert (await details(store, "rules.review"))[0]["note"] == "it was right"


# --- rollback


async def test_a_rollback_is_a_new_version_at_once_by_one_person(
    store: Store, versions: VersionStore
) -> None:
    await published(versions, 0, ring_s=21)
    await published(versions, 10, ring_s=22)
    done = await versions.rollback(MARKAZI, by="omid", at=at(20))
    assert (done.version.number, done.version.restores) == (3, 1)
    stored = (await versions.in_force(at(20))).versions[MARKAZI]
    assert (stored.number, stored.rules) == (3, markazi(ring_s=21))
    assert not done.version.awaits_review
    states = [
        state_of(v, await versions.history(MARKAZI), at(21))
        for v in await versions.history(MARKAZI)
    ]
    assert states == [VersionState.SUPERSEDED, VersionState.SUPERSEDED, VersionState.IN_FORCE]
    assert (await trail(store))[-1] == ("rules.rollback", "markazi/3", "omid")
    assert (await details(store, "rules.rollback"))[0]["restores"] == 1
    again = await versions.rollback(MARKAZI, 2, by="omid", at=at(30))
    assert again.version.restores == 2
    back = await versions.rollback(MARKAZI, 3, by="omid", at=at(40))
    assert back.version.restores == 1


async def test_a_rollback_says_what_would_undo_it(versions: VersionStore) -> None:
    await published(versions, 0, ring_s=21)
    await published(versions, 10, ring_s=22)
    await drafted(versions, 11, ring_s=23)
    await versions.publish(MARKAZI, 3, by="omid", at=at(12), active_from_at=at(60))
    done = await versions.rollback(MARKAZI, by="omid", at=at(20))
    assert [item.number for item in done.still_to_come] == [3]
    assert await number_in_force(versions, 60) == 3


async def test_a_rollback_takes_back_what_is_scheduled_where_it_is_told_to(
    store: Store, versions: VersionStore
) -> None:
    await published(versions, 0, ring_s=21)
    await published(versions, 10, ring_s=22)
    await drafted(versions, 11, ring_s=23)
    await versions.publish(MARKAZI, 3, by="omid", at=at(12), active_from_at=at(60))
    done = await versions.rollback(MARKAZI, by="omid", at=at(20), also_withdraw_scheduled=True)
    assert [item.number for item in done.withdrawn] == [3]
    assert done.still_to_come == ()
    assert await number_in_force(versions, 60) == 4
    assert [entry[:2] for entry in (await trail(store))[-2:]] == [
        ("rules.rollback", "markazi/4"),
        ("rules.withdraw", "markazi/3"),
    ]


async def test_what_nobody_reviewed_stays_to_be_reviewed_when_it_comes_back(
    versions: VersionStore,
) -> None:
    await drafted(versions, 0, ring_s=21)
    await versions.break_glass(MARKAZI, 1, by="sara", at=at(1), reason=REASON)
    await published(versions, 10, ring_s=22)
    done = await versions.rollback(MARKAZI, by="sara", at=at(20))
    assert done.version.break_glass == REASON
    assert [item.number for item in await versions.to_be_reviewed()] == [1, 3]


# --- races


async def outcomes(*attempts: Any) -> list[str]:
    """What each of several at once was told: `done`, or the error."""
    told = await asyncio.gather(*attempts, return_exceptions=True)
    for one in told:
        if isinstance(one, BaseException) and not isinstance(one, BadInput):
            raise one
    return sorted("refused" if isinstance(one, BadInput) else "done" for one in told)


async def test_race_two_admins_publish_the_same_draft_at_once(
    store: Store, versions: VersionStore
) -> None:
    number = await drafted(versions)
    told = await outcomes(
        *(versions.publish(MARKAZI, number, by=by, at=at(1)) for by in ("omid", "reza"))
    )
    assert told == ["done", "refused"]
    assert [action for action, _, _ in await trail(store)] == ["rules.draft", "rules.publish"]


async def test_race_a_draft_is_published_while_it_is_withdrawn(
    store: Store, versions: VersionStore
) -> None:
    number = await drafted(versions)
    told = await outcomes(
        versions.withdraw(MARKAZI, number, by="sara", at=at(1)),
        versions.publish(MARKAZI, number, by="omid", at=at(1)),
    )
    assert told == ["done", "refused"]
    found = await one(versions, number)
    assert (found.withdrawn_at is None) != (found.published_at is None)
    assert len(await trail(store)) == 2


async def test_race_two_admins_roll_back_at_once_and_it_goes_back_once(
    versions: VersionStore,
) -> None:
    for minutes, ring_s in ((0, 21), (10, 22), (20, 23)):
        await published(versions, minutes, ring_s=ring_s)
    told = await outcomes(
        *(versions.rollback(MARKAZI, by=by, at=at(30)) for by in ("omid", "reza"))
    )
    assert told == ["done", "refused"]
    assert (await versions.in_force(at(31))).versions[MARKAZI].restores == 2


async def test_race_a_rollback_while_something_else_is_published(
    store: Store, versions: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would bring back what was never meant; the person looks again and names a version."""
    await published(versions, 0, ring_s=21)
    await published(versions, 10, ring_s=22)
    await drafted(versions, 11, ring_s=23)
    read = versions.version

    async def meanwhile(province: ProvinceId, number: int) -> Any:
        monkeypatch.undo()
        await versions.publish(MARKAZI, 3, by="reza", at=at(20))
        return await read(province, number)

    monkeypatch.setattr(versions, "version", meanwhile)
    with pytest.raises(BadInput, match="Meanwhile something else was published for markazi"):
        await versions.rollback(MARKAZI, by="omid", at=at(20))
    assert await number_in_force(versions, 21) == 3


async def test_race_a_withdrawal_whose_clock_was_read_before_the_publishing(
    versions: VersionStore,
) -> None:
    """Else it would take back what is in force, because its time seems still to come."""
    number = await drafted(versions)
    await versions.publish(MARKAZI, number, by="omid", at=at(2))
    with pytest.raises(BadInput, match="has come in force already"):
        await versions.withdraw(MARKAZI, number, by="sara", at=at(1))


async def test_race_a_publishing_whose_clock_was_read_before_another(
    versions: VersionStore,
) -> None:
    """What is written last counts: else somebody is told it is published, and it never comes."""
    first, second = await drafted(versions, ring_s=21), await drafted(versions, ring_s=22)
    await versions.publish(MARKAZI, second, by="omid", at=at(2))
    await versions.publish(MARKAZI, first, by="reza", at=at(1), over=second)
    assert await number_in_force(versions, 3) == first


async def test_race_two_drafts_at_once_have_numbers_of_their_own(versions: VersionStore) -> None:
    numbers = await asyncio.gather(*(drafted(versions, ring_s=20 + n) for n in range(4)))
    assert sorted(numbers) == [1, 2, 3, 4]


async def test_race_two_copies_install_at_once(store: Store, versions: VersionStore) -> None:
    told = await asyncio.gather(
        *(versions.install(markazi(), note="", by="installation", at=NOON) for _ in range(2))
    )
    assert sorted(one is None for one in told) == [False, True]
    assert len(await trail(store)) == 1


async def test_nothing_stays_of_a_decision_without_its_audit_entry(
    store: Store, versions: VersionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await drafted(versions)

    async def full(*_: object) -> int:
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "note_decision", full)
    for attempt in (
        versions.publish(MARKAZI, number, by="omid", at=at(1)),
        versions.withdraw(MARKAZI, number, by="omid", at=at(1)),
        drafted(versions),
    ):
        with pytest.raises(StoreError, match="disk is full"):
            await attempt
    found = await one(versions, number)
    assert found.published_at is found.withdrawn_at is None
    assert len(await versions.history(MARKAZI)) == 1


async def test_race_two_drafts_are_made_from_the_same_version(versions: VersionStore) -> None:
    """Whoever publishes second would undo what the first changed: refused until they say so."""
    await published(versions)
    first = await drafted(versions, 1, ring_s=21)
    second = await drafted(versions, 1, ring_s=22)
    await versions.publish(MARKAZI, first, by="omid", at=at(2))
    with pytest.raises(BadInput, match=f"would undo what it changed.*--over {first}"):
        await versions.publish(MARKAZI, second, by="omid", at=at(3))
    done = await versions.publish(MARKAZI, second, by="omid", at=at(3), over=first)
    assert done.version.base == 1
    assert await number_in_force(versions, 4) == second


async def test_an_account_that_the_drafter_made_is_no_second_person(
    store: Store, versions: VersionStore
) -> None:
    person = Person(id=CounsellorId("sock-1"), name_fa="s")
    await PeopleStore(store).add(person, by="sara", now=at(-60))
    number = await drafted(versions)
    with pytest.raises(BadInput, match="so sock-1 is no second person"):
        await versions.publish(MARKAZI, number, by="sock-1", at=at(1))
    later = at(31 * 24 * 60)
    await versions.publish(MARKAZI, number, by="sock-1", at=later)
