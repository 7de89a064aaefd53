"""What the parts of the connecting trial share: what runs, a talk, and the book of samples."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ivr.bench.connect_ami import Ami
from ivr.bench.connect_controller import ControllerProcess, Mechanism, Stage, number_for
from ivr.bench.connect_exchange import (
    CLOSING_HZ,
    FALLBACK_HZ,
    MUSIC_HZ,
    ROOM_MUSIC_HZ,
    Exchange,
)
from ivr.simulator import tone
from ivr.simulator.rtp import Heard
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone

ROOMS = (Mechanism.GUARDED_ROOM, Mechanism.PLAIN_ROOM)
COMPARED = (Mechanism.GUARDED_ROOM, Mechanism.DIAL)


@dataclass(slots=True)
class Book:
    """Raw samples (seconds or processor shares) and counted outcomes by measure and mechanism."""

    samples: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    counts: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )

    def add(self, measure: str, mechanism: Mechanism, value: float) -> None:
        self.samples[measure][mechanism.name.lower()].append(value)

    def count(self, measure: str, mechanism: Mechanism, outcome: str) -> None:
        self.counts[measure][mechanism.name.lower()][outcome] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The running exchange, an observer's AMI link, the counsellors' phones and the book."""

    exchange: Exchange
    ami: Ami
    phones: tuple[CounsellorPhone, ...]
    book: Book
    quick: bool = False

    def repeat(self, times: int) -> int:
        """How often to repeat: a quarter in a quick run."""
        return max(2, times // 4) if self.quick else times


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A caller and the counsellor's leg that was offered to it."""

    line: str
    caller: CallerPhone
    leg: SipCall


@asynccontextmanager
async def ringing(trial: Trial, mechanism: Mechanism, device: int = 0) -> AsyncIterator[Pair]:
    """Dial, and wait until the counsellor's phone rings; all is hung up at the end."""
    line = number_for(mechanism, Stage.CONNECT, device)
    async with CallerPhone(trial.exchange.server, line) as caller:
        leg = await trial.phones[device].offered(5)
        try:
            yield Pair(line=line, caller=caller, leg=leg)
        finally:
            leg.hang_up()


@asynccontextmanager
async def talking(
    trial: Trial, controller: ControllerProcess, mechanism: Mechanism, device: int = 0
) -> AsyncIterator[Pair]:
    """Have caller and counsellor in a talk, hearing each other."""
    async with ringing(trial, mechanism, device) as pair:
        await accept(controller, pair)
        await hear_each_other(pair)
        yield pair


async def accept(controller: ControllerProcess, pair: Pair) -> float:
    """Pick up and hear the whisper to its end; the moment of acceptance."""
    accepted = asyncio.create_task(controller.reported("accepted", pair.line, 5))
    await pair.leg.answer()
    return await accepted


async def hear_each_other(pair: Pair) -> tuple[float, float]:
    """Wait until both hear the other; when the caller did and when the counsellor did."""
    caller, counsellor = await asyncio.gather(
        pair.caller.hears_tone(tone.COUNSELLOR_HZ, 5),
        pair.leg.stream.hears_tone(tone.CALLER_HZ, 5),
    )
    return caller, counsellor


def is_back(packet: Heard) -> bool:
    """Whether the caller is in the dialplan again: closing sentence or fallback."""
    return any(
        tone.hears_tone(packet.payload, packet.codec, hz) for hz in (CLOSING_HZ, FALLBACK_HZ)
    )


def is_audible(packet: Heard) -> bool:
    return not tone.is_silent(packet.payload, packet.codec)


def where_is(caller: CallerPhone) -> str:
    """Where a caller who did not hang up is, by what was heard in the last 0.2 s."""
    if caller.call.is_over:
        return "back"  # the closing sentence was played to its end
    since = time.monotonic() - 0.2
    recent = [packet for packet in caller.stream.heard if packet.at > since]
    places = {
        CLOSING_HZ: "back",
        FALLBACK_HZ: "fallback",
        tone.COUNSELLOR_HZ: "talk",
        MUSIC_HZ: "line",
        ROOM_MUSIC_HZ: "alone",
    }
    for packet in reversed(recent):
        for hz, place in places.items():
            if tone.hears_tone(packet.payload, packet.codec, hz):
                return place
    return "alone"
