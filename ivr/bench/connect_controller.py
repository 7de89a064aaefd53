"""The controller of the connecting trial, a process of its own so that it can be killed.

The called number says what to do: mechanism (7 guarded room, 8 plain room, 9 Dial), how far to go
(0 menu, 1 line, 2 connect), and two digits for the device (99 is the load's). What happens is
written to standard output, one JSON object a line with `at` from `time.monotonic()`, the same
clock in every process of a machine.
"""

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from ivr.asterisk.agi import AgiSession
from ivr.asterisk.agi_server import AgiServer
from ivr.bench.connect_ami import Ami, Seen
from ivr.bench.connect_exchange import CONTROLLER, DEVICES, LOAD_DEVICE, PASSWORD
from ivr.errors import ActionFailed, HungUp


class Mechanism(StrEnum):
    """How the two sides are joined; the value is the first digit of the called number."""

    GUARDED_ROOM = "7"
    PLAIN_ROOM = "8"
    DIAL = "9"

    @property
    def is_room(self) -> bool:
        return self is not Mechanism.DIAL


class Stage(StrEnum):
    """How far the trial's call goes: the second digit."""

    MENU = "0"
    LINE = "1"
    CONNECT = "2"


def number_for(mechanism: Mechanism, stage: Stage, device: int) -> str:
    """Make the number to dial; device 99 is the load's."""
    return f"{mechanism}{stage}{device:02d}"


@dataclass(eq=False)
class _Offer:
    id: str
    line: str
    mechanism: Mechanism
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    caller_in_room: asyncio.Event = field(default_factory=asyncio.Event)
    leg_over: bool = False


