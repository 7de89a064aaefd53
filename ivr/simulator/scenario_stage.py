"""A scenario on the simulated Asterisk: the whole product in one process, in virtual time.

Controller, conversations and both edges are those of `ivr serve`, over TCP; only the journal stays
in memory, because a database's threads do not live in virtual time.
"""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr import events as ev
from ivr.asterisk.instance import ami_secret
from ivr.asterisk.roster import lines_and_devices_of
from ivr.asterisk.telephones import telephone_numbers
from ivr.calendar import TEHRAN
from ivr.controller import Clock
from ivr.deployment import Deployment, deploy, load_deployment
from ivr.earlier_calls import CallerPast, Earlier
from ivr.model import CallerRef, CallId, CallPhase, DeskId, Lane
from ivr.notices import AlarmCode
from ivr.people import Person
from ivr.settings import Settings
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.memory_journal import MemoryJournal
from ivr.simulator.parties import (
    NEVER,
    Behaviour,
    SimulatedCaller,
    SimulatedCounsellor,
    answers,
    busy,
    rejects,
)
from ivr.simulator.scenario import ANONYMOUS, Manner, Scenario
from ivr.simulator.scenario_decisions import at_home, book_of, changed, evacuated
from ivr.simulator.scenario_history import Replayed, new_floor, replay
from ivr.simulator.scenario_play import ANSWER_AFTER_S, KEY_PAUSE_S, PATIENCE_S, Player
from ivr.simulator.scenario_settings import scenario_settings
from ivr.simulator.virtual_time import VirtualTimeLoop
from ivr.switchboard import Switchboard
from ivr.view import FloorView, WaitingCall

EPOCH = 1
LOGIN_GAP_S = 0.05  # counsellors log in one after the other: who came first is rung first
TRUNK_OUTBOUND = "192.0.2.1:5060"  # of the documentation's network: nothing is sent there
NOON = time(12, 0)
DAY = date(2026, 11, 22)

BEHAVIOURS: dict[Manner, Behaviour] = {
    Manner.LETS_RING: NEVER,
    Manner.AWAY: NEVER,
    Manner.ANSWERS: answers(ANSWER_AFTER_S),
    Manner.REJECTS: rejects(),
    Manner.BUSY: busy(),
}


@dataclass(frozen=True, slots=True)
class SimulatedTheatre:
    """Files read once for many scenarios: rules, people, lines."""

    settings: Settings
    deployment: Deployment

    def play(self, scenario: Scenario) -> dict[str, list[str]]:
        """The scenario's histories; raises StoryStuck."""
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(self._play(scenario))

    async def _play(self, scenario: Scenario) -> dict[str, list[str]]:
        async with self._stage(scenario) as stage:
            return await Player(stage).play(scenario)

    @asynccontextmanager
    async def _stage(self, scenario: Scenario) -> AsyncIterator["SimulatedStage"]:
        began_at = datetime.combine(DAY, scenario.at or NOON, TEHRAN).astimezone(UTC)
        settings = self.settings
        deployment = self._deployed(scenario, began_at)
        in_force = deployment.in_force
        lines, accounts = lines_and_devices_of(
            deployment.rules, deployment.people, in_force.book, began_at, settings
        )
        telephones = telephone_numbers(in_force.people)
        journal, clock = MemoryJournal(), Clock(started_at=began_at)
        async with SimulatedAsterisk(
            agi_port=0,
            user=settings.ami_user,
            secret=ami_secret(settings),
            lines={number: line.province for line in lines for number in line.numbers},
            devices=[account.user for account in accounts],
            telephones={str(name): one for name, one in telephones.items()},
            static=lines,
            started_at=began_at.timestamp(),
        ) as exchange:
            changes = {"ami_port": exchange.ami_port, "trunk_outbound": TRUNK_OUTBOUND}
            linked = settings.model_copy(update=changes)
            board = Switchboard(
                linked,
                deployment,
                journal,
                clock,
                epoch=EPOCH,
                seal=_pseudonym,
                find_earlier=_Silences(journal).before,
            )
            board.agi.open()
            exchange.agi_url = f"agi://{settings.host}:{board.agi.port}"
            running = asyncio.create_task(board.run(), name="switchboard")
            try:
                stage = SimulatedStage(exchange, board, journal, deployment)
                async with asyncio.timeout(PATIENCE_S):
                    await stage.open(scenario)
                yield stage
            finally:
                running.cancel()
                await asyncio.wait([running])

    def _deployed(self, scenario: Scenario, at: datetime) -> Deployment:
        """What people have decided for the scenario."""
        found, default = self.deployment.in_force, self.deployment.default_province
        # Whoever is at home always seems to be there: only where the story has them.
        away = {one.id for one in found.people if at_home(one) and not _is_in(scenario, one)}
        in_force = replace(
            found,
            people=tuple(one for one in found.people if one.id not in away),
            rules=tuple(
                changed(one, scenario.rules) if one.id == default else one for one in found.rules
            ),
            book=book_of(scenario.duty, at),
        )
        people = tuple(one for one in self.deployment.people if one.id not in away)
        same = replace(self.deployment, in_force=in_force, people=people)
        return deploy(self.settings, in_force) if scenario.rules else same


