"""HTML pages without external assets and without inline scripts; they work without the internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Server": "videa",
    "Cache-Control": "no-store",
}
_STATIC = {"icon.svg": "image/svg+xml", "style.css": "text/css", "dashboard.js": "text/javascript"}


def set_up_pages(app: web.Application) -> None:
    """Templates and static files."""
    aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_HERE / "templates"), auto_reload=False)
    for name, kind in _STATIC.items():
        app.router.add_get(f"/static/{name}", _static((_HERE / "static" / name).read_bytes(), kind))


def page(request: web.Request, template: str, context: dict[str, Any], status: int = 200) -> web.Response:
    """A rendered page with the headers for pages."""
    response = aiohttp_jinja2.render_template(template, request, context, status=status)
    response.headers.update(_HEADERS)
    return response


def _static(body: bytes, kind: str) -> Any:
    headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "public, max-age=300"}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    return answer
