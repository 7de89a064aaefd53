"""The load of `ivr bench calls`: sipp as callers and counsellors, and telephones that listen.

sipp's callers press the menu's keys, then speak; the counsellors' sipp sends back what it hears.
sipp does not listen itself: among its callers a telephone of ours dials now and then, which must
hear its own tone come back from the counsellor.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from ivr.bench.calls_traces import CallSeen, Course, calls_of
from ivr.bench.running_copy import device_password, free_port, get_json, sip_server
from ivr.bench.sounds import rtp_pcap
from ivr.errors import LineError
from ivr.settings import Settings
from ivr.simulator import tone
from ivr.simulator.sip_agent import Registration, SipAgent
from ivr.simulator.sip_phone import CallerPhone
from ivr.simulator.sipp import SippProcess, free_udp_port, media_ports
from ivr.simulator.sipp_scenario import KEY_S, caller_scenario, counsellor_scenario

KEYS = ("2", "1", "2")  # no danger, the first county, a category with a topic
BEFORE_KEY_S = 0.3
KEYS_S = len(KEYS) * (BEFORE_KEY_S + KEY_S)
PROBE_HZ = 2700.0  # speech hardly has whole frames of it
_PROBE_EVERY_S = 2.0
_LISTEN_S = 2.0  # beyond the whisper
_FOR_EVER_S = 3600
_AVAILABLE_S = 30.0
_POLL_S = 0.2
_MANY = 1_000_000
_NUMBERS_FILE = "numbers.csv"


@asynccontextmanager
async def counsellors(settings: Settings, devices: Sequence[str]) -> AsyncIterator[SippProcess]:
    """All devices, registered at one sipp that picks up at once and echoes."""
    port = free_port(socket.SOCK_DGRAM)
    agent = SipAgent(sip_server(settings), port=port)
    await agent.open()
    try:
        for device in devices:
            registration = Registration(
                agent, device, device_password(settings, device), _FOR_EVER_S
            )
            await registration.begin()
            await registration.end(unregister=False)
    finally:
        agent.close()
    scenario = counsellor_scenario(user="bench", answer_after_s=0)
    options = ("-p", str(port), "-rtp_echo", "-mp", str(free_port(socket.SOCK_DGRAM) & ~1))
    async with SippProcess(scenario, sip_server(settings), *options, calls=_MANY) as sipp:
        yield sipp


async def until_available(settings: Settings, count: int) -> None:
    """Wait until the controller sees so many counsellors at their phones; raises TimeoutError.

    Asterisk asks each phone every 10 s whether it is there.
    """
    async with asyncio.timeout(_AVAILABLE_S):
        while await asyncio.to_thread(_available, settings) < count:  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(_POLL_S)


def _available(settings: Settings) -> int:
    people = get_json(settings, "/api/v1/floor").get("counsellors")
    states = [one.get("state") for one in people] if isinstance(people, list) else []
    return states.count("available")


@dataclass(slots=True)
class Load:
    """The callers of one run, sipp's and ours, over `course`; each has the next of `numbers`."""

    settings: Settings
    line: str
    course: Course
    whisper_s: float
    stack: AsyncExitStack
    probes: asyncio.TaskGroup
    speech: Path
    numbers: Iterator[str]
    running: list[tuple[SippProcess, list[str]]] = field(default_factory=list)
    probed: list[CallSeen] = field(default_factory=list)
    unheard: list[float] = field(default_factory=list)
    heard: int = 0

    async def call(self, rate: float, seconds: float) -> None:
        """Let sipp begin so many calls a second for so long, and probe meanwhile."""
        scenario = caller_scenario(
            caller="[field0]",
            keys=[(BEFORE_KEY_S, key) for key in KEYS],
            speech=self.speech,
            hang_up_after_s=self.course.talk_s,
        )
        calls = round(rate * seconds)
        own = ("-p", str(free_udp_port()), *media_ports())
        dialled = ("-s", self.line, "-r", f"{rate:g}", "-l", str(calls), "-inf", _NUMBERS_FILE)
        sipp = SippProcess(scenario, sip_server(self.settings), *own, *dialled, calls=calls)
        numbers = list(islice(self.numbers, calls))
        (sipp.files / _NUMBERS_FILE).write_text("\n".join(["SEQUENTIAL", *numbers]) + "\n")
        self.running.append((await self.stack.enter_async_context(sipp), numbers))
        ends_at = time.monotonic() + seconds
        while (left_s := ends_at - time.monotonic()) > 0:
            self.probes.create_task(self._probe(), name="probe")
            await asyncio.sleep(min(_PROBE_EVERY_S, left_s))

    async def over(self) -> None:
        """Wait until all calls have ended; one that does not is left to the judgement."""
        limit_s = self.course.whole_s + 10
        for sipp, _ in self.running:
            try:
                await sipp.exited(limit_s)
            except TimeoutError:
                limit_s = 0.1

    def calls(self) -> list[CallSeen]:
        """All so far; sipp takes the numbers in the order in which its calls begin."""
        found = list(self.probed)
        for sipp, numbers in self.running:
            for call, number in zip(calls_of(sipp.messages()), numbers, strict=False):
                call.number = number
                found.append(call)
        return found

    async def _probe(self) -> None:
        server, caller = sip_server(self.settings), next(self.numbers)
        call = CallSeen(time.time(), number=caller)
        self.probed.append(call)
        try:
            async with CallerPhone(server, self.line, caller=caller, tone_hz=PROBE_HZ) as phone:
                await self._speak(phone, call)
                call.left_at = time.time()
            call.closed = True
        except (LineError, TimeoutError):
            self.unheard.append(call.started_at)

    async def _speak(self, phone: CallerPhone, call: CallSeen) -> None:
        await phone.answered(self.course.whole_s)
        call.answered_at = time.time()
        for key in KEYS:
            await asyncio.sleep(BEFORE_KEY_S + KEY_S - tone.FRAME_S * 8)
            phone.press(key)
            await asyncio.sleep(tone.FRAME_S * 8)
        ends_at = time.monotonic() + self.course.talk_s
        await phone.hears_tone(PROBE_HZ, self.whisper_s + _LISTEN_S)
        self.heard += 1
        await asyncio.sleep(ends_at - time.monotonic())
        call.thrown_out = phone.call.is_over


def caller_numbers() -> Iterator[str]:
    """Callers who never called before: the past of one who has had thousands of calls is longer."""
    return (f"0912{place:07d}" for place in count(1))


def write_speech(path: Path, seconds: float) -> Path:
    path.write_bytes(rtp_pcap(tone.tone(tone.CALLER_HZ, seconds)))
    return path
