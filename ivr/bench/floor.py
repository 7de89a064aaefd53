"""How long the floor takes to decide, and what a waiting call weighs, beside the bars."""

import gc
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr import effects as do
from ivr import events as ev
from ivr.bench.floor_world import COUNSELLORS, DESKS, PROVINCES, World
from ivr.bench.machine import machine
from ivr.bench.samples import median, percentile

WAITING = (100, 1_000, 10_000)
BARS = {"median_us": 50.0, "p99_us": 1_000.0, "ratio": 2.0, "bytes_a_call": 4_096.0}
_EVENTS = 40_000
_SETTLING = 2_000  # events before the measured ones: the line takes its shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One length of the line: a sample for each event, in µs, by the event's kind."""

    waiting: int
    samples: dict[str, list[float]]
    bytes_a_call: float

    @property
    def all(self) -> list[float]:
        return [sample for samples in self.samples.values() for sample in samples]

    @property
    def median_us(self) -> float:
        return median(self.all) or 0.0

    @property
    def p99_us(self) -> float:
        return percentile(self.all, 99) or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    began_at: datetime
    took_s: float
    machine: dict[str, object]
    sizes: tuple[Size, ...]

    @property
    def ratio(self) -> float:
        """The median at the longest line to that at the shortest."""
        return self.sizes[-1].median_us / self.sizes[0].median_us

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "took_s": self.took_s,
            "machine": self.machine,
            "counsellors": COUNSELLORS,
            "desks": PROVINCES * DESKS,
            "bars": BARS,
            "ratio": self.ratio,
            "sizes": [
                {
                    "waiting": size.waiting,
                    "median_us": size.median_us,
                    "p99_us": size.p99_us,
                    "bytes_a_call": size.bytes_a_call,
                    "samples_us": size.samples,
                }
                for size in self.sizes
            ],
        }


def measure(*, quick: bool, waiting: Sequence[int] = WAITING) -> Result:
    began_at, began_s = datetime.now(UTC), time.monotonic()
    events = _EVENTS // 4 if quick else _EVENTS
    sizes = tuple(
        Size(waiting=size, samples=_decisions(size, events), bytes_a_call=_bytes_a_call(size))
        for size in waiting
    )
    took_s = time.monotonic() - began_s
    return Result(began_at=began_at, took_s=took_s, machine=machine(), sizes=sizes)


def _decisions(waiting: int, events: int) -> dict[str, list[float]]:
    world = _settled(World(waiting))
    samples: dict[str, list[float]] = {}
    decide = world.floor.decide

    def timed(event: ev.Event, now: datetime) -> list[do.Effect]:
        began_ns = time.perf_counter_ns()
        effects = decide(event, now)
        took_us = (time.perf_counter_ns() - began_ns) / 1000
        samples.setdefault(type(event).__name__, []).append(took_us)
        return effects

    world.take = timed
    while sum(map(len, samples.values())) < events:
        world.step()
    return samples


def _settled(world: World) -> World:
    world.begin()
    world.fill()
    for _ in range(_SETTLING):
        world.step()
    return world


def _bytes_a_call(waiting: int) -> float:
    """What joining leaves in memory: record, plan, place, timers."""
    world = World(waiting)
    world.begin()
    gc.collect()
    tracemalloc.start()
    try:
        world.fill()
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return used / waiting


def table(result: Result) -> str:
    """The numbers as Markdown."""
    lines = [
        "| waiting | median | p99 | slowest | events | bytes a call |",
        "| --- |" + " --- |" * 5,
    ]
    for size in result.sizes:
        numbers = f"{size.median_us:.1f} µs | {size.p99_us:.0f} µs | {max(size.all):.0f} µs"
        lines.append(f"| {size.waiting} | {numbers} | {len(size.all)} | {size.bytes_a_call:.0f} |")
    bars = f"median {BARS['median_us']:g} µs, p99 {BARS['p99_us']:g} µs, ratio {BARS['ratio']:g}"
    lines += ["", f"Longest to shortest line: {result.ratio:.2f}. Bars: {bars}, 4 kB a call."]
    return "\n".join(lines)
