"""/api/v1/fleet: all instances, from their heartbeats, for administrators."""

from __future__ import annotations

from aiohttp import web

from server.auth.access import require_admin
from server.keys import FLEET, SETTINGS
from server.responses import fresh_json

routes = web.RouteTableDef()


@routes.get("/api/v1/fleet")
async def read_fleet(request: web.Request) -> web.Response:
    """Every instance with a heartbeat in the last 15 seconds."""
    require_admin(request)
    fleet, asked = request.app[FLEET], request.app[SETTINGS].instance_id
    instances = await fleet.read()
    return fresh_json({"asked": asked, "now": fleet.now(), "instances": instances, "unreadable": fleet.unreadable})
