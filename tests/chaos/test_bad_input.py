"""What people get wrong is said in words (what, where, how to mend), never by a traceback.

None of these needs Asterisk: the controller finds them before, or goes on without it.
"""

import asyncio
import shutil
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from ivr.settings import PROJECT, Settings
from tests.chaos.numbers import files_with_numbers
from tests.chaos.running import copy_settings
from tests.ports import free_port
from tests.real.product import STARTED_S, Json, Product, write_rules


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return copy_settings(tmp_path / "home", asterisk="existing")


def environment(settings: Settings, **variables: str) -> dict[str, str]:
    return Product.of(settings).environment() | variables


async def refused(settings: Settings, command: str = "serve", **variables: str) -> tuple[int, str]:
    """A command that ends by itself: exit status, and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", command),
        env=environment(settings, **variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(STARTED_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    text = printed.decode()
    assert "Traceback" not in text
    assert process.returncode is not None
    return process.returncode, text


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Product]:
    """A controller whose Asterisk is not there."""
    product = Product.of(settings)
    await product.start(until_exchange_up=False)
    try:
        yield product
    finally:
        await product.stop()
    assert "Traceback" not in product.log_path.read_text(encoding="utf-8")


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IVR_SIP_PORT", "many", "IVR_SIP_PORT"),
        ("IVR_HTTP_PORT", "0", "IVR_HTTP_PORT"),
        ("IVR_RTP_PORTS", "20000-10000", "write it as FIRST-LAST"),
        ("IVR_ASTERISK", "freeswitch", "IVR_ASTERISK"),
        ("IVR_DEFAULT_PROVINCE", "atlantis", "IVR_DEFAULT_PROVINCE is 'atlantis'"),
        ("IVR_DATABASE_URL", "somewhere", "IVR_DATABASE_URL is not a database address"),
        ("IVR_RULES_DIR", "/nowhere", "/nowhere"),
        ("IVR_DEMO_DIR", "/nowhere", "/nowhere"),
        ("IVR_PROMPTS_DIR", "/nowhere", "/nowhere"),
    ],
)
async def test_a_wrong_setting_is_named(
    settings: Settings, name: str, value: str, words: str
) -> None:
    status, printed = await refused(settings, **{name: value})
    assert (status, words in printed) == (2, True), printed


@pytest.mark.parametrize("command", ["serve", "run"])
async def test_a_broken_rules_file_is_named_with_its_line(settings: Settings, command: str) -> None:
    path = settings.rules_dir / "markazi.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if line.startswith("answering:"))
    lines[number - 1] = "answering: sometimes"
    path.write_text("\n".join(lines), encoding="utf-8")
    status, printed = await refused(settings, command)
    assert (status, f"{path}:{number}" in printed) == (2, True), printed


async def test_a_prompt_that_a_call_may_need_is_missed_before_the_line_opens(
    settings: Settings, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(PROJECT / "prompts" / "fa", prompts)
    catalogue = prompts / "catalogue.yaml"
    text = catalogue.read_text(encoding="utf-8")
    assert " still-waiting:" in text
    catalogue.write_text(text.replace(" still-waiting:", " not-waiting:"), encoding="utf-8")
    status, printed = await refused(settings, IVR_PROMPTS_DIR=str(prompts))
    assert status != 0
    assert "still-waiting" in printed
    assert str(catalogue) in printed


@pytest.mark.parametrize("name", ["IVR_AGI_PORT", "IVR_HTTP_PORT"])
async def test_a_taken_port_is_named(settings: Settings, name: str) -> None:
    port = settings.agi_port if name == "IVR_AGI_PORT" else settings.http_port
    with taken(port):
        status, printed = await refused(settings)
    assert status == 1
    assert name in printed
    assert str(port) in printed


@pytest.mark.real
@pytest.mark.parametrize("name", ["IVR_SIP_PORT", "IVR_AMI_PORT", "IVR_RTP_PORTS"])
async def test_a_port_that_asterisk_needs_is_named_when_taken(
    private_asterisk: None, settings: Settings, name: str
) -> None:
    first = free_port(socket.SOCK_DGRAM, in_a_row=3)
    settings = settings.model_copy(
        update={"asterisk": "private", "rtp_ports": f"{first}-{first + 2}"}
    )
    with ExitStack() as stack:
        if name == "IVR_AMI_PORT":
            stack.enter_context(taken(settings.ami_port))
        else:
            ports = [settings.sip_port] if name == "IVR_SIP_PORT" else range(first, first + 3)
            for port in ports:
                trial = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                trial.bind((settings.host, port))
        status, printed = await refused(settings, "run")
    assert (status, name in printed) == (1, True), printed


async def test_a_home_that_cannot_be_one_is_named(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    status, printed = await refused(settings, IVR_HOME=str(path))
    assert status != 0
    assert str(path) in printed


async def test_without_asterisk_the_controller_says_so_and_goes_on_trying(
    settings: Settings,
) -> None:
    async with serving(settings) as product:
        await product.until(lambda: product.log_path.read_text().count("ami_not_connected") >= 2)
        health = product.health()
        assert (health["ok"], health["exchange_up"]) == (False, False)
        assert health["database"]["healthy"]
        printed = product.log_path.read_text()
        assert f"AMI at 127.0.0.1:{settings.ami_port} cannot be reached" in printed
        assert "IVR_AMI_PORT" in printed


# -- the database at the start


def spoilt(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def a_directory(path: Path) -> None:
    path.mkdir()


def of_a_newer_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('ffff')")
    database.close()


@pytest.mark.parametrize("spoil", [spoilt, a_directory, of_a_newer_version])
async def test_a_database_that_cannot_be_opened_does_not_keep_the_line_from_opening(
    settings: Settings, spoil: Callable[[Path], None]
) -> None:
    path = settings.home / "line123.sqlite"
    spoil(path)
    async with serving(settings) as product:
        await product.until(lambda: not product.health()["database"]["healthy"])
        printed = product.log_path.read_text()
        assert "serving_without_database" in printed
        assert str(path) in printed
    assert files_with_numbers(settings.home) == []


async def test_a_database_that_is_locked_at_the_start_is_used_when_it_is_free(
    settings: Settings,
) -> None:
    path = settings.home / "line123.sqlite"
    async with serving(settings):
        pass  # makes it
    with sqlite3.connect(path, timeout=60, isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        async with serving(settings) as product:
            assert "serving_without_database" in product.log_path.read_text()
            await product.until(lambda: not product.health()["database"]["healthy"])
            lock.execute("ROLLBACK")
            health: Json = await product.until(
                lambda: (found := product.health())["database"]["healthy"] and found
            )
            assert health["database"]["backlog"] == 0
    lock.close()
    assert not list((settings.home / "emergency").glob("epoch-*"))


def test_the_rules_of_these_tests_are_in_order(tmp_path: Path) -> None:
    """So that what is refused above is refused for the mistake that was made."""
    assert (write_rules(tmp_path / "rules") / "markazi.yaml").exists()
