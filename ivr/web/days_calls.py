"""The day's calls, read from the database by those who look at them and by nobody else."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from ivr.errors import StoreError
from ivr.view import CallRow
from ivr.web.ports import ConsolePorts

CALLS_S = 2.0
CALLS_SHOWN = 30
KEPT_S = 3 * CALLS_S  # what was read longer ago is no news


class DaysCalls:
    """What was read last, for all who watch at the moment.

    Whoever watches keeps it fresh: nothing reads where nobody does.
    """

    def __init__(self, console: ConsolePorts) -> None:
        self._console = console
        self._rows: Sequence[CallRow] | None = None
        self._begun: float | None = None  # when the last reading began, on the loop's clock
        self._read: float | None = None  # when it ended

    @property
    def known(self) -> bool:
        """Whether it was read a short while ago."""
        return self._read is not None and _now() - self._read < KEPT_S

    @property
    def rows(self) -> Sequence[CallRow] | None:
        """None where they could not be read."""
        return self._rows

    async def renew(self) -> None:
        """Read, unless somebody else has begun to a moment ago."""
        if self._begun is not None and _now() - self._begun < CALLS_S:
            return
        self._begun = _now()
        self._rows = await self._newest()
        self._read = _now()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Keep it fresh until cancelled."""
        while True:
            before = self.known, self._rows
            await self.renew()
            if (self.known, self._rows) != before:
                changed()
            await asyncio.sleep(CALLS_S)

    async def _newest(self) -> Sequence[CallRow] | None:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(CALLS_S):
                return tuple(await self._console.todays_calls(CALLS_SHOWN))
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()
