"""/api/v1/openapi.json for programs, and /docs for people (/ redirects there); both work without the internet."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from aiohttp import web

from server.keys import SETTINGS
from server.openapi import build
from server.pages import page
from server.responses import json_bytes

routes = web.RouteTableDef()


@lru_cache(maxsize=1)
def _document(release: str) -> bytes:
    return msgspec.json.encode(build(release))


@routes.get("/")
async def root(request: web.Request) -> web.Response:
    """Redirects / to the documentation, for browsers."""
    return web.Response(status=303, headers={"Location": "/docs"})


@routes.get("/api/v1/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """The description of the API."""
    return json_bytes(_document(request.app[SETTINGS].release))


@routes.get("/docs")
async def docs(request: web.Request) -> web.Response:
    """The description as a page, by Swagger UI, whose style sheet has its icons as data."""
    return page(request, "docs.html", {}, images="'self' data:")
