"""Calls of a province through the whole product on the simulated Asterisk, on a day of choice."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from ivr.model.record import CallRecord
from ivr.settings import Settings
from ivr.simulator import scenario_stage
from ivr.simulator.scenario import DutyEntry, Manner, Scenario
from ivr.simulator.virtual_time import VirtualTimeLoop

HOUR_S = 3600.0  # of the simulated clock, only ever waited out by a failing test
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def _scenario(counsellor: str) -> Scenario:
    return Scenario(
        name="province",
        file=Path("province"),
        title="Many calls of a province",
        at=None,
        counsellors={counsellor: Manner.ANSWERS},
        duty=DutyEntry(),
        rules={},
        story=(),
        history={},
    )


def played_calls(
    day: date, number: str, keys: Sequence[str], counsellor: str
) -> tuple[CallRecord, ...]:
    """One call after the other is dialled, routed, answered and ended; their records in order."""

    async def play(theatre: scenario_stage.SimulatedTheatre) -> tuple[CallRecord, ...]:
        stages = theatre._stage(_scenario(counsellor))
        async with stages as stage, asyncio.timeout(HOUR_S):
            for position, pressed in enumerate(keys):
                caller = f"caller-{position}"
                await stage.dial(caller, called=number, number=None)
                await stage.press(caller, pressed)
                await stage.talking(caller, counsellor)
                await stage.hang_up(caller)
                await stage.call_ended(caller)
            await stage.until(stage._all_ended)
            return tuple(stage._journal.records.values())

    with (
        pytest.MonkeyPatch.context() as patch,
        scenario_stage.simulated_theatre(Settings(), SCENARIOS) as theatre,
        asyncio.Runner(loop_factory=VirtualTimeLoop) as runner,
    ):
        patch.setattr(scenario_stage, "DAY", day)
        return runner.run(play(theatre))
