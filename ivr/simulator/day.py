"""A day of a province's calls in moments: real controller, flows, router and floor; virtual time.

Chance is one seeded generator for each caller, counsellor and device, so that the same seed gives
the same day whatever happens in it. Calls go through `day_exchange`, records stay in memory.
"""

import asyncio
import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from random import Random

from ivr import events as ev
from ivr.calendar import TEHRAN
from ivr.controller import Clock, Controller
from ivr.deployment import Deployment, take_in
from ivr.dialplan.static import CALL_ARGUMENTS
from ivr.errors import BadInput, HungUp
from ivr.location import Signals
from ivr.model import CallEnd, CallerRef, CallId, Counsellor, CounsellorId, Lane, Offer, ProvinceId
from ivr.model.exchange import ExchangeSnapshot
from ivr.model.record import CallRecord
from ivr.planner import Planner
from ivr.reception import Line, Reception
from ivr.simulator.day_checks import EPOCH, CheckedFloor
from ivr.simulator.day_exchange import DayExchange, Leg, Telephone
from ivr.simulator.day_people import (
    HOUR_S,
    LOADS,
    CallerPlan,
    arrivals,
    caller_plan,
    chosen_key,
    losses,
    presences,
    reaction,
)
from ivr.simulator.memory_journal import MemoryJournal
from ivr.simulator.scenario_history import new_floor, replay
from ivr.simulator.virtual_time import VirtualTimeLoop

DAY = date(2026, 11, 22)
PRESS_S = (0.5, 9.0)  # from the start of a question until a key is pressed
LET_GO_S = 15  # until whoever was let go has put the handset down
WINDING_UP_S = 6 * HOUR_S  # for the calls that are there when the day is over


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """What came of a day. Waits are from joining the line to connect, in seconds.

    `broken` counts what broke a promise of design §2, by its name; `real_s` is the time it took.
    """

    province: str
    seed: int
    load: float
    hours: float
    counsellors: int
    calls: int
    connected: int
    abandoned: int
    left_in_menu: int
    silent: int
    danger: int
    offers: int
    wait_median_s: float
    wait_p95_s: float
    wait_longest_s: float
    events: int
    broken: dict[str, int] = field(default_factory=dict)
    history: str = ""
    real_s: float = 0.0


Decisions = Sequence[tuple[float, Deployment]]
"""What people decide in the course of a day: after so many hours, what is in force from then on."""


def simulate_day(
    deployment: Deployment,
    province: str,
    *,
    seed: int,
    load: float = 1.0,
    hours: float = 24.0,
    decisions: Decisions = (),
) -> DayReport:
    """Play the day and say what came of it. Raises what `play_day` does."""
    began_s = time.perf_counter()
    day = play_day(deployment, province, seed=seed, load=load, hours=hours, decisions=decisions)
    return day.report(seed, load, time.perf_counter() - began_s)


def play_day(
    deployment: Deployment,
    province: str,
    *,
    seed: int,
    load: float = 1.0,
    hours: float = 24.0,
    decisions: Decisions = (),
) -> "Day":
    """Play the day. Raises BadInput for a province without rules or load."""
    if province not in LOADS or province not in deployment.lines:
        known = ", ".join(sorted(LOADS.keys() & set(deployment.lines)))
        raise BadInput(f"There is no load or there are no rules for {province!r}; known: {known}")

    async def played() -> Day:
        day = Day(deployment, ProvinceId(province), seed, hours)
        await day.run(load, decisions)
        return day

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(settle_s=0)) as runner:
        return runner.run(played())


