"""Looks into the records for what people owe, and tells the alarms of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Protocol

import structlog

from ivr.errors import StoreError
from ivr.notices import Alarm
from ivr.owed import Owed, owed_alarms
from ivr.rules.schema import ProvinceRules

log = structlog.get_logger()

LOOK_EVERY_S = 30.0  # nothing here is of seconds


class Records(Protocol):
    """What is owed in these provinces; raises StoreError."""

    def look(self, rules: Iterable[ProvinceRules], now: datetime) -> Awaitable[Owed]: ...


class OwedWatch:
    """`rules` gives those in force. While the database is away, what stood goes on standing."""

    def __init__(
        self,
        records: Records,
        rules: Callable[[], tuple[ProvinceRules, ...]],
        tell: Callable[[tuple[Alarm, ...]], None],
        now: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._rules = rules
        self._tell = tell
        self._now = now

    async def run(self) -> None:
        """Until cancelled. A mistake of ours in an alarm must cost no call."""
        while True:
            try:
                await self.look()
            except StoreError:
                pass  # Steering says so
            except Exception:
                log.exception("owed_watch_broke")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Once; raises StoreError."""
        rules, now = self._rules(), self._now()
        owed = await self._records.look(rules, now)
        self._tell(owed_alarms(owed, rules, now))
