"""The catalogue of spoken texts: what `catalogue.yaml` may say; mistakes by line and id."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ivr.errors import BadInput, PromptsError

FILE_NAME = "catalogue.yaml"
RECORDINGS = "recordings"
PromptId = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, Field(min_length=1)]
Length = Annotated[float, Field(gt=0, le=60)]
Pause = Annotated[float, Field(ge=0, le=5)]
Quieter = Annotated[float, Field(ge=0, le=12)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Speed = Annotated[int, Field(ge=80, le=300)]


class Voice(_Record):
    """The synthetic voice: espeak-ng's name, words a minute, pitch 0-99."""

    name: str = Field(pattern=r"^[A-Za-z0-9+_-]+$")
    speed: Speed
    pitch: int = Field(ge=0, le=99)
    placeholder: bool = True


class Together(_Record):
    """Prompts heard in one go; a part is a prompt or a group, which counts by its longest."""

    parts: tuple[str, ...] = Field(min_length=1)
    max_s: Length
    why: Text


class _Entry(_Record):
    fa: Text
    say: Text | None = None
    max_s: Length | None = None
    pause_s: Pause | None = None


def _entry(value: object) -> object:
    return {"fa": value} if isinstance(value, str) else value


class _Group(_Record):
    name: PromptId
    used: Text
    max_s: Length
    pause_s: Pause
    speed: Speed | None = None
    quieter_db: Quieter = 0.0
    prompts: dict[PromptId, Annotated[_Entry, BeforeValidator(_entry)]] = Field(min_length=1)


class _Document(_Record):
    voice: Voice
    groups: tuple[_Group, ...] = Field(min_length=1)
    together: tuple[Together, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One spoken text. `say` is what the synthetic voice reads: `text`, perhaps with vowel marks.

    `voice` has the group's own speed, where there is one.

    `max_s` bounds the whole sound, the silence of `pause_s` at its end included. It is heard
    `quieter_db` below the others.
    """

    id: str
    text: str
    say: str
    group: str
    voice: Voice
    max_s: float
    pause_s: float
    quieter_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All prompts by id, the voice that stands in where no recording is, and joint limits."""

    path: Path
    voice: Voice
    prompts: Mapping[str, Prompt]
    groups: Mapping[str, str]  # name → where its prompts are used
    together: tuple[Together, ...]

    def require(self, ids: Iterable[str]) -> None:
        """Make sure that every prompt a flow may play exists.

        Raises PromptsError listing the missing ids.
        """
        missing = sorted(set(ids) - self.prompts.keys())
        if missing:
            raise PromptsError(
                f"{self.path} lacks prompts that are played: {', '.join(missing)}. "
                "Add their texts there, then run `ivr prompts build`."
            )

    def members(self, part: str) -> tuple[str, ...]:
        """The ids that a part of `together` may stand for."""
        if part in self.prompts:
            return (part,)
        return tuple(prompt.id for prompt in self.prompts.values() if prompt.group == part)

    def recording(self, prompt_id: str) -> Path | None:
        """The recording that takes the place of the synthetic voice, where somebody made one."""
        path = self.recordings_dir / f"{prompt_id}.wav"
        return path if path.is_file() else None

    @property
    def recordings_dir(self) -> Path:
        return self.path.parent / RECORDINGS


def load_catalogue(directory: Path) -> Catalogue:
    """Read `catalogue.yaml` of a directory such as prompts/fa.

    Raises BadInput with file, line and id of every mistake.
    """
    path = directory / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); set IVR_PROMPTS_DIR") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: is not YAML in UTF-8: {error}") from error
    _refuse(path, _repeated_keys(root))
    try:
        document = _Document.model_validate(data)
    except ValidationError as error:
        _refuse(path, _schema_mistakes(root, error))
        raise
    catalogue = _catalogue(path, document)
    _refuse(path, _contradictions(root, document, catalogue))
    return catalogue


def _catalogue(path: Path, document: _Document) -> Catalogue:
    prompts = {
        prompt_id: Prompt(
            id=prompt_id,
            text=entry.fa,
            say=entry.say or entry.fa,
            group=group.name,
            voice=document.voice.model_copy(update={"speed": group.speed or document.voice.speed}),
            max_s=group.max_s if entry.max_s is None else entry.max_s,
            pause_s=group.pause_s if entry.pause_s is None else entry.pause_s,
            quieter_db=group.quieter_db,
        )
        for group in document.groups
        for prompt_id, entry in group.prompts.items()
    }
    return Catalogue(
        path=path,
        voice=document.voice,
        prompts=prompts,
        groups={group.name: group.used for group in document.groups},
        together=document.together,
    )


Mistake = tuple[int, str]  # line, what is wrong


def _refuse(path: Path, mistakes: Iterable[Mistake]) -> None:
    lines = [f"{path}:{line}: {text}" for line, text in sorted(mistakes)]
    if lines:
        raise BadInput("Mistakes in the catalogue of prompts:\n  " + "\n  ".join(lines))


def _repeated_keys(node: yaml.Node | None) -> Iterator[Mistake]:
    """YAML keeps the last of two equal keys and says nothing."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = _line(key)
            if key.value in seen:
                yield line, f"{key.value}: stands in line {seen[key.value]} already"
            seen.setdefault(key.value, line)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _schema_mistakes(root: yaml.Node | None, error: ValidationError) -> Iterator[Mistake]:
    for item in error.errors():
        place = [part for part in item["loc"] if part != "[key]"]
        name = ".".join(str(part) for part in _short(place)) or "the whole file"
        yield _line(_find(root, place)), f"{name}: {item['msg']}"


def _short(place: list[int | str]) -> list[int | str]:
    """From the prompt's id on, where the mistake is inside one."""
    return place[place.index("prompts") + 1 :] or place if "prompts" in place else place


def _contradictions(
    root: yaml.Node | None, document: _Document, catalogue: Catalogue
) -> Iterator[Mistake]:
    names: dict[str, str] = {}
    for at, group in enumerate(document.groups):
        for name, place in [(group.name, ["name"])] + [(i, ["prompts", i]) for i in group.prompts]:
            if name in names:
                line = _line(_find(root, ["groups", at, *place]))
                yield line, f"{name}: is used in group {names[name]} already"
            names.setdefault(name, group.name)
    for at, rule in enumerate(document.together):
        for part in rule.parts:
            if not catalogue.members(part):
                line = _line(_find(root, ["together", at, "parts"]))
                yield line, f"{part}: is neither a prompt nor a group"


def _find(node: yaml.Node | None, place: Iterable[int | str]) -> yaml.Node | None:
    """The node at a place, or the last one on the way there that exists."""
    for part in place:
        if isinstance(node, yaml.MappingNode):
            inner = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            inner = node.value[part] if part < len(node.value) else None
        else:
            inner = None
        if inner is None:
            return node
        node = inner
    return node


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1
