"""What earlier calls of the same caller tell, looked up while the greeting has not begun."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog

from ivr.errors import StoreError
from ivr.model import CallId, CountyId

log = structlog.get_logger()

LOOK_UP_S = 0.2  # an earlier call is worth no longer a wait
ENDS_S = 10.0
AT_ONCE = 8  # a database that has so many to answer is not asked more


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerPast:
    """Whose past is asked for, and how far back: in any call but `not_of`, which asks."""

    pseudonym: str
    county_since_at: datetime
    silence_since_at: datetime
    not_of: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The county that the caller confirmed last, and whether they were silent."""

    county: CountyId | None = None
    silent: bool = False


FindEarlier = Callable[[CallerPast], Awaitable[Earlier]]


async def nothing_earlier(_past: CallerPast) -> Earlier:
    return Earlier()


@dataclass(slots=True, eq=False)
class EarlierCalls:
    """Asks `find` for at most LOOK_UP_S; used as `async with`, which owns what takes longer.

    What takes longer goes on by itself and tells nobody: to give up a statement that has begun
    costs its connection, and a database that is slow would have to make one anew for each caller.
    """

    find: FindEarlier = nothing_earlier
    _group: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    _open: set["asyncio.Task[Earlier | None]"] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for asked in self._open:
            asked.cancel()
        await self._group.__aexit__(None, None, None)

    async def look_up(self, past: CallerPast) -> Earlier:
        """What can be learnt in time; nothing where the database is away or busy."""
        found = await self._found(past) if len(self._open) < AT_ONCE else None
        if found is None:
            log.warning("earlier_calls_not_looked_up", call=past.not_of)
        return found or Earlier()

    async def _found(self, past: CallerPast) -> Earlier | None:
        asked = self._group.create_task(self._ask(past), name="earlier-calls")
        self._open.add(asked)
        asked.add_done_callback(self._open.discard)
        await asyncio.wait({asked}, timeout=LOOK_UP_S)
        return asked.result() if asked.done() and not asked.cancelled() else None

    async def _ask(self, past: CallerPast) -> Earlier | None:
        try:
            async with asyncio.timeout(ENDS_S):
                return await self.find(past)
        except (StoreError, TimeoutError):
            return None
        except Exception as error:  # noqa: BLE001 - raising here would end the line, for a hint
            log.error("earlier_calls_failed", call=past.not_of, error=type(error).__name__)  # noqa: TRY400
            return None
