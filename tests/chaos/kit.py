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
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ
from ivr.store.store import Store
from tests.real.exchange import MUSIC_HZ, prolong, write_tone
from tests.real.parties import Caller, Counsellor
from tests.real.product import PATIENCE_S, POLL_S, Json, Product, running_product

# A round of Asterisk's own queue. On a slow machine several pass before a controller has started.
FALLBACK_S = 7
# Nobody is done with the first question, or the whisper of this category, before a test is.
LONG_WHISPERED = "3"
LONG_PROMPTS = {"first-question": 20.0, "topic-violence": 15.0}
# Applications of the dialplan in which a caller would stay a while.
_LASTING = frozenset({"AGI", "MusicOnHold", "Playback", "Read", "Wait"})

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
    _before: dict[str, int] = field(default_factory=dict)  # what channels had executed at the kill

    # -- who takes part

    def caller(self, **options: Any) -> Caller:
        return self.product.caller(number=f"0912111{next(_numbers):04}", **options)

    @asynccontextmanager
    async def counsellor(self, device: str = "saveh-1") -> AsyncIterator[Counsellor]:
        async with self.product.counsellor(device) as phone:
            yield phone

    async def on_duty(self, device: str = "saveh-1") -> None:
        await self.until(lambda: self.state(device) == "available")

    async def kill(self) -> None:
        """kill -9, once what has happened so far is saved: records are written in groups."""
        await self.until(lambda: self.product.health()["database"]["backlog"] == 0)
        executed = self.product.watcher.applications
        self._before = {name: len(found) for name, found in executed.items()}
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
        """Wait until Asterisk's own queue has so many callers; they went there without delay.

        Promise 8 says two seconds. A clock would tell how busy the machine is; what the dialplan
        does on the way tells the same of every machine.
        """

        def queued() -> list[Channel]:
            found = [caller for caller in self.callers() if caller.application == "Queue"]
            return found if len(found) == count else []

        channels = list(await self.until(queued))
        for channel in channels:
            await self._went_straight(channel.name)
        return channels

    async def _went_straight(self, name: str) -> None:
        """From where the kill found it, or from its answer, straight into the queue."""
        watcher = self.product.watcher
        executed, before = watcher.applications[name], self._before.get(name, 0)
        await watcher.sees("the queue", lambda: "Queue" in executed[before:])
        on_the_way = executed[before : executed.index("Queue", before)]
        lasting = [one for one in on_the_way if one in _LASTING]
        # Of a call that came later: we are asked first, and refuse at once.
        assert lasting in ([], ["AGI"]), on_the_way

    async def let_go(self, caller: Caller) -> None:
        """The counsellor has ended the talk: the line is the caller's until they hang up."""

        def left_open() -> bool:
            return any(one.variables.get("IVR_PHASE") == "left_open" for one in self.callers())

        await self.until(left_open)
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


async def both_hear_each_other(caller: Caller, call: SipCall, caller_hz: float = CALLER_HZ) -> None:
    await caller.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
    await call.stream.hears_tone(caller_hz, PATIENCE_S)


async def both_talk(caller: Caller, call: SipCall, caller_hz: float = CALLER_HZ) -> None:
    """They hear each other, and the controller knows it."""
    await both_hear_each_other(caller, call, caller_hz)
    await caller.talks()


async def picked_up(phone: Counsellor, caller_hz: float = CALLER_HZ) -> SipCall:
    """The call of the first ringing that the phone answers in time, and so hears the caller.

    Asterisk's own queue rings for a round only, and then again.
    """
    while True:
        call = await phone.offered(PATIENCE_S)
        await call.answer()
        if await _is_heard(call, caller_hz):
            return call


async def _is_heard(call: SipCall, caller_hz: float) -> bool:
    """False where the call is over instead."""
    hears = asyncio.create_task(call.stream.hears_tone(caller_hz, PATIENCE_S))
    over = asyncio.create_task(call.ended(PATIENCE_S))
    try:
        await asyncio.wait({hears, over}, return_when=asyncio.FIRST_COMPLETED)
        return hears.done() and not hears.cancelled() and hears.exception() is None
    finally:
        hears.cancel()
        over.cancel()
        await asyncio.wait({hears, over})


def never_rung_twice_at_once(phone: Counsellor) -> bool:
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
    ) as product:
        for prompt, silence_s in LONG_PROMPTS.items():
            prolong(product.settings, prompt, silence_s)
        write_tone(home / "moh" / "hold.wav", MUSIC_HZ, 2)
        await asyncio.to_thread(product.asterisk.console, "moh reload")
        yield product
