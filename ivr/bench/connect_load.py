"""Connecting trial: Asterisk's processor with many talks at once, media both ways.

sipp plays both sides: callers send a tone, the counsellors' side echoes it, 50 packets a second
each way on each of the two legs of a talk.
"""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from ivr.bench.connect_controller import ControllerProcess, Mechanism, Stage, number_for
from ivr.bench.connect_exchange import LOAD_DEVICE
from ivr.bench.connect_speed import delays
from ivr.bench.connect_trial import COMPARED, Trial, talking
from ivr.errors import ActionFailed
from ivr.simulator.sip_message import SipError
from ivr.simulator.sipp import SippCaller, SippProcess, media_ports
from ivr.simulator.sipp_scenario import counsellor_scenario
from ivr.simulator.tone import CALLER_HZ

TALKS = (50, 100)
_CALLS_PER_S = 20
_ALL_TALKS_S = 40.0
_LOAD_DEVICE_NUMBER = 99


@dataclass(frozen=True, slots=True)
class _Usage:
    at: float
    asterisk_s: float
    machine_busy_s: float
    datagrams: int


def _usage(trial: Trial) -> _Usage:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    ticks = [int(field) for field in fields[:8]]
    busy = sum(ticks) - ticks[3] - ticks[4]  # idle and iowait, see proc(5)
    return _Usage(time.monotonic(), trial.exchange.processor_s(), busy / 100, _udp_received())


def _udp_received() -> int:
    """Count the UDP datagrams that programs of this machine have received."""
    names, values = (
        line.split()
        for line in Path("/proc/net/snmp").read_text().splitlines()
        if line.startswith("Udp:")
    )
    return int(values[names.index("InDatagrams")])


async def measure_load(trial: Trial, controller: ControllerProcess) -> None:
    """Alternate the mechanisms, at each number of talks."""
    scenario = counsellor_scenario(user=LOAD_DEVICE, answer_after_s=0)
    options = ("-p", str(trial.exchange.load_port), "-rtp_echo", *media_ports())
    async with SippProcess(scenario, trial.exchange.server, *options, calls=100_000):
        for _ in range(1 if trial.quick else 2):
            for talks in TALKS:
                for mechanism in COMPARED:
                    await _load(trial, controller, mechanism, talks)


async def _load(
    trial: Trial, controller: ControllerProcess, mechanism: Mechanism, talks: int
) -> None:
    line = number_for(mechanism, Stage.CONNECT, _LOAD_DEVICE_NUMBER)
    async with AsyncExitStack() as stack:
        before = _accepted(controller, line)
        callers = await stack.enter_async_context(
            SippCaller(
                trial.exchange.server,
                line,
                tone_hz=CALLER_HZ,
                hang_up_after_s=_ALL_TALKS_S,
                calls=talks,
                rate=_CALLS_PER_S,
            )
        )
        try:
            await _until_talking(controller, line, before + talks)
        except TimeoutError:
            done = _accepted(controller, line) - before
            words = callers.errors()[-500:]
            raise SipError(f"Only {done} of {talks} calls came to a talk. sipp: {words}") from None
        first = _usage(trial)
        await asyncio.sleep(2.0 if trial.quick else 8.0)
        last = _usage(trial)
        passed_s = last.at - first.at
        share = (last.asterisk_s - first.asterisk_s) / passed_s
        trial.book.add(f"{talks} talks: cores used by Asterisk", mechanism, share)
        machine = (last.machine_busy_s - first.machine_busy_s) / passed_s
        trial.book.add(f"{talks} talks: cores busy on the machine", mechanism, machine)
        packets = (last.datagrams - first.datagrams) / passed_s
        trial.book.add(f"{talks} talks: packets a second", mechanism, packets)
        async with talking(trial, controller, mechanism) as pair:
            await delays(trial, mechanism, pair, f"{talks} talks: mouth to ear", 6)
    await _until_quiet(trial)


async def _until_talking(controller: ControllerProcess, line: str, wanted: int) -> None:
    async with asyncio.timeout(30):
        while _accepted(controller, line) < wanted:
            await controller.reported("accepted", line, 10)
    await asyncio.sleep(1.5)  # the last ones are on their way into their rooms


def _accepted(controller: ControllerProcess, line: str) -> int:
    return sum(
        report["what"] == "accepted" and report["line"] == line for report in controller.reports
    )


async def _until_quiet(trial: Trial) -> None:
    """End what the killed sipp left behind, so that the next load starts from nothing."""
    async with asyncio.timeout(30):
        while channels := await trial.ami.channels():
            for channel in channels:
                with suppress(ActionFailed):  # gone meanwhile
                    await trial.ami.ask("Hangup", Channel=channel)
            await asyncio.sleep(0.2)
