"""A scenario on a private Asterisk: `ivr serve` as a process, SIP phones, a database."""

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from ivr.asterisk.configure import configure
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.roster import lines_and_devices
from ivr.asterisk.telephones import TRUNK_ENDPOINT, telephone_numbers
from ivr.deployment import Deployment, load_deployment
from ivr.model import CallId, DeviceId
from ivr.model.record import CallRecord
from ivr.notices import AlarmCode
from ivr.prompts.builder import build
from ivr.simulator.devices import BUSY, DECLINE
from ivr.simulator.scenario import ANONYMOUS, Manner, Scenario
from ivr.simulator.scenario_history import Replayed, new_floor, replay
from ivr.simulator.scenario_play import ANSWER_AFTER_S, PATIENCE_S, Player
from ivr.simulator.scenario_settings import scenario_settings
from ivr.simulator.sip_call import SipCall
from ivr.simulator.sip_trunk import Telephone, TrunkSide
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ
from ivr.store.records import JournalEntry
from ivr.store.store import Store
from tests.real.exchange import free_port, free_settings, prolong
from tests.real.parties import Caller, Counsellor
from tests.real.product import POLL_S, Json, Product
from tests.real.scene import newest_epoch
from tests.real.watcher import Watcher, watched_templates, watching
from tests.scenarios.decisions import Decisions

# What a story does while one of these is heard it does in time: so many seconds of silence follow.
LONG_PROMPTS = {
    "first-question": 8.0,
    "topic-violence": 15.0,
    "all-busy": 12.0,
}

_MANNERS: dict[Manner, dict[str, float]] = {
    Manner.LETS_RING: {},
    Manner.AWAY: {},
    Manner.ANSWERS: {"answer_after_s": ANSWER_AFTER_S},
    Manner.REJECTS: {"refuse": DECLINE},
    Manner.BUSY: {"refuse": BUSY},
}


class Ringing(Protocol):
    """Where somebody is rung: a SIP phone, or a telephone beyond the trunk."""

    calls: list[SipCall]

    async def offered(self, timeout_s: float) -> SipCall: ...
    async def __aexit__(self, kind: None, error: None, trace: None, /) -> None: ...


@dataclass
class RealTheatre:
    """A running copy for many scenarios, one after the other."""

    product: Product
    deployment: Deployment
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def play(self, scenario: Scenario) -> dict[str, list[str]]:
        """The scenario's histories; raises StoryStuck."""
        stage = RealStage(self)
        try:
            await stage.open(scenario)
            return await Player(stage).play(scenario)
        finally:
            await stage.close()


@asynccontextmanager
async def real_theatre(home: Path, scenarios: Path) -> AsyncIterator[RealTheatre]:
    """A private Asterisk and the controller with the scenarios' rules and people."""
    changes = {
        "templates_dir": watched_templates(home / "templates"),
        "trunk_outbound": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
    }
    settings = free_settings(home).model_copy(update=changes)
    settings = scenario_settings(settings, scenarios)
    await asyncio.to_thread(build, settings)
    for prompt, silence_s in LONG_PROMPTS.items():
        prolong(settings, prompt, silence_s)
    lines, devices = lines_and_devices(settings)
    configure(settings, lines=lines, devices=devices)
    async with AsteriskProcess(settings) as asterisk, watching(settings) as watcher:
        product = Product(settings, asterisk, home / "serve.log", watched=watcher)
        try:
            await product.start()
            yield RealTheatre(product, load_deployment(settings))
        finally:
            await product.stop()


