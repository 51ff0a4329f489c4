"""The OpenAPI 3.1 description of the API, generated from the types that validate requests."""

from __future__ import annotations

from typing import Any

import msgspec

from server.auth.accounts import Account
from server.auth.credentials import Credentials, RefreshRequest, SignIn
from server.auth.sessions import TokenPair
from server.titles import Title, TitleChanges, TitleFields, TitlePage, TitleQuery


class FieldError(msgspec.Struct):
    """The error of one field."""

    field: str
    message: str


class ProblemDetails(msgspec.Struct, omit_defaults=True):
    """An error (RFC 9457). Quote request_id when you ask for help."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None
    errors: list[FieldError] = []


class Whoami(msgspec.Struct):
    """Which instance answered."""

    instance: str
    release: str
    hostname: str
    pid: int
    started: str


class Echo(msgspec.Struct):
    """The received request, and the instance that received it."""

    bytes: int
    instance: str
    release: str


class Fleet(msgspec.Struct):
    """All instances, from their heartbeats."""

    asked: str
    now: float
    instances: list[dict[str, Any]]


class Health(msgspec.Struct):
    """The state of an instance and of its dependencies."""

    status: str
    instance: str
    release: str
    checks: dict[str, dict[str, Any]]


class Liveness(msgspec.Struct):
    """Whether the instance is alive or ready."""

    status: str


_TYPES = (
    *(Account, Credentials, Echo, Fleet, Health, Liveness, ProblemDetails, RefreshRequest, SignIn, Title),
    *(TitleChanges, TitleFields, TitlePage, TitleQuery, TokenPair, Whoami),
)
_PROBLEMS = {
    400: "Not JSON, or an invalid header",
    401: "Not signed in, or the token is not valid",
    403: "Not allowed",
    404: "No such title",
    409: "Conflicts with existing data",
    412: "Changed since",
    413: "The body is too large",
    415: "Not application/json",
    422: "Not valid: errors lists the fields",
    429: "Too many requests: try again after Retry-After seconds",
    503: "The database is busy or not reachable: try again after Retry-After seconds",
}
_READING = (422, 429, 503)
_WRITING = (400, 401, 403, 413, 415, 422, 429, 503)
_REGISTERING = (400, 413, 415, 422, 429, 503)
_SIGNING = (400, 401, 413, 415, 422, 429, 503)
_IF_MATCH = {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": "the ETag to replace"}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
}
_REQUIRED: list[dict[str, list[str]]] = [{"bearer": []}]
# The `security` entry for an access token, and the matching sentence.
_BEARER = {
    "required": (_REQUIRED, "Needs an access token."),
    "optional": (
        [{}, *_REQUIRED],
        "Needs no access token. With a token, the request counts towards the user's limit instead of the address's; "
        "an invalid or expired token is refused with 401.",
    ),
    "ignored": ([], "Needs no access token: an Authorization header is ignored."),
}


EXAMPLES: dict[str, dict[str, Any]] = {
    "TitleFields": {"title": "Werckmeister harmóniák", "year": 2000, "runtime_minutes": 145, "genres": ["drama"]},
    "TitleChanges": {"director": "Béla Tarr", "language": "hu"},
    "Credentials": {"email": "anna@mozi.example", "password": "a long password"},
    "SignIn": {"email": "anna@mozi.example", "password": "a long password"},
}
"""Example bodies for people: a viewer would generate unreadable ones from the patterns."""

_TAGS = {"/api/v1/titles": "Titles", "/api/v1/auth": "Accounts", "/api/v1/me": "Accounts"}
"""The groups of operations by path prefix."""


def build(release: str) -> dict[str, Any]:
    """The complete document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Videa Mozi",
            "version": release,
            "description": "The cinema catalogue. Reads are public; writes need an access token. "
            "Each operation describes how it uses one. For administrators: the [dashboard](/dashboard).",
        },
        "servers": [{"url": "/"}],
        "paths": _tagged(_paths(schemas.pop("TitleQuery")["properties"])),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _paths(query: dict[str, Any]) -> dict[str, Any]:
    filters = [{"name": name, "in": "query", "schema": _without_default(schema)} for name, schema in query.items()]
    none_match = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
        "description": "a repeated request with the same key gets the first answer",
    }
    guarded: list[dict[str, Any]] = [_ID, _IF_MATCH]
    changing = (*_WRITING, 404, 412)
    auth = "/api/v1/auth"
    return {
        "/api/v1/titles": {
            "get": _operation("List and search titles", "TitlePage", _READING, bearer="optional", parameters=filters),
            "post": _operation(
                "Add a title", "Title", (*_WRITING, 409), 201, "TitleFields", bearer="required", parameters=[key]
            ),
        },
        "/api/v1/titles/{id}": {
            "get": _operation(
                "One title", "Title", (404, 429, 503), bearer="optional", parameters=[_ID, none_match], unchanged=True
            ),
            "put": _operation("Replace", "Title", changing, 200, "TitleFields", bearer="required", parameters=guarded),
            "patch": _operation(
                "Change", "Title", changing, 200, "TitleChanges", bearer="required", parameters=guarded
            ),
            "delete": _operation(
                "Remove", None, (401, 403, 404, 412, 429, 503), 204, bearer="required", parameters=guarded
            ),
        },
        f"{auth}/register": {
            "post": _operation("A new account, signed in", "TokenPair", (*_REGISTERING, 409), 201, "Credentials")
        },
        f"{auth}/login": {"post": _operation("Sign in", "TokenPair", _SIGNING, 200, "SignIn")},
        f"{auth}/refresh": {"post": _operation("Get a new token pair", "TokenPair", _SIGNING, 200, "RefreshRequest")},
        f"{auth}/logout": {"post": _operation("Sign out", None, _SIGNING, 204, "RefreshRequest")},
        f"{auth}/logout-all": {
            "post": _operation("Sign out everywhere", None, (401, 429, 503), 204, bearer="required")
        },
        "/api/v1/me": {"get": _operation("My account", "Account", (401, 429, 503), bearer="required")},
        "/api/v1/whoami": {"get": _operation("Show which instance answers", "Whoami", ())},
        "/api/v1/echo": {"post": _echo()},
        "/api/v1/fleet": {"get": _operation("All instances", "Fleet", (401, 403, 429), bearer="required")},
        "/health": {"get": _health("Show the state of the instance", "Health")},
        "/health/live": {"get": _operation("Check that the process answers", "Liveness", ())},
        "/health/ready": {"get": _health("Check that the instance accepts traffic", "Liveness")},
    }


