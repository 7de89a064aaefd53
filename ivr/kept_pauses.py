"""Who is on a break or is to have one, kept in IVR_HOME over the controller's restarts.

A crash is over within seconds: whoever is at lunch must not be rung because of it, nor a caller
wait for them.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from ivr.errors import StoreError
from ivr.floor_view import Break
from ivr.model import CounsellorId
from ivr.store.codec import decode_event, encode_event
from ivr.store.files import write_synced

log = structlog.get_logger()

SETTLE_S = 0.5  # what changes together is written once
FORGOTTEN_AFTER = timedelta(hours=12)  # longer than a shift: nobody rests for so long


class Watched(Protocol):
    """The controller, as far as it is looked at here."""

    @property
    def exchange_up(self) -> bool: ...
    def breaks(self) -> Mapping[CounsellorId, Break]: ...
    def watch(self) -> asyncio.Event: ...
    def unwatch(self, changed: asyncio.Event) -> None: ...


class _Kept(NamedTuple):
    event: Break
    since_at: datetime


class KeptPauses:
    """What `restored` gives is posted before Asterisk is seen; then `run` keeps what changes."""

    def __init__(self, path: Path, watched: Watched, now: Callable[[], datetime]) -> None:
        self._path = path
        self._watched = watched
        self._now = now
        self._kept: dict[CounsellorId, _Kept] = {}
        self._taken_in = False

    def restored(self) -> tuple[Break, ...]:
        """Those that did not begin too long ago; none where the file tells nothing."""
        self._kept = {
            person: one
            for person, one in _read(self._path).items()
            if self._now() - one.since_at < FORGOTTEN_AFTER
        }
        return tuple(one.event for one in self._kept.values())

    async def run(self) -> None:
        """Until cancelled."""
        changed = self._watched.watch()
        try:
            while True:
                await changed.wait()
                changed.clear()
                await self.look()
                await asyncio.sleep(SETTLE_S)
        finally:
            self._watched.unwatch(changed)

    async def look(self) -> None:
        """Before Asterisk is seen, what was restored may not have been taken in yet."""
        self._taken_in = self._taken_in or self._watched.exchange_up
        if not self._taken_in:
            return
        found = {
            person: self._as_kept(person, event) for person, event in self._watched.breaks().items()
        }
        if found == self._kept:
            return
        try:
            await asyncio.to_thread(write_synced, self._path, _to_json(found))
        except OSError as error:
            log.warning("breaks_not_kept", reason=error.strerror)
        else:
            self._kept = found

    def _as_kept(self, person: CounsellorId, event: Break) -> _Kept:
        kept = self._kept.get(person)
        return kept if kept and kept.event == event else _Kept(event, self._now())


def _to_json(breaks: Mapping[CounsellorId, _Kept]) -> bytes:
    return json.dumps(
        {
            person: [*encode_event(one.event), one.since_at.isoformat()]
            for person, one in breaks.items()
        }
    ).encode()


def _read(path: Path) -> dict[CounsellorId, _Kept]:
    try:
        said = json.loads(path.read_bytes())
        return {
            CounsellorId(person): _Kept(
                _break(kind, fields), datetime.fromisoformat(since).astimezone()
            )
            for person, (kind, fields, since) in said.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, StoreError) as error:
        log.warning("breaks_unreadable", reason=type(error).__name__)
        return {}


def _break(kind: str, fields: object) -> Break:
    event = decode_event(kind, fields)
    if not isinstance(event, Break):
        raise TypeError(f"{kind} is no break")
    return event