class RealStage:
    """`scenario_play.Stage` on a real Asterisk."""

    def __init__(self, theatre: RealTheatre) -> None:
        self._product = theatre.product
        self._deployment = theatre.deployment
        self._watcher: Watcher = theatre.product.watcher
        self._numbers = theatre.numbers
        self._callers: dict[str, Caller] = {}
        self._calls: dict[str, CallId] = {}
        self._decisions = Decisions(theatre.product, theatre.deployment)
        self._telephones = telephone_numbers(theatre.deployment.in_force.people)
        self._phones: dict[str, Counsellor] = {}
        self._trunk_side: TrunkSide | None = None
        self._ringing: dict[str, SipCall] = {}
        self._manners: dict[str, Manner] = {}
        self._lost: set[str] = set()

    async def open(self, scenario: Scenario) -> None:
        await self._quiet()
        await self._decisions.begin(scenario)
        self._manners = scenario.counsellors
        for device, manner in scenario.counsellors.items():
            if manner is not Manner.AWAY:
                await self.log_in(device)
        here = [one for one, manner in scenario.counsellors.items() if manner is not Manner.AWAY]
        # A wrap-up of the scenario before outlives the log-out.
        await self.until(lambda: all(self.state(device) == "available" for device in here))

    async def close(self) -> None:
        """Everybody goes; a phone that lost its power comes back first, to leave properly."""
        for phone in self._callers.values():
            await phone.__aexit__(None, None, None)
        for device in tuple(self._lost):
            await self.log_in(device)
        for phone in self._phones.values():
            await phone.__aexit__(None, None, None)
        if self._trunk_side is not None:
            await self._trunk_side.__aexit__(None, None, None)
            self._qualify(TRUNK_ENDPOINT)
        await self._decisions.undo()
        await self._quiet()

    async def _quiet(self) -> None:
        await self._product.until(self._is_quiet, PATIENCE_S)

    def _is_quiet(self) -> bool:
        floor = self._product.floor()
        calls = floor["waiting"] or floor["talks"] or floor["in_menu"] or floor["in_fallback"]
        busy = [row for row in floor["counsellors"] if row["state"] != "off_duty" or row["hold"]]
        return not calls and not busy

    # -- callers

    async def dial(self, caller: str, *, called: str, number: str | None) -> None:
        shown = number or f"0912000{next(self._numbers):04}"
        phone = self._product.caller(
            number="anonymous" if number == ANONYMOUS else shown, line=called
        )
        self._callers[caller] = await phone.__aenter__()
        await phone.answered(PATIENCE_S)
        self._calls[caller] = CallId(phone.channel)

    async def press(self, caller: str, keys: str) -> None:
        await self._callers[caller].presses(keys)

    async def heard(self, caller: str, prompt: str) -> None:
        await self._watcher.heard(self._calls[caller], prompt)

    def has_heard(self, caller: str, prompt: str) -> bool:
        return self._watcher.has_heard(self._calls[caller], prompt)

    async def hang_up(self, caller: str) -> None:
        self._callers[caller].hang_up()

    async def call_ended(self, caller: str) -> None:
        await self._callers[caller].ended(PATIENCE_S)

    async def talking(self, caller: str, device: str) -> None:
        await self.until(lambda: self._talks(caller, device))
        phone, call = self._callers[caller], self._at(device).calls[-1]
        await phone.hears_tone(COUNSELLOR_HZ, PATIENCE_S)
        await call.stream.hears_tone(CALLER_HZ, PATIENCE_S)

    def _talks(self, caller: str, device: str) -> bool:
        wanted = (self._calls[caller], self._counsellor(device))
        talks = self._product.floor()["talks"]
        return wanted in {(talk["call"], talk["counsellor"]) for talk in talks}

    # -- counsellors

    async def ringing(self, device: str) -> None:
        self._ringing[device] = await self._at(device).offered(PATIENCE_S)
        self._watcher.listens_from_now(self._party(device))

    async def stopped_ringing(self, device: str) -> None:
        await self._ringing[device].ended(PATIENCE_S)

    async def answer(self, device: str) -> None:
        await self._ringing[device].answer()

    async def refuse(self, device: str, sip_code: int) -> None:
        self._ringing[device].refuse(sip_code)

    async def device_heard(self, device: str, prompt: str) -> None:
        await self._watcher.heard(self._party(device), prompt)

    async def press_device(self, device: str, key: str) -> None:
        await self._watcher.pressed(self._party(device), key, self._ringing[device].press)

    def _party(self, device: str) -> str:
        return TRUNK_ENDPOINT if device in self._telephones else device

    async def lay_down(self, device: str) -> None:
        self._at(device).calls[-1].hang_up()

    async def log_in(self, device: str) -> None:
        if device in self._telephones:
            await self._open_trunk(device)
        else:
            phone = self._product.counsellor(device, **_MANNERS[self._manners[device]])
            self._phones[device] = await phone.__aenter__()
        self._lost.discard(device)
        await self.until(lambda: self.state(device) != "off_duty")

    async def _open_trunk(self, device: str) -> None:
        """A telephone is there as long as the trunk's far side answers."""
        port = int(str(self._product.settings.trunk_outbound).rpartition(":")[2])
        answers = self._manners[device] is Manner.ANSWERS
        telephones = {self._telephones[DeviceId(device)]: Telephone(answers=answers)}
        self._trunk_side = TrunkSide(self._product.address, port, telephones)
        await self._trunk_side.__aenter__()
        self._qualify(TRUNK_ENDPOINT)

    def _qualify(self, endpoint: str) -> None:
        """Let Asterisk look now whether the endpoint is there; by itself it does in a while."""
        self._product.asterisk.console(f"pjsip qualify {endpoint}")

    def _at(self, device: str) -> Ringing:
        if device not in self._telephones:
            return self._phones[device]
        assert self._trunk_side is not None, "who is rung has logged in"
        return self._trunk_side

    async def log_out(self, device: str) -> None:
        await self._phones[device].unregister()
        await self.until(lambda: self.state(device) == "off_duty")

    async def lose_power(self, device: str) -> None:
        self._lost.add(device)
        await self._phones.pop(device).vanish()

    async def look(self, device: str) -> None:
        self._qualify(device)

    async def dial_desk(self, device: str, number: str) -> None:
        call = await self._phones[device].dial(number)
        await call.ended(PATIENCE_S)

    # -- what people decide

    async def save_outcome(self, caller: str) -> None:
        await self._decisions.save_outcome(self._calls[caller])

    async def evacuate(self, desk: str) -> None:
        await self._decisions.evacuate(desk)

    def _counsellor(self, device: str) -> str:
        return next(
            person.id
            for person in self._deployment.people
            if any(known.id == device for known in person.devices)
        )

    # -- what can be seen

    async def until(self, condition: Callable[[], object]) -> None:
        await self._product.until(condition, PATIENCE_S)

    def place(self, caller: str) -> int | None:
        calls = [row["call"] for row in self._product.floor()["waiting"]]
        call = self._calls[caller]
        return calls.index(call) + 1 if call in calls else None

    def waits(self, caller: str) -> bool:
        return self._row(caller).get("phase") == "waiting"

    def _row(self, caller: str) -> Json:
        waiting = self._product.floor()["waiting"]
        return next((row for row in waiting if row["call"] == self._calls[caller]), {})

    def goes_before(self, caller: str) -> tuple[str, str] | None:
        row, names = self._row(caller), {call: name for name, call in self._calls.items()}
        ahead_of = row.get("ahead_of")
        return (row["precedence"], names.get(ahead_of, "")) if ahead_of else None

    def heads_the_list(self, caller: str) -> bool:
        alarms = self._product.floor()["alarms"]
        lost = takewhile(lambda one: one["code"] == AlarmCode.LOST_IN_DANGER, alarms)
        return any(alarm["subject"] == self._calls[caller] for alarm in lost)

    def state(self, device: str) -> str:
        return self._product.counsellor_state(self._counsellor(device))

    async def calls(self) -> Mapping[str, Replayed]:
        async with Store(self._product.settings) as store:
            await self._all_ended(store)
            epoch = await newest_epoch(store)
            kept, entries = await self._journal_of(store, epoch)
            journal = ((entry.event, entry.at) for entry in entries)
            calls = replay(journal, new_floor(self._deployment, epoch))
            for call, record in kept.items():
                assert calls[call].record == record, "the journal rebuilds the record"
        return {name: calls[call] for name, call in self._calls.items()}

    async def _journal_of(
        self, store: Store, epoch: int
    ) -> tuple[Mapping[CallId, CallRecord | None], Sequence[JournalEntry]]:
        """The records, and the journal as it was when they were so: both are saved together."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                before = {call: await store.load_call(call) for call in self._calls.values()}
                entries = await store.read_journal(epoch)
                after = {call: await store.load_call(call) for call in self._calls.values()}
                if before == after:
                    return after, entries

    async def _all_ended(self, store: Store) -> None:
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            records = [await store.load_call(call) for call in self._calls.values()]
            if all(record and record.ended_at for record in records):
                return
            assert time.monotonic() < give_up_at, "a call has not ended; let the story end it"
            await asyncio.sleep(POLL_S)
