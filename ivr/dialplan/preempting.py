"""What is cut short by news."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

Item = TypeVar("Item")


async def first_of(
    activity: Coroutine[None, None, object], queue: "asyncio.Queue[Item]"
) -> Item | None:
    """Do `activity` until it ends or something is in the queue, which pre-empts it."""
    doing = asyncio.create_task(activity)
    reading = asyncio.create_task(queue.get())
    try:
        await asyncio.wait({doing, reading}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return reading.result() if reading.done() else None
    finally:
        doing.cancel()
        reading.cancel()
        await asyncio.wait({doing, reading})
        # An error that passes holds this frame, and its task holds the error: no circle of them.
        del doing, reading
