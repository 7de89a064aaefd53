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
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from ivr.prompts.builder import build, sounds_dir
from ivr.settings import PROJECT, Settings

PROVINCE = "markazi"
LINE = "086123"
_DESK = "markazi-arak"
_POLL_S = 0.05
_START_S = 60.0
_STOP_S = 20.0
# Below the range from which the kernel gives ports to clients, above the well-known ones.
_FIRST_PORT, _LAST_PORT = 16000, 31999


# Prompt id → WAV file, from the directory where the spoken prompts lie.
Sounds = Callable[[Path], Mapping[str, bytes]]


class BenchError(LineError):
    """A measurement could not be made, or what it measured did not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What a benchmark's copy has. `devices` are counsellors too, one each, named as the device.

    `limits` and `conversation` change the province's; `dialplan`, `queues` and `call_records` are
    put behind Asterisk's own files.
    """

    devices: Sequence[str]
    limits: Mapping[str, float] = field(default_factory=dict)
    conversation: Mapping[str, float] = field(default_factory=dict)
    dialplan: str = ""
    queues: str = ""
    call_records: str = ""
    rtp_ports: str = "32000-32767"


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
        sip_port=free_port(socket.SOCK_DGRAM),
        ami_port=free_port(socket.SOCK_STREAM),
        agi_port=free_port(socket.SOCK_STREAM),
        http_port=free_port(socket.SOCK_STREAM),
        rtp_ports=equipment.rtp_ports,
        default_province=PROVINCE,
        rules_dir=_write_rules(home / "rules", equipment),
        demo_dir=_write_people(home / "people", equipment.devices),
    )


@asynccontextmanager
async def running_asterisk(
    home: Path, equipment: Equipment, *, sounds: Sounds | None = None
) -> AsyncIterator[Settings]:
    """Asterisk of a copy, started here and gone afterwards; nobody serves its calls yet.

    `sounds` are made from the directory of the spoken ones and replace or join them. Raises
    AsteriskError where it does not start.
    """
    settings = bench_settings(home, equipment)
    await asyncio.to_thread(install, settings)
    await asyncio.to_thread(build, settings)
    if sounds:
        _put_sounds(sounds_dir(settings), sounds)
    lines, devices = lines_and_devices(settings)
    configure(settings, lines=lines, devices=devices)
    added = {
        "extensions.conf": equipment.dialplan,
        "queues.conf": equipment.queues,
        "cdr_custom.conf": equipment.call_records,
    }
    for name, text in added.items():
        with (Instance(home).etc / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")
    async with AsteriskProcess(settings):
        yield settings


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """The controller as a process of its own that sees Asterisk; its process id.

    Its words are in IVR_HOME/serve.log, the last of them in the BenchError that is raised where it
    does not come up, or where a wait inside takes too long.
    """
    with (settings.home / "serve.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr", "serve", "--until-stdin-ends"),
            env={**os.environ, **_environment(settings)},
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        await _until_exchange_up(settings, process)
        yield process.pid
    except TimeoutError as error:
        words = (settings.home / "serve.log").read_text(errors="replace")[-2000:]
        raise BenchError(f"It took too long; the controller's last words:\n{words}") from error
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


async def _until_exchange_up(settings: Settings, process: asyncio.subprocess.Process) -> None:
    """Raises TimeoutError, at once where the process has ended."""
    async with asyncio.timeout(_START_S):
        while not await asyncio.to_thread(_exchange_up, settings):
            if process.returncode is not None:
                raise TimeoutError
            await asyncio.sleep(_POLL_S)


def _exchange_up(settings: Settings) -> bool:
    return bool(get_json(settings, "/healthz").get("exchange_up"))


def device_password(settings: Settings, device: str) -> str:
    name = DeviceId(device)
    return device_passwords(settings.home, [name])[name]


def sip_server(settings: Settings) -> tuple[str, int]:
    return settings.host, settings.sip_port


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


def _put_sounds(directory: Path, sounds: Sounds) -> None:
    for prompt, wav in sounds(directory).items():
        path = directory / f"{prompt}.wav"
        path.write_bytes(wav)
        path.with_suffix(".wav16").unlink(missing_ok=True)


def free_port(kind: socket.SocketKind) -> int:
    """A loopback port that nobody has, and that no client's socket gets by chance."""
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
