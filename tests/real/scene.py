"""One test's calls on a running product that other tests use before and after it."""

import asyncio
import itertools
import shutil
import time
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select

from ivr import effects as do
from ivr import events as ev
from ivr.cli.calls import call_json
from ivr.deployment import load_deployment
from ivr.model import CallId, DeviceId
from ivr.model.record import CallRecord
from ivr.people import device_passwords
from ivr.prompts.audio import NARROW
from ivr.prompts.builder import sound_path, sounds_dir
from ivr.settings import PROJECT, Settings
from ivr.simulator.rtp import Heard
from ivr.simulator.scenario_history import new_floor
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_phone import CallerPhone
from ivr.simulator.sipp import SippCaller, SippCounsellor
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ, hears_tone, is_silent
from ivr.store.store import Store
from ivr.store.tables import epochs
from tests.real.exchange import MUSIC_HZ, prolong, write_tone
from tests.real.parties import Caller, Counsellor
from tests.real.product import IN_VAIN, LINE, PATIENCE_S, Json, Product, running_product
from tests.real.watcher import Command

OWN_S = 2.0  # how long a call is kept for its own county's desk
VAIN_LINE = "084123"  # Ilam's: its desk's phones ring in vain before long
DECLINED_S = 10.0  # whoever declined has left by then
# Nobody is done with the first question, or the whisper of this category, before a test is.
LONG_WHISPERED = "3"
LONG_PROMPTS = {"first-question": 20.0, "topic-violence": 15.0}  # and seconds of silence after it

CONFIRMING = ("khondab-landline", "khondab-mobile")  # devices that key 1 has to accept on

_numbers = itertools.count(1)


@asynccontextmanager
async def shared_product(home: Path) -> AsyncIterator[Product]:
    """A product for many tests. What callers wait for in menus has the times of production."""
    back_offs = ("unreachable_s", "failed_s", "rona_most_s")
    async with running_product(
        home,
        steps=[{"ring": "own", "lasts_s": OWN_S}, {"ring": "supporting"}, {"ring": "province"}],
        changes={"demo_dir": _people(home / "people")},
        more_provinces={"ilam": IN_VAIN},
        declined_s=DECLINED_S,
        back_off_least_s=DECLINED_S,
        **dict.fromkeys(back_offs, 1.0),
    ) as product:
        for prompt, silence_s in LONG_PROMPTS.items():
            prolong(product.settings, prompt, silence_s)
        write_tone(home / "moh" / "hold.wav", MUSIC_HZ, 2)
        await asyncio.to_thread(product.asterisk.console, "moh reload")
        yield product


def _people(directory: Path) -> Path:
    """The demonstration's counsellors, and two who are rung on ordinary telephones."""
    directory.mkdir(parents=True)
    for file in ("markazi.yaml", "ilam.yaml"):
        shutil.copy(PROJECT / "deploy" / "demo" / file, directory)
    more = [
        {
            "id": device,
            "name_fa": "نمونه",
            "desks": ["markazi-khondab"],
            "devices": [{"id": device, "confirm": "true"}],
        }
        for device in CONFIRMING
    ]
    (directory / "telephones.yaml").write_text(yaml.safe_dump({"counsellors": more}))
    return directory


class ScriptedCaller(SippCaller):
    """sipp as a caller whose channel is known."""

    channel = ""


