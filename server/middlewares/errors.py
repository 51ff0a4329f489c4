"""Converts exceptions of handlers to problem+json, without internal details."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from server.context import Context
from server.database_errors import DatabaseError
from server.middlewares.headers import preflight
from server.problems import Problem, problem_response

log = logging.getLogger("videa.errors")

_DROPPED_HEADERS = ("Content-Type", "Content-Length")


def error_response(
    request: web.Request, context: Context, origins: frozenset[str], error: Exception
) -> web.StreamResponse:
    """Problems keep their status; a busy or unreachable database gives 503 with Retry-After; anything else gives 500.

    Redirects, for example, are answers, not errors.
    """
    rid = context.request_id
    if isinstance(error, Problem):
        return problem_response(error.status, error.detail, request_id=rid, errors=error.errors, headers=error.headers)
    if isinstance(error, web.HTTPException):
        return _from_aiohttp(request, context, origins, error)
    if isinstance(error, DatabaseError):
        log.warning("database", extra={"error": str(error), "kind": type(error).__name__})
        detail = "The database is busy or not reachable. Try again."
        return problem_response(503, detail, request_id=rid, headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, ConnectionError | web.RequestPayloadError):
        # The client has disconnected; the answer is only for the log.
        return problem_response(400, "The request is incomplete.", request_id=rid)
    if isinstance(error, UnicodeEncodeError) and not _is_text(request):
        return problem_response(400, "The request has bytes that are not UTF-8.", request_id=rid)
    log.error("unhandled error", extra={"method": request.method, "path": request.path}, exc_info=error)
    return problem_response(500, "Something went wrong here.", request_id=rid)


def _is_text(request: web.Request) -> bool:
    # aiohttp decodes header bytes that are not UTF-8 to lone surrogates, which cannot be encoded.
    try:
        b"\n".join(value for _, value in request.raw_headers).decode()
        request.path_qs.encode()
    except UnicodeError:
        return False
    return True


def _from_aiohttp(
    request: web.Request, context: Context, origins: frozenset[str], error: web.HTTPException
) -> web.StreamResponse:
    if error.status < 400:
        return web.Response(status=error.status, headers=error.headers)
    if error.status == 405 and request.method == hdrs.METH_OPTIONS:
        return preflight(request, origins)
    headers = {key: value for key, value in error.headers.items() if key not in _DROPPED_HEADERS}
    return problem_response(error.status, error.reason, request_id=context.request_id, headers=headers)
