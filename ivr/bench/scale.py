"""A thousand callers in line on one controller, at the simulated Asterisk over TCP.

The controller is `ivr serve` with its database and console, a process of its own, so that its
memory is its own. Here is the exchange: callers who join again and again, counsellors who talk
about a second each. A hand-over is from a counsellor's hang-up to the exchange making the next leg
to the same device; what this process itself is late counts as well.
"""

import asyncio
import random
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from ivr.asterisk.agi import MUSIC_CLASS
from ivr.asterisk.instance import ami_secret
from ivr.bench.machine import machine
from ivr.bench.running_copy import (
    LINE,
    PROVINCE,
    BenchError,
    Equipment,
    bench_settings,
    get_json,
    scratch_home,
    serving,
)
from ivr.bench.samples import in_ms, median, percentile
from ivr.bench.usage import Usage, usage_of
from ivr.garbage import settle
from ivr.settings import Settings
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.feed import Message
from ivr.simulator.parties import SimulatedCaller, answers
from ivr.simulator.timing import Timing

BARS = {"hand_over_p99_s": 0.050, "rss_mb": 200.0}
COUNSELLORS = 20
_TALKS_S = (0.7, 1.3)
_PROMPT_S = 0.2
_JOINS_PER_S = 40.0
_KEY_AFTER_S = 0.05
_PATIENCE_S = 300.0
_POLL_S = 0.05
_LOOKS, _BETWEEN_LOOKS_S = 20, 1.0
_HUMAN_KEY = "0"
_LEG_PREFIX = "ivr-"
_OPEN_FILES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hand-overs in seconds; the controller's memory with everybody in line."""

    began_at: datetime
    took_s: float
    machine: dict[str, object]
    waiting: int
    hand_overs_s: tuple[float, ...]
    idle: Usage
    full: Usage
    busy_share: float

    @property
    def missed(self) -> list[str]:
        p99 = percentile(self.hand_overs_s, 99)
        late = p99 is None or p99 > BARS["hand_over_p99_s"]
        large = self.full.peak_rss_mb > BARS["rss_mb"]
        return [*(["hand_over_p99_s"] if late else []), *(["rss_mb"] if large else [])]

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "took_s": round(self.took_s, 1),
            "machine": self.machine,
            "waiting": self.waiting,
            "hand_over_median_s": median(self.hand_overs_s),
            "hand_over_p99_s": percentile(self.hand_overs_s, 99),
            "rss_mb": round(self.full.rss_mb, 1),
            "peak_rss_mb": round(self.full.peak_rss_mb, 1),
            "idle_rss_mb": round(self.idle.rss_mb, 1),
            "controller_cores": round(self.busy_share, 3),
            "bars": BARS,
            "missed": self.missed,
            "hand_overs_s": [round(sample, 6) for sample in self.hand_overs_s],
        }


@dataclass(slots=True)
class HandOvers:
    """Listens to the exchange's events; `samples` are in the order of their ends."""

    samples: list[float] = field(default_factory=list)
    _freed_at: dict[str, float] = field(default_factory=dict)

    def listen(self, message: Message) -> None:
        (_, event), *headers = message
        if event not in {"HangupRequest", "Newchannel"}:
            return
        values = dict(headers)
        if not values["Uniqueid"].startswith(_LEG_PREFIX):
            return
        self.note(event, values["Channel"].rpartition("-")[0], time.perf_counter())

    def note(self, event: str, device: str, at: float) -> None:
        if event == "HangupRequest":
            self._freed_at[device] = at
        elif (freed_at := self._freed_at.pop(device, None)) is not None:
            self.samples.append(at - freed_at)


