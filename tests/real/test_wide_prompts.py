"""Which of a prompt's two files the real Asterisk plays: the one that needs no converting."""

import asyncio
import re
import wave
from pathlib import Path

import pytest

from ivr.asterisk.instance import ami_secret
from ivr.prompts import audio
from tests.ports import free_port
from tests.real.exchange import Exchange

pytestmark = pytest.mark.real

PATIENCE_S = 90.0
FRAMES = {audio.NARROW: 800, audio.WIDE: 4800}  # different lengths, so that one can tell


@pytest.fixture
def prompt(asterisk: Exchange) -> str:
    """A prompt of a tenth of a second in its narrow form, and of three tenths in its wide one."""
    for form, frames in FRAMES.items():
        path = asterisk.settings.home / "sounds" / "ivr" / f"two-forms{form.suffix}"
        write_silence(path, form.rate_hz, frames)
    return "ivr/two-forms"


def write_silence(path: Path, rate_hz: int, frames: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(bytes(2 * frames))


async def originate(asterisk: Exchange, **fields: str) -> asyncio.StreamWriter:
    """Have a channel made, over an AMI connection of the test's own."""
    settings = asterisk.settings
    _, writer = await asyncio.open_connection(settings.host, settings.ami_port)
    login = {"Action": "Login", "Username": settings.ami_user, "Secret": ami_secret(settings)}
    for message in (login, {"Action": "Originate", "Async": "true", **fields}):
        text = "".join(f"{name}: {value}\r\n" for name, value in message.items())
        writer.write(f"{text}\r\n".encode())
    await writer.drain()
    return writer


async def frames_played(asterisk: Exchange, prompt: str, codec: str) -> int:
    """How many frames of the file a channel of that codec has heard, as AGI tells it."""
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(f'STREAM FILE {prompt} ""\n'.encode())
        reply = re.search(rb"endpos=(\d+)", await reader.readline())
        heard.set_result(int(reply[1]) if reply else 0)
        writer.close()

    host, port = asterisk.settings.host, free_port()
    for step in ("s,1,Answer", f"s,2,AGI,agi://{host}:{port}"):
        asterisk.process.console(f"dialplan add extension {step} into hears-a-prompt replace")
    async with await asyncio.start_server(play, host, port), asyncio.timeout(PATIENCE_S):
        ami = await originate(
            asterisk,
            Channel="Local/s@hears-a-prompt",
            Codecs=codec,
            Application="Wait",
            Data="60",
        )
        try:
            return await heard
        finally:
            ami.close()


@pytest.mark.parametrize(
    ("codec", "form"),
    [
        ("alaw", audio.NARROW),
        ("ulaw", audio.NARROW),
        ("slin", audio.NARROW),
        ("slin16", audio.WIDE),
    ],
)
async def test_a_channel_hears_the_file_of_its_own_rate(
    asterisk: Exchange, prompt: str, codec: str, form: audio.Form
) -> None:
    assert await frames_played(asterisk, prompt, codec) == FRAMES[form]


def test_both_kinds_of_file_are_known(asterisk: Exchange) -> None:
    known = asterisk.process.console("core show file formats")
    for form in audio.FORMS:
        assert re.search(rf"\b{form.suffix[1:]}\s*$", known, re.MULTILINE), form.suffix
