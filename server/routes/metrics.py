"""/health/metrics: Prometheus text, or JSON on request."""

from __future__ import annotations

import msgspec
from aiohttp import web

from server.exposition import as_json, as_text
from server.limits import limited

routes = web.RouteTableDef()

_TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}


@routes.get("/health/metrics")
@limited("none")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text; JSON with `?format=json` or `Accept: application/json`."""
    wants_json = request.query.get("format") == "json" or (
        "format" not in request.query and "application/json" in request.headers.get("Accept", "")
    )
    if wants_json:
        return web.Response(
            body=msgspec.json.encode(as_json(request.app)),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
    return web.Response(body=as_text(request.app), headers=_TEXT)
