"""`ivr run`: everything on this machine, from nothing to a line that can be dialled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
import typer

from ivr.asterisk.configure import configure
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.provision import find_root, why_not_private
from ivr.cli.one_error import one_error
from ivr.current import current, current_in_force
from ivr.deployment import Deployment, deploy
from ivr.errors import AsteriskError
from ivr.logs import set_up_logs
from ivr.prompts.builder import build
from ivr.settings import Settings, load_settings
from ivr.signals import stop_on_signals
from ivr.simulator.demo import demo_exchange
from ivr.static_keeper import static_of
from ivr.supervisor import (
    FIRST_RETRY_S,
    LONGEST_RETRY_S,
    Supervisor,
    child_environment,
)

log = structlog.get_logger()


def command() -> None:
    """Start Asterisk and the controller, keep both alive, end both with Ctrl-C."""
    settings = load_settings()
    set_up_logs(for_people=True)
    deployment = deploy(settings, current(settings))
    report = build(settings)
    typer.echo(f"Prompts: {len(report.prompts)} in {report.sounds_dir} ({report.made} made now)")
    with one_error():
        asyncio.run(_run(settings, deployment))


async def _run(settings: Settings, deployment: Deployment) -> None:
    environment = child_environment() | {"IVR_HOME": str(settings.home)}
    ready = asyncio.Event()
    with stop_on_signals() as stop:
        async with _exchange(settings) as what, asyncio.TaskGroup() as tasks:
            greeting = tasks.create_task(_say_ready(ready, settings, deployment, what))
            await Supervisor(settings.home, environment).run(stop, ready)
            greeting.cancel()
    typer.echo("Ended.")


def _chosen(settings: Settings) -> str:
    if settings.asterisk != "auto":
        return settings.asterisk
    return "private" if find_root(settings) or not why_not_private() else "simulated"


@asynccontextmanager
async def _exchange(settings: Settings) -> AsyncIterator[str]:
    """The Asterisk of this copy while inside; yields what it is, in words."""
    match _chosen(settings):
        case "existing":
            yield f"your own Asterisk at {settings.host}:{settings.ami_port}"
        case "private":
            async with _private(settings):
                yield "a private Asterisk 22"
        case _:
            async with demo_exchange(settings):
                yield "the SIMULATED Asterisk (no telephone can reach it: `ivr simulate call`)"


@asynccontextmanager
async def _private(settings: Settings) -> AsyncIterator[None]:
    now = datetime.now(UTC)
    lines, devices = static_of(await current_in_force(settings, now), settings, now)
    configure(settings, lines=lines, devices=devices)
    process = AsteriskProcess(settings)
    # One that an earlier `ivr run` left behind may have callers: a start that fails lets them be.
    ours = process.pid is None
    try:
        await _start(process)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(_keep_alive(process))
            yield
            keeping.cancel()
        ours = True
    finally:
        if ours:
            await asyncio.to_thread(process.stop)


async def _keep_alive(process: AsteriskProcess) -> None:
    retry_s = FIRST_RETRY_S
    while True:
        await process.wait_ended()
        log.error("asterisk_ended_and_is_started_again")
        try:
            await _start(process)
            retry_s = FIRST_RETRY_S
        except AsteriskError as error:
            log.error("asterisk_not_started", reason=str(error))  # noqa: TRY400 - tried again
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)


async def _start(process: AsteriskProcess) -> None:
    """Start Asterisk; where this is cancelled it waits all the same, for a thread goes on."""
    starting = asyncio.create_task(asyncio.to_thread(process.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        raise


async def _say_ready(
    ready: asyncio.Event, settings: Settings, deployment: Deployment, what: str
) -> None:
    await ready.wait()
    lines = [
        f"{', '.join(rules.numbers(deployment.default_province))} ({rules.name_fa})"
        for rules in deployment.rules
    ]
    default = deployment.lines[deployment.default_province].rules
    typer.echo(
        f"""
Ready, on {what}.
  Lines       {"; ".join(lines)}
  Call        sip:{default.lines[0]}@{settings.host}:{settings.sip_port} (UDP)
              from any SIP client on this machine
  Counsellors `ivr counsellors devices` prints the accounts with which phones register
  Console     http://{settings.host}:{settings.http_port}
  Records     `ivr calls list`
  State       {settings.home}
Ctrl-C ends everything that was started.
"""
    )
