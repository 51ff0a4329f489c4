"""Headers of every response: request id, rate limit, CORS, and security headers unless the response has its own."""

from __future__ import annotations

from aiohttp import hdrs, web

from server.context import Context
from server.responses import SECURITY, ReadyResponse, header_lines, parse_lines

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, "
    "X-Request-ID",
    "Access-Control-Max-Age": "600",
}
_VARIES = "Vary: Origin\r\n"
_ALLOWED = header_lines(
    {
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
        "Retry-After, X-Request-ID",
    }
)


def add_headers(request: web.Request, response: web.StreamResponse, context: Context, origins: frozenset[str]) -> None:
    """Complete a response that has not been sent yet."""
    lines = _lines_of(context)
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        lines += _VARIES
        if origin in origins:
            lines += f"Access-Control-Allow-Origin: {origin}\r\n{_ALLOWED}"
    if isinstance(response, ReadyResponse):
        response.lines += lines
        return
    headers = response.headers
    if "Content-Security-Policy" not in headers:
        headers.extend(SECURITY)
    for name, value in parse_lines(lines).items():
        # Headers of the response take precedence: if two limits apply, that of the limit that refused.
        if name == hdrs.VARY or name not in headers:
            headers.add(name, value)


def _lines_of(context: Context) -> str:
    verdict = context.verdict
    if verdict is None:
        return f"X-Request-ID: {context.request_id}\r\n"
    return (
        f"X-Request-ID: {context.request_id}\r\nRateLimit-Limit: {verdict.limit.requests}\r\n"
        f"RateLimit-Remaining: {verdict.remaining}\r\nRateLimit-Reset: {verdict.reset}\r\n"
    )


def preflight(request: web.Request, origins: frozenset[str]) -> web.Response:
    """Answer OPTIONS of a known path: permissions for pages of FRONTEND_URL, nothing for others."""
    allowed = request.headers.get(hdrs.ORIGIN) in origins
    return web.Response(status=204, headers=_PREFLIGHT if allowed else None)
