"""The composition root: one controller with its edges, from start to an orderly end."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import structlog

from ivr import events as ev
from ivr.act_watch import ActWatch
from ivr.asterisk.instance import Instance
from ivr.console import Console
from ivr.controller import SetClock
from ivr.deployment import Deployment, deploy, deploy_next
from ivr.errors import StoreError
from ivr.garbage import settle, tidy
from ivr.in_force import InForce
from ivr.in_force_copy import save_copy
from ivr.installation import copy_of, first_in_force
from ivr.kept_pauses import KeptPauses
from ivr.model import CallId, CounsellorId, DeviceId
from ivr.model.record import CallRecord
from ivr.notify import beat, notify
from ivr.owed_watch import OwedWatch
from ivr.report_keeping import keep_reports
from ivr.rest_ports.rest import Rest
from ivr.settings import Settings
from ivr.static_keeper import StaticKeeper
from ivr.steering import OutcomeWatch, Steering
from ivr.store.decisions import Decisions
from ivr.store.deliveries import DeliveryStore
from ivr.store.fallback_import import import_fallback_calls
from ivr.store.floor_acts import FloorActStore
from ivr.store.known_people import KnownPeople
from ivr.store.left_open import left_behind
from ivr.store.outcome_news import OutcomeNews
from ivr.store.owed import OwedStore
from ivr.store.people import PeopleStore
from ivr.store.reports import ReportStore
from ivr.store.saving import Saving
from ivr.store.signed_out import SignedOutStore
from ivr.store.store import Store, clock_epoch
from ivr.store.vault import Vault
from ivr.store.writer import Writer, open_writer
from ivr.switchboard import Switchboard
from ivr.web.app import serve_console
from ivr.webhook_sender import WebhookSender

log = structlog.get_logger()

IMPORT_EVERY_S = 30.0


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the line until `stop` is set.

    Raises LineError where it cannot begin: wrong files, a port taken, Asterisk refusing us.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(settings))
        in_force = await first_in_force(store, settings, datetime.now(UTC))
        deployment = deploy(settings, in_force)
        epoch = await _epoch(store)
        writer = await stack.enter_async_context(
            open_writer(store, epoch, settings.home / "emergency")
        )
        # Programs that ask for much keep no connection from the calls.
        for_programs = await stack.enter_async_context(Store(settings))
        line = _Line(settings, deployment, store, writer, epoch=epoch, for_programs=for_programs)
        await line.restore()
        settle()
        line.agi.open()
        console_port = await stack.enter_async_context(
            serve_console(line.console, settings.http_port, line.rest)
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
        *,
        epoch: int,
        for_programs: Store,
    ) -> None:
        self._store = store
        self._emergency = settings.home / "emergency"
        self._calls_csv = settings.calls_csv or Instance(settings.home).calls_csv
        self._settings = settings
        self._deployment = deployment
        vault = Vault.open(settings)
        self._switchboard = Switchboard(
            settings,
            deployment,
            writer,
            SetClock(),
            epoch=epoch,
            seal=vault.seal,
            find_earlier=store.earlier_calls,
            check_pin=self._check_pin,
            keep_signed_out=SignedOutStore(store).keep,
        )
        self.agi, self.controller = self._switchboard.agi, self._switchboard.controller
        self._writer = writer
        self.console = Console(self.controller, store, writer, deployment.names)
        self.rest = Rest(for_programs, lambda: self._deployment.in_force, self.console.floor_view)
        now = self.controller.clock.wall
        self._static = StaticKeeper(
            settings, self.controller, self._switchboard.pauses, now, deployment
        )
        self._steering = Steering(
            Decisions(store, deployment.in_force.revision),
            self._take,
            now,
            deployment.in_force,
            tell_reachable=self._switchboard.watchman.decisions_reachable,
            tell_not_taken_in=self._switchboard.watchman.not_taken_in,
        )
        self._outcomes = OutcomeWatch(
            OutcomeNews(store),
            self.controller.at_work,
            lambda call: self.controller.post(ev.OutcomeSaved(call=call)),
        )
        self._pauses = KeptPauses(settings.home / "breaks.json", self.controller, now)
        self._saving = Saving(store, settings.home)
        self._reports = ReportStore(for_programs)
        self._acts = ActWatch(FloorActStore(store), self.controller.post, now)
        kept = timedelta(days=settings.webhook_kept_d)
        told = DeliveryStore(for_programs)
        self._webhooks = WebhookSender(told, vault.reveal_secret, now, kept=kept)
        within = settings.retention_within_d
        self._owed = OwedWatch(
            OwedStore(for_programs, timedelta(days=within) if within else None, now()),
            lambda: self._deployment.in_force.rules,
            self._switchboard.watchman.owed,
            now,
        )

    async def restore(self) -> None:
        """What happened while nobody of us was here, and whom an earlier controller left behind."""
        await self._take(self._deployment.in_force)
        await self._sign_out_again()
        try:
            await self._import_fallback_calls()
        except StoreError:
            log.warning("fallback_import_put_off")
        left = await left_behind(self._store, self._emergency, self._remembered_since())
        self.controller.post(ev.TalksRemembered(talks=left.talks))
        for rest in await asyncio.to_thread(self._pauses.restored):
            self.controller.post(rest)
        lost = await self._lost_calls()
        self.controller.post(ev.CallsRestored(records=left.open_calls, lost=lost))

    def _remembered_since(self) -> datetime:
        by_province = self._deployment.limits_by_province.values()
        longest_s = max((limits.remembered_s for limits in by_province), default=0.0)
        return self.controller.clock.now() - timedelta(seconds=longest_s)

    async def _lost_calls(self) -> tuple[CallRecord, ...]:
        try:
            return await self._store.lost_calls()
        except StoreError:
            log.warning("lost_calls_not_known")
            return ()

    async def _sign_out_again(self) -> None:
        """Whoever had signed out before an earlier controller ended."""
        try:
            signed_out = await SignedOutStore(self._store).everybody()
        except StoreError:  # then whoever is at a device is rung
            log.warning("signed_out_not_known")
            return
        for counsellor in signed_out:
            self.controller.post(ev.CounsellorSignedOut(counsellor=counsellor))

    async def _check_pin(self, counsellor: CounsellorId, pin: str) -> bool:
        now = self.controller.clock.wall()
        return await PeopleStore(self._store).check_pin(counsellor, pin, now=now) is not None

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(self._switchboard.run(), name="switchboard"),
                tasks.create_task(self._keep_importing(), name="fallback-import"),
                tasks.create_task(self._steering.run(), name="steering"),
                tasks.create_task(self._outcomes.run(), name="outcomes"),
                tasks.create_task(self._acts.run(), name="acts"),
                tasks.create_task(self._pauses.run(), name="breaks"),
                tasks.create_task(self._webhooks.run(), name="webhooks"),
                tasks.create_task(self._owed.run(), name="owed"),
                tasks.create_task(self._saving.run(), name="spool"),
                tasks.create_task(keep_reports(self._reports), name="reports"),
                tasks.create_task(self._static.run(), name="static-fallback"),
                tasks.create_task(beat(), name="beat"),
                tasks.create_task(tidy(self.controller.somebody_waits), name="garbage"),
            ]
            notify("READY=1")
            await stop.wait()
            notify("STOPPING=1")
            for part in parts:
                part.cancel()

    async def _take(self, in_force: InForce) -> None:
        """Go by it from now on; raises what `deploy_next` does, and then the old stays in force."""
        before = self._deployment
        deployment = await asyncio.to_thread(deploy_next, self._settings, in_force, before)
        self._deployment = deployment
        self._switchboard.take(deployment)
        self.console.take(deployment.names)
        self._static.take(deployment)
        await asyncio.to_thread(save_copy, copy_of(self._settings), deployment.in_force)
        if not in_force.from_copy:
            await KnownPeople(self._store).keep()

    async def _keep_importing(self) -> None:
        while True:
            await asyncio.sleep(IMPORT_EVERY_S)
            try:
                await self._import_fallback_calls()
            except StoreError:
                log.warning("fallback_import_put_off")

    def _yet_to_tell(self, call: CallId) -> bool:
        """Whether we serve the call, or have its end to save: that is the truer one."""
        return self.controller.serves(call) or self._writer.yet_to_save(call)

    async def _import_fallback_calls(self) -> None:
        by_device: Mapping[DeviceId, CounsellorId] = {
            device.id: person.id for person in self._deployment.people for device in person.devices
        }
        report = await import_fallback_calls(
            self._store, self._calls_csv, by_device, self._yet_to_tell
        )
        if report.added or report.closed or report.corrected:
            log.info(
                "fallback_calls_imported",
                added=report.added,
                closed=report.closed,
                corrected=report.corrected,
            )
        if report.bad_lines:
            log.warning("fallback_lines_unreadable", lines=report.bad_lines)
