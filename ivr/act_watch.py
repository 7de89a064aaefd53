"""Takes what people tell the floor from where they tell it: another process, a page."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog

from ivr import events as ev
from ivr.errors import StoreError
from ivr.floor_acts import FloorAct, event_of
from ivr.steering import LOOK_EVERY_S

log = structlog.get_logger()


class Acts(Protocol):
    """Where acts are told. Each is taken once, and none that is stale; raises StoreError."""

    async def take(self, now: datetime) -> tuple[FloorAct, ...]: ...


class ActWatch:
    """Posts each act as an event. While the database is away nobody can tell us anything."""

    def __init__(
        self, acts: Acts, post: Callable[[ev.Event], None], now: Callable[[], datetime]
    ) -> None:
        self._acts = acts
        self._post = post
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        try:
            acts = await self._acts.take(self._now())
        except StoreError:  # Steering says so
            return
        for act in acts:
            self._post(event_of(act))
            log.info("floor_act", kind=act.kind, subject=act.subject, by=act.by)
