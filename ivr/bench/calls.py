"""The highest rate of calls without a failure: ours beside the same menu with app_queue alone.

A failure is any of: no answer within a second; the counsellor's phone not picked up within a
second of the last key (wrong keys and lost keys end there as well); a call that the machine ends,
that breaks off, whose counsellor leaves before or stays after the caller; a telephone among the
callers that does not hear its own tone come back from the counsellor.

First a ramp of short steps for each, then runs by turns, each at one rate. Two rates count as the
same where neither is more than a twentieth above the other: finer is not searched for.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ivr.asterisk.instance import Instance
from ivr.asterisk.process import AsteriskProcess
from ivr.bench.calls_load import (
    KEYS,
    KEYS_S,
    Load,
    caller_numbers,
    counsellors,
    until_available,
    write_speech,
)
from ivr.bench.calls_pure import (
    PURE_LINE,
    WHISPER,
    markazi_flow,
    pure_dialplan,
    pure_queue,
    whisper_sound,
)
from ivr.bench.calls_search import Search, ramp_rates
from ivr.bench.calls_talks import (
    RECORDS,
    RECORDS_FILE,
    Record,
    by_order,
    by_record,
    read_records,
)
from ivr.bench.calls_traces import Course, LegSeen, Talk, counted, failures, legs_of
from ivr.bench.machine import machine
from ivr.bench.running_copy import (
    LINE,
    BenchError,
    Equipment,
    running_asterisk,
    scratch_home,
    serving,
)
from ivr.bench.sounds import length_s
from ivr.bench.usage import Usage, usage_of
from ivr.settings import Settings
from ivr.simulator.sipp import SippProcess

BAR_RATIO = 0.9
LINES = {"ours": LINE, "pure": PURE_LINE}
_HEARD_TALK_S = 2.0  # after the whisper; long talks would measure mixing, not calls
_RAMP_FROM, _RAMP_GROWTH = 10.0, 1.25
_RAMP_STEP_S = 4.0
_RAMP_FAILURES = 3
_DEVICES = 240  # each is busy for some five seconds with a call: enough for 45 a second
_QUIET_S = 60.0
_WRITTEN_S = 5.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One load at one rate; processors are cores used on average, memory is in MB."""

    kind: str
    rate: float
    lasted_s: float
    calls: int
    heard: int
    failed: dict[str, int]
    asterisk_cores: float
    asterisk_rss_mb: float
    controller_cores: float
    controller_rss_mb: float

    def as_json(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "rate": round(self.rate, 2),
            "lasted_s": round(self.lasted_s, 1),
            "calls": self.calls,
            "probes_heard": self.heard,
            "failed": self.failed,
            "asterisk_cores": round(self.asterisk_cores, 3),
            "asterisk_rss_mb": round(self.asterisk_rss_mb, 1),
            "controller_cores": round(self.controller_cores, 3),
            "controller_rss_mb": round(self.controller_rss_mb, 1),
        }


