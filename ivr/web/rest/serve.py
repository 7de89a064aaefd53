"""The API as an application of its own below /api/v1: whose token, which fields, what it answers.

Default deny: every route names its scope, and a request is looked at no further before its token
has it. Nothing that is sent makes an answer of 500.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from ivr.bearers import Bearer
from ivr.errors import LineError, NotAllowed, StoreError, ValueRefused
from ivr.web.rest.fields import Spooled
from ivr.web.rest.openapi import KEY_PATTERN, SPOOLED, document
from ivr.web.rest.ports import RestPorts
from ivr.web.rest.problems import (
    FieldProblem,
    Missing,
    NobodyKnows,
    WrongFields,
    away,
    problem,
    problem_of,
    wrong_fields,
)
from ivr.web.rest.route import PATH_FIELDS, Asked, Route, check_routes
from ivr.web.rest.routes import ROUTES

log = structlog.get_logger()

BODY_OCTETS = 128 * 1024  # for the application that this one is part of
ANSWER_WITHIN_S = 20.0
_BEARER = "Bearer "
_KEY = re.compile(KEY_PATTERN)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _NotSignedIn(LineError):
    """No token, or one that opens nothing."""


def make_rest_app(ports: RestPorts, routes: Sequence[Route] = ROUTES) -> web.Application:
    """Raises LineError where a route has no policy."""
    check_routes(routes)
    app = web.Application(middlewares=[_in_one_shape])
    described = document(routes)

    async def describe(_request: web.Request) -> web.Response:
        return web.json_response(described)

    app.router.add_get("/openapi.json", describe)
    for route in routes:
        app.router.add_route(route.method, route.path, _handler(ports, route))
    return app


def _handler(ports: RestPorts, route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        bearer = await _bearer(ports, request)
        if route.scope is None or not bearer.may(route.scope):
            raise NotAllowed(
                f"The token lacks the scope {route.scope}, or who made it may do this no more; "
                "nothing was changed."
            )
        answer = await route.ask(ports, await _asked(request, route, bearer))
        text = answer.model_dump_json(by_alias=True)
        status = SPOOLED if isinstance(answer, Spooled) else route.status
        return web.Response(text=text, status=status, content_type="application/json")

    return handle


async def _bearer(ports: RestPorts, request: web.Request) -> Bearer:
    said = request.headers.get("Authorization", "")
    secret = said.removeprefix(_BEARER).strip() if said.startswith(_BEARER) else ""
    try:
        bearer = await ports.bearer(secret) if secret else None
    except ValueRefused:
        raise
    except StoreError:
        raise NobodyKnows(
            "The database is away, and this machine has not seen this token valid within a day, so "
            "nobody can say what it may. Nothing was changed. Ask again, with the same key."
        ) from None
    if bearer is None:
        raise _NotSignedIn("Send a token that is valid: Authorization: Bearer line123_…")
    return bearer


async def _asked(request: web.Request, route: Route, bearer: Bearer) -> Asked:
    return Asked(
        bearer=bearer,
        path=_path(request, route),
        query=_query(request, route.query) if route.query else None,
        body=await _body(request, route.body) if route.body else None,
        key=_key(request) if route.keyed else "",
    )


def _path(request: web.Request, route: Route) -> dict[str, Any]:
    try:
        return {
            name: PATH_FIELDS[name].validate_python(request.match_info[name])
            for name in route.path_names
        }
    except ValidationError:
        raise Missing("There is nothing of this name or number.") from None


def _query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    twice = sorted(name for name in set(request.query) if len(request.query.getall(name)) > 1)
    if twice:
        raise WrongFields([FieldProblem(field=name, what="is there twice") for name in twice])
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise wrong_fields(error) from None


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        raise wrong_fields(error) from None


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        what = "give each save a key of its own: 1 to 100 of A-Z a-z 0-9 . _ : -"
        raise WrongFields([FieldProblem(field="Idempotency-Key", what=what)])
    return key


@web.middleware
async def _in_one_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is told as problem details, and in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await handler(request)
    except _NotSignedIn as error:
        return problem(401, str(error), headers={"WWW-Authenticate": "Bearer"})
    except LineError as error:
        return problem_of(error)
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return problem(error.status, error.reason, headers=headers)
    except TimeoutError:
        return away("It took too long; ask again, with the same key.")
    except Exception:
        log.exception("rest_request_failed", method=request.method, route=_route_of(request))
        return problem(500, "This should not happen; the line's log says more.")


def _route_of(request: web.Request) -> str:
    """As it was declared: what stood in its place may be anything."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""
