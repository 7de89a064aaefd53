"""`ivr run` as a process of its own, and what it leaves behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.process import AsteriskProcess, port_is_free
from ivr.settings import Settings
from tests.last_words import last_words
from tests.real.exchange import free_settings
from tests.real.product import STARTED_S, TIMES, Product, ended, write_rules
from tests.real.watcher import watched_templates


@dataclass
class Running:
    """A running `ivr run`. `product` sees its copy from outside; `log_path` has all it printed."""

    product: Product
    process: asyncio.subprocess.Process

    @property
    def settings(self) -> Settings:
        return self.product.settings

    @property
    def log_path(self) -> Path:
        return self.product.log_path

    def printed(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def controller_pid(self) -> int | None:
        """The process id of its `ivr serve`, None where there is none at the moment."""
        return next((pid for pid in children(self.process.pid) if b"serve" in command(pid)), None)

    def exchange_up(self) -> bool:
        return bool(self.product.health().get("exchange_up"))

    async def ready(self) -> None:
        await self.product.until(
            lambda: self.process.returncode is not None or self.exchange_up(), STARTED_S
        )
        assert self.process.returncode is None, last_words(self.log_path)

    async def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it and wait until it is gone; its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await ended(self.process, self.log_path)

    def free_ports(self) -> list[str]:
        settings = self.settings
        ports = {
            "sip": (settings.sip_port, socket.SOCK_DGRAM),
            "ami": (settings.ami_port, socket.SOCK_STREAM),
            "agi": (settings.agi_port, socket.SOCK_STREAM),
            "http": (settings.http_port, socket.SOCK_STREAM),
        }
        return [
            name for name, (port, kind) in ports.items() if port_is_free(settings.host, port, kind)
        ]


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in _proc(pid, f"task/{pid}/children").split()]
    except OSError:
        return []


def command(pid: int) -> bytes:
    try:
        return _proc(pid, "cmdline")
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    try:
        return _proc(pid, "stat").rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def mounts_below(home: Path) -> list[str]:
    text = Path("/proc/self/mounts").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if str(home) in line]


def _proc(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def copy_settings(home: Path, **changes: object) -> Settings:
    """Settings of a copy with Markazi's rules and the times of tests."""
    ours = {
        "rules_dir": write_rules(home / "rules", **TIMES),
        "templates_dir": watched_templates(home / "templates"),
    }
    return free_settings(home).model_copy(update={**ours, **changes})


async def start_run(settings: Settings) -> Running:
    """Start `ivr run`; what was printed before stays in the file."""
    product = Product(settings, AsteriskProcess(settings), settings.home / "run.log")
    product.log_path.parent.mkdir(parents=True, exist_ok=True)
    with product.log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr", "run"),
            env=product.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return Running(product, process)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """`ivr run`, ready; whatever the test did to it, nothing of it is left afterwards."""
    run = await start_run(settings)
    try:
        await run.ready()
        yield run
    finally:
        controller = run.controller_pid()
        await run.end()
        if controller is not None and is_alive(controller) and b"serve" in command(controller):
            os.kill(controller, signal.SIGKILL)
        await asyncio.to_thread(run.product.asterisk.stop)
