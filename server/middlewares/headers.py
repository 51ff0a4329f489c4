"""Headers of every response: request id, rate limit, CORS, and security where the response has none of its own."""

from __future__ import annotations

from aiohttp import hdrs, web

from server.context import Context
from server.responses import SECURITY

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, "
    "X-Request-ID",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"


def add_headers(request: web.Request, response: web.StreamResponse, context: Context, origins: frozenset[str]) -> None:
    """Complete a response that has not been sent yet."""
    headers = response.headers
    if "Content-Security-Policy" not in headers:
        headers.extend(SECURITY)
    headers["X-Request-ID"] = context.request_id
    verdict = context.verdict
    if verdict is not None:
        headers["RateLimit-Limit"] = str(verdict.limit.requests)
        headers["RateLimit-Remaining"] = str(verdict.remaining)
        headers["RateLimit-Reset"] = str(verdict.reset)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        headers.add(hdrs.VARY, "Origin")
        if origin in origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = _EXPOSED


def preflight(request: web.Request, origins: frozenset[str]) -> web.Response:
    """Answer OPTIONS of a known path: the permissions for a page of FRONTEND_URL, nothing for others."""
    allowed = request.headers.get(hdrs.ORIGIN) in origins
    return web.Response(status=204, headers=_PREFLIGHT if allowed else None)
