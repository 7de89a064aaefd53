"""Saves while the database is away: on disk at once, in the database later, once, in order."""

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from ivr import passwords
from ivr.errors import NotThere, StoreError, ValueRefused
from ivr.model import CallId, CounsellorId
from ivr.outcome_form import OutcomeForm, OutcomeItem, one_touch
from ivr.outcomes import OutcomeId, Relation
from ivr.store.deeds import Save
from ivr.store.forms import FormStore
from ivr.store.saving import Saving
from ivr.store.spool import Spool
from ivr.store.store import Store
from tests.edge.staff import STAFF, take_in_staff
from tests.edge.store_examples import at, call, settings

CALL, CHIEF = CallId("1"), STAFF[CounsellorId("chief")]
TEAM = OutcomeItem(outcome=OutcomeId.MOBILE_TEAM)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


def save(key: str, second: float = 0, of: CallId = CALL, **said: Any) -> Save:
    said = said or {"form": OutcomeForm(note=key, outcomes=(TEAM,))}
    return Save(key=key, call=of, by="chief", at=at(second), **said)


class Taken:
    """A database that is away until it is told otherwise."""

    def __init__(self) -> None:
        self.away = True
        self.unknown: set[str] = set()
        self.keys: list[str] = []

    async def __call__(self, one: Save) -> None:
        if self.away:
            raise StoreError("away")
        if one.call in self.unknown:
            raise NotThere("no such call")
        self.keys.append(one.key)


async def test_what_is_kept_comes_out_in_order_and_goes(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path), Taken()
    first = save("second", 2)
    spool.keep(first)
    spool.keep(save("first", 1, item=TEAM))
    spool.keep(first)  # the same save again
    with pytest.raises(StoreError):
        await spool.drain(taken)
    assert len(spool) == 2
    taken.away = False
    assert await spool.drain(taken) == 2
    assert (taken.keys, len(spool)) == (["first", "second"], 0)


async def test_the_saves_of_a_call_that_is_not_there_yet_wait_in_order(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path), Taken()
    taken.away, taken.unknown = False, {"1"}
    for second, (key, of) in enumerate([("a", "1"), ("b", "2"), ("c", "1")]):
        spool.keep(save(key, second, CallId(of)))
    assert await spool.drain(taken) == 1
    taken.unknown = set()
    assert await spool.drain(taken) == 2
    assert taken.keys == ["b", "a", "c"]


async def test_a_file_that_nobody_can_read_stays_and_keeps_nobody_up(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path), Taken()
    taken.away = False
    spool.keep(save("good", 2))
    (tmp_path / "spool" / "20260101T000000.000000-bad.save.json").write_text("{half")
    assert await spool.drain(taken) == 1
    assert len(spool) == 1


def test_a_key_from_outside_names_no_file_elsewhere(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.keep(save("../../etc/passwd"))
    (path,) = (tmp_path / "spool").iterdir()
    assert path.name.endswith("-etcpasswd.save.json")
    assert path.stat().st_mode & 0o077 == 0


async def test_a_save_that_the_database_will_never_take_stands_aside(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path), Taken()
    taken.away = False

    async def refusing(one: Save) -> None:
        if one.key == "bad":
            raise ValueRefused("a number too large")
        await taken(one)

    spool.keep(save("bad", 1))
    spool.keep(save("good", 2))
    assert await spool.drain(refusing) == 1
    assert (taken.keys, len(spool)) == (["good"], 0)
    assert [one.key for one in spool.set_aside()] == ["bad"]


async def test_a_file_that_cannot_be_read_keeps_nobody_up(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path), Taken()
    taken.away = False
    spool.keep(save("good", 2))
    (tmp_path / "spool" / "20260101T000000.000000-dir.save.json").mkdir()  # EISDIR
    assert await spool.drain(taken) == 1


async def test_what_the_database_refuses_is_not_called_away(tmp_path: Path) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        await store.save_calls([call("1")])
        await take_in_staff(store)
        saving = Saving(store, tmp_path)
        with pytest.raises(StoreError):
            await saving.save(save("k", form=OutcomeForm.model_construct(note="\ud800")), CHIEF)
        assert len(Spool(tmp_path)) == 0


class FullDisk:
    """Writes fail for want of room until the reserve is given up."""

    def __init__(self, reserve: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reserve = reserve
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        if self._reserve is None or self._reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        self._fsync(descriptor)


def test_a_full_disk_gives_up_its_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    reserve = tmp_path / "spool" / "reserve"
    assert reserve.stat().st_size > 100_000
    FullDisk(reserve, monkeypatch)
    spool.keep(save("a"))
    assert len(spool) == 1
    assert not reserve.exists()


def test_where_nothing_takes_a_save_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"NOT SAVED.*on paper"):
        Spool(tmp_path).keep(save("a"))
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_save_goes_to_the_spool_while_the_database_is_away_and_then_where_it_belongs(
    tmp_path: Path,
) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        await store.save_calls([call("1")])
        await take_in_staff(store)
    database = tmp_path / "line123.sqlite"
    database.rename(tmp_path / "away")
    database.mkdir()
    async with Store(settings(tmp_path)) as store:
        kept = await Saving(store, tmp_path).save(save("a", 1, item=TEAM), CHIEF)
        assert kept.done is None
    database.rmdir()
    (tmp_path / "away").rename(database)
    async with Store(settings(tmp_path)) as store:
        saving = Saving(store, tmp_path)
        kept = await saving.save(save("b", 2, form=one_touch(Relation.PRANK)), CHIEF)
        assert kept.done is not None
        assert await saving.drain() == 0
        history = await FormStore(store).history(CALL)
        assert [(one.key, one.replaced_by is None) for one in history] == [
            ("a", False),
            ("b", True),
        ]


async def test_a_form_from_the_spool_does_not_replace_one_that_was_saved_after_it(
    tmp_path: Path,
) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        await store.save_calls([call("1")])
        await take_in_staff(store)
        forms = FormStore(store)
        whose: dict[str, Any] = {"call": CALL, "by": "sara"}
        newer = await forms.save(OutcomeForm(outcomes=(TEAM,)), at=at(9), key="n", **whose)
        late = await forms.save(one_touch(Relation.TEST), at=at(1), key="l", **whose)
        assert late.replaced_by == newer.id
        assert await forms.counting(CALL) == {CALL: newer}
        assert [entry.outcome for entry in await store.outcomes(CALL)] == [OutcomeId.MOBILE_TEAM]
        again = await forms.add(
            OutcomeItem(outcome=OutcomeId.CALL_BACK_DUE), at=at(2), key="x", **whose
        )
        assert (await forms.counting(CALL))[CALL] == replace(again, at=at(9))


async def test_two_that_drain_at_once_save_everything_once(tmp_path: Path) -> None:
    async with await Store.open(settings(tmp_path)) as store:
        await store.save_calls([call("1")])
        await take_in_staff(store)
        spool = Spool(tmp_path)
        for number in range(6):
            spool.keep(save(f"k{number}", number))
        drained = await asyncio.gather(*(Saving(store, tmp_path).drain() for _ in range(3)))
        assert sum(drained) == 6
        assert len(spool) == 0
        history = await FormStore(store).history(CALL)
        assert sorted(one.key for one in history) == [f"k{number}" for number in range(6)]
        assert (await FormStore(store).counting(CALL))[CALL].key == "k5"
