"""The static fallback follows what is in force; what goes wrong with it ends no line."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr import static_keeper
from ivr.asterisk.pauses import PauseMirror
from ivr.controller import Clock, Controller
from ivr.deployment import deploy, from_files
from ivr.dialplan.static_lines import SipDevice, StaticLine
from ivr.errors import BadInput
from ivr.planner import Planner
from ivr.queues import Floor
from ivr.settings import Settings
from ivr.simulator.memory_journal import MemoryJournal
from ivr.static_keeper import StaticKeeper
from tests.patience import PATIENCE_S

AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


async def test_a_disk_that_keeps_no_passwords_ends_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def full(*_: object) -> tuple[Sequence[StaticLine], Sequence[SipDevice]]:
        loop.call_soon_threadsafe(asked.put_nowait, 1)
        raise BadInput("secrets/devices.json: cannot be kept")

    monkeypatch.setattr(static_keeper, "static_of", full)
    settings = Settings(home=tmp_path, asterisk="simulated")
    deployment = deploy(settings, from_files(settings))
    controller = Controller(
        Floor(epoch=1, limits=deployment.limits), Clock(), MemoryJournal(), Planner((), ())
    )

    async def no_action(*_: object, **__: object) -> None:
        return None

    keeper = StaticKeeper(settings, controller, PauseMirror(no_action), lambda: AT, deployment)
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(PATIENCE_S):
        await asked.get()
        keeper.take(deployment)
        await asked.get()
    assert not running.done()
    running.cancel()