def _is_in(scenario: Scenario, person: Person) -> bool:
    return any(device.id in scenario.counsellors for device in person.devices)


@dataclass(frozen=True, slots=True)
class _Silences:
    """Who was silent before, by a journal in memory."""

    journal: MemoryJournal

    async def before(self, past: CallerPast) -> Earlier:
        silent = any(
            record.facts is not None
            and record.facts.lane is Lane.SILENCE
            and record.caller is not None
            and record.caller.pseudonym == past.pseudonym
            and record.arrived_at >= past.silence_since_at
            for call, record in self.journal.records.items()
            if call != past.not_of
        )
        return Earlier(silent=silent)


@contextmanager
def simulated_theatre(settings: Settings, scenarios: Path) -> Iterator[SimulatedTheatre]:
    """Everything that scenarios need on the simulated Asterisk, in a directory that goes away."""
    with TemporaryDirectory() as home:
        own = settings.model_copy(update={"home": Path(home), "agi_port": 0})
        own = scenario_settings(own, scenarios)
        yield SimulatedTheatre(own, load_deployment(own))


class SimulatedStage:
    """`scenario_play.Stage` on the simulated Asterisk."""

    def __init__(
        self,
        exchange: SimulatedAsterisk,
        board: Switchboard,
        journal: MemoryJournal,
        deployment: Deployment,
    ) -> None:
        self._board = board
        self._exchange = exchange
        self._controller = board.controller
        self._journal = journal
        self._deployment = deployment
        self._people = deployment.people
        self._numbers = itertools.count(1)
        self._callers: dict[str, SimulatedCaller] = {}
        self._rung: dict[str, int] = {}

    async def open(self, scenario: Scenario) -> None:
        """Everybody is at their device, in the order of the file."""
        self._board.take(self._deployment)
        await self.until(lambda: self._view.exchange_up)
        for device, manner in scenario.counsellors.items():
            self._exchange.counsellor(device, BEHAVIOURS[manner], registered=False)
            if manner is not Manner.AWAY:
                await self.log_in(device)

    # -- callers

    async def dial(self, caller: str, *, called: str, number: str | None) -> None:
        shown = number_shown(number, next(self._numbers))
        self._callers[caller] = self._exchange.place_call(number=shown, called=called)
        await self._callers[caller].answered()

    async def press(self, caller: str, keys: str) -> None:
        await self._callers[caller].press_when_asked(keys, KEY_PAUSE_S)

    async def heard(self, caller: str, prompt: str) -> None:
        await self._callers[caller].heard(prompt)

    def has_heard(self, caller: str, prompt: str) -> bool:
        return f"prompt {prompt}" in self._callers[caller].story

    async def hang_up(self, caller: str) -> None:
        self._callers[caller].hang_up()

    async def call_ended(self, caller: str) -> None:
        await self._callers[caller].ended()

    async def talking(self, caller: str, device: str) -> None:
        party = self._callers[caller]
        await party.until(lambda: party.talks_with == device)
        await self.until(lambda: self._floor_has_talk(caller))

    def _floor_has_talk(self, caller: str) -> bool:
        return any(talk.call == self._callers[caller].call for talk in self._view.talks)

    # -- counsellors

    async def ringing(self, device: str) -> None:
        party, count = self._at(device), self._rung.get(device, 0) + 1
        await party.until(lambda: len(party.offers) >= count)
        self._rung[device] = count

    async def stopped_ringing(self, device: str) -> None:
        party = self._at(device)
        await party.until(lambda: party.leg is None or party.leg.ended)

    async def answer(self, device: str) -> None:
        self._at(device).pick_up()

    async def refuse(self, device: str, sip_code: int) -> None:
        self._at(device).refuse(sip_code)

    async def device_heard(self, device: str, prompt: str) -> None:
        await self._at(device).heard(prompt)

    async def press_device(self, device: str, key: str) -> None:
        self._at(device).press(key)

    async def dial_desk(self, device: str, number: str) -> None:
        party = self._exchange.dial(device, number)
        leg = party.leg
        await party.until(lambda: leg is None or leg.ended)

    async def lay_down(self, device: str) -> None:
        self._at(device).hang_up()

    async def log_in(self, device: str) -> None:
        self._at(device).register()
        await self.until(lambda: self.state(device) != "off_duty")
        await asyncio.sleep(LOGIN_GAP_S)

    async def log_out(self, device: str) -> None:
        self._at(device).unregister()
        await self.until(lambda: self.state(device) == "off_duty")

    async def lose_power(self, device: str) -> None:
        self._at(device).vanish()

    async def look(self, device: str) -> None:
        """It knows already."""

    # -- what people decide

    async def save_outcome(self, caller: str) -> None:
        self._controller.post(ev.OutcomeSaved(call=CallId(self._callers[caller].call)))

    async def evacuate(self, desk: str) -> None:
        in_force = self._deployment.in_force
        book = evacuated(in_force.book, DeskId(desk), self._controller.clock.wall())
        self._deployment = replace(self._deployment, in_force=replace(in_force, book=book))
        self._board.take(self._deployment)

    def _at(self, device: str) -> SimulatedCounsellor:
        return self._exchange.counsellors[device]

    # -- what can be seen

    async def until(self, condition: Callable[[], object]) -> None:
        changed = self._controller.watch()
        try:
            while not condition():
                await changed.wait()
                changed.clear()
        finally:
            self._controller.unwatch(changed)

    def place(self, caller: str) -> int | None:
        places = {row.call: place for place, row in enumerate(self._view.waiting, start=1)}
        return places.get(CallId(self._callers[caller].call))

    def waits(self, caller: str) -> bool:
        row = self._row(caller)
        return row is not None and row.phase is CallPhase.WAITING

    def _row(self, caller: str) -> WaitingCall | None:
        call = self._callers[caller].call
        return next((row for row in self._view.waiting if row.call == call), None)

    def goes_before(self, caller: str) -> tuple[str, str] | None:
        row, names = self._row(caller), {one.call: name for name, one in self._callers.items()}
        if row is None or row.precedence is None or row.ahead_of is None:
            return None
        return row.precedence.value, names.get(row.ahead_of, "")

    def heads_the_list(self, caller: str) -> bool:
        lost = takewhile(lambda one: one.code is AlarmCode.LOST_IN_DANGER, self._view.alarms)
        return any(alarm.subject == self._callers[caller].call for alarm in lost)

    def state(self, device: str) -> str:
        profile = next(
            person for person in self._people if any(known.id == device for known in person.devices)
        )
        rows = {row.counsellor: row.state for row in self._view.counsellors}
        return str(rows.get(profile.id, "off_duty"))

    async def calls(self) -> Mapping[str, Replayed]:
        await self.until(self._all_ended)
        calls = replay(self._journal.entries, new_floor(self._deployment, EPOCH))
        for call, replayed in calls.items():
            assert replayed.record == self._journal.records[call], "the journal rebuilds the record"
        return {name: calls[CallId(party.call)] for name, party in self._callers.items()}

    def _all_ended(self) -> bool:
        records = self._journal.records.values()
        return len(records) == len(self._callers) and all(one.ended_at for one in records)

    @property
    def _view(self) -> FloorView:
        return self._controller.view()


def number_shown(number: str | None, count: int) -> str:
    """What the trunk sends: each caller of a story has a number, unless it says otherwise."""
    if number is None:
        return f"0912000{count:04}"
    return "" if number == ANONYMOUS else number


def _pseudonym(number: str, **_: object) -> CallerRef:
    """Enough to recognise a caller within one scenario."""
    return CallerRef(pseudonym=hashlib.sha256(number.encode()).hexdigest(), ciphertext="")
