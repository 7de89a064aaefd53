"""From the counsellor's BYE to the next INVITE at the same phone: ours beside app_queue.

One phone takes both kinds of calls of one Asterisk, in blocks by turns. Each block begins with
everybody in line behind the first talk; the talks' lengths are random, so that no step with
app_queue's poll of once a second can come about.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ivr.bench.handover_capture import Capture, datagrams
from ivr.bench.handover_sip import dialogs, hand_overs, messages
from ivr.bench.machine import machine
from ivr.bench.running_copy import (
    LINE,
    BenchError,
    Equipment,
    device_password,
    running_asterisk,
    scratch_home,
    serving,
    sip_server,
)
from ivr.bench.samples import in_ms, median, percentile
from ivr.bench.sounds import wav_tone
from ivr.settings import Settings
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from ivr.simulator.tone import COUNSELLOR_HZ

DEVICE = "bench-1"
QUEUE_LINE = "0199"
BLOCKS = 8
SHOWN = {LINE: "123", QUEUE_LINE: QUEUE_LINE}
BARS = {"ours_median_s": 0.015, "ours_p99_s": 0.060}

_HUMAN_KEY = "0"
_JOINED_HZ = 2000.0
_STEP_S = 10.0
_TALKS_S = (0.05, 1.05)  # a whole second of app_queue's rounds
# Wrap-up none; the sentence that says "in line" is a tone that a telephone can tell.
_EQUIPMENT = Equipment(
    devices=(DEVICE,),
    limits={"wrap_up_s": 0},
    # The best that app_queue can: no pause of its own, all free members at once, and the shortest
    # retry that it takes (app_queue.c: 0 means its default of 5 s).
    queues=f"""[bench]
strategy = ringall
autofill = yes
ringinuse = no
timeout = 15
timeoutrestart = yes
retry = 1
wrapuptime = 0
memberdelay = 0
joinempty = yes
leavewhenempty = no
musicclass = ivr
announce-frequency = 0
announce-holdtime = no
announce-position = no
periodic-announce-frequency = 0
member => PJSIP/{DEVICE}
""",
    dialplan=f"""[trunk]
exten => {QUEUE_LINE},1,Answer()
 same => n,Set(CALLERID(num)={QUEUE_LINE})
 same => n,Read(KEY,ivr/greeting,1,,1,10)
 same => n,Playback(ivr/to-human)
 same => n,Queue(bench)
 same => n,Hangup()
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Every hand-over by the capture, in seconds, and whether the ring order was kept."""

    began_at: datetime
    took_s: float
    machine: dict[str, object]
    ours_s: tuple[float, ...]
    app_queue_s: tuple[float, ...]
    out_of_order: dict[str, int]

    @property
    def ratio(self) -> float | None:
        """How many times longer app_queue takes, by the medians."""
        ours, theirs = median(self.ours_s), median(self.app_queue_s)
        return theirs / ours if ours and theirs else None

    @property
    def missed(self) -> list[str]:
        """The bars that were not kept."""
        found = {"ours_median_s": median(self.ours_s), "ours_p99_s": percentile(self.ours_s, 99)}
        missed = [name for name, value in found.items() if value is None or value > BARS[name]]
        return [*missed, *(f"order: {name}" for name, times in self.out_of_order.items() if times)]

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "took_s": round(self.took_s, 1),
            "machine": self.machine,
            "ours_median_s": median(self.ours_s),
            "ours_p99_s": percentile(self.ours_s, 99),
            "app_queue_median_s": median(self.app_queue_s),
            "app_queue_p99_s": percentile(self.app_queue_s, 99),
            "ratio": self.ratio,
            "out_of_order": self.out_of_order,
            "bars": BARS,
            "missed": self.missed,
            "ours_s": [round(sample, 6) for sample in self.ours_s],
            "app_queue_s": [round(sample, 6) for sample in self.app_queue_s],
        }


@dataclass(slots=True)
class _Run:
    settings: Settings
    phone: CounsellorPhone
    out_of_order: dict[str, int] = field(default_factory=lambda: {LINE: 0, QUEUE_LINE: 0})


async def measure(*, ours: int, app_queue: int, keep_capture: Path | None = None) -> Result:
    """So many hand-overs of each kind; everything that is started is stopped.

    `keep_capture` is where the capture (pcap) goes. Raises BenchError where a call does not go as
    it must, AsteriskError where Asterisk does not start.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    async with scratch_home() as home:
        path = keep_capture or home / "sip.pcap"
        async with AsyncExitStack() as stack:
            asterisk = running_asterisk(home, _EQUIPMENT, sounds=_sounds)
            settings = await stack.enter_async_context(asterisk)
            await stack.enter_async_context(serving(settings))
            await stack.enter_async_context(Capture(settings.sip_port, path))
            password = device_password(settings, DEVICE)
            phone = CounsellorPhone(sip_server(settings), DEVICE, password)
            run = _Run(settings, await stack.enter_async_context(phone))
            for of_ours, of_theirs in zip(
                shares(ours, BLOCKS), shares(app_queue, BLOCKS), strict=True
            ):
                await _block(run, LINE, of_ours)
                await _block(run, QUEUE_LINE, of_theirs)
        samples = _recompute(path, settings.sip_port)
    _require_all(samples, {LINE: ours, QUEUE_LINE: app_queue})
    return Result(
        began_at=began_at,
        took_s=time.monotonic() - began,
        machine=machine(),
        ours_s=samples[LINE],
        app_queue_s=samples[QUEUE_LINE],
        out_of_order={"ours": run.out_of_order[LINE], "app_queue": run.out_of_order[QUEUE_LINE]},
    )


