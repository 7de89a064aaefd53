"""Check what was built: everything there, short enough, equally loud, undamaged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ivr.errors import PromptsError
from ivr.prompts import audio
from ivr.prompts.builder import Source, all_sources, hold_music_path, manifest, sounds_dir
from ivr.prompts.catalogue import Catalogue, Prompt, load_catalogue
from ivr.settings import Settings

LOUDNESS_WINDOW_DB = 2.0
FAINT_DBFS = -45.0  # a recording below this brings up the room's noise with the voice
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
    UNKNOWN_RECORDING = "unknown_recording"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which prompt (or file), and how to mend it."""

    subject: str
    fault: Fault
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Lengths in seconds of what is there; ids that no person has spoken yet; problems."""

    lengths_s: Mapping[str, float]
    placeholders: tuple[str, ...]
    problems: tuple[Problem, ...]


def check(settings: Settings) -> CheckReport:
    """Compare the built sounds with the catalogue; changes nothing.

    Raises BadInput for a wrong catalogue, PromptsError where espeak-ng is needed and missing.
    """
    catalogue = load_catalogue(settings.prompts_dir)
    sources = all_sources(catalogue)
    directory = sounds_dir(settings)
    problems = list(_build_problems(sources, directory))
    measured: dict[str, audio.Measures] = {}
    for source in sources:
        prompt, path = source.prompt, directory / f"{source.prompt.id}.wav"
        if path.exists():
            try:
                measured[prompt.id] = audio.measure(path)
            except PromptsError as error:
                problems.append(Problem(prompt.id, Fault.UNREADABLE, f"{error}, or {BUILD}"))
            else:
                problems += _sound_problems(prompt, measured[prompt.id])
    lengths_s = {prompt_id: measures.length_s for prompt_id, measures in measured.items()}
    problems += _recording_problems(catalogue, sources)
    problems += _together_problems(catalogue, lengths_s)
    problems += _music_problems(hold_music_path(settings))
    return CheckReport(
        lengths_s=lengths_s,
        placeholders=_placeholders(catalogue, sources),
        problems=tuple(problems),
    )


def _build_problems(sources: list[Source], directory: Path) -> Iterator[Problem]:
    keys = manifest(directory)
    for source in sources:
        prompt_id, path = source.prompt.id, directory / f"{source.prompt.id}.wav"
        if not path.exists():
            yield Problem(prompt_id, Fault.MISSING, f"{path} is not there: {BUILD}")
        elif keys.get(prompt_id) != source.key:
            text = f"text, voice or recording changed since it was built: {BUILD}"
            yield Problem(prompt_id, Fault.OUTDATED, text)


def _music_problems(path: Path) -> Iterator[Problem]:
    if not path.exists():
        yield Problem("hold music", Fault.MISSING, f"{path} is not there: {BUILD}")


def _placeholders(catalogue: Catalogue, sources: list[Source]) -> tuple[str, ...]:
    if not catalogue.voice.placeholder:
        return ()
    return tuple(source.prompt.id for source in sources if source.recording is None)


def _sound_problems(prompt: Prompt, measures: audio.Measures) -> Iterator[Problem]:
    form = (measures.rate_hz, measures.channels, measures.sample_bits)
    if form != (audio.RATE_HZ, 1, 16):
        text = f"{form[0]} Hz, {form[1]} channels, {form[2]} bits, not 8000 Hz mono 16: {BUILD}"
        yield Problem(prompt.id, Fault.WRONG_FORMAT, text)
    if measures.loudness_dbfs < audio.SILENCE_DBFS:
        yield Problem(prompt.id, Fault.SILENT, "nothing to hear: record it again, or " + BUILD)
        return
    off_db = measures.loudness_dbfs - audio.LOUDNESS_DBFS
    if abs(off_db) > LOUDNESS_WINDOW_DB:
        fault = Fault.TOO_LOUD if off_db > 0 else Fault.TOO_QUIET
        yield Problem(prompt.id, fault, f"{off_db:+.1f} dB off the other prompts: {BUILD}")
    if measures.clipped:
        yield Problem(prompt.id, Fault.CLIPPED, f"cut off at full scale: {BUILD}")
    if measures.length_s > prompt.max_s:
        text = f"{measures.length_s:.1f} s, at most {prompt.max_s:.1f} s: say it shorter"
        yield Problem(prompt.id, Fault.TOO_LONG, text)


def _recording_problems(catalogue: Catalogue, sources: list[Source]) -> Iterator[Problem]:
    """What the levelled sound no longer shows, and files that stand for nothing."""
    for source in sources:
        if source.recording:
            yield from _one_recording(source.prompt.id, audio.measure(source.recording))
    for path in sorted(catalogue.recordings_dir.glob("*")):
        if path.suffix != ".wav" or path.stem not in catalogue.prompts:
            text = "belongs to no prompt: name it <prompt id>.wav"
            yield Problem(f"{path.parent.name}/{path.name}", Fault.UNKNOWN_RECORDING, text)


def _one_recording(prompt_id: str, measures: audio.Measures) -> Iterator[Problem]:
    if measures.clipped:
        text = "the recording is cut off at full scale: record it with less gain"
        yield Problem(prompt_id, Fault.CLIPPED, text)
    if measures.loudness_dbfs < FAINT_DBFS:
        text = f"the recording has {measures.loudness_dbfs:.0f} dBFS only: record it closer"
        yield Problem(prompt_id, Fault.TOO_QUIET, text)


def _together_problems(catalogue: Catalogue, lengths_s: Mapping[str, float]) -> Iterator[Problem]:
    for rule in catalogue.together:
        longest = [
            max((i for i in catalogue.members(part) if i in lengths_s), key=lengths_s.__getitem__)
            for part in rule.parts
            if any(i in lengths_s for i in catalogue.members(part))
        ]
        total_s = sum(lengths_s[prompt_id] for prompt_id in longest)
        if total_s > rule.max_s:
            text = f"{total_s:.1f} s together, at most {rule.max_s:.1f} s, for {rule.why}"
            yield Problem(" + ".join(longest), Fault.TOO_LONG, text)
