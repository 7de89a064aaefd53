"""`ivr run` keeps Asterisk and the controller alive, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import pytest

from ivr.simulator.sip_call import SipCall
from ivr.simulator.tone import CALLER_HZ, COUNSELLOR_HZ
from ivr.supervisor import FROZEN_S
from tests.chaos.running import (
    Running,
    copy_settings,
    is_alive,
    mounts_below,
    running,
    start_run,
)
from tests.real.parties import Caller
from tests.real.product import PATIENCE_S, STARTED_S
from tests.real.watcher import watching

pytestmark = pytest.mark.real


async def another_controller(run: Running, before: int) -> int:
    """Wait until another controller serves and sees Asterisk; its process id."""
    pid = await run.product.until(
        lambda: (pid := run.controller_pid()) not in (None, before) and run.exchange_up() and pid,
        STARTED_S,
    )
    return int(pid)


async def talk(caller: Caller, call: SipCall) -> None:
    """Both hear each other, and the controller knows it."""
    await call.answer()
    await caller.hears_tone(COUNSELLOR_HZ)
    await call.stream.hears_tone(CALLER_HZ, PATIENCE_S)
    await caller.talks()


async def test_what_dies_or_freezes_is_started_again(
    private_asterisk: None, tmp_path: Path
) -> None:
    async with running(copy_settings(tmp_path / "home")) as run:
        first = run.controller_pid()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        second = await another_controller(run, first)

        os.kill(second, signal.SIGSTOP)
        await run.product.until(lambda: not is_alive(second), FROZEN_S + PATIENCE_S)
        third = await another_controller(run, second)

        asterisk = run.product.asterisk.pid
        assert asterisk is not None
        async with (
            watching(run.settings) as run.product.watched,
            run.product.counsellor("saveh-1") as counsellor,
        ):
            os.kill(asterisk, signal.SIGKILL)
            await run.product.until(lambda: run.product.asterisk.pid not in (None, asterisk))
            await run.product.watcher.up_again()
            await run.product.until(run.exchange_up)
            assert run.controller_pid() == third
            await counsellor.register()  # as a telephone does that gets no answer any more
            async with run.product.caller(number="09121110901") as caller:
                await caller.presses("0")
                await talk(caller, await counsellor.offered())
        assert "Traceback" not in run.printed()


async def test_ctrl_c_ends_everything(private_asterisk: None, tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(copy_settings(home)) as run:
        controller, asterisk = run.controller_pid(), run.product.asterisk.pid
        assert controller is not None
        assert asterisk is not None
        assert run.free_ports() == []
        assert await run.end(signal.SIGINT) == 0
        assert not is_alive(controller)
        assert not is_alive(asterisk)
        assert run.free_ports() == ["sip", "ami", "agi", "http"]
        assert mounts_below(home) == []
        assert not (home / "notify.sock").exists()
        assert "Traceback" not in run.printed()


async def test_without_its_supervisor_the_controller_goes_and_the_next_one_adopts(
    private_asterisk: None, tmp_path: Path
) -> None:
    """kill -9 of `ivr run`: talks go on in Asterisk, no port is kept, a second run takes over."""
    settings = copy_settings(tmp_path / "home")
    async with running(settings) as run:
        controller, asterisk = run.controller_pid(), run.product.asterisk.pid
        assert controller is not None
        async with (
            watching(run.settings) as run.product.watched,
            run.product.counsellor("saveh-1") as counsellor,
            run.product.caller(number="09121110902") as caller,
        ):
            await caller.presses("0")
            await talk(caller, await counsellor.offered())
            await run.end(signal.SIGKILL)
            await run.product.until(lambda: not is_alive(controller))
            assert run.free_ports() == ["agi", "http"]
            await caller.hears_tone(COUNSELLOR_HZ)
            async with running(settings) as second:
                assert second.product.asterisk.pid == asterisk
                await caller.hears_tone(COUNSELLOR_HZ)
                await run.product.until(
                    lambda: second.product.counsellor_state("saveh-1") == "talking"
                )
                caller.hang_up()
                record = await second.product.record()
        assert (record["end"], record["counsellor"]) == ("connected", "saveh-1")


async def test_a_second_run_that_cannot_serve_leaves_the_callers_of_the_first(
    private_asterisk: None, tmp_path: Path
) -> None:
    settings = copy_settings(tmp_path / "home")
    async with running(settings) as run:
        asterisk = run.product.asterisk.pid
        second = await start_run(settings)
        status = await second.end(signal.SIGCONT)  # it ends by itself: the ports are taken
        assert status == 1
        assert run.product.asterisk.pid == asterisk
        assert "Traceback" not in run.printed()
        assert "is taken by another program" in run.printed()
        await run.product.until(run.exchange_up)
