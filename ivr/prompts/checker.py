"""Check what was built: everything there and nothing else, short enough, sounding well."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ivr.errors import PromptsError
from ivr.prompts import audio
from ivr.prompts.builder import (
    MANIFEST,
    Source,
    all_sources,
    hold_music_path,
    manifest,
    sound_path,
    sounds_dir,
)
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.prompts.hearing import BUILD, Fault, Problem, judge_recording, judge_sound
from ivr.settings import Settings


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
    lengths_s = lengths(catalogue, directory)
    problems = (
        *_build_problems(sources, directory),
        *_sound_problems(sources, directory),
        *_leftovers(catalogue, directory),
        *_recording_problems(catalogue, sources),
        *_together_problems(catalogue, lengths_s),
        *_music_problems(hold_music_path(settings)),
    )
    return CheckReport(
        lengths_s=lengths_s, placeholders=_placeholders(catalogue, sources), problems=problems
    )


def lengths(catalogue: Catalogue, directory: Path) -> Mapping[str, float]:
    """How many seconds each prompt lasts, of those built and readable."""
    found: dict[str, float] = {}
    for prompt_id in catalogue.prompts:
        with suppress(PromptsError):
            found[prompt_id] = audio.length_s(sound_path(directory, prompt_id, audio.NARROW))
    return found


def _build_problems(sources: list[Source], directory: Path) -> Iterator[Problem]:
    keys = manifest(directory)
    for source in sources:
        prompt_id = source.prompt.id
        paths = [sound_path(directory, prompt_id, form) for form in audio.FORMS]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            yield Problem(prompt_id, Fault.MISSING, f"{', '.join(missing)} not there: {BUILD}")
        elif keys.get(prompt_id) != source.key:
            text = f"text, voice or recording changed since it was built: {BUILD}"
            yield Problem(prompt_id, Fault.OUTDATED, text)


def _sound_problems(sources: list[Source], directory: Path) -> Iterator[Problem]:
    for source in sources:
        for form in audio.FORMS:
            path = sound_path(directory, source.prompt.id, form)
            if path.exists():
                yield from _judged(source, path, form)


def _judged(source: Source, path: Path, form: audio.Form) -> Iterator[Problem]:
    try:
        yield from judge_sound(source.prompt, path, form)
    except PromptsError as error:
        yield Problem(source.prompt.id, Fault.UNREADABLE, f"{error}, or {BUILD}")


def _leftovers(catalogue: Catalogue, directory: Path) -> Iterator[Problem]:
    """Files beside the sounds that no prompt calls for; hidden ones are being written."""
    ours = {MANIFEST, *(f"{i}{form.suffix}" for i in catalogue.prompts for form in audio.FORMS)}
    built = manifest(directory)
    for path in sorted(directory.glob("[!.]*")):
        if path.name not in ours:
            mend = BUILD if path.stem in built else "delete it"
            text = f"{path} belongs to no prompt of the catalogue: {mend}"
            yield Problem(path.name, Fault.LEFTOVER, text)


def _music_problems(path: Path) -> Iterator[Problem]:
    if not path.exists():
        yield Problem("hold music", Fault.MISSING, f"{path} is not there: {BUILD}")


def _placeholders(catalogue: Catalogue, sources: list[Source]) -> tuple[str, ...]:
    if not catalogue.voice.placeholder:
        return ()
    return tuple(source.prompt.id for source in sources if source.recording is None)


def _recording_problems(catalogue: Catalogue, sources: list[Source]) -> Iterator[Problem]:
    """What is wrong with recordings, and files that stand for nothing."""
    for source in sources:
        if source.recording:
            yield from judge_recording(source.prompt.id, source.recording)
    for path in sorted(catalogue.recordings_dir.glob("[!.]*")):
        if path.suffix != ".wav" or path.stem not in catalogue.prompts:
            near = get_close_matches(path.stem, catalogue.prompts, 1)
            name = f"{near[0]}.wav" if near else "<prompt id>.wav"
            text = f"is used for no prompt: save it as {name}, or take it away"
            yield Problem(f"{path.parent.name}/{path.name}", Fault.UNKNOWN_RECORDING, text)


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
