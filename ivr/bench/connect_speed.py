"""Connecting trial: hand-over, delay of speech, and where keys arrive."""

import asyncio
import random
import time
from functools import partial

from ivr.bench.connect_ami import Seen
from ivr.bench.connect_controller import ControllerProcess, Mechanism
from ivr.bench.connect_exchange import CLOSING_HZ
from ivr.bench.connect_trial import (
    COMPARED,
    Pair,
    Trial,
    accept,
    hear_each_other,
    is_audible,
    ringing,
    talking,
)
from ivr.simulator import tone
from ivr.simulator.rtp import RtpStream

_BURST = tone.tone(tone.CALLER_HZ, 0.1) + tone.silence(30)


async def measure_hand_over(trial: Trial, controller: ControllerProcess) -> None:
    """Acceptance to speech both ways, and the counsellor's BYE to the caller's next sentence."""
    for _ in range(trial.repeat(16)):
        for mechanism in Mechanism:
            await _hand_over(trial, controller, mechanism)


async def _hand_over(trial: Trial, controller: ControllerProcess, mechanism: Mechanism) -> None:
    book = trial.book
    async with ringing(trial, mechanism) as pair:
        hearing = asyncio.create_task(hear_each_other(pair))
        accepted_at = await accept(controller, pair)
        caller_at, counsellor_at = await hearing
        book.add("acceptance to caller hears counsellor", mechanism, caller_at - accepted_at)
        book.add("acceptance to counsellor hears caller", mechanism, counsellor_at - accepted_at)
        closing = asyncio.create_task(pair.caller.hears_tone(CLOSING_HZ, 5))
        returned = asyncio.create_task(controller.reported("returned", pair.line, 5))
        await asyncio.sleep(random.uniform(0.1, 0.12))  # noqa: S311  no step with the 20 ms frames
        left_at = time.monotonic()
        pair.leg.hang_up()
        book.add("counsellor's BYE to our session", mechanism, await returned - left_at)
        book.add("counsellor's BYE to closing sentence", mechanism, await closing - left_at)


async def measure_delay(trial: Trial, controller: ControllerProcess) -> None:
    """Mouth to ear, with nothing else going on."""
    for mechanism in COMPARED * trial.repeat(4):
        async with talking(trial, controller, mechanism) as pair:
            await delays(trial, mechanism, pair, "mouth to ear", 10)


async def delays(trial: Trial, mechanism: Mechanism, pair: Pair, measure: str, times: int) -> None:
    """Send bursts of tone either way in turn and note when the first audible packet comes."""
    ways = ((pair.caller.stream, pair.leg.stream), (pair.leg.stream, pair.caller.stream))
    for stream, _ in ways:
        stream.say(tone.silence(1))
    await asyncio.sleep(0.2)
    for speaker, listener in ways * (times // 2):
        trial.book.add(measure, mechanism, await _burst(speaker, listener))


async def _burst(speaker: RtpStream, listener: RtpStream) -> float:
    heard = asyncio.create_task(listener.hears(is_audible, 2))
    await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311  any place in the mixing interval
    speaker.say(_BURST)
    heard_at = await heard
    sent_at = speaker.last_onset_at
    assert sent_at is not None
    await asyncio.sleep(0.15)
    speaker.say(tone.silence(1))
    return heard_at - sent_at


async def measure_keys(trial: Trial, controller: ControllerProcess) -> None:
    """Press a key while it rings, during the whisper and in the talk."""
    for mechanism in COMPARED * trial.repeat(4):
        async with ringing(trial, mechanism) as pair:
            press = partial(_key, trial, controller, mechanism, pair)
            await press(when="ringing", key="1")
            whisper = asyncio.create_task(controller.reported("whisper", pair.line, 5))
            await pair.leg.answer()
            await whisper
            await press(when="whisper", key="2")
            await hear_each_other(pair)
            await press(when="talk", key="3")


async def _key(
    trial: Trial,
    controller: ControllerProcess,
    mechanism: Mechanism,
    pair: Pair,
    *,
    when: str,
    key: str,
) -> None:
    reported = asyncio.create_task(controller.reported("key", pair.line, 0.35))
    seen = asyncio.create_task(trial.ami.wait(lambda seen: _is_key(seen, key), 0.35))
    pair.caller.press(key)
    session, ami = await asyncio.gather(reported, seen, return_exceptions=True)
    for place, result in (("session", session), ("AMI", ami)):
        outcome = "lost" if isinstance(result, BaseException) else "arrived"
        trial.book.count(f"key while {when}, {place}", mechanism, outcome)


def _is_key(seen: Seen, key: str) -> bool:
    return seen.event == "DTMFEnd" and seen["Digit"] == key and seen["Direction"] == "Received"
