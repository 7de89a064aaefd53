"""Saving what a person recorded: in the database, or in the spool while that is away."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from ivr.errors import BadInput, StoreError, ValueRefused
from ivr.model import CallId
from ivr.store.forms import FormStore, SavedForm
from ivr.store.spool import Save, Spool
from ivr.store.store import Store

log = structlog.get_logger()

DRAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A save that is on disk; `saved` is None while it is in the spool."""

    call: CallId
    saved: SavedForm | None = None


class Saving:
    """`save` returns once it is on disk, wherever; `drain` empties the spool."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._forms = FormStore(store)
        self._spool = Spool(home)

    async def save(self, save: Save) -> Kept:
        """Raises BadInput for a call that is not there, StoreError where nothing takes it."""
        try:
            await self.drain()  # what was asked for before comes before
            return Kept(save.call, await self._into_database(save))
        except ValueRefused:
            raise
        except StoreError as error:
            log.warning("saved_in_spool", call=save.call, reason=str(error))
            await asyncio.to_thread(self._spool.keep, save)
            return Kept(save.call)

    async def drain(self) -> int:
        """How many saves left the spool; raises StoreError while the database is away."""
        if not len(self._spool):
            return 0
        drained = await self._spool.drain(self._from_spool)
        log.info("spool_drained", saves=drained, left=len(self._spool))
        return drained

    async def run(self) -> None:
        """Drain what others leave in the spool, until cancelled."""
        await asyncio.to_thread(self._spool.prepare)
        while True:
            try:
                await self.drain()
            except (StoreError, OSError) as error:
                log.warning("spool_waits", saves=len(self._spool), reason=str(error))
            await asyncio.sleep(DRAIN_EVERY_S)

    async def _from_spool(self, save: Save) -> SavedForm:
        """While the database was away nobody could look up what a call's beginning stands for."""
        found = await self._store.find_calls(save.call, limit=2)
        whole = found[0].call if len(found) == 1 else save.call
        return await self._into_database(replace(save, call=whole))

    async def _into_database(self, save: Save) -> SavedForm:
        whose: dict[str, Any] = {"call": save.call, "by": save.by, "at": save.at, "key": save.key}
        if save.item is not None:
            return await self._forms.add(save.item, **whose)
        if save.form is None:
            raise BadInput(f"The save {save.key!r} holds nothing.")
        return await self._forms.save(save.form, **whose)
