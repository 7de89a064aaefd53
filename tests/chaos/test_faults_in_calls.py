"""Faults around a call that goes on: the link, the database, the disk, sounds, strangers."""

import asyncio
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.chaos.kit import Chaos, both_hear_each_other, both_talk, never_rung_twice_at_once
from tests.ports import free_port
from tests.real.parties import Caller, Counsellor
from tests.real.product import STARTED_S, Product

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

TO_SAVEH = "224"
PROBES = 100


async def a_whole_call(chaos: Chaos, caller: Caller, counsellor: Counsellor) -> None:
    """From the first question to the caller's hanging up."""
    await caller.presses(TO_SAVEH)
    await a_talk(chaos, caller, counsellor)


async def a_talk(chaos: Chaos, caller: Caller, counsellor: Counsellor) -> None:
    call = await counsellor.offered()
    await call.answer()
    await both_talk(caller, call)
    caller.hang_up()
    await chaos.until(lambda: not chaos.channel_names())


# -- strangers at the FastAGI port


def speak(address: tuple[str, int], words: bytes) -> None:
    with socket.create_connection(address, 60) as stranger:
        stranger.sendall(words)


async def test_strangers_at_the_agi_port_disturb_no_call(chaos: Chaos) -> None:
    settings = chaos.product.settings
    address = (settings.host, settings.agi_port)
    junk = [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(range(256)) * 64,
        b"agi_network: yes\n" * 500,
        b"agi_request: agi://x/nothing\nagi_uniqueid: 1.1\n\n",
        b"agi_request: agi://x/call\n\n",
        b"agi_request: agi://x/offer,%00,=,==,joined_at=nan\nagi_uniqueid: ivr-0-0\n\n",
        b"agi_network_script: call\nagi_uniqueid: \xff\xfe\nagi_arg_1: joined_at=1e999\n\n",
    ]
    async with chaos.caller() as caller:
        await caller.presses(TO_SAVEH)
        await chaos.until(lambda: chaos.waiting() == 1)
        for number in range(PROBES):
            await asyncio.to_thread(speak, address, junk[number % len(junk)])
        async with chaos.counsellor() as counsellor:
            await a_talk(chaos, caller, counsellor)
            record = await chaos.the_record()
    assert record["end"] == "connected"
    assert "Traceback" not in chaos.product.log_path.read_text(encoding="utf-8")


# -- sounds


async def test_a_caller_who_hears_nothing_reaches_a_human(chaos: Chaos) -> None:
    """All sounds are gone while the line runs: no sentence, no question, no whisper."""
    sounds = chaos.product.settings.home / "sounds" / "ivr"
    away = sounds.with_name("away")
    shutil.move(sounds, away)
    try:
        async with chaos.counsellor() as counsellor, chaos.caller() as caller:
            await chaos.on_duty()
            call = await counsellor.offered()
            await call.answer()
            await both_talk(caller, call)
            call.hang_up()
            await chaos.let_go(caller)
            record = await chaos.the_record()
    finally:
        shutil.move(away, sounds)
    assert (record["lane"], record["end"]) == ("silence", "connected")


# -- the database


