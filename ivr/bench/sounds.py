"""Sounds that a benchmark puts in place of spoken prompts."""

import io
import math
import struct
import wave
from array import array
from collections.abc import Iterable
from pathlib import Path

from ivr.simulator.tone import FRAME_S, FRAME_SAMPLES, Codec

_RATE_HZ = 8000


def wav_tone(frequency_hz: float, length_s: float, amplitude: int = 8000) -> bytes:
    """A WAV file as Asterisk plays it: 8000 Hz, mono, 16 bits."""
    turn = 2 * math.pi * frequency_hz / _RATE_HZ
    count = round(_RATE_HZ * length_s)
    samples = array("h", (round(amplitude * math.sin(turn * place)) for place in range(count)))
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(_RATE_HZ)
        wav.writeframes(samples.tobytes())
    return file.getvalue()


def joined_wavs(paths: Iterable[Path]) -> bytes:
    """Several WAV files as one; they must be alike."""
    file = io.BytesIO()
    with wave.open(file, "wb") as whole:
        for place, path in enumerate(paths):
            with wave.open(str(path)) as part:
                if not place:
                    whole.setparams(part.getparams())
                whole.writeframes(part.readframes(part.getnframes()))
    return file.getvalue()


def length_s(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        return float(file.getnframes() / file.getframerate())


def rtp_pcap(audio: bytes) -> bytes:
    """A-law audio as a pcap file of RTP packets, 20 ms each (RFC 3550, RFC 3551).

    For sipp, which puts its own addresses into them.
    """
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(
        _record(place, audio[place * FRAME_SAMPLES : (place + 1) * FRAME_SAMPLES])
        for place in range(len(audio) // FRAME_SAMPLES)
    )


def _record(place: int, payload: bytes) -> bytes:
    rtp = struct.pack("!BBHII", 0x80, Codec.PCMA, place, place * FRAME_SAMPLES, 0x123) + payload
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), place, 0, 64, 17, 0)
    frame = bytes(12) + b"\x08\x00" + ip + bytes((127, 0, 0, 1)) * 2 + udp
    moment_us = round(place * FRAME_S * 1e6)
    sizes = (len(frame), len(frame))
    return struct.pack("<IIII", moment_us // 1_000_000, moment_us % 1_000_000, *sizes) + frame