def shares(total: int, blocks: int) -> list[int]:
    """Split as evenly as can be."""
    return [(total + block) // blocks for block in range(blocks)]


def _recompute(path: Path, sip_port: int) -> dict[str, tuple[float, ...]]:
    calls = dialogs(messages(datagrams(path.read_bytes())), sip_port)
    return {
        line: tuple(hand_overs(calls, line=line, shown=shown, sip_port=sip_port))
        for line, shown in SHOWN.items()
    }


def _require_all(samples: dict[str, tuple[float, ...]], wanted: dict[str, int]) -> None:
    for line, count in wanted.items():
        if len(samples[line]) != count:
            raise BenchError(
                f"The capture shows {len(samples[line])} hand-overs of {line}, {count} were made."
            )


def _sounds(_directory: Path) -> dict[str, bytes]:
    """What is whispered does not belong to the hand-over, but would make most of the run."""
    whispers = ("county-unknown", "whisper-county", "whisper-topic")
    return {
        "to-human": wav_tone(_JOINED_HZ, 0.1),
        **{prompt: wav_tone(440.0, 0.1) for prompt in whispers},
    }


async def _block(run: _Run, line: str, count: int) -> None:
    """`count` hand-overs among `count + 1` callers."""
    if not count:
        return
    async with AsyncExitStack() as stack:
        first = await _join(run, stack, line)
        leg = await run.phone.offered(_STEP_S)
        waiting = [first]
        await leg.answer()
        served = await _who_is_served(waiting)
        waiting += [await _join(run, stack, line) for _ in range(count)]
        while waiting:
            if served is not waiting[0]:
                run.out_of_order[line] += 1
            waiting.remove(served)
            await asyncio.sleep(random.uniform(*_TALKS_S))  # noqa: S311
            leg.hang_up()
            if waiting:
                leg = await run.phone.offered(_STEP_S)
            served.hang_up()
            if waiting:
                await leg.answer()
                served = await _who_is_served(waiting)


async def _join(run: _Run, stack: AsyncExitStack, line: str) -> CallerPhone:
    """Dial and ask for a human; returns once the caller was told to be in line."""
    caller = CallerPhone(sip_server(run.settings), line, tone_hz=None)
    await stack.enter_async_context(caller)
    await caller.answered(_STEP_S)
    told = asyncio.create_task(caller.hears_tone(_JOINED_HZ, _STEP_S))
    caller.press(_HUMAN_KEY)
    await told
    return caller


async def _who_is_served(waiting: Sequence[CallerPhone]) -> CallerPhone:
    """The caller who hears the counsellor; raises BenchError where nobody does."""
    hearing = {
        asyncio.create_task(caller.hears_tone(COUNSELLOR_HZ, _STEP_S)): caller for caller in waiting
    }
    try:
        done, _ = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
        task = done.pop()
        if task.exception() is not None:
            raise BenchError("The phone was answered, and no caller heard the counsellor.")
        return hearing[task]
    finally:
        for task in hearing:
            task.cancel()
        await asyncio.wait(hearing)


def table(result: Result) -> str:
    """The numbers as Markdown."""
    rows = [
        "| hand-over | median | p99 | slowest | samples | out of order |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, samples in (("ours", result.ours_s), ("app_queue", result.app_queue_s)):
        numbers = (median(samples), percentile(samples, 99), max(samples, default=None))
        cells = " | ".join(f"{in_ms(value)} ms" for value in numbers)
        rows.append(f"| {name} | {cells} | {len(samples)} | {result.out_of_order[name]} |")
    ratio = f"{result.ratio:.0f}" if result.ratio else "–"
    rows.append(f"\napp_queue takes {ratio} times as long.")
    if result.missed:
        rows.append(f"MISSED: {', '.join(result.missed)}")
    return "\n".join(rows)
