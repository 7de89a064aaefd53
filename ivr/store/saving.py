"""Saving what a person recorded: in the database, or in the spool while that is away."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from ivr.errors import StoreError, ValueRefused
from ivr.people import Person
from ivr.store.deeds import Save
from ivr.store.doing import Doing, Done, check_somewhere
from ivr.store.spool import Spool
from ivr.store.store import Store

log = structlog.get_logger()

DRAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A save that is on disk; `done` is None while it is in the spool."""

    save: Save
    done: Done | None = None


class Saving:
    """`save` returns once it is on disk, wherever; `drain` empties the spool."""

    def __init__(self, store: Store, home: Path) -> None:
        self._doing = Doing(store)
        self._spool = Spool(home)

    async def save(self, save: Save, actor: Person) -> Kept:
        """What `actor` asks for, if they may.

        Raises NotAllowed, NotThere for what is not there, other BadInput, and StoreError where
        nothing takes it. What nobody can look up while the database is away is judged afterwards.
        """
        check_somewhere(save, actor)
        try:
            await self._drain_first()
            return Kept(save, await self._doing.do(save, actor))
        except ValueRefused:
            raise
        except StoreError as error:
            log.warning("saved_in_spool", call=save.call, what=save.what, reason=str(error))
            await asyncio.to_thread(self._spool.keep, save)
            return Kept(save)

    async def _drain_first(self) -> None:
        """What was asked for before comes before."""
        with suppress(OSError):  # of the spool's own files: the database may be well
            await self.drain()

    async def drain(self) -> int:
        """How many saves left the spool; raises StoreError while the database is away."""
        if not len(self._spool):
            return 0
        drained = await self._spool.drain(self._from_spool)
        log.info("spool_drained", saves=drained, left=len(self._spool))
        return drained

    async def run(self) -> None:
        """Drain what others leave in the spool, until cancelled."""
        while True:
            await asyncio.to_thread(self._spool.prepare)  # again: a full disk has used it up
            try:
                await self.drain()
            except (StoreError, OSError) as error:
                log.warning("spool_waits", saves=len(self._spool), reason=str(error))
            await asyncio.sleep(DRAIN_EVERY_S)

    async def _from_spool(self, save: Save) -> Done:
        return await self._doing.do(save, await self._doing.actor(save))
