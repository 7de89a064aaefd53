"""The composition root: one controller with its edges, from start to an orderly end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from ivr import events as ev
from ivr.asterisk.instance import Instance
from ivr.calendar import day_began_at
from ivr.controller import Clock, Controller
from ivr.deployment import Deployment, load_deployment
from ivr.errors import StoreError
from ivr.model import CounsellorId, DeviceId
from ivr.notify import beat, notify
from ivr.settings import Settings
from ivr.store.fallback_import import import_fallback_calls
from ivr.store.left_open import calls_left_open
from ivr.store.store import Store, clock_epoch
from ivr.store.vault import Vault
from ivr.store.writer import Writer, open_writer
from ivr.switchboard import Switchboard
from ivr.view import CallRow, FloorView, Names, call_row
from ivr.web.app import serve_console
from ivr.web.ports import DatabaseHealth

log = structlog.get_logger()

IMPORT_EVERY_S = 30.0


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the line until `stop` is set.

    Raises LineError where it cannot begin: wrong files, a port taken, Asterisk refusing us.
    """
    deployment = load_deployment(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(settings))
        epoch = await _epoch(store)
        writer = await stack.enter_async_context(
            open_writer(store, epoch, settings.home / "emergency")
        )
        line = _Line(settings, deployment, store, writer, epoch)
        await line.restore()
        line.agi.open()
        console_port = await stack.enter_async_context(
            serve_console(line.console, settings.http_port)
        )
        log.info("serving", epoch=epoch, agi_port=line.agi.port, http_port=console_port)
        await line.run(stop)


async def _epoch(store: Store) -> int:
    """Without a database the line is served all the same; records wait in the emergency file."""
    try:
        return await store.next_epoch()
    except StoreError as error:
        log.error("serving_without_database", reason=str(error))  # noqa: TRY400 - the reason is said
        return clock_epoch()


class _Line:
    """The parts of one running controller, put together."""

    def __init__(
        self,
        settings: Settings,
        deployment: Deployment,
        store: Store,
        writer: Writer,
        epoch: int,
    ) -> None:
        self._store = store
        self._emergency = settings.home / "emergency"
        self._calls_csv = settings.calls_csv or Instance(settings.home).calls_csv
        self._people = deployment.people
        self._switchboard = Switchboard(
            settings,
            deployment,
            writer,
            Clock(),
            epoch=epoch,
            seal=Vault.open(settings).seal,
            earlier_county=store.confirmed_county,
        )
        self.agi, self.controller = self._switchboard.agi, self._switchboard.controller
        self.console = _Console(self.controller, store, writer, deployment.names)

    async def restore(self) -> None:
        """What happened while nobody of us was here, and whom an earlier controller left behind."""
        self.controller.post(ev.StaffChanged(counsellors=self._people))
        try:
            await self._import_fallback_calls()
        except StoreError:
            log.warning("fallback_import_put_off")
        left_open = await calls_left_open(self._store, self._emergency)
        self.controller.post(ev.CallsRestored(records=left_open))

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(self._switchboard.run(), name="switchboard"),
                tasks.create_task(self._keep_importing(), name="fallback-import"),
                tasks.create_task(beat(), name="beat"),
            ]
            notify("READY=1")
            await stop.wait()
            notify("STOPPING=1")
            for part in parts:
                part.cancel()

    async def _keep_importing(self) -> None:
        while True:
            await asyncio.sleep(IMPORT_EVERY_S)
            try:
                await self._import_fallback_calls()
            except StoreError:
                log.warning("fallback_import_put_off")

    async def _import_fallback_calls(self) -> None:
        by_device: Mapping[DeviceId, CounsellorId] = {
            device.id: person.id for person in self._people for device in person.devices
        }
        report = await import_fallback_calls(self._store, self._calls_csv, by_device)
        if report.added or report.closed or report.corrected:
            log.info(
                "fallback_calls_imported",
                added=report.added,
                closed=report.closed,
                corrected=report.corrected,
            )
        if report.bad_lines:
            log.warning("fallback_lines_unreadable", lines=report.bad_lines)


class _Console:
    """What the console may see."""

    def __init__(self, controller: Controller, store: Store, writer: Writer, names: Names) -> None:
        self._controller = controller
        self._store = store
        self._writer = writer
        self._names = names

    def floor_view(self) -> FloorView:
        return self._controller.view()

    async def subscribe(self) -> AsyncIterator[object]:
        changed = self._controller.watch()
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield None
        finally:
            self._controller.unwatch(changed)

    async def todays_calls(self, limit: int) -> Sequence[CallRow]:
        since_at = day_began_at(self._controller.clock.now())
        records = await self._store.calls(since_at, since_at + timedelta(days=1), limit)
        entries = await self._store.outcomes(*(record.call for record in records))
        outcomes = {entry.call: entry.outcome for entry in entries}
        return [call_row(record, outcomes.get(record.call)) for record in records]

    def names(self) -> Names:
        return self._names

    def database(self) -> DatabaseHealth:
        return DatabaseHealth(healthy=self._writer.healthy, backlog=self._writer.backlog)
