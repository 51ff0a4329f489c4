"""The instance that answered, to make load balancing visible."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime

from aiohttp import web

from server.keys import METRICS, SETTINGS
from server.limits import limited
from server.responses import fresh_json

routes = web.RouteTableDef()


@routes.get("/api/v1/whoami")
@limited("none")
async def whoami(request: web.Request) -> web.Response:
    """Instance, release, host name, process id and start time."""
    settings = request.app[SETTINGS]
    answer = {
        "instance": settings.instance_id,
        "release": settings.release,
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.fromtimestamp(request.app[METRICS].started, UTC).isoformat(timespec="milliseconds"),
    }
    return fresh_json(answer)
