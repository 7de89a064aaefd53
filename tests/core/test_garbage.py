"""Full collections of garbage happen while nobody waits, and now and then anyway."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from ivr import garbage


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each full collection; a minute passes at once."""
    made: list[int] = []
    monkeypatch.setattr(garbage, "TIDY_EVERY_S", 0.0)
    monkeypatch.setattr(gc, "collect", lambda: made.append(1))
    return made


async def minutes(waits: Iterator[bool]) -> None:
    """Tidy until `waits` has told of each minute."""
    over = asyncio.Event()

    def somebody_waits() -> bool:
        try:
            return next(waits)
        except StopIteration:
            over.set()
            return True

    task = asyncio.create_task(garbage.tidy(somebody_waits))
    await over.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_garbage_is_collected_while_nobody_waits(collections: list[int]) -> None:
    await minutes(iter([False, False]))
    assert len(collections) == 2


async def test_somebody_who_waits_is_not_held_up(collections: list[int]) -> None:
    await minutes(iter([True] * (garbage.PUT_OFF_AT_MOST - 1)))
    assert collections == []


async def test_it_is_not_put_off_for_ever(collections: list[int]) -> None:
    await minutes(iter([True] * (2 * garbage.PUT_OFF_AT_MOST + 2)))
    assert len(collections) == 2


def test_what_a_start_leaves_is_never_looked_at_again() -> None:
    before = gc.get_threshold()
    try:
        garbage.settle()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
