"""Connecting trial: two things in the same instant, many times, with jitter."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ivr.bench.connect_controller import ControllerProcess, Mechanism, running_controller
from ivr.bench.connect_exchange import WHISPER_S
from ivr.bench.connect_trial import Pair, Trial, is_back, ringing, where_is

_SETTLED_S = 2.0
_AT_ONCE = 8  # races side by side, each with a device of its own
Race = Callable[[Trial, Mechanism, Pair], Awaitable[None]]


async def measure_races(trial: Trial) -> None:
    """Run each race about 50 times for each mechanism."""
    exchange = trial.exchange
    rounds = trial.repeat(7)
    for mechanism in Mechanism:
        async with running_controller(exchange.ami_port, exchange.agi_port):
            for race in (_caller_leaves_as_counsellor_answers, _counsellor_leaves_as_they_meet):
                for _ in range(rounds):
                    await _side_by_side(trial, mechanism, race)
        for counsellor_leaves in (False, True):
            for _ in range(rounds):
                await _killed_as_they_meet(trial, mechanism, counsellor_leaves=counsellor_leaves)


async def _side_by_side(trial: Trial, mechanism: Mechanism, race: Race) -> None:
    async with asyncio.TaskGroup() as group:
        for device in range(_AT_ONCE):
            group.create_task(_one(trial, mechanism, race, device))


async def _one(trial: Trial, mechanism: Mechanism, race: Race, device: int) -> None:
    async with ringing(trial, mechanism, device) as pair:
        await race(trial, mechanism, pair)


async def _caller_leaves_as_counsellor_answers(
    trial: Trial, mechanism: Mechanism, pair: Pair
) -> None:
    """The counsellor's leg must end, with nobody to talk to."""
    early_s = random.uniform(-0.02, 0.02)  # noqa: S311
    await asyncio.sleep(max(0.0, early_s))
    answering = asyncio.create_task(pair.leg.answer())
    await asyncio.sleep(max(0.0, -early_s))
    pair.caller.hang_up()
    left_at = time.monotonic()
    await answering
    measure = "caller leaves as counsellor answers"
    try:
        await pair.leg.ended(_SETTLED_S)
        trial.book.add(f"{measure}: counsellor freed after", mechanism, time.monotonic() - left_at)
        trial.book.count(measure, mechanism, "freed")
    except TimeoutError:
        trial.book.count(measure, mechanism, "left over")


async def _counsellor_leaves_as_they_meet(trial: Trial, mechanism: Mechanism, pair: Pair) -> None:
    """The caller must come back, whichever way it goes."""
    back = asyncio.create_task(pair.caller.stream.hears(is_back, _SETTLED_S + WHISPER_S))
    await pair.leg.answer()
    await asyncio.sleep(WHISPER_S + random.uniform(-0.01, 0.05))  # noqa: S311
    pair.leg.hang_up()
    left_at = time.monotonic()
    measure = "counsellor leaves as both are sent in"
    try:
        trial.book.add(f"{measure}: caller back after", mechanism, await back - left_at)
        trial.book.count(measure, mechanism, "back")
    except TimeoutError:
        trial.book.count(measure, mechanism, where_is(pair.caller))


async def _killed_as_they_meet(
    trial: Trial, mechanism: Mechanism, *, counsellor_leaves: bool
) -> None:
    """Kill the controller while callers and counsellors are sent into their rooms."""
    exchange = trial.exchange
    async with (
        running_controller(exchange.ami_port, exchange.agi_port) as controller,
        asyncio.TaskGroup() as group,
    ):
        ready = asyncio.Barrier(_AT_ONCE + 1)
        for device in range(_AT_ONCE):
            group.create_task(_caught(trial, mechanism, device, ready, counsellor_leaves))
        await ready.wait()
        await _kill_soon(controller)


async def _kill_soon(controller: ControllerProcess) -> None:
    await asyncio.sleep(WHISPER_S + random.uniform(0.0, 0.05))  # noqa: S311
    controller.kill()


async def _caught(
    trial: Trial,
    mechanism: Mechanism,
    device: int,
    ready: asyncio.Barrier,
    counsellor_leaves: bool,
) -> None:
    measure = "killed as both are sent in"
    async with ringing(trial, mechanism, device) as pair:
        await ready.wait()
        await asyncio.sleep(random.uniform(0.0, 0.02))  # noqa: S311
        await pair.leg.answer()
        if counsellor_leaves:
            measure += ", counsellor leaves"
            await asyncio.sleep(WHISPER_S + random.uniform(-0.01, 0.05))  # noqa: S311
            pair.leg.hang_up()
        else:
            await asyncio.sleep(WHISPER_S)
        with suppress(TimeoutError):
            await pair.caller.ended(_SETTLED_S)
        trial.book.count(measure, mechanism, where_is(pair.caller))