@dataclass(frozen=True, slots=True)
class Ramp:
    """Where a ramp ended: the rate at which its first failing call began, and what failed."""

    rate: float
    failed: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Every run in its order; `highest` is the highest rate without a failure, by kind."""

    began_at: datetime
    took_s: float
    machine: dict[str, object]
    course: Course
    ramps: dict[str, Ramp]
    runs: tuple[Run, ...]
    highest: dict[str, float | None]

    @property
    def ratio(self) -> float | None:
        ours, pure = self.highest["ours"], self.highest["pure"]
        return ours / pure if ours and pure else None

    @property
    def missed(self) -> bool:
        return self.ratio is None or self.ratio < BAR_RATIO

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "took_s": round(self.took_s, 1),
            "machine": self.machine,
            "call_s": round(self.course.whole_s, 2),
            "ramps": {kind: asdict(ramp) for kind, ramp in self.ramps.items()},
            "highest": self.highest,
            "ratio": self.ratio,
            "bar_ratio": BAR_RATIO,
            "missed": self.missed,
            "runs": [run.as_json() for run in self.runs],
        }


@dataclass(slots=True)
class _Bench:
    settings: Settings
    asterisk: AsteriskProcess
    legs: SippProcess
    course: Course
    whisper_s: float
    speech: Path
    up_to: float
    searches: dict[str, Search]
    numbers: Iterator[str] = field(default_factory=caller_numbers)
    runs: list[Run] = field(default_factory=list)


async def measure(*, run_s: float, runs: int, up_to: float) -> Result:
    """A ramp for each kind, then up to `runs` of `run_s` for each, more while none was clean.

    No rate goes above `up_to`. Raises BenchError or AsteriskError where it cannot be measured.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    async with scratch_home() as home, _bench(home, up_to) as bench:
        ramps = {kind: await _ramp(bench, kind) for kind in LINES}
        for kind, ramped in ramps.items():
            bench.searches[kind].begin(ramped.rate)
        for number in range(2 * runs):
            for kind, search in bench.searches.items():
                rate = search.next_rate()
                if rate is not None and (number < runs or search.good is None):
                    run = await _run(bench, kind, rate, run_s)
                    search.note(rate, run.failed)
        highest = {kind: search.good for kind, search in bench.searches.items()}
        return Result(
            began_at=began_at,
            took_s=time.monotonic() - began,
            machine=machine(),
            course=bench.course,
            ramps=ramps,
            runs=tuple(bench.runs),
            highest=highest,
        )


@asynccontextmanager
async def _bench(home: Path, up_to: float) -> AsyncIterator[_Bench]:
    flow = markazi_flow()
    devices = [f"bench-{number:03d}" for number in range(_DEVICES)]
    whisper = b""

    def sounds(directory: Path) -> dict[str, bytes]:
        nonlocal whisper
        whisper = whisper_sound(flow, KEYS, directory)
        return {WHISPER: whisper}

    equipment = Equipment(
        devices=devices,
        limits={"wrap_up_s": 0},
        dialplan=pure_dialplan(flow),
        queues=pure_queue(devices),
        call_records=RECORDS,
        rtp_ports="40000-59999",
    )
    async with (
        running_asterisk(home, equipment, sounds=sounds) as settings,
        counsellors(settings, devices) as legs,
    ):
        talk_s = length_s(whisper) + _HEARD_TALK_S
        yield _Bench(
            settings=settings,
            asterisk=AsteriskProcess(settings),
            legs=legs,
            course=Course(keys_s=KEYS_S, talk_s=talk_s),
            whisper_s=length_s(whisper),
            speech=write_speech(home / "speech.pcap", talk_s),
            up_to=up_to,
            searches={kind: Search(up_to) for kind in LINES},
        )


@asynccontextmanager
async def _controller(bench: _Bench, kind: str) -> AsyncIterator[int | None]:
    """The controller, its process id, where the load is ours; else none runs on the machine."""
    if kind != "ours":
        yield None
        return
    async with serving(bench.settings) as pid:
        await until_available(bench.settings, _DEVICES)
        yield pid


