"""Accounts in the database: what is refused, what the trail says, and who is let in."""

import asyncio
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from ivr import passwords
from ivr.accounts import BrokenGlass
from ivr.errors import BadInput, NotAllowed, StoreError
from ivr.people import DeviceEntry, Grant, Person, Role, load_persons
from ivr.rights import Action, may
from ivr.settings import PROJECT
from ivr.store.in_force import load_in_force, revision
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import people
from ivr.store.trail_reading import TrailSearch, find_entries, verify
from tests.edge.store_examples import NOW

PASSWORD = "four plain words here"
MINUTE = timedelta(minutes=1)
ADMIN = Grant(role=Role.ADMIN)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried here does not depend on what a password costs."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


@pytest.fixture
def accounts(store: Store) -> PeopleStore:
    return PeopleStore(store)


def person(name: str = "arak-1", **changes: object) -> Person:
    values: dict[str, object] = {
        "id": name,
        "name_fa": "نمونه",
        "desks": ["markazi-arak"],
        "devices": [
            {"id": name},
            {"id": f"{name}-home", "kind": "telephone", "number": "08631234567"},
        ],
    }
    return Person.model_validate(values | changes)


def admin(name: str) -> Person:
    return person(name, desks=[], devices=[], grants=[ADMIN])


async def add(accounts: PeopleStore, *persons: Person) -> None:
    for one in persons:
        await accounts.add(one, by="test", now=NOW)


async def actions(store: Store) -> list[str]:
    """What the trail says, oldest first; it must always verify."""
    assert (await verify(store))[1] == ()
    found = await find_entries(store, TrailSearch())
    return [f"{it.entry.action} {it.entry.subject}" for it in reversed(found) if it.entry]


async def detail(store: Store) -> dict[str, object]:
    (newest,) = await find_entries(store, TrailSearch(), limit=1)
    assert newest.entry
    found = dict(newest.entry.detail)
    assert found.pop("rows")  # what they are for: test_row_check.py
    return found


async def test_an_account_comes_back_as_added(store: Store, accounts: PeopleStore) -> None:
    given = person(
        skills=[{"id": "child", "level": 3}],
        grants=[{"role": "supervisor", "province": "markazi", "until_at": NOW}],
    )
    await add(accounts, given)
    assert await accounts.people() == (given,)
    assert await accounts.person("arak-1") == given
    assert await accounts.person("arak-2") is None
    (entry,) = await find_entries(store, TrailSearch())
    assert entry.entry
    assert (entry.entry.by, entry.entry.province, entry.entry.at) == ("test", "markazi", NOW)


async def test_no_telephone_number_stands_in_the_trail(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person())

    def renumbered(before: Person) -> Person:
        other = before.devices[1].model_copy(update={"number": "08639999967"})
        return before.model_copy(update={"devices": (before.devices[0], other)})

    after = await accounts.change("arak-1", renumbered, by="test", now=NOW)
    assert after.devices[1].number == "08639999967"
    assert await actions(store) == ["people.add arak-1", "people.change arak-1"]
    found = str([it.entry for it in await find_entries(store, TrailSearch())])
    assert "0863" not in found
    assert found.count("…67") == 3


