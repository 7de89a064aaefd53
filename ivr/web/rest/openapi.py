"""The API's own document (OpenAPI 3.1), made from its routes and their models."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ivr.web.rest.fields import Spooled
from ivr.web.rest.problems import CONTENT_TYPE, Problem
from ivr.web.rest.route import BASE, PATH_FIELDS, Route

VERSION = "1.0.0"
KEY_PATTERN = r"^[A-Za-z0-9._:-]{1,100}$"
SPOOLED = 202
_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_ABOUT = (
    "Each request carries a token: `Authorization: Bearer line123_…` (`ivr token create`). A token "
    "acts within its scopes and its province, and never does more than who made it may do now; "
    "people do not sign in here. Instants are ISO 8601 "
    "with their offset, answers are in UTC. The floor has no token, as it is for this machine "
    f"alone: `{BASE}/floor` and its feed, see docs/floor.md."
)
_REFUSALS = {
    "401": "no token, or one that opens nothing",
    "403": "the token does not include this, or who made it may do it no more",
    "404": "not there, or out of the token's reach",
    "409": "it cannot be changed like this now",
    "413": "the body is too large",
    "422": "something in the request is wrong; each field is named",
    "503": "the database is away; ask again, with the same key",
}
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "the save's own: the same again is the same save",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Everything a program needs to know, as JSON."""
    listed = tuple(routes)
    schemas = _schemas(listed)
    paths: dict[str, Any] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Line 123", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    asked = {model for route in routes for model in (route.query, route.body) if model}
    answered: set[type[BaseModel]] = {route.answer for route in routes} | {Problem, Spooled}
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in sorted(asked, key=_name)),
        *((model, "serialization") for model in sorted(answered, key=_name)),
    ]
    _, found = models_json_schema(models, ref_template=_REF)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{route.path.title().translate(_NO_MARKS)}",
        "description": f"Needs the scope `{route.scope}`.",
        "parameters": list(_parameters(route, schemas)),
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {_JSON: {"schema": _schema(route.body, schemas, "Input")}},
        }
    return operation


_NO_MARKS = str.maketrans("", "", "/{}-_")


def _parameters(route: Route, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in route.path_names:
        schema = PATH_FIELDS[name].json_schema()
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if route.query is not None:
        schema = schemas[route.query.__name__]
        for name, field in schema["properties"].items():
            required = name in schema.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": field}
    if route.keyed:
        yield _KEY_HEADER


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    well = _schema(route.answer, schemas, "Output")
    problem = {"content": {CONTENT_TYPE: {"schema": _schema(Problem, schemas, "Output")}}}
    refusals = {status: {"description": why, **problem} for status, why in _REFUSALS.items()}
    content = {_JSON: {"schema": well}}
    answers = {str(route.status): {"description": route.summary, "content": content}}
    if route.spooled:
        later = {_JSON: {"schema": _schema(Spooled, schemas, "Output")}}
        why = "on the line's own disk, as the database is away"
        answers[str(SPOOLED)] = {"description": why, "content": later}
    return answers | refusals


def _schema(model: type[BaseModel], schemas: dict[str, Any], mode: str) -> dict[str, str]:
    """A model that is asked and answered has two schemas where the two differ."""
    name = model.__name__
    return {"$ref": _REF.format(model=name if name in schemas else f"{name}-{mode}")}
