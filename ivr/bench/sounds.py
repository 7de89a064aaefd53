"""Sounds that a benchmark puts in place of spoken prompts."""

import io
import math
import wave
from array import array

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
