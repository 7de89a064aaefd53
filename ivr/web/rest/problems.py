"""What a program is told when something is wrong: problem details (RFC 9457) in plain words."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ivr.errors import BadInput, LineError, NotAllowed, NotThere, StoreError, ValueRefused
from ivr.mistakes import in_words

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_AWAY = {"Retry-After": str(RETRY_AFTER_S)}


class Missing(NotThere):
    """What the address names is not there, or lies out of the token's reach."""


class Conflict(BadInput):
    """The thing is there and cannot be changed like this now."""


class NobodyKnows(StoreError):
    """Whose token it is cannot be looked up: it is not refused, and nothing was done."""


class FieldProblem(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(frozen=True)

    field: str
    what: str


class Problem(BaseModel):
    """RFC 9457; `problems` names single fields."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    problems: list[FieldProblem] = Field(default_factory=list)


class WrongFields(BadInput):
    """A body or a query with fields that are wrong, each named."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("Something in the request is wrong; nothing was changed.")
        self.problems = problems


def wrong_fields(error: ValidationError) -> WrongFields:
    """The fields and why; never what they held."""
    return WrongFields(
        [
            FieldProblem(field=".".join(map(str, item["loc"])), what=in_words(item))
            for item in error.errors(include_url=False, include_input=False)
        ]
    )


def problem(
    status: int,
    detail: str,
    *,
    problems: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    said = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, problems=list(problems)
    )
    # In ASCII: what was sent may hold half a surrogate pair.
    text = json.dumps(said.model_dump())
    return web.Response(text=text, status=status, headers=headers, content_type=CONTENT_TYPE)


def away(detail: str) -> web.Response:
    """503: the same request may be sent again, with the same Idempotency-Key."""
    return problem(503, detail, headers=_AWAY)


def problem_of(error: LineError) -> web.Response:
    """What an error of ours is to a program."""
    fields: Any = error.problems if isinstance(error, WrongFields) else ()
    if isinstance(error, NobodyKnows):
        return away(str(error))
    if isinstance(error, StoreError) and not isinstance(error, ValueRefused):
        return away("The database is away; nothing was saved. Ask again, with the same key.")
    return problem(_status(error), str(error), problems=fields)


def _status(error: LineError) -> int:
    if isinstance(error, NotThere):
        return 404
    if isinstance(error, Conflict):
        return 409
    return 403 if isinstance(error, NotAllowed) else 422
