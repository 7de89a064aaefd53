"""How long things take in the simulated exchange."""

import wave
from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE = 8000  # Asterisk counts AGI's endpos in samples of its 8 kHz files


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Durations of prompts and the speed of the exchange's time.

    Everything that passes inside the exchange (prompts, time-outs of commands and of ringing,
    behaviours of parties) is divided by `speed`; the controller's own time is not. With
    `sounds_dir` (Asterisk's sounds/) a prompt lasts as long as its WAV, and one that is missing
    fails as it would for Asterisk; without, each lasts `prompt_s`.
    """

    speed: float = 1.0
    prompt_s: float = 1.5
    sounds_dir: Path | None = None

    def scaled(self, seconds: float) -> float:
        return seconds / self.speed

    def prompt_length_s(self, name: str) -> float | None:
        """Unscaled length of the prompt `name` ("ivr/welcome"); None where there is no file."""
        if self.sounds_dir is None:
            return self.prompt_s
        path = self.sounds_dir / f"{name}.wav"
        if not path.is_file():
            return None
        with wave.open(str(path)) as audio:
            return float(audio.getnframes() / audio.getframerate())
