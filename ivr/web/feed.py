"""The live feed: whole snapshots of the floor for every page that watches, and a beat between them.

A snapshot is whole, so a page that missed some needs only the newest. The beat says which floor is
the newest and what time it is here; a page that hears none for five seconds says so to its reader.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from ivr import calendar
from ivr.errors import StoreError
from ivr.view import CallRow, FloorView
from ivr.web.drawing import Drawing
from ivr.web.ports import ConsolePorts

COALESCE_S = 0.25  # at most four snapshots a second
BEAT_S = 2.0
CALLS_S = 2.0
CALLS_SHOWN = 30

log = structlog.get_logger()


class Feed:
    """Draws each floor once, however many pages watch it."""

    def __init__(self, console: ConsolePorts, drawing: Drawing) -> None:
        self._console = console
        self._drawing = drawing
        self._calls: Sequence[CallRow] | None = None
        self._key: tuple[object, ...] = ()
        self._snapshot = ""
        self.alive = True
        self.changed = asyncio.Event()  # replaced at each change: take it, look, then wait for it

    async def run(self) -> None:
        """Follow the floor and the day's calls until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_floor())
                tasks.create_task(self._follow_calls())
        except ExceptionGroup:
            log.exception("console_feed_broke")
        finally:
            self.stop()

    def stop(self) -> None:
        """Let every page go."""
        self.alive = False
        self.changed.set()

    def regions(self) -> dict[str, str]:
        """HTML of all regions as of now."""
        return self._draw(self._console.floor_view(), datetime.now(UTC))

    def news(self) -> tuple[str, str]:
        """The newest snapshot, the same object as long as nothing changed, and a beat.

        The beat says which floor is the newest, the time here in Unix seconds, and which build of
        the page draws it.
        """
        view, now = self._console.floor_view(), datetime.now(UTC)
        today = calendar.day_began_at(now)
        timeless = replace(view, at=today)  # time alone may change the order of the line
        key = (timeless, self._console.database(), self._calls, today)
        if key != self._key:
            regions = self._draw(view, now)
            self._snapshot = _message("floor", sequence=view.sequence, regions=regions)
            self._key = key
        beat = _message(
            "beat", sequence=view.sequence, now=now.timestamp(), build=self._drawing.build
        )
        return self._snapshot, beat

    def _draw(self, view: FloorView, now: datetime) -> dict[str, str]:
        names = self._console.names()
        regions = self._drawing.floor(view, names, self._console.database(), now)
        return regions | {"calls": self._drawing.calls(self._calls, view, names)}

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def _follow_floor(self) -> None:
        async for _ in self._console.subscribe():
            self._wake()
            await asyncio.sleep(COALESCE_S)

    async def _follow_calls(self) -> None:
        while True:
            calls = await self._read_calls()
            if calls != self._calls:
                self._calls = calls
                self._wake()
            await asyncio.sleep(CALLS_S)

    async def _read_calls(self) -> Sequence[CallRow] | None:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(CALLS_S):
                return tuple(await self._console.todays_calls(CALLS_SHOWN))
        return None


def _message(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)