@dataclass(eq=False)
class Controller:
    """Serves the trial's FastAGI requests."""

    ami: Ami
    _offers: dict[str, _Offer] = field(default_factory=dict)
    _by_channel: dict[str, _Offer] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def on_event(self, seen: Seen) -> None:
        """Follow what the ordered joining needs: the caller's entry, the leg's end."""
        offer = self._by_channel.get(seen["Uniqueid"])
        if seen.event == "ConfbridgeJoin" and offer:
            offer.caller_in_room.set()
            if offer.leg_over:
                self._spawn(seen["Channel"])
        elif seen.event == "Hangup" and seen["Uniqueid"].removeprefix("ivr-") in self._offers:
            self._leg_ended(self._offers[seen["Uniqueid"].removeprefix("ivr-")])

    def _leg_ended(self, offer: _Offer) -> None:
        offer.leg_over = True
        _report("leg_over", offer.line)

    def _spawn(self, channel: str) -> None:
        task = asyncio.create_task(self._recall(channel), name="recall")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recall(self, channel: str) -> None:
        """Fetch a caller out of a room that nobody will come to."""
        with suppress(ActionFailed):
            await self.ami.ask(
                "Redirect", Channel=channel, Context="line", Exten="s", Priority="loop"
            )

    async def call(self, session: AgiSession) -> None:
        """Serve a caller's channel."""
        line = session.arguments["line"]
        if session.arguments.get("phase") == "talk":
            await self._close(session, line)
            return
        mechanism, stage = Mechanism(line[0]), Stage(line[1])
        if stage is Stage.MENU:
            _report("menu", line)
            await session.stream_file("menu", "")
        await session.set_music("default")
        _report("line", line)
        if stage is Stage.LINE:
            await _wait_keys(session, line)
        elif mechanism is Mechanism.DIAL:
            await self._dial(session, line)
        else:
            await self._meet(session, line, mechanism)
        await self._close(session, line)

    async def _close(self, session: AgiSession, line: str) -> None:
        _report("returned", line)
        await session.stream_file("closing", "")
        await session.set_variables({"IVR_DONE": "1"})

    async def _dial(self, session: AgiSession, line: str) -> None:
        await session.set_variables({"IVR_PHASE": "talk"})
        options = f"m(default)gU(whisper^{line})"
        command = f'EXEC Dial "PJSIP/{_device(line)},30,{options}"\n'
        await session._command(command.encode(), None)  # noqa: SLF001  no application of ours

    async def _meet(self, session: AgiSession, line: str, mechanism: Mechanism) -> None:
        offer = _Offer(f"{os.getpid()}-{next(self._ids)}", line, mechanism)
        self._offers[offer.id] = offer
        self._by_channel[session.uniqueid] = offer
        guard = "1" if mechanism is Mechanism.GUARDED_ROOM else ""
        await session.set_variables({"IVR_OFFER": offer.id, "IVR_GUARD": guard})
        try:
            await self._originate(offer)
            await self._until_accepted(session, offer)
            await session.set_variables({"IVR_PHASE": "talk"})
            if mechanism is Mechanism.PLAIN_ROOM:
                # Whoever enters before the caller would else leave the line's music playing.
                await session._command(b"SET MUSIC OFF\n", 5)  # noqa: SLF001
            _report("entering", line)
            await session.execute("ConfBridge", offer.id, "trial_room", "trial_caller")
        finally:
            with suppress(ActionFailed):
                await self.ami.ask("Hangup", Channel=f"ivr-{offer.id}")

    async def _originate(self, offer: _Offer) -> None:
        guarded = offer.mechanism is Mechanism.GUARDED_ROOM
        await self.ami.ask(
            "Originate",
            Channel=f"PJSIP/{_device(offer.line)}",
            ChannelId=f"ivr-{offer.id}",
            Context="offer-guarded" if guarded else "offer",
            Exten="s",
            Priority="1",
            Timeout="30000",
            CallerID='"Saveh" <123>',
            Variable=f"IVR_OFFER={offer.id}",
            Async="true",
        )

    async def _until_accepted(self, session: AgiSession, offer: _Offer) -> None:
        keys = asyncio.create_task(_wait_keys(session, offer.line))
        accepted = asyncio.create_task(offer.accepted.wait())
        try:
            await asyncio.wait({keys, accepted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            keys.cancel()
            accepted.cancel()
            [result] = await asyncio.gather(keys, return_exceptions=True)
        if isinstance(result, Exception):
            raise result

    async def offer(self, session: AgiSession) -> None:
        """Serve a counsellor's leg on its way into a room."""
        offer = self._offers[session.arguments["offer"]]
        _report("whisper", offer.line)
        reply = await session.stream_file("whisper", "")
        if reply.result < 0:
            raise HungUp("The counsellor left during the whisper.")
        _report("accepted", offer.line)
        offer.accepted.set()
        if offer.mechanism is Mechanism.GUARDED_ROOM:
            async with asyncio.timeout(2):
                await offer.caller_in_room.wait()
            await session.set_variables({"IVR_TALKED": "1"})
        await session.execute("ConfBridge", offer.id, "trial_room", "trial_counsellor")

    async def whisper(self, session: AgiSession) -> None:
        """Serve Dial's Gosub on the counsellor's leg."""
        line = session.arguments["offer"]
        _report("whisper", line)
        reply = await session.stream_file("whisper", "")
        if reply.result < 0:
            raise HungUp("The counsellor left during the whisper.")
        await session.set_variables({"IVR_WHISPERED": "1", "GOSUB_RESULT": ""})
        _report("accepted", line)


async def _wait_keys(session: AgiSession, line: str) -> None:
    """Wait for keys as long as the call lasts; each is reported."""
    while True:
        reply = await session.wait_for_digit(-1)
        if reply.result < 0:
            raise HungUp("The caller left while a key was awaited.")
        if reply.result > 0:
            _report("key", line, key=chr(reply.result))


def _device(line: str) -> str:
    number = int(line[2:])
    return DEVICES[number] if number < len(DEVICES) else LOAD_DEVICE


def _report(what: str, line: str, **more: str) -> None:
    print(json.dumps({"at": time.monotonic(), "what": what, "line": line, **more}), flush=True)  # noqa: T201


async def _serve(ami_port: int, agi_port: int) -> None:
    # Standard output is for reports; a lost session is what the trial is about, no news.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    async with Ami.connected(ami_port, CONTROLLER, PASSWORD) as ami:
        controller = Controller(ami)
        ami.on_event = controller.on_event
        handlers = {
            "call": controller.call,
            "offer": controller.offer,
            "whisper": controller.whisper,
        }
        server = AgiServer("127.0.0.1", agi_port, handlers)
        server.open()
        _report("ready", "")
        await server.run()


@dataclass(eq=False)
class ControllerProcess:
    """The trial's controller as seen from the bench: what it reported, and its end."""

    _process: asyncio.subprocess.Process
    reports: list[dict[str, str | float]] = field(default_factory=list)
    _wanted: list[tuple[str, str, "asyncio.Future[float]"]] = field(default_factory=list)
    killed_at: float = 0.0

    def kill(self) -> None:
        """Kill -9."""
        self._process.kill()
        self.killed_at = time.monotonic()

    async def reported(self, what: str, line: str, timeout_s: float) -> float:
        """Wait for the next report of that kind; its moment. Raises TimeoutError."""
        found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._wanted.append((what, line, found))
        async with asyncio.timeout(timeout_s):
            return await found

    def take(self, report: dict[str, str | float]) -> None:
        self.reports.append(report)
        for entry in list(self._wanted):
            what, line, found = entry
            if (what, line) == (report["what"], report["line"]):
                self._wanted.remove(entry)
                if not found.done():
                    found.set_result(float(report["at"]))


@asynccontextmanager
async def running_controller(ami_port: int, agi_port: int) -> AsyncIterator[ControllerProcess]:
    """Start the controller; killed at the end, where it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ivr.bench.connect_controller", str(ami_port), str(agi_port)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    handle = ControllerProcess(process)
    reading = asyncio.create_task(_read_reports(process, handle), name="trial reports")
    try:
        await handle.reported("ready", "", 10)
        yield handle
    finally:
        if not handle.killed_at:  # asyncio loses the exit status of what is killed twice
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        await reading


async def _read_reports(process: asyncio.subprocess.Process, handle: ControllerProcess) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.endswith(b"\n"):  # not what a kill cut off
            handle.take(json.loads(line))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
