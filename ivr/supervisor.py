"""`ivr run`: Asterisk and the controller of one copy, watched over until Ctrl-C.

The controller is a process of its own: when it dies or freezes it is started again, and Asterisk
keeps the callers meanwhile. It ends itself when we are gone (its standard input is ours): nobody
would be there to notice that it froze. In production systemd does the same by deploy/systemd.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from ivr.errors import BadInput, LineError

log = structlog.get_logger()

FROZEN_S = 5.0  # without a sign of life; the controller gives one each second
STARTING_S = 60.0  # until the first one: migrations, imports
ENDING_S = 15.0
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0


class Supervisor:
    """Keeps one `ivr serve` alive. `environment` is what it runs with."""

    def __init__(self, run_dir: Path, environment: dict[str, str]) -> None:
        self._address = run_dir / "notify.sock"
        self._environment = environment | {"NOTIFY_SOCKET": str(self._address)}
        self._ready = asyncio.Event()
        self._heard = asyncio.Event()

    async def run(self, stop: asyncio.Event, on_ready: asyncio.Event) -> None:
        """Serve until `stop`.

        Raises LineError when the very first start fails: then something must be mended first.
        """
        self._ready = on_ready
        retry_s = FIRST_RETRY_S
        async with self._listening():
            while not stop.is_set():
                began_at = time.monotonic()
                status = await self._serve_once(stop)
                if stop.is_set():
                    return
                if not on_ready.is_set():
                    raise _not_started(status)
                log.warning("controller_ended_and_is_started_again", status=status)
                if time.monotonic() - began_at > LONGEST_RETRY_S:
                    retry_s = FIRST_RETRY_S
                await _stopped_within(stop, retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    async def _serve_once(self, stop: asyncio.Event) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr", "serve", "--until-stdin-ends"),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        waiting = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._frozen()),
            asyncio.create_task(process.wait()),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await _end(process, gently=stop.is_set())
        return process.returncode or 0

    async def _frozen(self) -> None:
        """Returns when the controller has given no sign of life for too long."""
        patience_s = STARTING_S
        while await self._hears_within(patience_s):
            patience_s = FROZEN_S
        log.error("controller_frozen")

    async def _hears_within(self, seconds: float) -> bool:
        self._heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        return self._heard.is_set()  # also where we were held up ourselves beyond the time

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        self._address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver:
            receiver.bind(str(self._address))
            loop = asyncio.get_running_loop()
            loop.add_reader(receiver, self._hear, receiver)
            try:
                yield
            finally:
                loop.remove_reader(receiver)
                self._address.unlink(missing_ok=True)

    def _hear(self, receiver: socket.socket) -> None:
        said = receiver.recv(256)
        self._heard.set()
        if said.startswith(b"READY=1"):
            self._ready.set()


async def _end(process: asyncio.subprocess.Process, *, gently: bool) -> None:
    """TERM and time to finish where we were asked to stop; a frozen one is killed at once."""
    if process.returncode is None and gently:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(ENDING_S):
                await process.wait()
        except TimeoutError:
            log.error("controller_did_not_end")  # noqa: TRY400 - the time is up, that is all
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _stopped_within(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _not_started(status: int) -> LineError:
    kind = BadInput if status == BadInput.exit_status else LineError
    return kind(f"the controller did not start (exit status {status}); above it says why")


def child_environment() -> dict[str, str]:
    """Our own environment, without a watcher of ours."""
    return {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
