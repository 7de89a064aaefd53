"""Judge a sound: what is wrong with it, and how to mend it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ivr.prompts import audio
from ivr.prompts.catalogue import Prompt

LOUDNESS_WINDOW_DB = 2.0
FAINT_DBFS = -45.0  # a recording below this brings up the room's noise with the voice
DC_LIMIT = 0.01  # of full scale; more is heard as a click at both ends
BUILD = "run `ivr prompts build`"


class Fault(StrEnum):
    MISSING = "missing"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"
    WRONG_FORMAT = "wrong_format"
    SILENT = "silent"
    TOO_LONG = "too_long"
    TOO_LOUD = "too_loud"
    TOO_QUIET = "too_quiet"
    CLIPPED = "clipped"
    DC_OFFSET = "dc_offset"
    LEFTOVER = "leftover"
    UNKNOWN_RECORDING = "unknown_recording"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which prompt (or file), and how to mend it."""

    subject: str
    fault: Fault
    text: str


def judge_sound(prompt: Prompt, path: Path, form: audio.Form) -> Iterator[Problem]:
    """Problems of a built sound. Raises PromptsError where the file cannot be read."""
    measures = audio.measure(path)
    for fault, text in _sound_faults(prompt, measures, form):
        yield Problem(prompt.id, fault, f"{path.name} {text}")


def judge_recording(prompt_id: str, path: Path) -> Iterator[Problem]:
    """Problems that the levelled sound no longer shows. Raises PromptsError as above."""
    measures = audio.measure(path)
    for fault, text in _recording_faults(measures):
        yield Problem(prompt_id, fault, f"the recording {path.name} {text}")


def _sound_faults(
    prompt: Prompt, measures: audio.Measures, form: audio.Form
) -> Iterator[tuple[Fault, str]]:
    has = (measures.rate_hz, measures.channels, measures.sample_bits)
    if has != (form.rate_hz, 1, 16):
        text = f"has {has[0]} Hz, {has[1]} channels, {has[2]} bits, not {form.rate_hz} Hz mono 16"
        yield Fault.WRONG_FORMAT, f"{text}: {BUILD}"
    if measures.loudness_dbfs < audio.SILENCE_DBFS:
        yield Fault.SILENT, f"has nothing to hear: record it again, or {BUILD}"
        return
    off_db = measures.loudness_dbfs - audio.LOUDNESS_DBFS + prompt.quieter_db
    if abs(off_db) > LOUDNESS_WINDOW_DB:
        fault = Fault.TOO_LOUD if off_db > 0 else Fault.TOO_QUIET
        yield fault, f"is {off_db:+.1f} dB off the other prompts: {BUILD}"
    if measures.clipped:
        yield Fault.CLIPPED, f"is cut off at full scale: {BUILD}"
    if abs(measures.dc_offset) > DC_LIMIT:
        yield Fault.DC_OFFSET, f"lies {measures.dc_offset:+.1%} off the middle: {BUILD}"
    if measures.length_s > prompt.max_s:
        text = f"lasts {measures.length_s:.1f} s, at most {prompt.max_s:.1f} s"
        yield Fault.TOO_LONG, f"{text}: say it shorter"


def _recording_faults(measures: audio.Measures) -> Iterator[tuple[Fault, str]]:
    if measures.clipped:
        yield Fault.CLIPPED, "is cut off at full scale: record it with less gain"
    if measures.loudness_dbfs < FAINT_DBFS:
        text = f"has {measures.loudness_dbfs:.0f} dBFS only: record it closer"
        yield Fault.TOO_QUIET, text
    if abs(measures.dc_offset) > DC_LIMIT:
        text = f"lies {measures.dc_offset:+.1%} off the middle: have the sound card checked"
        yield Fault.DC_OFFSET, text