class Day:
    """One run: who is there, what they do, and what is checked of it."""

    def __init__(
        self, deployment: Deployment, province: ProvinceId, seed: int, hours: float
    ) -> None:
        self._deployment = deployment
        self._line: Line = deployment.lines[province]
        self._province = province
        self._seed = seed
        self._hours = hours
        self._load = LOADS[province]
        desks = set(self._line.rules.all_desks)
        self._people = tuple(one for one in deployment.people if desks & set(one.desks))
        self._floor = CheckedFloor(deployment)
        self.journal = MemoryJournal()
        began_at = datetime.combine(DAY, datetime.min.time(), TEHRAN).astimezone(UTC)
        planner = Planner(deployment.rules, deployment.people)
        clock = Clock(started_at=began_at)
        self._controller = Controller(self._floor, clock, self.journal, planner)
        self._reception = Reception(
            controller=self._controller,
            lines=deployment.lines,
            default_province=province,
            seal=_pseudonym,
            tables=deployment.tables,
        )
        self._offers_rng = self._chance("offers")
        self._exchange = DayExchange(
            post=self._controller.post,
            react=lambda: reaction(self._offers_rng),
            spawn=self._spawn,
            talk=self._talk,
            take_leg=self._reception.take_leg,
            remaining_s=self._remaining_s,
        )
        self._plans: dict[CallId, CallerPlan] = {}
        self._let_go: set[CallId] = set()  # whose talk a counsellor has ended
        self._on_shift: set[CounsellorId] = set()

    async def run(self, factor: float, decisions: Decisions) -> None:
        """From midnight until the last call of the day is over."""
        at = asyncio.get_running_loop().call_at
        for hour, decided in decisions:
            at(hour * HOUR_S, take_in, decided, self._reception, self._controller)
        async with self._reception.earlier_calls, asyncio.TaskGroup() as self._tasks:
            writer = self._tasks.create_task(self._controller.run(self._exchange))
            self._controller.post(ev.StaffChanged(counsellors=self._people))
            self._controller.post(ev.ExchangeSeen(snapshot=ExchangeSnapshot(calls=())))
            for position, person in enumerate(self._people):
                self._roster(position, person)
            coming = arrivals(self._load, factor, self._hours, self._chance("arrivals"))
            calls = [
                self._tasks.create_task(self._call(number, at_s))
                for number, at_s in enumerate(coming)
            ]
            if calls:
                _, late = await asyncio.wait(calls, timeout=self._hours * HOUR_S + WINDING_UP_S)
                self._break("a call never ended", len(late))
                await asyncio.sleep(1)  # for the last records
            for task in (writer, *calls):
                task.cancel()

    # -- counsellors

    def _roster(self, position: int, person: Counsellor) -> None:
        at = asyncio.get_running_loop().call_at
        chance = self._chance(f"counsellor {person.id}")
        for begins_s, ends_s in presences(position, self._hours, chance):
            at(max(begins_s, 0.0), self._comes, person)
            at(max(ends_s, 0.0), self._goes, person)
        for lost_s, away_s in losses(self._hours, chance):
            at(lost_s, self._exchange.lose, person.devices[0])
            at(lost_s + away_s, self._comes_back, person)

    def _comes(self, person: Counsellor) -> None:
        self._on_shift.add(person.id)
        self._comes_back(person)

    def _goes(self, person: Counsellor) -> None:
        self._on_shift.discard(person.id)
        self._exchange.set_reachable(person.devices[0], reachable=False)

    def _comes_back(self, person: Counsellor) -> None:
        if person.id in self._on_shift:
            self._exchange.set_reachable(person.devices[0], reachable=True)

    # -- callers

    async def _call(self, number: int, at_s: float) -> None:
        await asyncio.sleep(at_s)
        chance = self._chance(f"caller {number}")
        plan = caller_plan(self._load, self._line.area_code or "", chance)
        call = CallId(f"{self._seed}.{number}")
        caller = Telephone(self._exchange, call, lambda said: self._key(plan, said, chance))
        self._plans[call] = plan
        self._exchange.callers[call] = caller
        self._may_leave(caller, plan)
        caller.variables["IVR_PROVINCE"] = self._province
        caller.variables["IVR_LINE"] = self._line.rules.lines[0]
        arrived_at = int(self._controller.clock.now().timestamp())
        caller.variables["IVR_ARRIVED_AT"] = str(arrived_at)
        await self._converse(call, caller, Signals(caller_id=plan.number))
        if caller.gone:
            self._controller.post(ev.CallHungUp(call=call))  # as AMI tells it as well
        else:
            self._break("the machine hung up on a caller")

    async def _converse(self, call: CallId, caller: Telephone, signals: Signals) -> None:
        """The circle of the dialplan, until the caller has gone."""

        async def all_signals() -> Signals:
            return signals

        while not caller.gone and caller.variables.get("IVR_DONE") != "1":
            caller.fetched = False
            arguments = {name: caller.variables.get(key, "") for name, key in CALL_ARGUMENTS}
            with suppress(HungUp):
                await self._reception.take_call(call, arguments, caller, signals, all_signals)

    def _key(
        self, plan: CallerPlan, prompts: Sequence[str], chance: Random
    ) -> tuple[str, float] | None:
        key = None if plan.silent else chosen_key(self._line.flow, prompts, chance)
        return None if key is None else (key, chance.uniform(*PRESS_S))

    def _may_leave(self, caller: Telephone, plan: CallerPlan) -> None:
        later = asyncio.get_running_loop().call_later
        if plan.leaves_after_s is not None:
            later(plan.leaves_after_s, caller.hang_up)
        later(plan.gives_up_after_s, self._give_up, caller)

    def _give_up(self, caller: Telephone) -> None:
        if caller.room is None and CallId(caller.name) not in self._let_go:
            caller.hang_up()

    def _talk(self, call: CallId, caller: Telephone, leg: Leg) -> None:
        plan = self._plans[call]
        end = self._end_talk
        asyncio.get_running_loop().call_later(plan.talk_s, end, call, caller, leg)

    def _end_talk(self, call: CallId, caller: Telephone, leg: Leg) -> None:
        """Where it has not broken off before."""
        if leg.gone or caller.gone or leg.room is None:
            return
        if self._plans[call].ends_talk:
            caller.hang_up()
        else:
            self._let_go.add(call)
            leg.hang_up()
            asyncio.get_running_loop().call_later(LET_GO_S, caller.hang_up)

    # -- what came of it

    def report(self, seed: int, load: float, real_s: float) -> DayReport:
        records = list(self.journal.records.values())
        self._break(
            "a call has not exactly one record",
            sum(self.journal.finals[one.call] != 1 for one in records)
            + abs(len(records) - len(self._plans)),
        )
        rebuilt = replay(self.journal.entries, new_floor(self._deployment, EPOCH))
        self._break(
            "the journal does not rebuild a record",
            sum(rebuilt[one.call].record != one for one in records),
        )
        waits = sorted(filter(None, map(_wait_s, records))) or [0.0]
        ends = Counter(one.end for one in records)
        lanes = Counter(one.facts.lane for one in records if one.facts)
        return DayReport(
            province=self._province,
            seed=seed,
            load=load,
            hours=self._hours,
            counsellors=len(self._people),
            calls=len(records),
            connected=ends[CallEnd.CONNECTED],
            abandoned=ends[CallEnd.ABANDONED] + ends[CallEnd.SHORT_ABANDONMENT],
            left_in_menu=ends[CallEnd.IN_MENU],
            silent=lanes[Lane.SILENCE],
            danger=lanes[Lane.DANGER],
            offers=sum(len(one.offers) for one in records),
            wait_median_s=statistics.median(waits),
            wait_p95_s=waits[int(0.95 * (len(waits) - 1))],
            wait_longest_s=waits[-1],
            events=self._floor.events,
            broken=dict(self._floor.broken),
            history=_hash_of(records),
            real_s=real_s,
        )

    def _break(self, promise: str, count: int = 1) -> None:
        if count:
            self._floor.broken[promise] += count

    def _chance(self, whose: str) -> Random:
        return Random(f"{self._seed} {self._province} {whose}")  # noqa: S311 - a simulation

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.create_task(work, name=name)

    def _remaining_s(self, offer: Offer) -> float:
        return (offer.deadline_at - self._controller.clock.now()).total_seconds()


def _wait_s(record: CallRecord) -> float | None:
    if record.joined_at is None or record.connected_at is None:
        return None
    return (record.connected_at - record.joined_at).total_seconds()


def _hash_of(records: list[CallRecord]) -> str:
    """Sixteen digits of the SHA-256 of everything in all records, instants included."""
    return hashlib.sha256("\n".join(map(repr, records)).encode()).hexdigest()[:16]


def _pseudonym(number: str, **_: object) -> CallerRef:
    return CallerRef(pseudonym=hashlib.sha256(number.encode()).hexdigest(), ciphertext="")
