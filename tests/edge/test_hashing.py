"""Passwords are hashed one after another, however many people sign in at once."""

import asyncio
import threading

import pytest

from ivr.errors import BadInput
from ivr.passwords import hash_password
from ivr.store.hashing import hashing


async def test_everybody_waits_for_the_one_who_is_hashing() -> None:
    """Were two at once, the second would come in while the first waits for it."""
    second_came = threading.Event()
    alone = asyncio.create_task(hashing(second_came.wait, 0.2))
    second = asyncio.create_task(hashing(second_came.set))
    assert await alone is False
    await second
    assert second_came.is_set()


async def test_whoever_gives_up_takes_no_turn() -> None:
    begun, go_on, hashed = threading.Event(), threading.Event(), threading.Event()

    def holds_the_turn() -> None:
        begun.set()
        go_on.wait(60)

    first = asyncio.create_task(hashing(holds_the_turn))
    await asyncio.to_thread(begun.wait, 60)
    gives_up = asyncio.create_task(hashing(hashed.set))
    await asyncio.sleep(0)  # it stands in the queue now
    gives_up.cancel()
    await asyncio.wait([gives_up])  # only then the queue knows
    go_on.set()
    await first
    await hashing(int)
    assert not hashed.is_set()


async def test_what_the_work_raises_comes_back() -> None:
    with pytest.raises(BadInput, match="too short"):
        await hashing(hash_password, "short")
