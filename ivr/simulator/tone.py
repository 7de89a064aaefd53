"""Test tones as G.711 audio, and their detection in what comes back.

Pure Python (Goertzel), so that every telephone of the simulator can listen; frames are 20 ms at
8000 samples a second, one byte a sample (ITU-T G.711, RFC 3551 payload types 0 and 8).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum

SAMPLES_PER_S = 8000
FRAME_SAMPLES = 160
FRAME_S = FRAME_SAMPLES / SAMPLES_PER_S

CALLER_HZ = 600.0
COUNSELLOR_HZ = 1000.0

_AUDIBLE_RMS = 200.0  # of 32124; comfort noise and line noise stay below


class Codec(IntEnum):
    """RTP payload types of RFC 3551."""

    PCMU = 0
    PCMA = 8


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    segment = (code & 0x70) >> 4
    size = ((code & 0x0F) << 4) + 8
    if segment:
        size = (size + 0x100) << (segment - 1)
    return size if code & 0x80 else -size


def _mulaw_sample(code: int) -> int:
    code ^= 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return -size if code & 0x80 else size


_DECODE = {
    Codec.PCMU: tuple(_mulaw_sample(code) for code in range(256)),
    Codec.PCMA: tuple(_alaw_sample(code) for code in range(256)),
}
_ALAW_CODES = sorted(range(256), key=_alaw_sample)
_ALAW_LEVELS = [_alaw_sample(code) for code in _ALAW_CODES]


def encode_pcma(samples: Sequence[int]) -> bytes:
    """Encode 16-bit samples as A-law, each to the nearest level."""
    return bytes(_alaw_code(sample) for sample in samples)


def _alaw_code(sample: int) -> int:
    above = min(bisect_left(_ALAW_LEVELS, sample), 255)
    below = max(above - 1, 0)
    nearer = min(above, below, key=lambda index: abs(_ALAW_LEVELS[index] - sample))
    return _ALAW_CODES[nearer]


def decode(payload: bytes, codec: Codec) -> list[int]:
    """Decode G.711 bytes to 16-bit samples."""
    levels = _DECODE[codec]
    return [levels[code] for code in payload]


def tone(frequency_hz: float, duration_s: float, amplitude: int = 8000) -> bytes:
    """Make a sine of `frequency_hz` as A-law bytes, starting at phase zero."""
    turn = 2 * math.pi * frequency_hz / SAMPLES_PER_S
    count = round(duration_s * SAMPLES_PER_S)
    return encode_pcma([round(amplitude * math.sin(turn * n)) for n in range(count)])


def silence(duration_s: float) -> bytes:
    """A-law silence."""
    return encode_pcma([0]) * round(duration_s * SAMPLES_PER_S)


def loudness(samples: Sequence[int]) -> float:
    """Root mean square of the samples; 0 where there are none."""
    return math.sqrt(sum(x * x for x in samples) / len(samples)) if samples else 0.0


def tone_share(samples: Sequence[int], frequency_hz: float) -> float:
    """Tell which share (0 to about 1) of the samples' energy is at `frequency_hz` (Goertzel).

    A 20 ms frame resolves 50 Hz: frequencies to be told apart should be 100 Hz from each other.
    """
    energy = sum(x * x for x in samples)
    if not energy:
        return 0.0
    factor = 2 * math.cos(2 * math.pi * frequency_hz / SAMPLES_PER_S)
    last = before = 0.0
    for x in samples:
        last, before = x + factor * last - before, last
    power = last * last + before * before - factor * last * before
    return 2 * power / (len(samples) * energy)


def hears_tone(payload: bytes, codec: Codec, frequency_hz: float, share: float = 0.6) -> bool:
    """Whether the frame is audible and mostly the tone."""
    samples = decode(payload, codec)
    return loudness(samples) > _AUDIBLE_RMS and tone_share(samples, frequency_hz) >= share


def is_silent(payload: bytes, codec: Codec) -> bool:
    """Whether nobody would hear anything in the frame."""
    return loudness(decode(payload, codec)) <= _AUDIBLE_RMS


def dominant_frequency(
    payload: bytes, codec: Codec, *, step_hz: float = 25.0, highest_hz: float = 3500.0
) -> float | None:
    """Find the strongest frequency in at least two frames of audio; None where it is silent."""
    samples = decode(payload, codec)
    if loudness(samples) <= _AUDIBLE_RMS:
        return None
    candidates = [step_hz * n for n in range(4, int(highest_hz / step_hz) + 1)]
    return max(candidates, key=lambda hz: tone_share(samples, hz))
