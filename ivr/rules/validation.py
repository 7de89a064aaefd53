"""A document against its schema, so that one broken field does not hide the next mistake."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ivr.rules.document import Document, Plain
from ivr.rules.findings import FieldPath, Problem
from ivr.rules.wording import sentence

Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Reading(Generic[Model]):
    """What could be read: with problems, `model` is what is left without the broken parts.

    `origins` leads from places in the model to places in the document where these differ.
    """

    model: Model | None
    problems: list[Problem]
    origins: dict[FieldPath, FieldPath] = field(default_factory=dict)

    def restored(self, problem: Problem) -> Problem:
        """A problem of the model, at its places in the document."""
        related = tuple(self.original(path) for path in problem.related)
        return replace(problem, path=self.original(problem.path), related=related)

    def original(self, path: FieldPath) -> FieldPath:
        for end in range(len(path), -1, -1):
            if path[:end] in self.origins:
                return (*self.origins[path[:end]], *path[end:])
        return path


def validate(
    document: Document, model: type[Model], stand_ins: Mapping[str, Plain]
) -> Reading[Model]:
    """Read `document` as `model`.

    `stand_ins` are valid values for required fields, taken only so that the rest of a broken
    document can still be judged; a model with problems is never used for calls.
    """
    outcome = _attempt(document.data, model)
    if not isinstance(outcome, list):
        return Reading(outcome, [])
    problems = [Problem(path=error["loc"], message=sentence(error, model)) for error in outcome]
    reading: Reading[Model] = Reading(None, problems)
    if isinstance(document.data, dict):
        _salvage(reading, document.data, model, outcome, stand_ins)
    return reading


def _attempt(data: Plain, model: type[Model]) -> Model | list[ErrorDetails]:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        return [one for one in errors if not _only_follows(one, errors)]


def _salvage(
    reading: Reading[Model],
    data: dict[str, Plain],
    model: type[Model],
    errors: list[ErrorDetails],
    stand_ins: Mapping[str, Plain],
) -> None:
    """Take out broken values, then what cannot be without them, until the rest is valid."""
    broken = {error["loc"] for error in errors if error["type"] != "missing"}
    while True:
        thinner = _Thinner(broken)
        thinned = thinner.thin(data, (), ())
        reading.origins = thinner.origins
        outcome = _attempt(_filled(thinned, stand_ins), model)
        if not isinstance(outcome, list):
            reading.model = outcome
            return
        new = {reading.original(_removable(error)) for error in outcome} - broken
        if not new:
            return
        broken |= new


def _only_follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Pydantic calls a list too short where its items are wrong: those are told of anyway."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"] != loc and other["loc"][: len(loc)] == loc for other in errors
    )


def _removable(error: ErrorDetails) -> FieldPath:
    return error["loc"][:-1] if error["type"] == "missing" else error["loc"]


def _filled(data: Plain, stand_ins: Plain | Mapping[str, Plain]) -> Plain:
    if not isinstance(data, dict) or not isinstance(stand_ins, Mapping):
        return data
    missing = {key: value for key, value in stand_ins.items() if key not in data}
    return missing | {key: _filled(value, stand_ins.get(key)) for key, value in data.items()}


class _Thinner:
    """Builds a document without its broken parts and remembers where list items were."""

    def __init__(self, broken: set[FieldPath]) -> None:
        self._broken = broken
        self.origins: dict[FieldPath, FieldPath] = {}

    def thin(self, data: Plain, path: FieldPath, new_path: FieldPath) -> Plain:
        self.origins[new_path] = path
        if isinstance(data, dict):
            return {
                key: self.thin(value, (*path, key), (*new_path, key))
                for key, value in data.items()
                if (*path, key) not in self._broken
            }
        if isinstance(data, list):
            kept = [index for index in range(len(data)) if (*path, index) not in self._broken]
            return [
                self.thin(data[old], (*path, old), (*new_path, new)) for new, old in enumerate(kept)
            ]
        return data