async def test_the_trail_has_what_was_and_what_is(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person())
    await accounts.change(
        "arak-1", lambda it: it.model_copy(update={"name_fa": "دیگر"}), by="test", now=NOW
    )
    assert await detail(store) == {"before": {"name_fa": "نمونه"}, "after": {"name_fa": "دیگر"}}
    await accounts.change("arak-1", lambda it: it, by="test", now=NOW)
    assert len(await actions(store)) == 2  # nothing changed, nothing decided


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"desks": ["markazi-arakk"]}, r"desks\[1\]: 'markazi-arakk' is no county"),
        ({"devices": [{"id": "a", "kind": "telephone"}]}, r"devices\[1\].number: is missing"),
        ({"devices": [{"id": "a", "number": "0863123"}]}, r"devices\[1\].number: a sip device"),
        ({"grants": [{"role": "admin", "province": "markzi"}]}, "Did you mean markazi"),
        ({"grants": [{"role": "admin", "desk": "markazi-arak"}]}, "Write province: markazi"),
        ({"skills": [{"id": "child"}, {"id": "child"}]}, r"skills\[2\].id: 'child' is written"),
    ],
)
async def test_an_account_that_is_not_fit_for_use_is_refused(
    store: Store, accounts: PeopleStore, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        await add(accounts, person(**changes))
    assert await actions(store) == []


async def test_ids_are_one_accounts_alone(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person("arak-1"))
    with pytest.raises(BadInput, match="There is a 'arak-1' already"):
        await add(accounts, person("arak-1"))
    with pytest.raises(BadInput, match=r"'arak-1' belongs to arak-1 .*--drop-device arak-1"):
        await add(accounts, person("arak-2", devices=[{"id": "arak-1"}]))
    assert len(await actions(store)) == 1


async def test_somebody_who_is_not_there(accounts: PeopleStore) -> None:
    for attempt in (
        accounts.change("nobody", lambda it: it, by="test", now=NOW),
        accounts.disable("nobody", reason="a good reason", by="test", now=NOW),
        accounts.set_password("nobody", PASSWORD, by="test", now=NOW),
        accounts.set_pin("nobody", "2580", by="test", now=NOW),
    ):
        with pytest.raises(BadInput, match="There is no 'nobody'"):
            await attempt


async def test_who_is_disabled_stays_and_may_nothing(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person(grants=[{"role": "supervisor", "province": "markazi"}]))
    await accounts.set_password("arak-1", PASSWORD, by="test", now=NOW)
    after = await accounts.disable("arak-1", reason="has left us", by="test", now=NOW)
    assert not after.takes_calls
    assert (await detail(store))["reason"] == "has left us"
    assert not may(after, Action.DUTY_READ, province=None)
    assert await accounts.check_password("arak-1", PASSWORD, now=NOW) is None
    with pytest.raises(BadInput, match="tells nobody why"):
        await accounts.disable("arak-1", reason=" x ", by="test", now=NOW)


async def test_the_last_admin_of_everything_stays(store: Store, accounts: PeopleStore) -> None:
    province_admin = person("b", devices=[], grants=[{"role": "admin", "province": "markazi"}])
    await add(accounts, admin("a"), province_admin)
    with pytest.raises(BadInput, match="Nobody would be left who manages everything"):
        await accounts.disable("a", reason="has left us", by="test", now=NOW)
    with pytest.raises(BadInput, match="Nobody would be left"):
        await accounts.change(
            "a", lambda it: it.model_copy(update={"grants": ()}), by="test", now=NOW
        )
    for_a_while = Grant(role=Role.ADMIN, until_at=NOW + MINUTE)
    with pytest.raises(BadInput, match="Nobody would be left"):
        await accounts.change(
            "a", lambda it: it.model_copy(update={"grants": (for_a_while,)}), by="test", now=NOW
        )
    await add(accounts, admin("c"))
    await accounts.disable("a", reason="has left us", by="test", now=NOW)
    with pytest.raises(BadInput, match="Nobody would be left"):
        await accounts.disable("c", reason="has left us", by="test", now=NOW)


async def test_two_last_admins_cannot_both_go_at_the_same_moment(accounts: PeopleStore) -> None:
    await add(accounts, admin("a"), admin("b"))
    done = await asyncio.gather(
        *(accounts.disable(name, reason="has left us", by="x", now=NOW) for name in "ab"),
        return_exceptions=True,
    )
    assert sorted(type(it).__name__ for it in done) == ["BadInput", "Person"]


async def test_the_guard_is_asked_and_what_it_refuses_is_not_done(
    store: Store, accounts: PeopleStore
) -> None:
    asked: list[tuple[Person | None, Person]] = []

    def guard(before: Person | None, after: Person) -> None:
        asked.append((before, after))
        raise NotAllowed("no")

    known = person()
    await add(accounts, known)
    renamed = known.model_copy(update={"name_fa": "دیگر"})
    new = person("arak-2")
    for attempt in (
        accounts.change("arak-1", lambda _: renamed, by="x", now=NOW, guard=guard),
        accounts.add(new, by="x", now=NOW, guard=guard),
        accounts.take_in([new], by="x", now=NOW, guard=guard),
        accounts.set_password("arak-1", PASSWORD, by="x", now=NOW, guard=guard),
        accounts.set_pin("arak-1", "2580", by="x", now=NOW, guard=guard),
    ):
        with pytest.raises(NotAllowed):
            await attempt
    assert asked == [(known, renamed), (None, new), (None, new), (known, known), (known, known)]
    assert await actions(store) == ["people.add arak-1"]
    assert await accounts.people() == (known,)


async def test_the_demonstration_is_taken_in_whole(store: Store, accounts: PeopleStore) -> None:
    people = load_persons(PROJECT / "deploy" / "demo")
    staff = [it.id for it in people if it.grants]
    given = dict.fromkeys(staff, PASSWORD)
    done = await accounts.take_in(people, by="installation", now=NOW, passwords=given)
    assert (len(done.added), done.changed, done.unchanged) == (len(people), (), ())
    assert set(await accounts.people()) == set(people)
    assert await accounts.somebody_manages()
    assert await accounts.check_password("national-auditor", PASSWORD, now=NOW)
    again = await accounts.take_in(people, by="installation", now=NOW, passwords=given)
    assert (again.added, again.changed, len(again.unchanged)) == ((), (), len(people))
    assert len(await actions(store)) == len(people)


async def test_taking_in_keeps_what_files_do_not_say(accounts: PeopleStore) -> None:
    supervisor = person(grants=[{"role": "supervisor", "province": "markazi"}])
    await add(accounts, supervisor, person("arak-2"))
    broken = await accounts.break_glass("arak-1", reason="a good reason", by="x", now=NOW)
    await accounts.disable("arak-2", reason="has left us", by="x", now=NOW)
    renamed = supervisor.model_copy(update={"name_fa": "دیگر"})
    done = await accounts.take_in([renamed, person("arak-2")], by="x", now=NOW)
    assert (done.changed, done.unchanged) == (("arak-1",), ("arak-2",))
    assert await accounts.person("arak-1") == broken.model_copy(update={"name_fa": "دیگر"})


async def test_all_of_a_file_is_taken_in_or_nothing(store: Store, accounts: PeopleStore) -> None:
    with pytest.raises(BadInput, match="is no county"):
        await accounts.take_in([person(), person("arak-2", desks=["x"])], by="x", now=NOW)
    assert await accounts.people() == ()
    assert await actions(store) == []


async def test_a_device_may_move_from_one_to_another(accounts: PeopleStore) -> None:
    await add(accounts, person("arak-1", devices=[{"id": "phone"}]))
    moved = [person("arak-2", devices=[{"id": "phone"}]), person("arak-1", devices=[{"id": "new"}])]
    await accounts.take_in(moved, by="x", now=NOW)
    assert set(await accounts.people()) == set(moved)


async def test_broken_glass_makes_a_supervisor_admin_for_four_hours(
    store: Store, accounts: PeopleStore
) -> None:
    await add(accounts, person(grants=[{"role": "supervisor", "province": "markazi"}]))
    reason = "nobody else at night"
    after = await accounts.break_glass("arak-1", reason=reason, by="arak-1", now=NOW)
    assert await accounts.person("arak-1") == after
    ends_at = NOW + timedelta(hours=4)

    def publishes(now: datetime, province: str = "markazi") -> bool:
        return may(after, Action.RULES_PUBLISH, province=province, now=now)  # type: ignore[arg-type]

    assert publishes(NOW)
    assert publishes(ends_at - MINUTE)
    assert not publishes(ends_at)
    assert not publishes(NOW, "ilam")
    assert (await actions(store))[-1] == "people.break_glass arak-1"
    assert (await detail(store))["reason"] == reason
    later = await accounts.break_glass("arak-1", reason=reason, by="arak-1", now=ends_at)
    assert len(later.grants) == 2  # the one that has ended is gone


async def test_what_was_done_in_need_is_reviewed_by_another_when_it_is_over(
    store: Store, accounts: PeopleStore
) -> None:
    await add(accounts, person(grants=[{"role": "supervisor", "province": "markazi"}]))
    for minute in (0, 5):
        await accounts.break_glass(
            "arak-1", reason="nobody at night", by="local:root", now=NOW + minute * MINUTE
        )
    in_force = await load_in_force(store, NOW)
    assert [(one.person, one.by, one.at) for one in in_force.broken_glass] == [
        ("arak-1", "local:root", NOW),
        ("arak-1", "local:root", NOW + 5 * MINUTE),
    ]
    over = NOW + timedelta(hours=5)

    async def review(by: str, now: datetime) -> tuple[BrokenGlass, ...]:
        return await accounts.review("arak-1", note="all right", by=by, now=now)

    for by in ("arak-1", "local:root"):
        with pytest.raises(BadInput, match="somebody else must review it"):
            await review(by, over)
    with pytest.raises(BadInput, match=r"still admin, until 1405/.*--drop-grant"):
        await review("boss", NOW + MINUTE)
    assert len(await review("boss", over)) == 2
    assert await accounts.broken_glass() == ()
    assert (await actions(store))[-1] == "people.review arak-1"
    with pytest.raises(BadInput, match="nothing to review"):
        await review("boss", over)
    await accounts.break_glass("arak-1", reason="nobody again", by="arak-1", now=over)
    assert [one.reason for one in await accounts.broken_glass()] == ["nobody again"]


@pytest.mark.parametrize(
    "grants",
    [
        [],
        [{"role": "manager", "province": "markazi"}],
        [{"role": "supervisor", "province": "markazi", "desk": "markazi-arak"}],
        [{"role": "supervisor", "province": "markazi", "until_at": NOW + MINUTE}],
    ],
)
async def test_nobody_else_breaks_glass(accounts: PeopleStore, grants: list[object]) -> None:
    await add(accounts, person(grants=grants))
    with pytest.raises(BadInput, match="no supervisor of a whole province"):
        await accounts.break_glass("arak-1", reason="a good reason", by="arak-1", now=NOW)


async def test_password_and_pin_let_in_whose_they_are(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person())
    assert await accounts.check_password("arak-1", "", now=NOW) is None
    await accounts.set_password("arak-1", PASSWORD, by="test", now=NOW)
    await accounts.set_pin("arak-1", "۲۵۸۰", by="test", now=NOW)
    assert await accounts.check_password("arak-1", PASSWORD, now=NOW) == person()
    assert await accounts.check_pin("arak-1", "٢٥٨٠", now=NOW) == person()
    assert await accounts.check_pin("arak-1", PASSWORD, now=NOW) is None
    assert await accounts.check_password("arak-1", "2580", now=NOW) is None
    assert await actions(store) == [
        "people.add arak-1",
        "people.sign_in_failed arak-1",
        "people.password arak-1",
        "people.pin arak-1",
        "people.sign_in_failed arak-1",
    ]
    assert PASSWORD not in str([it.entry for it in await find_entries(store, TrailSearch())])


@pytest.mark.parametrize("name", ["nobody", "", "%", "four plain words", "\udce6"])
async def test_an_unknown_name_is_not_written_down(
    store: Store, accounts: PeopleStore, name: str
) -> None:
    """It may be a password that was typed into the wrong place."""
    assert await accounts.check_password(name, PASSWORD, now=NOW) is None
    assert await actions(store) == ["people.sign_in_failed -"]


async def fail(accounts: PeopleStore, *minutes: float) -> None:
    for minute in minutes:
        at = NOW + minute * MINUTE
        assert await accounts.check_password("arak-1", "wrong", now=at) is None


async def lets_in(accounts: PeopleStore, minute: float) -> bool:
    found = await accounts.check_password("arak-1", PASSWORD, now=NOW + minute * MINUTE)
    return found is not None


@pytest.fixture
async def known(accounts: PeopleStore) -> PeopleStore:
    await add(accounts, person())
    await accounts.set_password("arak-1", PASSWORD, by="test", now=NOW - 60 * MINUTE)
    return accounts


async def test_five_failures_in_a_row_refuse_the_account_for_a_while(
    store: Store, known: PeopleStore
) -> None:
    await fail(known, 0, 1, 2, 3)
    assert await lets_in(known, 3.5)
    await fail(known, 4, 5, 6, 7, 8)
    assert not await lets_in(known, 8.1)
    assert not await lets_in(known, 22.9)  # refused attempts do not make it longer
    assert await lets_in(known, 23)
    assert (await actions(store))[-3:] == [
        "people.sign_in_failed arak-1",
        "people.sign_in_refused arak-1",
        "people.sign_in arak-1",
    ]


async def test_failures_over_a_longer_time_refuse_nobody(known: PeopleStore) -> None:
    await fail(known, 0, 4, 8, 12, 15)
    assert await lets_in(known, 16)


async def test_passwords_and_pins_that_fail_are_counted_together(known: PeopleStore) -> None:
    await known.set_pin("arak-1", "2580", by="test", now=NOW - 60 * MINUTE)
    await fail(known, 0, 1, 2)
    for minute in (3, 4):
        assert await known.check_pin("arak-1", "9999", now=NOW + minute * MINUTE) is None
    assert await known.check_pin("arak-1", "2580", now=NOW + 5 * MINUTE) is None


async def test_a_new_password_ends_the_refusal(known: PeopleStore) -> None:
    await fail(known, 0, 1, 2, 3, 4)
    await known.set_password("arak-1", PASSWORD, by="an-admin", now=NOW + 5 * MINUTE)
    assert await lets_in(known, 6)


async def test_one_account_refused_is_no_other_refused(known: PeopleStore) -> None:
    await add(known, person("arak-2"))
    await known.set_password("arak-2", PASSWORD, by="test", now=NOW)
    await fail(known, 0, 1, 2, 3, 4)
    assert await known.check_password("arak-2", PASSWORD, now=NOW + 5 * MINUTE)


async def test_attempts_at_the_same_moment_are_counted_in_a_row(
    store: Store, known: PeopleStore
) -> None:
    attempts = [known.check_password("arak-1", "wrong", now=NOW) for _ in range(9)]
    assert set(await asyncio.gather(*attempts)) == {None}
    said = await actions(store)
    assert said.count("people.sign_in_failed arak-1") == 1
    assert said.count("people.sign_in_refused arak-1") == 1


async def test_guessing_on_and_on_makes_neither_the_trail_grow_nor_the_line_load_anew(
    store: Store, known: PeopleStore
) -> None:
    before, loaded = len(await actions(store)), (await load_in_force(store, NOW)).revision
    for number in range(61):
        at = NOW + number * MINUTE
        assert await known.check_password("arak-1", "wrong", now=at) is None
        assert await known.check_password(f"guessed-{number}", "wrong", now=at) is None
    said = (await actions(store))[before:]
    assert said.count("people.sign_in_failed -") <= 2
    assert said.count("people.sign_in_failed arak-1") == 1
    assert said.count("people.sign_in_refused arak-1") == 3  # a quarter of an hour each
    assert len(said) < 8
    assert await revision(store) == loaded
    await fail(known, 75)
    assert await lets_in(known, 75.5)
    assert await revision(store) == loaded


async def test_slow_guessing_is_told_each_hour_with_how_often(
    store: Store, known: PeopleStore
) -> None:
    await fail(known, *range(0, 125, 4))
    failures = [
        it.entry.detail["failures"]
        for it in await find_entries(store, TrailSearch(action="people.sign_in_failed"))
        if it.entry
    ]
    assert failures == [15, 15, 1]


async def test_a_table_of_failures_that_is_spoilt_shuts_nobody_out(
    store: Store, known: PeopleStore
) -> None:
    await fail(known, 0)
    path = store.home / "secrets" / "sign_ins.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("[")
    assert await lets_in(known, 1)


async def test_a_hash_of_older_parameters_is_renewed_at_sign_in(
    store: Store, known: PeopleStore
) -> None:
    old = PasswordHasher(2, 16, 1).hash(PASSWORD)
    async with store.writing() as connection:
        await connection.execute(update(people).values(password_hash=old))
    assert not await known.check_password("arak-1", "wrong", now=NOW)
    assert (await store.rows(select(people)))[0]["password_hash"] == old
    assert await lets_in(known, 1)
    assert "m=8,t=1" in (await store.rows(select(people)))[0]["password_hash"]
    assert await lets_in(known, 2)


async def test_nobody_manages_without_a_password(accounts: PeopleStore) -> None:
    await add(accounts, admin("a"), person("b"))
    assert not await accounts.somebody_manages()
    await accounts.set_password("b", PASSWORD, by="test", now=NOW)
    assert not await accounts.somebody_manages()
    await accounts.set_password("a", PASSWORD, by="test", now=NOW)
    assert await accounts.somebody_manages()


async def test_an_account_of_no_form_of_ours_is_told(store: Store, accounts: PeopleStore) -> None:
    await add(accounts, person())
    async with store.writing() as connection:
        await connection.execute(update(people).values(person={"id": "arak-1", "boss": True}))
    with pytest.raises(StoreError, match=r"account 'arak-1' .* Restore"):
        await accounts.people()


def test_a_number_is_read_in_any_digits() -> None:
    values = {"id": "a", "kind": "telephone", "number": "۰۸۶۳۱۲۳۴۵۶۷"}
    assert DeviceEntry.model_validate(values).number == "08631234567"
