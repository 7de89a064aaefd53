"""Build the audio that Asterisk plays: recordings where there are any, else the synthetic voice.

A sound is named by a hash of all it is made from and kept in a cache that copies share; a second
build finds everything there.
"""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ivr.errors import PromptsError
from ivr.prompts import audio, filters, hold_music, speech
from ivr.prompts.catalogue import Catalogue, Prompt, load_catalogue
from ivr.settings import Settings

VOICE_PAUSE_S = 0.15  # the synthetic voice rests twice as long at a comma
MANIFEST = "manifest.json"  # beside the sounds: prompt id → name in the cache
PROCESSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one sound is made from: a recording, or the voice reading a text."""

    prompt: Prompt
    recording: Path | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What was built: prompt ids, how many of them were made anew, where the files are."""

    sounds_dir: Path
    hold_music: Path
    prompts: tuple[str, ...]
    recorded: tuple[str, ...]
    made: int


def sounds_dir(settings: Settings) -> Path:
    """Where Asterisk finds `ivr/<prompt id>`."""
    return settings.home / "sounds" / "ivr"


def sound_path(directory: Path, prompt_id: str, form: audio.Form) -> Path:
    return directory / f"{prompt_id}{form.suffix}"


def hold_music_path(settings: Settings) -> Path:
    return settings.home / "moh" / "hold.wav"


def build(settings: Settings) -> BuildReport:
    """Make the sounds of all prompts and the hold music, as far as they are not made yet.

    Raises BadInput for a wrong catalogue; PromptsError where a recording cannot be read, or
    a prompt has none and espeak-ng is missing.
    """
    sources = all_sources(load_catalogue(settings.prompts_dir))
    try:
        made = _make_and_install(sources, settings)
    except OSError as error:
        raise PromptsError(
            f"{error.filename}: the sounds cannot be written: {error.strerror}; "
            "make room, or set IVR_HOME and IVR_CACHE_DIR to other directories"
        ) from error
    return BuildReport(
        sounds_dir=sounds_dir(settings),
        hold_music=hold_music_path(settings),
        prompts=tuple(source.prompt.id for source in sources),
        recorded=tuple(source.prompt.id for source in sources if source.recording),
        made=made,
    )


def all_sources(catalogue: Catalogue) -> list[Source]:
    """What each prompt's sound is to be made from, as things stand now."""
    recordings = {prompt_id: catalogue.recording(prompt_id) for prompt_id in catalogue.prompts}
    speaker = "" if all(recordings.values()) else speech.version()
    return [
        _source(prompt, recordings[prompt.id], speaker) for prompt in catalogue.prompts.values()
    ]


def manifest(directory: Path) -> Mapping[str, str]:
    """Which sources the sounds in a directory were made from; empty where nothing was built."""
    try:
        keys = json.loads((directory / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return keys if isinstance(keys, dict) else {}


def _source(prompt: Prompt, recording: Path | None, speaker: str) -> Source:
    if recording:
        key = _digest([_read(recording), prompt.pause_s, prompt.quieter_db])
    else:
        voice = prompt.voice
        settings = (voice.name, voice.speed, voice.pitch)
        key = _digest([speaker, settings, prompt.say, prompt.pause_s, prompt.quieter_db])
    return Source(prompt=prompt, recording=recording, key=key)


def _read(recording: Path) -> bytes:
    try:
        return recording.read_bytes()
    except OSError as error:
        raise PromptsError(f"{recording}: cannot be read: {error.strerror}") from error


@cache
def _program() -> bytes:
    """The code that makes sounds: when it changes, all are made anew."""
    files = [__file__, *(module.__file__ for module in (audio, filters, hold_music, speech))]
    return b"".join(Path(file).read_bytes() for file in files if file)


def _digest(parts: Iterable[object]) -> str:
    digest = hashlib.sha256(_program())
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


def _cached(cache_dir: Path, key: str, form: audio.Form = audio.NARROW) -> Path:
    return cache_dir / f"{key}{form.suffix}"


def _make_and_install(sources: list[Source], settings: Settings) -> int:
    cache_dir = settings.cache_dir / "prompts"
    music_key = _digest(["hold music"])
    made = _make(sources, music_key, cache_dir)
    _install(sources, cache_dir, sounds_dir(settings))
    _copy_if_new(_cached(cache_dir, music_key), hold_music_path(settings))
    return made


def _make(sources: list[Source], music_key: str, cache_dir: Path) -> int:
    """Make what the cache lacks, in a few processes: filtering is plain Python."""
    wanted = {source.key: source for source in sources}
    jobs = [
        source
        for key, source in wanted.items()
        if not all(_cached(cache_dir, key, form).exists() for form in audio.FORMS)
    ]
    music = _cached(cache_dir, music_key)
    if not jobs and music.exists():
        return 0
    processes = min(PROCESSES, os.cpu_count() or 1)
    # spawn: a fork would copy the threads and sockets of whoever builds
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        tune = None if music.exists() else pool.submit(_make_music, music)
        for _ in pool.map(_make_prompt, jobs, [cache_dir] * len(jobs), chunksize=4):
            pass
        if tune:
            tune.result()
    return len(jobs)


def _make_prompt(source: Source, cache_dir: Path) -> None:
    prompt, longest_pause_s = source.prompt, None
    if source.recording:
        sound = audio.read(_read(source.recording), str(source.recording))
    else:
        sound = audio.read(speech.speak(prompt.say, prompt.voice), f"the voice for {prompt.id}")
        longest_pause_s = VOICE_PAUSE_S
    for form in audio.FORMS:
        finished = audio.for_telephone(
            sound, form, pause_s=prompt.pause_s, longest_pause_s=longest_pause_s
        )
        audio.write(finished - prompt.quieter_db, _cached(cache_dir, source.key, form))


def _make_music(path: Path) -> None:
    audio.write(hold_music.compose(), path)


def _install(sources: list[Source], cache_dir: Path, target_dir: Path) -> None:
    """Copy, never link: the cache may be emptied while the line plays.

    What an earlier build made of prompts that are no more goes away.
    """
    for source in sources:
        for form in audio.FORMS:
            target = sound_path(target_dir, source.prompt.id, form)
            _copy_if_new(_cached(cache_dir, source.key, form), target)
    keys = {source.prompt.id: source.key for source in sources}
    for prompt_id in manifest(target_dir).keys() - keys.keys():
        for form in audio.FORMS:
            sound_path(target_dir, prompt_id, form).unlink(missing_ok=True)
    audio.replace(target_dir / MANIFEST, json.dumps(keys, indent=1).encode())


def _copy_if_new(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if not target.exists() or target.read_bytes() != data:
        audio.replace(target, data)
