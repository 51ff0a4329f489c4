"""/api/v1/fleet: all instances, from their heartbeats, for administrators."""

from __future__ import annotations

from aiohttp import web

from server.auth.access import require_admin
from server.keys import FLEET, SETTINGS
from server.responses import fresh_json

routes = web.RouteTableDef()


@routes.get("/api/v1/fleet")
async def fleet(request: web.Request) -> web.Response:
    """Every instance with a heartbeat in the last 15 seconds."""
    require_admin(request)
    instances = await request.app[FLEET].read()
    return fresh_json(
        {"asked": request.app[SETTINGS].instance_id, "now": request.app[FLEET].now(), "instances": instances}
    )
