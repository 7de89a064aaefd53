"""Keeps Asterisk's static fallback as the rules, the duty and the floor have it.

Two tasks, neither of which a call ever waits for: the files follow each change of what is in
force, the queues' pauses follow who must not be rung. Only the newest state counts.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from ivr.asterisk.fallback import Fallback
from ivr.asterisk.pauses import PauseMirror
from ivr.asterisk.roster import lines_and_devices_of
from ivr.asterisk.telephones import dialled
from ivr.controller import Controller
from ivr.deployment import Deployment
from ivr.dialplan.static_lines import SipDevice, StaticLine
from ivr.errors import LineError
from ivr.in_force import InForce
from ivr.model import DeviceId
from ivr.settings import Settings

log = structlog.get_logger()

FOLLOW_S = 0.25  # a change after a quiet time is told at once, of a flood only the newest state


class StaticKeeper:
    """`take` may be called at any time; `run` does the work until cancelled."""

    def __init__(
        self,
        settings: Settings,
        controller: Controller,
        pauses: PauseMirror,
        now: Callable[[], datetime],
        deployment: Deployment,
    ) -> None:
        self._settings = settings
        self._controller = controller
        self._pauses = pauses
        self._now = now
        self._fallback = Fallback(settings)
        self._deployment = deployment
        self._changed = asyncio.Event()
        self._changed.set()
        self._floor_changed = controller.watch()

    def take(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._changed.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_files(), name="fallback-files")
            tasks.create_task(self._keep_pauses(), name="fallback-pauses")

    async def _keep_files(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            in_force, at = self._deployment.in_force, self._now()
            try:
                lines, devices = await asyncio.to_thread(static_of, in_force, self._settings, at)
            except LineError as error:
                log.warning("fallback_not_refreshed", why=str(error))
                continue
            if await self._fallback.refresh(lines, devices):
                self._pauses.take_lines(lines)
                self._floor_changed.set()

    async def _keep_pauses(self) -> None:
        was_up = False
        try:
            while True:
                await self._floor_changed.wait()
                self._floor_changed.clear()
                is_up = self._controller.exchange_up
                if is_up and not was_up:  # Asterisk may be another one, that knows of no pause
                    self._pauses.forget()
                was_up = is_up
                await self._pauses.tell(self._not_rung())
                await asyncio.sleep(FOLLOW_S)
        finally:
            self._controller.unwatch(self._floor_changed)

    def _not_rung(self) -> frozenset[DeviceId]:
        resting = self._controller.resting()
        return frozenset(
            device.id
            for person in self._deployment.people
            if person.id in resting
            for device in person.devices
        )


def static_of(
    in_force: InForce, settings: Settings, at: datetime
) -> tuple[Sequence[StaticLine], Sequence[SipDevice]]:
    """What Asterisk's own files are made from, as of `at`.

    Raises BadInput where the devices' passwords cannot be kept.
    """
    return lines_and_devices_of(
        in_force.rules,
        in_force.counsellors,
        in_force.book,
        at,
        settings,
        interfaces=dialled(in_force.people),
    )
