"""A private Asterisk of a test's own: free ports, a home of its own, six phones, one line."""

import math
import socket
import wave
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.configure import configure
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.provision import find_root, why_not_private
from ivr.dialplan.static import CLOSING_PROMPT
from ivr.dialplan.static_lines import SipDevice, Stage, StaticLine, StaticMember, StaticQueue
from ivr.prompts.audio import FORMS
from ivr.prompts.builder import sound_path, sounds_dir
from ivr.settings import Settings
from tests.ports import free_port
from tests.real.watcher import watched_templates

NUMBER = "086123"
MUSIC_HZ = 500.0
CLOSING_HZ = 700.0
CLOSING_S = 1.0


@dataclass(frozen=True)
class Exchange:
    """A running Asterisk and what is needed to call it."""

    settings: Settings
    devices: tuple[SipDevice, ...]
    process: AsteriskProcess

    @property
    def address(self) -> tuple[str, int]:
        return self.settings.host, self.settings.sip_port


def why_no_asterisk() -> str | None:
    """Why the real Asterisk cannot be used here, None where it can."""
    if reason := why_not_private():
        return reason
    if find_root(Settings()) is None:
        return "no private Asterisk is installed: run `ivr asterisk install`"
    return None


def free_settings(home: Path) -> Settings:
    """Settings of a copy beside any other: its own home and ports, the shared cache."""
    return Settings(
        home=home,
        asterisk="private",
        sip_port=free_port(socket.SOCK_DGRAM),
        ami_port=free_port(),
        agi_port=free_port(),
        http_port=free_port(),
        rtp_ports="32000-32767",  # shared by all: Asterisk itself passes over what is taken
    )


def demo_devices(count: int = 6) -> tuple[SipDevice, ...]:
    return tuple(
        SipDevice(f"desk-{number}", f"secret-{number}", f"counsellor {number}")
        for number in range(1, count + 1)
    )


def one_line(devices: Sequence[SipDevice]) -> list[StaticLine]:
    """All devices in the province's queue, none before another."""
    members = tuple(StaticMember(device.user) for device in devices)
    return [one_stage(StaticQueue("fallback-markazi", members))]


def one_stage(*queues: StaticQueue) -> StaticLine:
    return StaticLine("markazi", (NUMBER, "123"), (Stage(queues),))


def write_tone(path: Path, frequency_hz: float, length_s: float) -> None:
    """A WAV as Asterisk plays it: 8000 Hz, mono, 16 bits."""
    samples = array(
        "h",
        (
            round(8000 * math.sin(2 * math.pi * frequency_hz * index / 8000))
            for index in range(int(8000 * length_s))
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


def prolong(settings: Settings, prompt: str, silence_s: float) -> None:
    """Let silence follow a prompt: what happens while it plays may then take its time."""
    for form in FORMS:
        path = sound_path(sounds_dir(settings), prompt, form)
        with wave.open(str(path), "rb") as file:
            parameters, frames = file.getparams(), file.readframes(file.getnframes())
        with wave.open(str(path), "wb") as file:
            file.setparams(parameters)
            file.writeframes(frames + bytes(2 * round(form.rate_hz * silence_s)))


@contextmanager
def running_exchange(settings: Settings, lines: Sequence[StaticLine] = ()) -> Iterator[Exchange]:
    """Configure and start an Asterisk with tones for prompts; it is gone afterwards."""
    templates = watched_templates(settings.home / "templates")
    settings = settings.model_copy(update={"templates_dir": templates})
    write_tone(settings.home / "moh" / "music.wav", MUSIC_HZ, 2)
    write_tone(settings.home / "sounds" / "ivr" / f"{CLOSING_PROMPT}.wav", CLOSING_HZ, CLOSING_S)
    devices = demo_devices()
    configure(settings, lines=lines or one_line(devices), devices=devices)
    process = AsteriskProcess(settings)
    process.start()
    try:
        yield Exchange(settings, devices, process)
    finally:
        process.stop()
