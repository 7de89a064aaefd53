"""A running copy of the whole product for a benchmark: private Asterisk, controller, own people.

Beside the line it carries what a benchmark adds to Asterisk's main files: other called numbers
and queues, for what the line is compared with.
"""

import asyncio
import json
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ivr.asterisk.configure import configure
from ivr.asterisk.instance import Instance
from ivr.asterisk.process import AsteriskProcess, port_is_free
from ivr.asterisk.provision import install
from ivr.asterisk.roster import lines_and_devices
from ivr.errors import LineError
from ivr.model import DeviceId
from ivr.people import device_passwords
from ivr.prompts import build
from ivr.settings import PROJECT, Settings

PROVINCE = "markazi"
LINE = "086123"
_DESK = "markazi-arak"
_POLL_S = 0.05
_START_S = 60.0
_STOP_S = 20.0
# Below the range from which the kernel gives ports to clients, above the well-known ones.
_FIRST_PORT, _LAST_PORT = 16000, 31999


class BenchError(LineError):
    """A measurement could not be made, or what it measured did not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What a benchmark's copy has. `devices` are counsellors too, one each, named as the device.

    `limits` and `conversation` change the province's; `dialplan` and `queues` are put behind
    Asterisk's own files.
    """

    devices: Sequence[str]
    limits: Mapping[str, float] = field(default_factory=dict)
    conversation: Mapping[str, float] = field(default_factory=dict)
    dialplan: str = ""
    queues: str = ""
    rtp_ports: str = "32000-32767"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCopy:
    """A controller that serves; where Asterisk is simulated, `asterisk_pid` is None."""

    settings: Settings
    controller_pid: int
    asterisk_pid: int | None

    @property
    def sip_server(self) -> tuple[str, int]:
        return self.settings.host, self.settings.sip_port

    def password(self, device: str) -> str:
        name = DeviceId(device)
        return device_passwords(self.settings.home, [name])[name]


@asynccontextmanager
async def scratch_home() -> AsyncIterator[Path]:
    """A directory that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="line123-bench-"))
    try:
        yield home
    finally:
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


def bench_settings(home: Path, equipment: Equipment) -> Settings:
    """Settings of a copy beside any other: own home, people, rules and ports; the shared cache."""
    return Settings(
        home=home,
        asterisk="private",
        sip_port=_free_port(socket.SOCK_DGRAM),
        ami_port=_free_port(socket.SOCK_STREAM),
        agi_port=_free_port(socket.SOCK_STREAM),
        http_port=_free_port(socket.SOCK_STREAM),
        rtp_ports=equipment.rtp_ports,
        default_province=PROVINCE,
        rules_dir=_write_rules(home / "rules", equipment),
        demo_dir=_write_people(home / "people", equipment.devices),
    )


@asynccontextmanager
async def running_copy(
    home: Path, equipment: Equipment, *, sounds: Mapping[str, bytes] | None = None
) -> AsyncIterator[RunningCopy]:
    """Asterisk and the controller, started here and gone afterwards.

    `sounds` (prompt id → WAV file) replace what is spoken. Raises AsteriskError or BenchError
    where they do not start.
    """
    settings = bench_settings(home, equipment)
    await asyncio.to_thread(install, settings)
    await asyncio.to_thread(build, settings)
    replace_sounds(settings, sounds or {})
    lines, devices = lines_and_devices(settings)
    configure(settings, lines=lines, devices=devices)
    etc = Instance(home).etc
    for name, text in (("extensions.conf", equipment.dialplan), ("queues.conf", equipment.queues)):
        with (etc / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")
    async with AsteriskProcess(settings) as asterisk, serving(settings) as controller_pid:
        await until_exchange_up(settings)
        try:
            yield RunningCopy(
                settings=settings, controller_pid=controller_pid, asterisk_pid=asterisk.pid
            )
        except TimeoutError as error:
            raise BenchError(
                f"A call did not go on in time; the controller's last words:\n{_words(settings)}"
            ) from error


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """The controller as a process of its own, its words in IVR_HOME/serve.log; its process id."""
    with (settings.home / "serve.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr", "serve"),
            env={**os.environ, **_environment(settings)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process.pid
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def until_exchange_up(settings: Settings) -> None:
    give_up_at = time.monotonic() + _START_S
    while not (await asyncio.to_thread(get_json, settings, "/healthz")).get("exchange_up"):
        if time.monotonic() > give_up_at:
            raise BenchError(f"The controller did not come up; its last words:\n{_words(settings)}")
        await asyncio.sleep(_POLL_S)


def _words(settings: Settings) -> str:
    return (settings.home / "serve.log").read_text(errors="replace")[-2000:]


def get_json(settings: Settings, path: str) -> dict[str, object]:
    """What the console answers; nothing where it does not."""
    url = f"http://127.0.0.1:{settings.http_port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return dict(json.load(response))
    except urllib.error.HTTPError as answer:  # health says by its status too what is amiss
        with answer:
            return dict(json.load(answer))
    except OSError:
        return {}


def replace_sounds(settings: Settings, sounds: Mapping[str, bytes]) -> None:
    for prompt, wav in sounds.items():
        path = Instance(settings.home).sounds / "ivr" / f"{prompt}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav)
        path.with_suffix(".wav16").unlink(missing_ok=True)


def _free_port(kind: socket.SocketKind) -> int:
    while True:
        port = random.randint(_FIRST_PORT, _LAST_PORT)  # noqa: S311
        if port_is_free("127.0.0.1", port, kind):
            return port


def _environment(settings: Settings) -> dict[str, str]:
    given = settings.model_dump().items()
    return {f"IVR_{name.upper()}": str(value) for name, value in given if value is not None}


def _write_rules(directory: Path, equipment: Equipment) -> Path:
    source = PROJECT / "deploy" / "provinces" / f"{PROVINCE}.yaml"
    rules = yaml.load(source.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - text only
    changes = {"limits": equipment.limits, "conversation": equipment.conversation}
    for section, times in changes.items():
        changed = {name: str(value) for name, value in times.items()}
        rules[section] = {**rules.get(section, {}), **changed}
    directory.mkdir(parents=True)
    text = yaml.safe_dump(rules, allow_unicode=True)
    (directory / source.name).write_text(text, encoding="utf-8")
    shutil.copy(source.with_name("common.yaml"), directory)
    return directory


def _write_people(directory: Path, devices: Sequence[str]) -> Path:
    people = [
        {"id": device, "name_fa": "نمونه", "desks": [_DESK], "devices": [{"id": device}]}
        for device in devices
    ]
    directory.mkdir(parents=True)
    text = yaml.safe_dump({"counsellors": people}, allow_unicode=True)
    (directory / f"{PROVINCE}.yaml").write_text(text, encoding="utf-8")
    return directory
