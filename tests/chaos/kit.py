"""A running copy whose controller may be killed, and what is seen of its calls from outside."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ivr.cli.calls import call_json
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ
from ivr.store.store import Store
from tests.real.exchange import MUSIC_HZ, write_tone
from tests.real.product import PATIENCE_S, POLL_S, Json, Product, running_product

KEY_PAUSE_S = 0.4  # people do not press keys in the same instant; Asterisk drops those
TAKEN_OVER_S = 2.0  # promise 8
# A round of Asterisk's own queue. On a slow machine several pass before a controller has started.
FALLBACK_S = 7

_numbers = itertools.count(1)


def _this_second() -> datetime:
    """Asterisk tells a call's arrival in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Channel:
    """A caller's channel as Asterisk's console shows it."""

    name: str
    application: str
    variables: dict[str, str]


@dataclass
class Chaos:
    """One test's calls on a copy that other tests use before and after it."""

    product: Product
    began_at: datetime = field(default_factory=_this_second)

    # -- who takes part

    def caller(self, **options: Any) -> CallerPhone:
        return self.product.caller(number=f"0912111{next(_numbers):04}", **options)

    @asynccontextmanager
    async def counsellor(self, device: str = "saveh-1") -> AsyncIterator[CounsellorPhone]:
        async with self.product.counsellor(device) as phone:
            yield phone

    async def on_duty(self, device: str = "saveh-1") -> None:
        await self.until(lambda: self.state(device) == "available")

    async def kill(self) -> None:
        """kill -9, once what has happened so far is saved: records are written in groups."""
        await self.until(lambda: self.product.health()["database"]["backlog"] == 0)
        await self.product.kill()

    # -- what is seen

    async def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        return await self.product.until(condition, timeout_s)

    def floor(self) -> Json:
        return self.product.floor()

    def waiting(self) -> int:
        return len(self.floor().get("waiting", ()))

    def state(self, counsellor: str = "saveh-1") -> str:
        rows = self.floor().get("counsellors", ())
        return next((row["state"] for row in rows if row["counsellor"] == counsellor), "")

    def channel_names(self) -> list[str]:
        rows = self.product.asterisk.console("core show channels concise").splitlines()
        return [row.split("!")[0] for row in rows if "!" in row]

    def callers(self) -> list[Channel]:
        """The callers' channels, oldest first."""
        names = [name for name in self.channel_names() if "line123-trunk" in name]
        return [self._channel(name) for name in sorted(names)]

    def _channel(self, name: str) -> Channel:
        text = self.product.asterisk.console(f"core show channel {name}")
        application = re.search(r"Application: (\S*)", text)
        variables = re.findall(r"^(IVR_\w+)=(.*)$", text, re.MULTILINE)
        return Channel(name, application[1] if application else "", dict(variables))

    async def in_queue(self, count: int = 1) -> list[Channel]:
        """Wait until Asterisk's own queue has so many callers; within the promised time."""

        def queued() -> list[Channel]:
            found = [caller for caller in self.callers() if caller.application == "Queue"]
            return found if len(found) == count else []

        return list(await self.until(queued, TAKEN_OVER_S))

    async def let_go(self, caller: CallerPhone) -> None:
        """The counsellor has ended the talk: the line is the caller's until they hang up."""

        def left_open() -> bool:
            return any(one.variables.get("IVR_PHASE") == "left_open" for one in self.callers())

        await self.until(left_open, 40)
        caller.hang_up()

    # -- what is kept

    async def records(self) -> list[Json]:
        """This test's records, in order of arrival."""
        async with await Store.open(self.product.settings) as store:
            found = await store.calls(self.began_at, datetime.max.replace(tzinfo=UTC))
        return [call_json(record, ()) for record in reversed(found)]

    async def ended(self, count: int = 1, timeout_s: float = PATIENCE_S) -> list[Json]:
        """Wait until there are so many records, all ended."""
        async with asyncio.timeout(timeout_s):
            while True:
                records = await self.records()
                if len(records) == count and all(record["ended_at"] for record in records):
                    return records
                await asyncio.sleep(POLL_S)

    async def the_record(self) -> Json:
        [record] = await self.ended()
        return record

    async def imported_record(self) -> Json:
        """The only record, once a new controller has read what Asterisk wrote meanwhile."""
        await self.until(lambda: not self.channel_names())
        await self.product.stop()
        await self.product.start()
        return await self.the_record()


async def press(phone: CallerPhone, keys: str) -> None:
    for key in keys:
        await asyncio.sleep(KEY_PAUSE_S)
        phone.press(key)


async def both_hear_each_other(caller: CallerPhone, call: SipCall) -> None:
    await caller.hears_tone(COUNSELLOR_HZ, 30)
    await call.stream.hears_tone(CALLER_HZ, 30)


async def ringing(phone: CounsellorPhone) -> SipCall:
    """The call for which the phone rings now: Asterisk's own queue may have rung it before."""
    while (call := await phone.offered(30)).is_over:
        pass
    return call


def never_rung_twice_at_once(phone: CounsellorPhone) -> bool:
    """Whether each call of the phone was over before the next one came."""
    calls = phone.calls
    return all(
        earlier.ended_at is not None and earlier.ended_at <= later.invited_at
        for earlier, later in itertools.pairwise(calls)
    )


@asynccontextmanager
async def chaotic_product(home: Path) -> AsyncIterator[Product]:
    """A copy whose hold music is a tone and whose own queue soon asks for the controller again."""
    async with running_product(
        home,
        conversation={"closing_wait_s": 3},
        changes={"fallback_round_s": FALLBACK_S},
        wrap_up_s=3,
        ring_s=12,
    ) as product:
        write_tone(home / "moh" / "hold.wav", MUSIC_HZ, 2)
        await asyncio.to_thread(product.asterisk.console, "moh reload")
        yield product
