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
from collections.abc import Sequence
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

LOUDNESS_DBFS = -22.0  # of speech without its pauses; room for the peaks of speech above it
KNEE = 0.5  # of full scale: above it peaks are bent …
CEILING = 0.8  # … and never pass this
SILENCE_DBFS = -50.0
FRAME_MS = 20
KEEP_MS = 20  # of what is quieter than SILENCE_DBFS: the beginning of an s, the end of an n
FULL_SCALE = 32768
HIGHEST_PART = 0.425  # of a rate: what is above is mirrored when the rate is changed
CLIPPED_AT = 0.995 * FULL_SCALE
CLIPPED_RUN = 4  # equal samples at full scale; fewer happen in sound recordings too


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one kind of call carries, and its 16-bit WAV file, which Asterisk need not convert."""

    rate_hz: int
    band_hz: tuple[int, int]
    suffix: str  # by it Asterisk's format_wav tells the two apart


NARROW = Form(rate_hz=8000, band_hz=(300, 3400), suffix=".wav")  # G.711: the telephone network
WIDE = Form(rate_hz=16000, band_hz=(50, 7000), suffix=".wav16")  # ITU-T G.722: IP telephones
FORMS = (NARROW, WIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a file sounds like; loudness of its speech without the pauses.

    `dc_offset` is the mean of the samples, as a part of full scale.
    """

    rate_hz: int
    channels: int
    sample_bits: int
    length_s: float
    loudness_dbfs: float
    peak_dbfs: float
    dc_offset: float
    clipped: bool


def read(wav: bytes, name: str) -> Sound:
    """A WAV file of any rate, width and number of channels as one 16-bit channel.

    Raises PromptsError naming the file.
    """
    return _decode(wav, name).set_channels(1).set_sample_width(2)


def measure(path: Path) -> Measures:
    """Raises PromptsError where the file cannot be read."""
    raw = _decode_file(path)
    sound = raw.set_channels(1).set_sample_width(2)
    return Measures(
        rate_hz=raw.frame_rate,
        channels=raw.channels,
        sample_bits=8 * raw.sample_width,
        length_s=len(raw) / 1000,
        loudness_dbfs=loudness(sound),
        peak_dbfs=sound.max_dBFS,
        dc_offset=sound.get_dc_offset(),
        clipped=_is_clipped(sound),
    )


def length_s(path: Path) -> float:
    """Seconds. Raises PromptsError where the file cannot be read."""
    return len(_decode_file(path)) / 1000


def for_telephone(
    sound: Sound, form: Form, *, pause_s: float, longest_pause_s: float | None = None
) -> Sound:
    """Speech as the line plays it: band, rate, loudness, no silence around, then `pause_s` of it.

    Pauses inside are shortened to `longest_pause_s` where it is given.
    """
    sound = _trimmed(_levelled(_in_band(sound, form)))
    if longest_pause_s is not None:
        sound = _shorten_pauses(sound, round(1000 * longest_pause_s))
    return sound.fade_in(5).fade_out(15) + silence(pause_s, form)


def silence(length_s: float, form: Form = NARROW) -> Sound:
    return AudioSegment.silent(duration=round(1000 * length_s), frame_rate=form.rate_hz)


def tone(frequency_hz: float, length_s: float, level_dbfs: float) -> Sound:
    return Sine(frequency_hz, sample_rate=NARROW.rate_hz).to_audio_segment(
        1000 * length_s, level_dbfs
    )


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


def _decode_file(path: Path) -> Sound:
    try:
        return _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise PromptsError(f"{path}: cannot be read: {error.strerror}") from error


def _decode(wav: bytes, name: str) -> Sound:
    """The constructor, not from_file: that one would look for ffmpeg on any mistake."""
    try:
        return AudioSegment(data=wav)
    except (CouldntDecodeError, struct.error, ValueError, IndexError) as error:
        raise PromptsError(f"{name}: is not a PCM WAV file ({error}); save it as one") from error


def _in_band(sound: Sound, form: Form) -> Sound:
    """Cut what the call does not carry; the upper edge first, else it folds into the band."""
    low_hz, high_hz = form.band_hz
    edge_hz = min(high_hz, HIGHEST_PART * sound.frame_rate)
    samples, rate_hz = _raised(sound.remove_dc_offset(), 2 * form.rate_hz)
    parts = [filters.low_pass(edge_hz, rate_hz, q) for q in filters.SIXTH_ORDER]
    sound = _with_samples(filters.run(samples, parts), rate_hz).set_frame_rate(form.rate_hz)
    parts = [filters.high_pass(low_hz, form.rate_hz, q) for q in filters.FOURTH_ORDER]
    return _with_samples(filters.run(sound.get_array_of_samples(), parts), form.rate_hz)


def _raised(sound: Sound, least_hz: int) -> tuple[Sequence[int], int]:
    """Samples at a rate of at least `least_hz`, zeros between them, for the low-pass to smooth.

    pydub changes rates by drawing straight lines, which is clean only far below half the rate.
    """
    samples, rate_hz = sound.get_array_of_samples(), sound.frame_rate
    while rate_hz < least_hz:
        doubled = [0] * (2 * len(samples))
        doubled[::2] = [2 * sample for sample in samples]
        samples, rate_hz = doubled, 2 * rate_hz
    return samples, rate_hz


def _levelled(sound: Sound) -> Sound:
    """Speech at LOUDNESS_DBFS, with peaks bent instead of cut off."""
    level = loudness(sound)
    if level == -math.inf:
        return sound
    gain = 10 ** ((LOUDNESS_DBFS - level) / 20) / FULL_SCALE
    samples = sound.get_array_of_samples()
    bent = [FULL_SCALE * _bent(gain * sample) for sample in samples]
    return _with_samples(bent, sound.frame_rate)


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


def _with_samples(samples: list[float], rate_hz: int) -> Sound:
    last = FULL_SCALE - 1
    whole = array("h", [max(-last, min(last, round(sample))) for sample in samples])
    return AudioSegment(data=whole.tobytes(), sample_width=2, frame_rate=rate_hz, channels=1)


def _is_clipped(sound: Sound) -> bool:
    """Whether the wave is cut off flat at full scale."""
    return any(
        abs(value) >= CLIPPED_AT and sum(1 for _ in run) >= CLIPPED_RUN
        for value, run in groupby(sound.get_array_of_samples())
    )
