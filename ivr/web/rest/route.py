"""One route of the API, declared with all that its document and its guard need."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from ivr.bearers import Bearer
from ivr.errors import LineError
from ivr.tokens import Scope
from ivr.web.rest.fields import CallRef, CounsellorRef, Number, ProvinceRef
from ivr.web.rest.ports import RestPorts

BASE: Final = "/api/v1"

# What may stand in an address in place of each name.
PATH_FIELDS: Final[dict[str, TypeAdapter[Any]]] = {
    "call": TypeAdapter(CallRef),
    "number": TypeAdapter(Number),
    "counsellor": TypeAdapter(CounsellorRef),
    "province": TypeAdapter(ProvinceRef),
}
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose bearer has the scope and whose fields are right."""

    bearer: Bearer
    path: dict[str, Any]
    query: Any = None
    body: Any = None
    key: str = ""


Ask = Callable[[RestPorts, Asked], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`keyed`: takes an Idempotency-Key; `status` is of an answer that went well.

    `spooled`: while the database is away it answers `Spooled`, with 202.

    `scope` is its policy: without one the API does not start.
    """

    method: str
    path: str
    summary: str
    scope: Scope | None
    answer: type[BaseModel]
    ask: Ask
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    keyed: bool = False
    spooled: bool = False
    status: int = 200

    @property
    def path_names(self) -> list[str]:
        return _NAME.findall(self.path)


def check_routes(routes: Iterable[Route]) -> None:
    """Raises LineError for a route without a policy, or one that is there twice."""
    seen: set[tuple[str, str]] = set()
    for route in routes:
        name = f"{route.method} {route.path}"
        if not isinstance(route.scope, Scope):
            raise LineError(f"The route {name} has no policy, so the API does not start.")
        if (route.method, route.path) in seen:
            raise LineError(f"The route {name} is declared twice, so the API does not start.")
        seen.add((route.method, route.path))
