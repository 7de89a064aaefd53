"""Sound in memory, through pydub: reading, the telephone's band and loudness, measuring, writing.

The one module that imports pydub. WAV only, so its search for ffmpeg does not concern us; and it
still imports audioop, which the dependency audioop-lts provides where Python no longer does.
"""

import io
import math
import os
import struct
import warnings
from array import array
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from ivr.errors import PromptsError
from ivr.prompts import filters

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning)
    from pydub import AudioSegment
    from pydub.exceptions import CouldntDecodeError
    from pydub.generators import Sine
    from pydub.silence import detect_leading_silence, detect_silence

Sound: TypeAlias = Any  # pydub.AudioSegment, which has no types

RATE_HZ = 8000  # what a telephone call carries, and Asterisk plays without converting
BAND_HZ = (300, 3400)
LOUDNESS_DBFS = -22.0  # of speech without its pauses; room for the peaks of speech above it
KNEE = 0.5  # of full scale: above it peaks are bent …
CEILING = 0.8  # … and never pass this
SILENCE_DBFS = -50.0
FRAME_MS = 20
KEEP_MS = 20  # of what is quieter than SILENCE_DBFS: the beginning of an s, the end of an n
FULL_SCALE = 32768
CLIPPED_AT = 0.995 * FULL_SCALE
CLIPPED_RUN = 4  # equal samples at full scale; fewer happen in sound recordings too


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a file sounds like; loudness of its speech without the pauses."""

    rate_hz: int
    channels: int
    sample_bits: int
    length_s: float
    loudness_dbfs: float
    peak_dbfs: float
    clipped: bool


def read(wav: bytes, name: str) -> Sound:
    """A WAV file of any rate, width and number of channels as one 16-bit channel.

    Raises PromptsError naming the file.
    """
    return _decode(wav, name).set_channels(1).set_sample_width(2)


def measure(path: Path) -> Measures:
    """Raises PromptsError where the file cannot be read."""
    try:
        raw = _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise PromptsError(f"{path}: cannot be read: {error.strerror}") from error
    sound = raw.set_channels(1).set_sample_width(2)
    return Measures(
        rate_hz=raw.frame_rate,
        channels=raw.channels,
        sample_bits=8 * raw.sample_width,
        length_s=len(raw) / 1000,
        loudness_dbfs=loudness(sound),
        peak_dbfs=sound.max_dBFS,
        clipped=_is_clipped(sound),
    )


def for_telephone(sound: Sound, *, pause_s: float, longest_pause_s: float | None = None) -> Sound:
    """Speech as the line plays it: band, rate, loudness, no silence around, then `pause_s` of it.

    Pauses inside are shortened to `longest_pause_s` where it is given.
    """
    sound = _trimmed(_levelled(_in_band(sound)))
    if longest_pause_s is not None:
        sound = _shorten_pauses(sound, round(1000 * longest_pause_s))
    return sound.fade_in(5).fade_out(15) + silence(pause_s)


def silence(length_s: float) -> Sound:
    return AudioSegment.silent(duration=round(1000 * length_s), frame_rate=RATE_HZ)


def tone(frequency_hz: float, length_s: float, level_dbfs: float) -> Sound:
    return Sine(frequency_hz, sample_rate=RATE_HZ).to_audio_segment(1000 * length_s, level_dbfs)


def loudness(sound: Sound) -> float:
    """Mean level in dBFS of the frames within 30 dB of the loudest; -inf for silence."""
    powers = [sound[at : at + FRAME_MS].rms ** 2 for at in range(0, len(sound), FRAME_MS)]
    loudest = max(powers, default=0)
    active = [power for power in powers if power > loudest / 1000]
    if not active:
        return -math.inf
    return 10 * math.log10(sum(active) / len(active)) - 20 * math.log10(FULL_SCALE)


def write(sound: Sound, path: Path) -> None:
    """Write a WAV file at once: a reader finds the old file or the whole new one."""
    memory = io.BytesIO()
    sound.export(memory, format="wav")
    replace(path, memory.getvalue())


def replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)


def _decode(wav: bytes, name: str) -> Sound:
    """The constructor, not from_file: that one would look for ffmpeg on any mistake."""
    try:
        return AudioSegment(data=wav)
    except (CouldntDecodeError, struct.error, ValueError, IndexError) as error:
        raise PromptsError(f"{name}: is not a PCM WAV file ({error}); save it as one") from error


def _in_band(sound: Sound) -> Sound:
    """Cut what a telephone does not carry; the upper edge first, else it folds into the band."""
    low_hz, high_hz = BAND_HZ
    if sound.frame_rate > 2 * high_hz:
        parts = [filters.low_pass(high_hz, sound.frame_rate, q) for q in filters.SIXTH_ORDER]
        sound = _with_samples(sound, filters.run(sound.get_array_of_samples(), parts))
    sound = sound.set_frame_rate(RATE_HZ)
    parts = [filters.high_pass(low_hz, RATE_HZ, q) for q in filters.FOURTH_ORDER]
    return _with_samples(sound, filters.run(sound.get_array_of_samples(), parts))


def _levelled(sound: Sound) -> Sound:
    """Speech at LOUDNESS_DBFS, with peaks bent instead of cut off."""
    level = loudness(sound)
    if level == -math.inf:
        return sound
    gain = 10 ** ((LOUDNESS_DBFS - level) / 20) / FULL_SCALE
    samples = sound.get_array_of_samples()
    return _with_samples(sound, [FULL_SCALE * _bent(gain * sample) for sample in samples])


def _bent(x: float) -> float:
    room = CEILING - KNEE
    over = abs(x) - KNEE
    return x if over <= 0 else math.copysign(KNEE + room * math.tanh(over / room), x)


def _trimmed(sound: Sound) -> Sound:
    lead = detect_leading_silence(sound, SILENCE_DBFS, chunk_size=5)
    trail = detect_leading_silence(sound.reverse(), SILENCE_DBFS, chunk_size=5)
    return sound[max(0, lead - KEEP_MS) : len(sound) - max(0, trail - KEEP_MS)]


def _shorten_pauses(sound: Sound, longest_ms: int) -> Sound:
    out, done = sound[:0], 0
    for start, end in detect_silence(sound, longest_ms, SILENCE_DBFS, seek_step=5):
        out += sound[done : start + longest_ms // 2]
        done = end - longest_ms // 2
    return out + sound[done:]


def _with_samples(sound: Sound, samples: list[float]) -> Sound:
    last = FULL_SCALE - 1
    whole = array("h", [max(-last, min(last, round(sample))) for sample in samples])
    return AudioSegment(
        data=whole.tobytes(), sample_width=2, frame_rate=sound.frame_rate, channels=1
    )


def _is_clipped(sound: Sound) -> bool:
    """Whether the wave is cut off flat at full scale."""
    return any(
        abs(value) >= CLIPPED_AT and sum(1 for _ in run) >= CLIPPED_RUN
        for value, run in groupby(sound.get_array_of_samples())
    )
