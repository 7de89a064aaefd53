"""The simulated Asterisk as stand-in for a real one: demonstration people, and a door for calls.

The door is a Unix socket in IVR_HOME: one line of JSON asks for a call, then each moment of the
caller's history comes back as a line of JSON until the call ends. Who closes the connection
earlier hangs up.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

from ivr.asterisk.instance import Instance, ami_secret
from ivr.asterisk.roster import lines_and_devices
from ivr.errors import AsteriskError
from ivr.settings import Settings
from ivr.simulator.asterisk import ANY_CALLER, DEFAULT_LINE, SimulatedAsterisk
from ivr.simulator.parties import Moment, SimulatedCaller, answers
from ivr.simulator.timing import Timing

ANSWER_AFTER_S = (2.0, 3.0, 4.0, 5.0, 6.0)  # counsellors differ, and each is always the same
TALK_S = 20.0
ACCEPT_KEY = "1"  # harmless where it is not asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call to be placed; `keys` are pressed as the line asks for them."""

    number: str = ANY_CALLER
    called: str = DEFAULT_LINE
    keys: str = ""
    hang_up_after_s: float | None = None


def door_path(settings: Settings) -> Path:
    return settings.home / "simulator.sock"


@asynccontextmanager
async def demo_exchange(
    settings: Settings, *, timing: Timing | None = None
) -> AsyncIterator[SimulatedAsterisk]:
    """A simulated Asterisk on the settings' ports while inside, its counsellors at their devices.

    Raises AsteriskError where a port or the door cannot be taken, RulesError or BadInput where
    files have mistakes.
    """
    lines, accounts = lines_and_devices(settings)
    sounds = Instance(settings.home).sounds
    exchange = SimulatedAsterisk(
        agi_host=settings.host,
        agi_port=settings.agi_port,
        ami_host=settings.host,
        ami_port=settings.ami_port,
        user=settings.ami_user,
        secret=ami_secret(settings),
        lines={number: line.province for line in lines for number in line.numbers},
        devices=[account.user for account in accounts],
        static=lines,
        timing=timing or Timing(sounds_dir=sounds if (sounds / "ivr").is_dir() else None),
    )
    async with _opened(exchange, settings):
        for account, after_s in zip(accounts, cycle(ANSWER_AFTER_S), strict=False):
            behaviour = answers(after_s, keys=ACCEPT_KEY, talk_s=TALK_S)
            exchange.counsellor(account.user, behaviour)
        async with _door(exchange, door_path(settings)):
            yield exchange


async def place_call(settings: Settings, request: CallRequest) -> AsyncIterator[Moment]:
    """Place a call in the simulated Asterisk that runs; its history as it happens.

    Raises AsteriskError where none runs.
    """
    path = door_path(settings)
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        raise AsteriskError(
            f"No simulated Asterisk runs in {settings.home} ({error.strerror}); start one with "
            "`ivr simulate asterisk`, or set IVR_HOME to the home of the one that runs."
        ) from error
    try:
        writer.write(json.dumps(asdict(request)).encode() + b"\n")
        while line := await reader.readline():
            yield Moment(**json.loads(line))
    finally:
        writer.close()


@asynccontextmanager
async def _opened(exchange: SimulatedAsterisk, settings: Settings) -> AsyncIterator[None]:
    try:
        await exchange.__aenter__()
    except BaseExceptionGroup as group:  # not `except*`, see ivr/cli/one_error.py
        if group.split(OSError)[1] is not None:
            raise
        raise AsteriskError(
            f"AMI port {settings.ami_port} on {settings.host} cannot be taken. "
            "Set IVR_AMI_PORT to a free port."
        ) from group
    try:
        yield
    finally:
        await exchange.__aexit__(None, None, None)


@asynccontextmanager
async def _door(exchange: SimulatedAsterisk, path: Path) -> AsyncIterator[None]:
    def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange.spawn(_serve(exchange, reader, writer), "call through the door")

    try:
        listener = _listener(path)
    except OSError as error:
        raise AsteriskError(
            f"The socket {path} cannot be made: {error.strerror or error}. Choose a shorter or "
            "writable IVR_HOME."
        ) from error
    server = await asyncio.start_unix_server(enter, sock=listener)
    try:
        yield
    finally:
        server.close()
        _forget(path)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def _listener(path: Path) -> socket.socket:
    """A socket for the owner alone, in place of one that an earlier run left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _forget(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(
    exchange: SimulatedAsterisk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        request = CallRequest(**json.loads(await reader.readline()))
    except (ValueError, TypeError):
        writer.close()
        return
    caller = exchange.place_call(number=request.number, called=request.called)
    if request.hang_up_after_s is not None:
        caller.hang_up_after(request.hang_up_after_s)
    async with asyncio.TaskGroup() as tasks:
        others = [
            tasks.create_task(caller.press_when_asked(request.keys), name="keys"),
            tasks.create_task(_hang_up_with(reader, caller), name="door"),
            tasks.create_task(_hang_up_after_goodbye(caller), name="goodbye"),
        ]
        await _tell(caller, writer)
        for task in others:
            task.cancel()


async def _hang_up_with(reader: asyncio.StreamReader, caller: SimulatedCaller) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read()
    caller.hang_up()


async def _hang_up_after_goodbye(caller: SimulatedCaller) -> None:
    """As people do: the line itself never ends a call."""
    await caller.until(lambda: _was_said_goodbye(caller.story))
    caller.hang_up()


def _was_said_goodbye(story: list[str]) -> bool:
    """Since the last talk; Asterisk alone says the closing sentence, again and again."""
    ends = [number for number, moment in enumerate(story) if moment.startswith("talk ended")]
    since = story[ends[-1] :] if ends else []
    return "prompt goodbye" in since or since.count("prompt closing") > 1


async def _tell(caller: SimulatedCaller, writer: asyncio.StreamWriter) -> None:
    """Send each moment as it comes, the last one too."""
    told = 0
    try:
        while told == 0 or caller.history[told - 1].what != "ended":
            await caller.until(lambda: len(caller.history) > told)  # noqa: B023 (awaited here)
            for moment in caller.history[told:]:
                writer.write(json.dumps(asdict(moment)).encode() + b"\n")
            told = len(caller.history)
            await writer.drain()
    except ConnectionError:
        caller.hang_up()
    finally:
        writer.close()
