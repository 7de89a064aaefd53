"""The real Asterisk with nobody of ours behind it: start, stop, checks, the static fallback."""

import asyncio
import csv
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from ivr.asterisk import check
from ivr.asterisk.check import CheckResult, run_checks
from ivr.asterisk.configure import configure
from ivr.asterisk.process import AsteriskProcess
from ivr.dialplan.static import CDR_VARIABLES
from ivr.errors import AsteriskError
from ivr.simulator import tone
from ivr.simulator.sip_message import SipError
from ivr.simulator.sip_phone import CallerPhone, CounsellorPhone
from tests.ports import free_port
from tests.real.exchange import (
    CLOSING_HZ,
    MUSIC_HZ,
    NUMBER,
    Exchange,
    demo_devices,
    free_settings,
    one_line,
    running_exchange,
)

pytestmark = pytest.mark.real

CALLER = "09187654321"
START_PATIENCE_S = 120.0
_STARTER = """
import sys
import time
from ivr.asterisk.process import AsteriskProcess
from ivr.settings import Settings
print(AsteriskProcess(Settings.model_validate_json(sys.argv[1])).start(), file=sys.stderr)
sys.stdin.read()
"""

PATIENCE_S = 90.0  # several rounds of the fallback, on a slow machine
CdrLine = dict[str, str]
COLUMNS = ("linkedid", "start", "answer", "end", "duration", "billsec", "disposition", "device")


@pytest.fixture
def own_exchange(private_asterisk: None, tmp_path: Path) -> Iterator[Exchange]:
    """An Asterisk of this test alone."""
    with running_exchange(free_settings(tmp_path)) as exchange:
        yield exchange


def failures(results: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.name: result for result in results if not result.ok}


def phone(exchange: Exchange, index: int, **habits: float | int | None) -> CounsellorPhone:
    device = exchange.devices[index]
    return CounsellorPhone(exchange.address, device.user, device.password, **habits)


@asynccontextmanager
async def call_in_fallback(exchange: Exchange, number: str = NUMBER) -> AsyncIterator[CallerPhone]:
    async with CallerPhone(exchange.address, number, caller=CALLER) as caller:
        await caller.answered()
        await caller.hears_tone(MUSIC_HZ, PATIENCE_S)
        yield caller


async def lines_since(
    exchange: Exchange, since: float, complete: Callable[[list[CdrLine]], bool] = bool
) -> list[CdrLine]:
    """Asterisk's own records of calls that came after `since`; waits until they are complete."""
    found: list[CdrLine] = []

    def are_complete() -> bool:
        rows = read_csv(exchange.process.instance.calls_csv)
        found[:] = [row for row in rows if float(row["start"]) >= since]
        return complete(found)

    await until(are_complete)
    return found


def talks_of(lines: list[CdrLine]) -> list[str]:
    """When each talk began, in whole seconds: two may begin in one. A later line carries them."""
    return [line["connected_at"] for line in lines if line["connected_at"] and line["device"]]


def rounds_without_controller(exchange: Exchange) -> int:
    log = exchange.process.instance.log / "asterisk.log"
    return log.read_text("utf-8").count("Connection refused")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a file of another program tells nobody
            await asyncio.sleep(0.02)


def read_csv(path: Path) -> list[CdrLine]:
    if not path.exists():
        return []
    names = [*COLUMNS, *CDR_VARIABLES]
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [dict(zip(names, row, strict=True)) for row in csv.reader(whole.splitlines())]


