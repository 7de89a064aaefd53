"""The live feed: whole snapshots of the floor for every page that watches, and a beat between them.

A snapshot is whole, so a page that missed some needs only the newest. The beat says which floor is
the newest and what time it is here; a page that hears none for five seconds says so to its reader.
"""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from ivr import calendar
from ivr.view import FloorView
from ivr.web.days_calls import DaysCalls
from ivr.web.drawing import Drawing
from ivr.web.ports import ConsolePorts

COALESCE_S = 0.25  # at most four snapshots a second
BEAT_S = 2.0

log = structlog.get_logger()


class Feed:
    """Draws each floor once, however many pages watch it."""

    def __init__(self, console: ConsolePorts, drawing: Drawing) -> None:
        self._console = console
        self._drawing = drawing
        self._calls = DaysCalls(console)
        self._key: tuple[object, ...] = ()
        self._snapshot = ""
        self.alive = True
        self.changed = asyncio.Event()  # replaced at each change: take it, look, then wait for it

    async def run(self) -> None:
        """Follow the floor until cancelled."""
        try:
            await self._follow_floor()
        except Exception:  # whatever it is: no page may go on showing an old floor
            log.exception("console_feed_broke")
        finally:
            self.stop()

    def stop(self) -> None:
        """Let every page go."""
        self.alive = False
        self.changed.set()

    async def regions(self) -> dict[str, str]:
        """HTML of all regions as of now."""
        await self._calls.renew()
        regions = self._draw(self._console.floor_view(), datetime.now(UTC))
        return {"calls": "", **regions}

    async def follow_calls(self) -> None:
        """For as long as somebody watches."""
        await self._calls.follow(self._wake)

    def news(self) -> tuple[str, str]:
        """The newest snapshot, the same object as long as nothing changed, and a beat.

        The beat says which floor is the newest, the time here in Unix seconds, and which build of
        the page draws it. The day's calls are left out until they are read.
        """
        view, now = self._console.floor_view(), datetime.now(UTC)
        today = calendar.day_began_at(now)
        timeless = replace(view, at=today)  # time alone may change the order of the line
        key = (timeless, self._console.database(), self._calls.known, self._calls.rows, today)
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
        if self._calls.known:
            regions["calls"] = self._drawing.calls(self._calls.rows, view, names)
        return regions

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def _follow_floor(self) -> None:
        async for _ in self._console.subscribe():
            self._wake()
            await asyncio.sleep(COALESCE_S)


def _message(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)
