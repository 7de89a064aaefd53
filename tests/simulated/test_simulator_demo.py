"""The simulated Asterisk as `ivr run` and the command line use it."""

import asyncio
from pathlib import Path

import pytest

from ivr.errors import AsteriskError
from ivr.settings import Settings
from ivr.simulator.channel import EndedBy, Hangup
from ivr.simulator.demo import CallRequest, demo_exchange, door_path, place_call
from tests.ports import free_port
from tests.simulated.simulator_kit import FAST, Controller, controlled


def settings_for(controller: Controller, home: Path) -> Settings:
    return Settings(home=home, agi_port=controller.port, ami_port=free_port())


async def test_a_call_through_the_door(tmp_path: Path) -> None:
    async with controlled() as controller:
        settings = settings_for(controller, tmp_path)
        async with demo_exchange(settings, timing=FAST) as exchange:
            assert all(person.device.registered for person in exchange.counsellors.values())
            telling = asyncio.create_task(_story(settings, CallRequest(keys="2", called="086123")))
            agi = await controller.session()
            assert agi.arguments["line"] == "086123"
            assert await agi.ask("WAIT FOR DIGIT -1") == f"200 result={ord('2')}"
            caller = next(iter(exchange.channels.values()))
            caller.hang_up(Hangup(EndedBy.CALLER))
            agi.close()
            assert await telling == ["answered", "key 2", "ended caller"]
    assert not door_path(settings).exists()


async def test_who_leaves_the_door_hangs_up(tmp_path: Path) -> None:
    async with controlled() as controller:
        settings = settings_for(controller, tmp_path)
        async with demo_exchange(settings, timing=FAST):
            telling = asyncio.create_task(_story(settings, CallRequest()))
            agi = await controller.session()
            telling.cancel()
            assert await agi.line() == "HANGUP"


async def test_nobody_behind_the_door(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(AsteriskError, match="ivr simulate asterisk"):
        await _story(settings, CallRequest())


async def test_a_taken_port(tmp_path: Path) -> None:
    async with controlled() as controller:
        settings = Settings(home=tmp_path, ami_port=controller.port)
        with pytest.raises(AsteriskError, match="IVR_AMI_PORT"):
            async with demo_exchange(settings):
                pass


async def _story(settings: Settings, request: CallRequest) -> list[str]:
    return [str(moment) async for moment in place_call(settings, request)]
