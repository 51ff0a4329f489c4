"""A POST that changes nothing, for probes and load tests: returns what arrived, and the instance."""

from __future__ import annotations

from aiohttp import web

from server.keys import SETTINGS
from server.limits import limited
from server.payloads import LARGEST_BODY, read_bounded
from server.responses import fresh_json

routes = web.RouteTableDef()


@routes.post("/api/v1/echo")
@limited("none")
async def echo(request: web.Request) -> web.Response:
    """The size of the body (at most 1 MiB), the instance and the release."""
    body = await read_bounded(request, LARGEST_BODY)
    settings = request.app[SETTINGS]
    answer = {"bytes": len(body), "instance": settings.instance_id, "release": settings.release}
    return fresh_json(answer)
