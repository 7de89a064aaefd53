"""Connecting trial: kill -9 of the controller in every phase of a call."""

import asyncio
import time

from ivr.bench.connect_controller import (
    ControllerProcess,
    Mechanism,
    Stage,
    number_for,
    running_controller,
)
from ivr.bench.connect_exchange import FALLBACK_HZ, MENU_HZ, MUSIC_HZ
from ivr.bench.connect_trial import Pair, Trial, hear_each_other, ringing, talking, where_is
from ivr.simulator.sip_phone import CallerPhone

_PATIENCE_S = 1.5


async def measure_kills(trial: Trial) -> None:
    """Kill a controller in each phase and note where both sides are, and after how long."""
    for _ in range(trial.repeat(3)):
        await _in_conversation(trial, Stage.MENU, MENU_HZ)
        await _in_conversation(trial, Stage.LINE, MUSIC_HZ)
        for mechanism in Mechanism:
            await _while_ringing(trial, mechanism)
            await _during_whisper(trial, mechanism)
            await _in_talk(trial, mechanism, counsellor_leaves=True)
            await _in_talk(trial, mechanism, counsellor_leaves=False)


async def _in_conversation(trial: Trial, stage: Stage, heard_hz: float) -> None:
    mechanism = Mechanism.GUARDED_ROOM
    exchange = trial.exchange
    line = number_for(mechanism, stage, 0)
    async with (
        running_controller(exchange.ami_port, exchange.agi_port) as controller,
        CallerPhone(exchange.server, line) as caller,
    ):
        await caller.hears_tone(heard_hz)
        await _note_fallback(trial, controller, mechanism, caller, stage.name.lower())


async def _note_fallback(
    trial: Trial,
    controller: ControllerProcess,
    mechanism: Mechanism,
    caller: CallerPhone,
    phase: str,
) -> None:
    fallback = asyncio.create_task(caller.hears_tone(FALLBACK_HZ, _PATIENCE_S))
    controller.kill()
    try:
        heard_at = await fallback
        trial.book.add(f"kill in {phase} to fallback", mechanism, heard_at - controller.killed_at)
    except TimeoutError:
        pass
    trial.book.count(f"kill in {phase}: caller", mechanism, where_is(caller))


async def _while_ringing(trial: Trial, mechanism: Mechanism) -> None:
    """The counsellor picks up after the controller's death."""
    exchange = trial.exchange
    async with (
        running_controller(exchange.ami_port, exchange.agi_port) as controller,
        ringing(trial, mechanism) as pair,
    ):
        await _note_fallback(trial, controller, mechanism, pair.caller, "ringing")
        outcome = "ringing stopped" if pair.leg.is_over else "rings on, then "
        if not pair.leg.is_over:
            await pair.leg.answer()
            outcome += await _leg_outcome(pair)
        trial.book.count("kill in ringing: counsellor", mechanism, outcome)


async def _during_whisper(trial: Trial, mechanism: Mechanism) -> None:
    exchange = trial.exchange
    async with (
        running_controller(exchange.ami_port, exchange.agi_port) as controller,
        ringing(trial, mechanism) as pair,
    ):
        whisper = asyncio.create_task(controller.reported("whisper", pair.line, 5))
        await pair.leg.answer()
        await whisper
        await _note_fallback(trial, controller, mechanism, pair.caller, "whisper")
        outcome = await _leg_outcome(pair)
        trial.book.count("kill in whisper: counsellor", mechanism, outcome)


async def _leg_outcome(pair: Pair) -> str:
    try:
        await pair.leg.ended(_PATIENCE_S)
    except TimeoutError:
        return "in the talk" if where_is(pair.caller) == "talk" else "left over"
    return "dropped"


async def _in_talk(trial: Trial, mechanism: Mechanism, *, counsellor_leaves: bool) -> None:
    """The talk must go on; then one side hangs up and the other must not be left behind."""
    exchange = trial.exchange
    async with (
        running_controller(exchange.ami_port, exchange.agi_port) as controller,
        talking(trial, controller, mechanism) as pair,
    ):
        controller.kill()
        await asyncio.sleep(0.5)
        await hear_each_other(pair)
        trial.book.count("kill in talk: talk", mechanism, "goes on")
        left_at = time.monotonic()
        if counsellor_leaves:
            measure = "after a kill: counsellor's BYE to fallback"
            fallback = asyncio.create_task(pair.caller.hears_tone(FALLBACK_HZ, _PATIENCE_S))
            pair.leg.hang_up()
            trial.book.add(measure, mechanism, await fallback - left_at)
            return
        pair.caller.hang_up()
        outcome = await _leg_outcome(pair)
        trial.book.count("after a kill: caller hangs up, counsellor", mechanism, outcome)