async def measure(*, waiting: int, hand_overs: int) -> Result:
    """So many callers in line all the time, so many hand-overs; all that is started is stopped.

    Raises BenchError where the line does not fill or calls do not go on.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    equipment = Equipment(
        devices=[f"bench-{number}" for number in range(COUNSELLORS)], limits={"wrap_up_s": 0}
    )
    async with scratch_home() as home:
        settings = bench_settings(home, equipment).model_copy(update={"asterisk": "simulated"})
        with _many_files():
            async with _exchange(settings, equipment) as exchange, serving(settings) as pid:
                line = _Line(exchange, settings, pid)
                idle = usage_of(pid)
                await line.fill(waiting)
                settle()  # else this process would be late where the controller is not
                samples, busy_share = await line.hand_over(hand_overs)
                full = usage_of(pid)
    return Result(
        began_at=began_at,
        took_s=time.monotonic() - began,
        machine=machine(),
        waiting=waiting,
        hand_overs_s=tuple(samples),
        idle=idle,
        full=full,
        busy_share=busy_share,
    )


@asynccontextmanager
async def _exchange(settings: Settings, equipment: Equipment) -> AsyncIterator[SimulatedAsterisk]:
    """The exchange; its counsellors' devices are not registered yet."""
    exchange = SimulatedAsterisk(
        agi_port=settings.agi_port,
        ami_port=settings.ami_port,
        user=settings.ami_user,
        secret=ami_secret(settings),
        lines={LINE: PROVINCE, "123": PROVINCE},
        devices=equipment.devices,
        timing=Timing(prompt_s=_PROMPT_S),
    )
    async with exchange:
        for device in equipment.devices:
            behaviour = answers(0.0, talk_s=random.uniform(*_TALKS_S))  # noqa: S311
            exchange.counsellor(device, behaviour, registered=False)
        yield exchange


@dataclass(slots=True)
class _Line:
    """The callers of the run: who has talked leaves, and another one dials."""

    exchange: SimulatedAsterisk
    settings: Settings
    controller_pid: int
    joined: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    async def fill(self, waiting: int) -> None:
        """Raises BenchError where not all come into line, by the controller's own word."""
        for _ in range(waiting):
            self.dial()
            await asyncio.sleep(1 / _JOINS_PER_S)
        await self._until(lambda: self.joined >= waiting, "callers have joined")
        for _ in range(_LOOKS):  # music begins while the floor is still being told of the joining
            if (shown := await self._shown()) == waiting:
                return
            await asyncio.sleep(_BETWEEN_LOOKS_S)
        raise BenchError(f"The floor shows {shown} waiting calls instead of {waiting}.")

    async def _shown(self) -> int:
        floor = await asyncio.to_thread(get_json, self.settings, "/api/v1/floor")
        calls = floor.get("waiting")
        return len(calls) if isinstance(calls, list) else 0

    async def hand_over(self, wanted: int) -> tuple[list[float], float]:
        """The samples, and how many cores the controller used meanwhile."""
        found = HandOvers()
        self.exchange.feed.listeners.append(found.listen)
        before, began = usage_of(self.controller_pid), time.monotonic()
        for person in self.exchange.counsellors.values():
            person.register()
        await self._until(lambda: len(found.samples) >= wanted, "hand-overs were made")
        used_s = usage_of(self.controller_pid).processor_s - before.processor_s
        return found.samples[:wanted], used_s / (time.monotonic() - began)

    def dial(self) -> None:
        number = f"0912{next(self._numbers):07d}"
        self.exchange.place_call(number=number, called=LINE, script=self._call)

    async def _call(self, caller: SimulatedCaller) -> None:
        await caller.press_when_asked(_HUMAN_KEY, _KEY_AFTER_S)
        await caller.experienced("music", MUSIC_CLASS, _PATIENCE_S)
        self.joined += 1
        await caller.talking(_PATIENCE_S)
        await caller.until(lambda: caller.talks_with is None)
        caller.hang_up()
        self.dial()

    async def _until(self, ready: Callable[[], bool], what: str) -> None:
        give_up_at = time.monotonic() + _PATIENCE_S
        while not ready():
            if self.exchange.failed or time.monotonic() > give_up_at:
                raise BenchError(f"Not enough {what} within {_PATIENCE_S:.0f} s.")
            await asyncio.sleep(_POLL_S)


@contextmanager
def _many_files() -> Iterator[None]:
    """A socket for each caller, here and in the controller, which inherits the limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(before[0], min(_OPEN_FILES, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def table(result: Result) -> str:
    """The numbers as Markdown."""
    samples, full = result.hand_overs_s, result.full
    rows = [
        "| measure | found | bar |",
        "| --- | --- | --- |",
        f"| callers in line | {result.waiting} | |",
        f"| hand-over, median of {len(samples)} | {in_ms(median(samples))} ms | |",
        f"| hand-over, p99 | {in_ms(percentile(samples, 99))} ms | 50 ms |",
        f"| hand-over, slowest | {in_ms(max(samples, default=None))} ms | |",
        f"| controller's memory, most | {full.peak_rss_mb:.0f} MB | 200 MB |",
        f"| … with nobody in line | {result.idle.rss_mb:.0f} MB | |",
        f"| cores used by the controller | {result.busy_share:.2f} | |",
    ]
    if result.missed:
        rows.append(f"\nMISSED: {', '.join(result.missed)}")
    return "\n".join(rows)