def _tagged(paths: dict[str, Any]) -> dict[str, Any]:
    for path, operations in paths.items():
        tag = next((name for start, name in _TAGS.items() if path.startswith(start)), "Instances")
        for operation in operations.values():
            operation["tags"] = [tag]
    return paths


def _operation(
    summary: str,
    answer: str | None,
    problems: tuple[int, ...],
    status: int = 200,
    body: str | None = None,
    *,
    bearer: str = "ignored",
    unchanged: bool = False,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    responses: dict[str, Any] = {str(status): {"description": summary}}
    if answer is not None:
        responses[str(status)]["content"] = _content("application/json", answer)
    if unchanged:
        responses["304"] = {"description": "Unchanged"}
    # An invalid token is refused by every operation that does not ignore it.
    for problem in sorted({*problems, 401} if bearer == "optional" else problems):
        content = _content("application/problem+json", "ProblemDetails")
        responses[str(problem)] = {"description": _PROBLEMS[problem], "content": content}
    security, sentence = _BEARER[bearer]
    operation: dict[str, Any] = {"summary": summary, "description": sentence, "responses": responses}
    operation["security"] = security
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        content = _content("application/json", body)
        if body in EXAMPLES:
            content["application/json"]["example"] = EXAMPLES[body]
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _echo() -> dict[str, Any]:
    operation = _operation("What arrived, and where", "Echo", ())
    operation["requestBody"] = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    content = _content("application/problem+json", "ProblemDetails")
    operation["responses"]["413"] = {"description": _PROBLEMS[413], "content": content}
    return operation


def _health(summary: str, answer: str) -> dict[str, Any]:
    operation = _operation(summary, answer, ())
    operation["responses"]["503"] = {"description": "Not now", "content": _content("application/json", answer)}
    return operation


def _content(kind: str, name: str) -> dict[str, Any]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    # A query parameter is present or absent; null only represents its absence.
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    return {key: value for key, value in options[0].items() if not (key == "default" and value is None)}
