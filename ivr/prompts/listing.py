"""The script for a studio: every prompt with its text, its place, and whether it was recorded."""

from dataclasses import dataclass

from ivr.prompts.builder import sounds_dir
from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.checker import lengths
from ivr.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One prompt. `length_s` is the built sound's, None before the first build."""

    id: str
    text: str
    group: str
    used: str
    recorded: bool
    length_s: float | None
    max_s: float


def list_prompts(settings: Settings) -> tuple[Entry, ...]:
    """All prompts in the order of the catalogue. Raises BadInput for a wrong catalogue."""
    catalogue = load_catalogue(settings.prompts_dir)
    lengths_s = lengths(catalogue, sounds_dir(settings))
    return tuple(
        Entry(
            id=prompt.id,
            text=prompt.text,
            group=prompt.group,
            used=catalogue.groups[prompt.group],
            recorded=catalogue.recording(prompt.id) is not None,
            length_s=lengths_s.get(prompt.id),
            max_s=prompt.max_s,
        )
        for prompt in catalogue.prompts.values()
    )
