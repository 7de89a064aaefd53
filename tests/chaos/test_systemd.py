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

from ivr.notify import BEAT_S
from ivr.settings import PROJECT, Settings
from tests.chaos.running import copy_settings
from tests.real.product import STARTED_S, Product, ended

UNIT = PROJECT / "deploy" / "systemd" / "line123.service"


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


def test_the_unit_waits_for_what_the_controller_tells() -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT, encoding="utf-8")
    service = unit["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert float(service["WatchdogSec"]) > 2 * BEAT_S
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace("/opt/line123/.venv/bin/ivr", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