def files_with(exchange: Exchange, text: str) -> list[Path]:
    return [
        path
        for path in exchange.settings.home.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


# ------------------------------------------------------------------ start, stop, checks


def test_all_checks_pass(asterisk: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "RESOLVE_LIMIT_S", PATIENCE_S)  # a program is started for it
    with socket.create_server(("127.0.0.1", asterisk.settings.agi_port)):
        assert failures(run_checks(asterisk.settings)) == {}


def test_checks_say_what_is_wrong_and_what_to_do(asterisk: Exchange) -> None:
    settings = asterisk.settings.model_copy(update={"ami_secret": "another"})
    failed = failures(run_checks(settings))
    assert set(failed) == {"ami", "fastagi"}
    assert "IVR_AMI_SECRET" in failed["ami"].detail
    assert "IVR_AGI_PORT" in failed["fastagi"].detail
    assert all(result.mend for result in failed.values())


def test_checks_of_an_asterisk_that_is_not_there(private_asterisk: None, tmp_path: Path) -> None:
    failed = failures(run_checks(free_settings(tmp_path)))
    assert set(failed) == {"process", "sip", "ami", "fastagi", "prompts"}
    assert "IVR_AMI_PORT" in failed["ami"].detail


def test_a_broad_account_is_noticed(own_exchange: Exchange) -> None:
    manager = own_exchange.process.instance.etc / "line123" / "manager.conf"
    text = manager.read_text("utf-8")
    manager.write_text(text.replace("write = call,originate", "write = call,originate,system"))
    own_exchange.process.console("manager reload")
    failed = failures(run_checks(own_exchange.settings))
    assert "too much is allowed" in failed["rights"].detail


def test_stop_leaves_no_process_no_mount_and_no_port(
    private_asterisk: None, tmp_path: Path
) -> None:
    settings = free_settings(tmp_path)
    with running_exchange(settings) as exchange:
        pid = exchange.process.pid
        assert pid is not None
        assert exchange.process.start() == pid  # already running: kept
        assert str(tmp_path) in Path(f"/proc/{pid}/mountinfo").read_text()
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not Path(f"/proc/{pid}").exists()
    assert exchange.process.pid is None
    for port, kind in (
        (settings.sip_port, socket.SOCK_DGRAM),
        (settings.ami_port, socket.SOCK_STREAM),
    ):
        with socket.socket(socket.AF_INET, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("port", "kind", "name"),
    [
        ("sip_port", socket.SOCK_DGRAM, "IVR_SIP_PORT"),
        ("ami_port", socket.SOCK_STREAM, "IVR_AMI_PORT"),
    ],
)
def test_a_taken_port_is_named(
    private_asterisk: None, tmp_path: Path, port: str, kind: socket.SocketKind, name: str
) -> None:
    settings = free_settings(tmp_path)
    devices = demo_devices()
    configure(settings, lines=one_line(devices), devices=devices)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", getattr(settings, port)))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(AsteriskError, match=name):
            AsteriskProcess(settings).start()


def test_asterisk_that_ends_while_starting_leaves_its_words(
    private_asterisk: None, tmp_path: Path
) -> None:
    settings = free_settings(tmp_path)
    devices = demo_devices()
    configure(settings, lines=one_line(devices), devices=devices)
    process = AsteriskProcess(settings)
    (process.instance.etc / "logger.conf").write_text("[logfiles]\n")
    (process.instance.etc / "modules.conf").write_text("[modules]\nrequire = nothing.so\n")
    with pytest.raises(AsteriskError, match="ended while starting"):
        process.start()
    assert process.pid is None


def test_the_death_of_the_starter_does_not_end_asterisk(
    private_asterisk: None, tmp_path: Path
) -> None:
    settings = free_settings(tmp_path)
    devices = demo_devices()
    configure(settings, lines=one_line(devices), devices=devices)
    process = AsteriskProcess(settings)
    with ExitStack() as cleanup:
        cleanup.callback(process.stop)
        starter = cleanup.enter_context(_starter(settings.model_dump_json()))
        pid = int(_line(starter, START_PATIENCE_S))
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
        assert process.pid == pid
        assert "uptime" in process.console("core show uptime")
    assert process.pid is None


def _starter(settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _STARTER, settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _line(program: subprocess.Popen[str], timeout_s: float) -> str:
    assert program.stderr is not None
    readable, _, _ = select.select([program.stderr], [], [], timeout_s)
    assert readable, "the starter said nothing"
    return program.stderr.readline()


async def test_the_end_of_asterisk_is_noticed(private_asterisk: None, tmp_path: Path) -> None:
    with running_exchange(free_settings(tmp_path)) as exchange:
        pid = exchange.process.pid
        assert pid is not None
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(exchange.process.wait_ended())
            os.kill(pid, signal.SIGKILL)
            await watch
        assert exchange.process.pid is None


# ------------------------------------------------------------------ the static fallback


async def test_without_a_controller_a_counsellor_answers_and_key_1_returns(
    asterisk: Exchange,
) -> None:
    since = time.time()
    async with (
        phone(asterisk, 0, answer_after_s=0.1) as counsellor,
        call_in_fallback(asterisk) as caller,
    ):
        await caller.hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
        counsellor.calls[-1].hang_up()
        await caller.hears_tone(CLOSING_HZ, PATIENCE_S)
        caller.press("1")
        await caller.hears_tone(MUSIC_HZ, PATIENCE_S)
        await caller.hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
        counsellor.calls[-1].hang_up()
        await caller.hears_tone(CLOSING_HZ, PATIENCE_S)
        # Nothing is pressed: the line is the caller's all the same.
        await caller.hears_tone(CLOSING_HZ, PATIENCE_S)
        caller.hang_up()
        talks = [call for call in counsellor.calls if call.answered_at is not None]
        assert len(talks) == 2
        assert {call.from_number for call in counsellor.calls} == {"anonymous"}
    lines = await lines_since(asterisk, since, lambda lines: len(talks_of(lines)) == 2)
    assert len({line["linkedid"] for line in lines}) == 1
    assert {line["province"] for line in lines} == {"markazi"}
    assert lines[0]["device"].startswith("PJSIP/desk-1-")
    assert files_with(asterisk, CALLER) == []


async def test_a_call_abandoned_in_the_fallback_has_a_record_without_a_talk(
    asterisk: Exchange,
) -> None:
    since = time.time()
    async with phone(asterisk, 1) as counsellor, call_in_fallback(asterisk):
        await counsellor.offered(PATIENCE_S)
    lines = await lines_since(asterisk, since)
    assert talks_of(lines) == []
    assert lines[0]["phase"] == "fallback"
    assert float(lines[0]["joined_at"]) <= float(lines[-1]["end"])
    assert files_with(asterisk, CALLER) == []


async def test_the_caller_hangs_up_during_the_talk(asterisk: Exchange) -> None:
    since = time.time()
    async with phone(asterisk, 2, answer_after_s=0.1), call_in_fallback(asterisk) as caller:
        await caller.hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
    lines = await lines_since(asterisk, since, talks_of)  # one line for each ringing, one talk
    (connected_at,) = set(talks_of(lines))
    began_at = min(float(line["start"]) for line in lines)
    ended_at = max(float(line["end"]) for line in lines)
    assert began_at - 1 <= float(connected_at) <= ended_at


async def test_fresh_files_are_taken_over_while_people_talk(own_exchange: Exchange) -> None:
    devices = demo_devices(7)
    async with (
        phone(own_exchange, 0, answer_after_s=0.1),
        call_in_fallback(own_exchange) as caller,
    ):
        await caller.hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)
        configure(own_exchange.settings, lines=one_line(devices), devices=devices)
        assert await asyncio.to_thread(own_exchange.process.start) == own_exchange.process.pid
        await caller.hears_tone(tone.COUNSELLOR_HZ)
        new = CounsellorPhone(own_exchange.address, devices[6].user, devices[6].password)
        async with new, call_in_fallback(own_exchange):
            await new.offered(PATIENCE_S)


async def test_who_waited_longer_comes_first_although_each_round_joins_anew(
    asterisk: Exchange,
) -> None:
    async with call_in_fallback(asterisk) as first:
        rounds = rounds_without_controller(asterisk)
        async with call_in_fallback(asterisk) as second:
            # The second's first round, then another of each: both stand in the queue anew.
            await until(lambda: rounds_without_controller(asterisk) >= rounds + 3)
            await first.hears_tone(MUSIC_HZ)
            await second.hears_tone(MUSIC_HZ)
            async with phone(asterisk, 3, answer_after_s=0.1):
                await first.hears_tone(tone.COUNSELLOR_HZ, PATIENCE_S)


@pytest.mark.parametrize("number", ["", "s", "h", "123", "+98123", "09", "sos", "%DB%B1"])
async def test_no_call_from_the_trunk_is_refused(asterisk: Exchange, number: str) -> None:
    async with call_in_fallback(asterisk, number):
        pass


async def test_a_call_in_a_counsellors_name_needs_the_password(asterisk: Exchange) -> None:
    device = asterisk.devices[4]
    async with CallerPhone(asterisk.address, NUMBER, caller=device.user) as caller:
        with pytest.raises(SipError, match="401"):
            await caller.answered()


async def test_a_wrong_password_does_not_register(asterisk: Exchange) -> None:
    user = asterisk.devices[5].user
    with pytest.raises(SipError):
        async with CounsellorPhone(asterisk.address, user, "wrong"):
            pass


async def test_sipp_is_answered_and_kept(asterisk: Exchange, tmp_path: Path) -> None:
    host, port = asterisk.address
    program = await asyncio.create_subprocess_exec(
        *("sipp", f"{host}:{port}", "-sn", "uac", "-s", NUMBER, "-i", host, "-m", "3", "-r", "3"),
        *("-d", "500", "-p", str(free_port(socket.SOCK_DGRAM)), "-nostdin", "-timeout", "80"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await asyncio.wait_for(program.communicate(), PATIENCE_S)
    assert program.returncode == 0, words.decode()
