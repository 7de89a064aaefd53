"""The measured trial that chooses how a counsellor is connected: ConfBridge or Dial.

Decision and numbers: docs/decisions/0002-connecting-a-counsellor.md.
"""

import math
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ivr.bench.connect_ami import Ami
from ivr.bench.connect_controller import ControllerProcess, Mechanism, running_controller
from ivr.bench.connect_exchange import DEVICES, OBSERVER, PASSWORD, running_exchange
from ivr.bench.connect_kill import measure_kills
from ivr.bench.connect_load import measure_load
from ivr.bench.connect_races import measure_races
from ivr.bench.connect_speed import measure_delay, measure_hand_over, measure_keys
from ivr.bench.connect_trial import Book, Trial
from ivr.bench.machine import machine
from ivr.simulator.sip_phone import CounsellorPhone

Part = Callable[[Trial, ControllerProcess], Awaitable[None]]
_WITH_CONTROLLER: dict[str, Part] = {
    "speed": measure_hand_over,
    "delay": measure_delay,
    "keys": measure_keys,
    "load": measure_load,
}
_WITH_OWN_CONTROLLERS = {"kills": measure_kills, "races": measure_races}
PARTS = (*_WITH_CONTROLLER, *_WITH_OWN_CONTROLLERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of the trial and where it ran."""

    began_at: datetime
    took_s: float
    machine: dict[str, object]
    book: Book

    def as_json(self) -> dict[str, object]:
        return {
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "took_s": round(self.took_s, 1),
            "machine": self.machine,
            "samples": self.book.samples,
            "counts": self.book.counts,
        }


async def run_trial(root: Path, *, quick: bool, parts: tuple[str, ...] = PARTS) -> Result:
    """Run the trial on the private Asterisk in `root`; everything it starts is stopped.

    Raises AsteriskError where Asterisk does not start.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(running_exchange(root))
        ami = Ami.connected(exchange.ami_port, OBSERVER, PASSWORD)
        phones = [CounsellorPhone(exchange.server, name, PASSWORD) for name in DEVICES]
        trial = Trial(
            exchange=exchange,
            ami=await stack.enter_async_context(ami),
            phones=tuple([await stack.enter_async_context(phone) for phone in phones]),
            book=Book(),
            quick=quick,
        )
        await _measure(trial, parts)
    took_s = time.monotonic() - began
    return Result(began_at=began_at, took_s=took_s, machine=machine(), book=trial.book)


async def _measure(trial: Trial, parts: tuple[str, ...]) -> None:
    exchange = trial.exchange
    async with running_controller(exchange.ami_port, exchange.agi_port) as controller:
        for name, part in _WITH_CONTROLLER.items():
            if name in parts:
                await part(trial, controller)
    for name, kills in _WITH_OWN_CONTROLLERS.items():
        if name in parts:
            await kills(trial)


def table(book: Book) -> str:
    """The numbers as Markdown: median, 95th percentile and count for each mechanism."""
    names = [mechanism.name.lower() for mechanism in Mechanism]
    lines = [f"| measure | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for measure, samples in book.samples.items():
        cells = [_cell(measure, samples.get(name)) for name in names]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    for measure, counts in book.counts.items():
        found = (counts.get(name) for name in names)
        cells = [
            ", ".join(f"{n} {what}" for what, n in sorted(count.items())) if count else "–"
            for count in found
        ]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(measure: str, samples: list[float] | None) -> str:
    if not samples:
        return "–"
    middle, high = statistics.median(samples), sorted(samples)[math.ceil(0.95 * len(samples)) - 1]
    if "packets" in measure:
        return f"{middle:.0f}"
    if "cores" in measure:
        return f"{middle:.3f} ({min(samples):.3f}–{max(samples):.3f}; {len(samples)})"
    return f"{middle * 1000:.1f} / {high * 1000:.1f} ms ({len(samples)})"