async def test_a_database_that_is_locked_during_a_call_gets_its_record_later(chaos: Chaos) -> None:
    path = chaos.product.settings.home / "line123.sqlite"
    with sqlite3.connect(path, timeout=60, isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        async with chaos.counsellor() as counsellor, chaos.caller() as caller:
            await chaos.on_duty()
            await a_whole_call(chaos, caller, counsellor)
        await chaos.until(lambda: chaos.product.health()["database"]["backlog"] > 0)
        lock.execute("ROLLBACK")
    lock.close()
    [record] = await chaos.ended(1)
    assert (record["end"], record["counsellor"]) == ("connected", "saveh-1")


async def test_calls_of_a_time_without_database_are_kept_and_come_back(chaos: Chaos) -> None:
    """Spoilt while nobody of us ran: served all the same, saved once it is restored."""
    home = chaos.product.settings.home
    path, copy = home / "line123.sqlite", home / "copy.sqlite"
    await chaos.product.stop()
    assert not [*home.glob("line123.sqlite-*")]
    path.rename(copy)
    path.write_bytes(b"this is no database" * 100)
    await chaos.product.start()
    async with chaos.counsellor() as counsellor, chaos.caller() as caller:
        await chaos.on_duty()
        await a_whole_call(chaos, caller, counsellor)
    await chaos.until(lambda: [*(home / "emergency").glob("epoch-*")])
    assert not chaos.product.health()["database"]["healthy"]
    await chaos.product.stop()
    copy.rename(path)
    await chaos.product.start()
    record = await chaos.the_record()
    assert (record["end"], record["counsellor"]) == ("connected", "saveh-1")
    assert record["category"] == "family_dispute"
    assert not [*(home / "emergency").glob("epoch-*")]


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


async def test_a_full_disk_drops_no_caller_and_loses_no_record(
    chaos: Chaos, tmp_path: Path
) -> None:
    """Neither the database nor the emergency file takes anything: memory keeps it."""
    home = chaos.product.settings.home
    disk = tmp_path / "disk"
    emergency, kept = home / "emergency", home / "emergency-kept"
    await chaos.product.stop()
    with small_disk(disk):
        if emergency.exists():
            emergency.rename(kept)
        emergency.symlink_to(disk)
        product = chaos.product
        usual = product.settings
        product.settings = usual.model_copy(update={"database_url": f"sqlite:///{disk}/db.sqlite"})
        try:
            await product.start()
            fill(disk / "filling")
            async with chaos.counsellor() as counsellor, chaos.caller() as caller:
                await chaos.on_duty()
                await a_whole_call(chaos, caller, counsellor)
            await chaos.until(lambda: product.health()["database"]["backlog"] > 0)
            (disk / "filling").unlink()
            record = (await chaos.ended(1))[0]
        finally:
            await product.stop()
            product.settings = usual
            emergency.unlink()
            if kept.exists():
                kept.rename(emergency)
    assert (record["end"], record["counsellor"]) == ("connected", "saveh-1")


# -- the link to Asterisk


class Wire:
    """A TCP wire between controller and Asterisk that can be cut; new connections stay out."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self.whole = True
        self._target = target
        self._ends: set[asyncio.StreamWriter] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._ends |= {writer, far_writer}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry(reader, far_writer))
            tasks.create_task(self._carry(far_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        self.whole = False
        for writer in self._ends:
            writer.transport.abort()
        self._ends.clear()


@asynccontextmanager
async def wired(chaos: Chaos) -> AsyncIterator[Wire]:
    """The controller started anew with a wire of ours between it and Asterisk."""
    product: Product = chaos.product
    usual = product.settings
    wire = Wire((usual.host, usual.ami_port))
    server = await asyncio.start_server(wire.accept, usual.host, wire.port)
    await product.stop()
    product.settings = usual.model_copy(update={"ami_port": wire.port})
    try:
        await product.start()
        yield wire
    finally:
        await product.stop()
        product.settings = usual
        wire.cut()
        server.close()


async def test_without_the_link_callers_in_line_go_to_the_queue_and_return(chaos: Chaos) -> None:
    async with wired(chaos) as wire, chaos.caller() as caller:
        await caller.presses(TO_SAVEH)
        await chaos.until(lambda: chaos.waiting() == 1)
        wire.cut()
        await chaos.until(lambda: [c for c in chaos.callers() if c.application == "Queue"])
        [channel] = chaos.callers()
        assert channel.variables["IVR_COUNTY"] == "markazi-saveh"
        wire.whole = True
        await chaos.until(lambda: chaos.floor()["exchange_up"])
        await chaos.until(lambda: chaos.waiting() == 1)
        async with chaos.counsellor() as counsellor:
            call = await counsellor.offered()
            await call.answer()
            await both_talk(caller, call)
            caller.hang_up()
            record = await chaos.the_record()
            assert never_rung_twice_at_once(counsellor)
    assert (record["county"], record["end"]) == ("markazi-saveh", "connected")


async def test_a_talk_outlives_the_link_and_ends_as_it_would(chaos: Chaos) -> None:
    async with (
        wired(chaos) as wire,
        chaos.counsellor() as counsellor,
        chaos.caller() as caller,
    ):
        await chaos.on_duty()
        await caller.presses(TO_SAVEH)
        call = await counsellor.offered()
        await call.answer()
        await both_talk(caller, call)
        wire.cut()
        await chaos.until(lambda: not chaos.floor()["exchange_up"])
        await both_hear_each_other(caller, call)
        wire.whole = True
        await chaos.until(lambda: chaos.floor()["exchange_up"])
        assert chaos.state() == "talking"
        call.hang_up()
        await chaos.let_go(caller)
        record = await chaos.the_record()
    assert (record["end"], record["ended_by"]) == ("connected", "counsellor")


# -- settings that only a running Asterisk can prove wrong


async def test_a_wrong_ami_password_is_named(chaos: Chaos, tmp_path: Path) -> None:
    changes = {"home": tmp_path / "other", "agi_port": free_port(), "http_port": free_port()}
    wrong = chaos.product.settings.model_copy(update={**changes, "ami_secret": "wrong"})
    product = Product.of(wrong)
    product.serve = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", "serve"),
        env=product.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(STARTED_S):
        _, printed = await product.serve.communicate()
    assert product.serve.returncode == 1
    assert b"refused the AMI login" in printed
    assert b"IVR_AMI_SECRET" in printed
    assert b"Traceback" not in printed
