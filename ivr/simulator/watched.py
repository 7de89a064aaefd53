"""Waiting for a condition on one loop: no polling, no lost wake-up, always an end."""

import asyncio
from collections.abc import Callable


class Watched:
    """A thing whose changes others wait for; whoever changes it calls `changed`."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    def changed(self) -> None:
        """Let every waiter look again."""
        self._change.set()

    async def until(self, ready: Callable[[], object], limit_s: float | None = None) -> bool:
        """Wait for `ready()`; False if `limit_s` have passed and it still does not hold."""
        try:
            async with asyncio.timeout(limit_s):
                while not ready():
                    self._change.clear()
                    await self._change.wait()
        except TimeoutError:
            return bool(ready())
        return True