@dataclass
class Scene:
    """A test's calls: begins and ends with an empty floor and no channel in Asterisk."""

    product: Product
    earlier: frozenset[CallId] = frozenset()
    numbers: list[str] = field(default_factory=list)
    phones: list[Counsellor] = field(default_factory=list)

    # -- who takes part

    def caller(self, *, line: str = LINE, number: str | None = None, **options: Any) -> Caller:
        self.numbers.append(number or f"0912555{next(_numbers):04}")
        return self.product.caller(number=self.numbers[-1], line=line, **options)

    @asynccontextmanager
    async def counsellor(self, device: str, **options: Any) -> AsyncIterator[Counsellor]:
        """A registered phone, on the floor as well; of several the first one is rung first."""
        async with self.product.counsellor(device, **options) as phone:
            self.phones.append(phone)
            await self.until(lambda: self.state(device) != "off_duty")
            yield phone

    @asynccontextmanager
    async def sipp_caller(self, line: str = LINE) -> AsyncIterator[ScriptedCaller]:
        """Answered, and does what the test says."""
        self.numbers.append(f"0912555{next(_numbers):04}")
        caller = ScriptedCaller(self.product.address, line, caller=self.numbers[-1], led=True)
        count = len(self.product.watcher.calls) + 1
        async with caller:
            await caller.answered()
            caller.channel = await self.product.watcher.new_call(count)
            yield caller

    async def presses(self, caller: ScriptedCaller, keys: str) -> None:
        """Returns when the line has taken the last one."""
        for key in keys:
            await self.product.watcher.pressed(caller.channel, key, caller.press)

    @asynccontextmanager
    async def sipp_counsellor(self, device: str, **options: Any) -> AsyncIterator[SippCounsellor]:
        password = device_passwords(self.product.settings.home, [DeviceId(device)])
        phone = SippCounsellor(
            self.product.address,
            device,
            password[DeviceId(device)],
            tone_hz=COUNSELLOR_HZ,
            **options,
        )
        async with phone:
            await self.until(lambda: self.state(device) != "off_duty")
            yield phone

    # -- what is seen from outside

    async def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        return await self.product.until(condition, timeout_s)

    def state(self, counsellor: str) -> str:
        return self.product.counsellor_state(counsellor)

    def waiting(self) -> list[Json]:
        return list(self.product.floor()["waiting"])

    async def in_line(self, count: int = 1) -> list[Json]:
        """Wait until so many stand in line, offered or not; in the order of the line."""

        def found() -> tuple[list[Json]] | None:
            waiting = self.waiting()
            return (waiting,) if len(waiting) == count else None

        [waiting] = await self.until(found)
        return list(waiting)

    async def talking(self, count: int) -> None:
        """Wait until so many talk."""
        await self.until(lambda: len(self.product.floor()["talks"]) == count)

    async def available(self, *counsellors: str) -> None:
        """Wait until they may be rung again."""
        await self.until(lambda: {self.state(name) for name in counsellors} == {"available"})

    def channels(self) -> list[str]:
        return self.product.asterisk.console("core show channels concise").split()

    # -- what is kept

    async def records(self) -> list[CallRecord]:
        """All records of this scene, in order of arrival."""
        kept = await all_records(self.product)
        return [record for record in kept if record.call not in self.earlier]

    async def ended(self, count: int = 1, timeout_s: float = PATIENCE_S) -> list[Json]:
        """Wait until all of so many calls have ended; as `ivr calls list --json` has them."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            records = await self.records()
            if len(records) == count and all(record.ended_at for record in records):
                return [call_json(record, ()) for record in records]
            assert time.monotonic() < give_up_at, f"{[record.phase for record in records]}"
            await asyncio.sleep(0.05)

    async def the_call(self, timeout_s: float = PATIENCE_S) -> Json:
        """The record of the only call, once it has ended."""
        [record] = await self.ended(1, timeout_s)
        return record

    async def rung_on_joining(self, call: str) -> list[str]:
        """Whom the floor had rung in the very decision that took the call into line.

        No clock tells it: the journal, played again through a new floor, does.
        """
        deployment = load_deployment(self.product.settings)
        async with Store(self.product.settings) as store:
            epoch = await newest_epoch(store)
            entries = await store.read_journal(epoch)
        floor, rung = new_floor(deployment, epoch), []
        for entry in entries:
            effects = floor.decide(entry.event, entry.at)
            if isinstance(entry.event, ev.CallJoined) and entry.event.call == call:
                rung += [one.offer.counsellor for one in effects if isinstance(one, do.OfferCall)]
        return rung

    def lets_pass_s(self, commands: Sequence[Command], until: str) -> float:
        """How long what a conversation says and waits for lasts, up to the sentence `until`.

        As on a line in use, where no prompt is prolonged.
        """
        seconds = 0.0
        for command in commands:
            match command:
                case ["STREAM", "FILE", file, *_]:
                    prompt = file.strip('"').removeprefix("ivr/")
                    if prompt == until:
                        break
                    seconds += length_s(self.product.settings, prompt)
                    seconds -= LONG_PROMPTS.get(prompt, 0.0)
                case ["WAIT", "FOR", "DIGIT", timeout_ms]:
                    seconds += max(int(timeout_ms.strip('"')), 0) / 1000
        return seconds

    # -- before and after

    def _is_quiet(self) -> bool:
        floor = self.product.floor()
        on_the_floor = (
            floor["waiting"] or floor["talks"] or floor["in_menu"] or floor["in_fallback"]
        )
        busy = [row for row in floor["counsellors"] if row["state"] != "off_duty" or row["hold"]]
        return not on_the_floor and not busy and not self.channels()

    async def quiet(self) -> None:
        """Wait until nobody is left of any call: no caller, no counsellor, no channel."""
        try:
            await self.until(self._is_quiet)
        except TimeoutError:
            left = f"left over: {self.channels()} {self.product.floor()}"
            self.product.asterisk.console("channel request hangup all")  # for the tests to come
            raise AssertionError(left) from None

    async def begin(self) -> None:
        await self.quiet()
        self.earlier = frozenset(record.call for record in await all_records(self.product))

    async def end(self) -> None:
        await self.quiet()
        self._check_what_phones_were_shown()

    def _check_what_phones_were_shown(self) -> None:
        """No counsellor's phone is ever sent a caller's number."""
        for call in (call for phone in self.phones for call in phone.calls):
            assert call.from_number == "123"
            invite = call._invite.encode().decode()
            assert not [number for number in self.numbers if number.lstrip("0") in invite]


async def newest_epoch(store: Store) -> int:
    async with store.engine.connect() as connection:
        return int((await connection.execute(select(func.max(epochs.c.epoch)))).scalar_one())


def length_s(settings: Settings, prompt: str) -> float:
    """How long Asterisk plays a prompt in a call of the telephone network."""
    path = sound_path(sounds_dir(settings), prompt, NARROW)
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


async def all_records(product: Product) -> list[CallRecord]:
    """In order of arrival, which Asterisk's unique ids have in their second part."""
    now = datetime.now(UTC)
    async with await Store.open(product.settings) as store:
        found = await store.calls(now - timedelta(days=1), now + timedelta(days=1))
    return sorted(found, key=lambda record: int(record.call.partition(".")[2]))


async def hears_words(call: CallerPhone | SipCall, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a sound that is neither music nor the other party's tone: a prompt."""

    def is_speech(packet: Heard) -> bool:
        tones = (MUSIC_HZ, CALLER_HZ, COUNSELLOR_HZ)
        is_tone = any(hears_tone(packet.payload, packet.codec, hz) for hz in tones)
        return not is_tone and not is_silent(packet.payload, packet.codec)

    await call.stream.hears(is_speech, timeout_s)


async def both_hear_each_other(caller: Caller, call: SipCall) -> None:
    await caller.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
    await call.stream.hears_tone(CALLER_HZ, PATIENCE_S)
    await caller.talks()


def offers(record: Json) -> list[tuple[str, str]]:
    """Who was rung for the call, in order, and what came of it."""
    return [(offer["counsellor"], offer["result"]) for offer in record["offers"]]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
