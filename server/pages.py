"""HTML pages without external assets and without inline scripts; they work without the internet."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src {images}; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Server": "videa",
    "Cache-Control": "no-store",
}
_CACHED = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def set_up_pages(app: web.Application) -> None:
    """Templates and static files."""
    aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_HERE / "templates"), auto_reload=False)
    static = _HERE / "static"
    for path in sorted(static.rglob("*")):
        if path.suffix in _TYPES:
            app.router.add_get(f"/static/{path.relative_to(static)}", _static(path))


def page(
    request: web.Request, template: str, context: dict[str, Any], status: int = 200, images: str = "'self'"
) -> web.Response:
    """A rendered page with the headers for pages. ``images``: allowed sources, for the content security policy."""
    response = aiohttp_jinja2.render_template(template, request, context, status=status)
    response.headers.update(_HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(images=images)
    return response


def _static(path: Path) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Answers with a file, which is read and compressed at the first request."""
    headers = {"Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8", **_CACHED}
    kept: list[tuple[bytes, bytes]] = []

    def load() -> tuple[bytes, bytes]:
        body = path.read_bytes()
        return body, gzip.compress(body, mtime=0)

    async def answer(request: web.Request) -> web.Response:
        if not kept:
            kept.append(await asyncio.to_thread(load))
        plain, packed = kept[0]
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            return web.Response(body=packed, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
        return web.Response(body=plain, headers=headers)

    return answer