@asynccontextmanager
async def _load(bench: _Bench, kind: str) -> AsyncIterator[Load]:
    """Callers who are all gone afterwards, on an exchange that was empty before."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as probes:
        yield Load(
            settings=bench.settings,
            line=LINES[kind],
            course=bench.course,
            whisper_s=bench.whisper_s,
            stack=stack,
            probes=probes,
            speech=bench.speech,
            numbers=bench.numbers,
        )
    await _empty(bench)


async def _ramp(bench: _Bench, kind: str) -> Ramp:
    """Up to more than a few failures, or to the highest rate: only where to begin is asked."""
    rates = ramp_rates(min(_RAMP_FROM, bench.up_to), bench.up_to, _RAMP_GROWTH)
    async with _controller(bench, kind), _load(bench, kind) as load:
        began_at, found = time.time(), []
        for rate in rates:
            await load.call(rate, _RAMP_STEP_S)
            found = _failed(
                load, by_order(load.calls(), _legs(bench, began_at)), bench, time.time()
            )
            if len(found) > _RAMP_FAILURES:
                place = int((found[0][0] - began_at) / _RAMP_STEP_S)
                return Ramp(rates[min(place, len(rates) - 1)], counted(found))
        return Ramp(rates[-1], counted(found))


async def _run(bench: _Bench, kind: str, rate: float, seconds: float) -> Run:
    async with _controller(bench, kind) as controller_pid, _load(bench, kind) as load:
        pids = (bench.asterisk.pid, controller_pid)
        began_at, began = time.time(), time.monotonic()
        before = [_usage(pid) for pid in pids]
        await load.call(rate, seconds)
        lasted_s = time.monotonic() - began
        after = [_usage(pid) for pid in pids]
        await load.over()
        await asyncio.sleep(_POLL_S)  # the last legs' BYEs
        talks = by_record(load.calls(), _legs(bench, began_at), await _records(bench, load))
        found = _failed(load, talks, bench, math.inf)
    cores = [
        (late.processor_s - early.processor_s) / lasted_s
        for early, late in zip(before, after, strict=True)
    ]
    run = Run(
        kind=kind,
        rate=rate,
        lasted_s=lasted_s,
        calls=len(talks),
        heard=load.heard,
        failed=counted(found),
        asterisk_cores=cores[0],
        asterisk_rss_mb=after[0].rss_mb,
        controller_cores=cores[1],
        controller_rss_mb=after[1].rss_mb,
    )
    bench.runs.append(run)
    return run


def _usage(pid: int | None) -> Usage:
    return usage_of(pid) if pid is not None else Usage(0.0, 0.0, 0.0)


def _failed(load: Load, talks: list[Talk], bench: _Bench, now: float) -> list[tuple[float, str]]:
    unheard = [(at, "no speech heard") for at in load.unheard]
    return sorted([*failures(talks, bench.course, now), *unheard])


def _legs(bench: _Bench, began_at: float) -> list[LegSeen]:
    return [leg for leg in legs_of(bench.legs.messages()) if leg.rung_at >= began_at]


async def _records(bench: _Bench, load: Load) -> list[Record]:
    """Asterisk's records of these calls: each is written a moment after its call's end."""
    path = Instance(bench.settings.home).calls_csv.with_name(RECORDS_FILE)
    ended = {call.number for call in load.calls() if call.closed}
    give_up_at = time.monotonic() + _WRITTEN_S
    while True:
        records = await asyncio.to_thread(read_records, path)
        if ended <= {record.caller for record in records} or time.monotonic() > give_up_at:
            return records
        await asyncio.sleep(_POLL_S)


async def _empty(bench: _Bench) -> None:
    """End what a failed load left behind, so that the next one starts from nothing."""
    give_up_at = time.monotonic() + _QUIET_S
    while not (await _console(bench, "core show channels count")).startswith("0 active channels"):
        if time.monotonic() > give_up_at:
            raise BenchError("Calls of the load before do not end.")
        await _console(bench, "channel request hangup all")
        await asyncio.sleep(_POLL_S)


async def _console(bench: _Bench, command: str) -> str:
    return await asyncio.to_thread(bench.asterisk.console, command)


def table(result: Result) -> str:
    """The numbers as Markdown."""
    rows = [
        "| run | calls a second | calls | failures | Asterisk | controller |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for run in result.runs:
        failed = ", ".join(f"{count} {why}" for why, count in run.failed.items()) or "none"
        asterisk = f"{run.asterisk_cores:.2f} cores, {run.asterisk_rss_mb:.0f} MB"
        controller = f"{run.controller_cores:.2f} cores, {run.controller_rss_mb:.0f} MB"
        rows.append(
            f"| {run.kind} | {run.rate:.2f} | {run.calls} | {failed} | {asterisk} | {controller} |"
        )
    told = (f"{kind} {rate:.2f}" if rate else f"{kind} –" for kind, rate in result.highest.items())
    ratio = f"{result.ratio:.2f}" if result.ratio else "–"
    rows.append(f"\nHighest without a failure, calls a second: {', '.join(told)}; ratio {ratio}.")
    if result.missed:
        rows.append(f"MISSED: ratio {BAR_RATIO}")
    return "\n".join(rows)
