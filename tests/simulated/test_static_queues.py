"""The simulated static queues: the same stories as on a real Asterisk, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ivr.dialplan import static_lines as made
from ivr.simulator.asterisk import SimulatedAsterisk
from ivr.simulator.parties import NEVER, SimulatedCaller
from ivr.simulator.timing import Timing
from ivr.simulator.virtual_time import VirtualTimeLoop
from tests.fallback_stories import DEVICES, QUEUES, STORIES, Story, queue
from tests.simulated.simulator_kit import manager

NOBODY = 1  # a port where nobody listens
BEGAN_AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
MARKAZI = made.StaticLine("markazi", ("086123",), (made.Stage(QUEUES),))


class SimulatedStage:
    """`fallback_stories.Stage` on the simulated Asterisk."""

    def __init__(self, exchange: SimulatedAsterisk) -> None:
        self.exchange = exchange
        self.callers: dict[str, SimulatedCaller] = {}
        exchange.feed.taps.append(lambda _event: exchange.changed())

    @property
    def rings(self) -> list[str]:
        people = self.exchange.counsellors.values()
        seen = [(offer.leg, one.device.name) for one in people for offer in one.offers]
        return [name for _, name in sorted(seen, key=lambda ring: int(ring[0].split(".")[1]))]

    async def arrive(self, *devices: str) -> None:
        for device in devices:
            self.exchange.counsellor(device, NEVER)

    async def call(self, caller: str, **facts: str) -> None:
        self.callers[caller] = placed = self.exchange.place_call(called="086123")
        variables = {f"IVR_{name.upper()}": value for name, value in facts.items()}
        placed.channel.variables.update(variables)
        await placed.experienced("fallback")

    async def rung(self, count: int) -> None:
        await self.exchange.until(lambda: len(self.rings) >= count, 120)
        assert len(self.rings) == count

    async def pick_up(self, device: str) -> None:
        self.exchange.counsellors[device].pick_up()

    async def refuse(self, device: str) -> None:
        self.exchange.counsellors[device].refuse()

    async def hang_up(self, device: str) -> None:
        self.exchange.counsellors[device].hang_up()

    async def talking(self, caller: str, device: str) -> None:
        assert await self.callers[caller].talking() == device

    async def pause(self, device: str, *, paused: bool = True) -> None:
        async with manager(self.exchange) as ami:
            response = await ami.act(
                "QueuePause", Interface=f"PJSIP/{device}", Paused=str(paused).lower()
            )
            assert response["Response"] == "Success"

    async def next_round(self, caller: str) -> None:
        await self.callers[caller].experienced("fallback")


@asynccontextmanager
async def alone(line: made.StaticLine = MARKAZI) -> AsyncIterator[SimulatedStage]:
    async with SimulatedAsterisk(
        agi_port=NOBODY,
        timing=Timing(),
        devices=DEVICES,
        static=[line],
        started_at=BEGAN_AT.timestamp(),
    ) as exchange:
        yield SimulatedStage(exchange)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story(story: Story) -> None:
    async def play() -> None:
        async with alone() as stage:
            await story(stage)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())


def test_after_the_end_of_a_closure_the_queues_without_it_count() -> None:
    async def play() -> None:
        ends_at = BEGAN_AT + timedelta(seconds=20)
        later = made.Stage((queue("fallback-1-markazi", ("desk-1",)),), ends_at)
        line = made.StaticLine("markazi", ("086123",), (MARKAZI.stages[0], later))
        async with alone(line) as stage:
            await stage.arrive("desk-1", "desk-3")
            await stage.call("a")
            await stage.rung(3)
            assert stage.rings == ["desk-3", "desk-1", "desk-1"]

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())


def test_a_caller_outlives_the_queue() -> None:
    async def play() -> None:
        async with alone() as stage:
            await stage.arrive("desk-2")
            await stage.pause("desk-2")
            await stage.call("a", county="markazi-saveh")
            kept = made.Stage((queue("fallback-markazi", ("desk-2",)),))
            stage.exchange.static.take([made.StaticLine("markazi", ("086123",), (kept,))])
            await stage.pause("desk-2", paused=False)
            await stage.rung(1)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())
