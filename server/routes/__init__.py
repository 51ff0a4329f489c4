"""Every resource of the API, one file and one line each."""

from __future__ import annotations

from aiohttp import web

from server.routes import auth, dashboard, docs, echo, events, fleet, health, titles, whoami
from server.routes import metrics as metrics

_RESOURCES = (health, metrics, whoami, echo, auth, titles, events, fleet, docs, dashboard)


def add_routes(app: web.Application) -> None:
    """Register all routes."""
    for resource in _RESOURCES:
        app.router.add_routes(resource.routes)
