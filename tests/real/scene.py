"""One test's calls on a running product that other tests use before and after it."""

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from ivr.cli.calls import call_json
from ivr.model import CallId, CallRecord, DeviceId
from ivr.people import device_passwords
from ivr.settings import PROJECT
from ivr.simulator.rtp import Heard
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from ivr.simulator.sipp import SippCaller, SippCounsellor
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ, hears_tone, is_silent
from ivr.store.store import Store
from tests.real.exchange import MUSIC_HZ, write_tone
from tests.real.product import LINE, PATIENCE_S, Json, Product, running_product

KEY_PAUSE_S = 0.4  # people do not press keys in the same instant; Asterisk drops those
OWN_S = 2.0  # how long a call is kept for its own county's desk
RTP_TIMEOUT_S = 4

CONFIRMING = ("khondab-landline", "khondab-mobile")  # devices that key 1 has to accept on

_numbers = itertools.count(1)


@asynccontextmanager
async def shared_product(home: Path) -> AsyncIterator[Product]:
    """A product for many tests. What callers wait for in menus has the times of production."""
    changes = {
        "demo_dir": _people(home / "people"),
        "templates_dir": _impatient_templates(home / "templates"),
    }
    back_offs = ("declined_s", "unreachable_s", "failed_s", "rona_most_s")
    async with running_product(
        home,
        steps=[{"ring": "own", "lasts_s": OWN_S}, {"ring": "supporting"}, {"ring": "province"}],
        conversation={"closing_wait_s": 3},
        changes=changes,
        whisper_s=8,
        **dict.fromkeys(back_offs, 1.0),
    ) as product:
        write_tone(home / "moh" / "hold.wav", MUSIC_HZ, 2)
        await asyncio.to_thread(product.asterisk.console, "moh reload")
        yield product


def _people(directory: Path) -> Path:
    """The demonstration's counsellors, and two who are rung on ordinary telephones."""
    directory.mkdir(parents=True)
    shutil.copy(PROJECT / "deploy" / "demo" / "markazi.yaml", directory)
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


def _impatient_templates(directory: Path) -> Path:
    """Asterisk's configuration with a shorter patience for phones that have vanished."""
    shutil.copytree(PROJECT / "deploy" / "asterisk", directory)
    path = directory / "line" / "pjsip.conf.j2"
    text = path.read_text(encoding="utf-8")
    assert "rtp_timeout = 30" in text
    path.write_text(text.replace("rtp_timeout = 30", f"rtp_timeout = {RTP_TIMEOUT_S}"))
    return directory


async def press(phone: CallerPhone | SipCall, keys: str) -> float:
    """Press keys at a person's pace; the moment of the last one."""
    pressed_at = 0.0
    for key in keys:
        await asyncio.sleep(KEY_PAUSE_S)
        phone.press(key)
        pressed_at = time.monotonic()
    return pressed_at


@dataclass
class Scene:
    """A test's calls: begins and ends with an empty floor and no channel in Asterisk."""

    product: Product
    earlier: frozenset[CallId] = frozenset()
    numbers: list[str] = field(default_factory=list)
    phones: list[CounsellorPhone] = field(default_factory=list)

    # -- who takes part

    def caller(self, *, line: str = LINE, number: str | None = None, **options: Any) -> CallerPhone:
        self.numbers.append(number or f"0912555{next(_numbers):04}")
        return self.product.caller(number=self.numbers[-1], line=line, **options)

    @asynccontextmanager
    async def counsellor(self, device: str, **options: Any) -> AsyncIterator[CounsellorPhone]:
        """A registered phone, on the floor as well; of several the first one is rung first."""
        async with self.product.counsellor(device, **options) as phone:
            self.phones.append(phone)
            await self.until(lambda: self.state(device) != "off_duty")
            yield phone

    def sipp_caller(self, line: str = LINE, **options: Any) -> SippCaller:
        self.numbers.append(f"0912555{next(_numbers):04}")
        return SippCaller(self.product.address, line, caller=self.numbers[-1], **options)

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
        await self.until(lambda: len(self.waiting()) == count)
        return self.waiting()

    async def available(self, *counsellors: str, timeout_s: float = 10.0) -> None:
        """Wait until they may be rung again."""
        await self.until(
            lambda: {self.state(name) for name in counsellors} == {"available"}, timeout_s
        )

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
            await self.until(self._is_quiet, 15)
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


async def all_records(product: Product) -> list[CallRecord]:
    """In order of arrival, which Asterisk's unique ids have in their second part."""
    now = datetime.now(UTC)
    async with await Store.open(product.settings) as store:
        found = await store.calls(now - timedelta(days=1), now + timedelta(days=1))
    return sorted(found, key=lambda record: int(record.call.partition(".")[2]))


async def hears_words(call: CallerPhone | SipCall, timeout_s: float = 5.0) -> None:
    """Wait for a sound that is neither music nor the other party's tone: a prompt."""

    def is_speech(packet: Heard) -> bool:
        tones = (MUSIC_HZ, CALLER_HZ, COUNSELLOR_HZ)
        is_tone = any(hears_tone(packet.payload, packet.codec, hz) for hz in tones)
        return not is_tone and not is_silent(packet.payload, packet.codec)

    await call.stream.hears(is_speech, timeout_s)


async def both_hear_each_other(caller: CallerPhone, call: SipCall) -> None:
    await caller.hears_tone(COUNSELLOR_HZ, 30)
    await call.stream.hears_tone(CALLER_HZ, 30)


def offers(record: Json) -> list[tuple[str, str]]:
    """Who was rung for the call, in order, and what came of it."""
    return [(offer["counsellor"], offer["result"]) for offer in record["offers"]]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
