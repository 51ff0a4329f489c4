"""Reads request bodies and queries: bounded and typed, with a Problem for every error."""

from __future__ import annotations

import asyncio
import re
from typing import TypeVar

import msgspec
from aiohttp import hdrs, web

from server.problems import Problem

T = TypeVar("T")

_PLACE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>[^`]+)`)?$", re.DOTALL)


LARGEST_BODY = 1_048_576
"""The maximum for all routes, in bytes."""
_SLOWEST_BODY = 30.0
"""Time-out for receiving a body, in seconds."""


def check_body(request: web.Request) -> None:
    """Refuse a body that no route accepts, before it is read. Raises Problem 413, 415."""
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if encoding.lower() != "identity":
        raise Problem(415, "Send the body without a Content-Encoding.", headers={"Accept-Encoding": "identity"})
    if (request.content_length or 0) > LARGEST_BODY:
        raise Problem(413, f"The body may have at most {LARGEST_BODY} bytes.")


async def read_bounded(request: web.Request, limit: int) -> bytes:
    """The body of at most `limit` bytes. Raises Problem 408 if it takes longer than 30 s, 413."""
    try:
        async with asyncio.timeout(_SLOWEST_BODY):
            return await _read(request, limit)
    except TimeoutError:
        raise Problem(408, f"The body did not arrive within {_SLOWEST_BODY:g} seconds.") from None


async def _read(request: web.Request, limit: int) -> bytes:
    too_large = Problem(413, f"The body may have at most {limit} bytes.")
    if (request.content_length or 0) > limit:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: web.Request, kind: type[T], *, limit: int = 65_536) -> T:
    """The JSON body as `kind`. Raises Problem 400 (not JSON), 413, 415 or 422 (JSON that is not valid)."""
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise Problem(415, "Send the body as application/json.")
    body = await read_bounded(request, limit)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}") from None


def read_query(request: web.Request, kind: type[T]) -> T:
    """The query string as `kind`. Raises Problem 422, also for a parameter given twice."""
    values: dict[str, str] = {}
    for key, value in request.query.items():
        if key in values:
            raise Problem(422, "The query is not valid.", errors=[{"field": key, "message": "given twice"}])
        values[key] = value
    try:
        return msgspec.convert(values, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: msgspec.ValidationError) -> Problem:
    match = _PLACE.match(str(error))
    message = match["message"] if match else str(error)
    path = (match["path"] if match else None) or "$"
    unknown = re.search(r"unknown field `([^`]*)`|missing required field `([^`]*)`", message)
    field = path.removeprefix("$").removeprefix(".")
    if unknown:
        field = (unknown[1] or unknown[2]) if not field else f"{field}.{unknown[1] or unknown[2]}"
    return Problem(422, "The request is not valid.", errors=[{"field": field or "body", "message": message}])
