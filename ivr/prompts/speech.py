"""The synthetic voice, espeak-ng as a program: it stands in until people record the texts."""

import subprocess

from ivr.errors import PromptsError
from ivr.prompts.catalogue import RECORDINGS, Voice

PROGRAM = "espeak-ng"
LIMIT_S = 30.0


def speak(text: str, voice: Voice) -> bytes:
    """The text as a WAV file in memory; marks on letters and [[phonemes]] are understood.

    Raises PromptsError where espeak-ng is missing or says nothing.
    """
    arguments = ["-v", voice.name, "-s", str(voice.speed), "-p", str(voice.pitch)]
    sound = _run([*arguments, "-b", "1", "--stdin", "--stdout"], text)
    if not sound:
        raise PromptsError(
            f"{PROGRAM} made no sound for «{text}»: does it know voice {voice.name}?"
        )
    return sound


def version() -> str:
    """The program's own words about itself: another version may speak differently."""
    return _run(["--version"], "").decode(errors="replace").strip()


def _run(arguments: list[str], text: str) -> bytes:
    try:
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=text.encode(),
            capture_output=True,
            check=True,
            timeout=LIMIT_S,
        )
    except FileNotFoundError as error:
        raise PromptsError(
            f"{PROGRAM} is not installed: install it (Debian: apt-get install {PROGRAM}), "
            f"or put a recording of every prompt into the catalogue's directory {RECORDINGS}/"
        ) from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()
        raise PromptsError(f"{PROGRAM} failed with status {error.returncode}: {words}") from error
    except subprocess.TimeoutExpired as error:
        raise PromptsError(f"{PROGRAM} did not end within {LIMIT_S:.0f} s for «{text}»") from error
    return done.stdout
