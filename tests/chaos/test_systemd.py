"""The unit of production, and what the controller tells whoever watches over it."""

import asyncio
import configparser
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli import app
from ivr.notify import BEAT_S
from ivr.settings import PROJECT, Settings
from tests.chaos.running import copy_settings
from tests.real.product import STARTED_S, Product, ended

UNITS = PROJECT / "deploy" / "systemd"
UNIT = UNITS / "line123.service"


class Watcher:
    """Listens where systemd would (sd_notify(3))."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver

    async def hears(self) -> str:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(STARTED_S):
            return (await loop.sock_recv(self._receiver, 256)).decode()


@asynccontextmanager
async def watched(settings: Settings, address: str) -> AsyncIterator[tuple[Watcher, Product]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.setblocking(False)
        receiver.bind("\0" + address[1:] if address.startswith("@") else address)
        product = Product.of(settings)
        with product.log_path.open("ab") as log:
            product.serve = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ivr", "serve"),
                env=product.environment() | {"NOTIFY_SOCKET": address},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield Watcher(receiver), product
        finally:
            await product.stop(signal.SIGKILL)


@pytest.mark.parametrize("abstract", [False, True])
async def test_the_controller_tells_that_it_serves_lives_and_ends(
    tmp_path: Path, *, abstract: bool
) -> None:
    settings = copy_settings(tmp_path / "home", asterisk="existing")
    address = f"@line123-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    async with watched(settings, address) as (watcher, product):
        assert await watcher.hears() == "READY=1"
        assert product.health()
        assert [await watcher.hears() for _ in range(2)] == ["WATCHDOG=1"] * 2
        assert product.serve is not None
        product.serve.terminate()
        heard = await watcher.hears()
        while heard == "WATCHDOG=1":
            heard = await watcher.hears()
        assert heard == "STOPPING=1"
        assert await ended(product.serve, product.log_path) == 0


def read(unit: Path) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(unit, encoding="utf-8")
    return found


def test_the_unit_waits_for_what_the_controller_tells() -> None:
    unit = read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert float(service["WatchdogSec"]) > 2 * BEAT_S
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_job_that_erases_runs_as_the_controller_does() -> None:
    job, line = (read(unit)["Service"] for unit in (UNITS / "line123-retention.service", UNIT))
    program = job["ExecStart"].split()
    assert (job["Type"], program[0]) == ("oneshot", line["ExecStart"].split()[0])
    listed = CliRunner().invoke(app, [*program[1:], "--help"])
    assert listed.exit_code == 0, listed.output
    same = ("User", "Group", "StateDirectory", "UMask", "ProtectSystem", "SystemCallFilter")
    assert [job[name] for name in same] == [line[name] for name in same]
    timer = read(UNITS / "line123-retention.timer")
    assert timer["Timer"]["Persistent"] == "yes"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    units = sorted(UNITS.glob("line123*"))
    assert len(units) == 3
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/line123/.venv/bin/ivr", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    copies = [str(tmp_path / unit.name) for unit in units]
    done = subprocess.run(
        ["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
