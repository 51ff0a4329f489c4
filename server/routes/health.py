"""/health for people and tools, /health/live and /health/ready for balancers."""

from __future__ import annotations

import time

from aiohttp import web

from server.health import overall
from server.keys import BACKGROUND, DATABASE, HEALTH, LIFECYCLE, LIMITER, METRICS, READS, SETTINGS
from server.limits import limited
from server.responses import fresh_json, json_bytes

routes = web.RouteTableDef()

_LIVE = b'{"status":"ok"}'


@routes.get("/health/live")
@limited("none")
async def live(_: web.Request) -> web.Response:
    """The process answers; does not check dependencies."""
    return json_bytes(_LIVE)


@routes.get("/health/ready")
@limited("none")
async def ready(request: web.Request) -> web.Response:
    """200 while the instance accepts traffic: PostgreSQL answers, migrations are applied, and it is not draining.

    Redis may be down: the instance then works without a cache.
    """
    if request.app[LIFECYCLE].draining:
        return fresh_json({"status": "unready", "reason": "draining"}, 503)
    checks = await request.app[HEALTH].check()
    postgres = checks["postgres"]
    if postgres.status == "fail":
        return fresh_json({"status": "unready", "reason": f"postgres: {postgres.reason}"}, 503)
    degraded = checks["redis"].status != "ok"
    return fresh_json({"status": "ready", "degraded": degraded})


@routes.get("/health")
@limited("none")
async def health(request: web.Request) -> web.Response:
    """Everything: the status ok, degraded or fail, and the state of each dependency."""
    app = request.app
    checks = await app[HEALTH].check()
    settings, database = app[SETTINGS], app[DATABASE]
    status = overall(checks, app[BACKGROUND].sound)
    return fresh_json(
        {
            "status": status,
            "draining": app[LIFECYCLE].draining,
            "instance": settings.instance_id,
            "release": settings.release,
            "uptime_seconds": round(time.time() - app[METRICS].started, 1),
            "checks": {name: check.as_dict() for name, check in checks.items()},
            "replica": {"configured": app[READS].replica is not None, "usable": app[READS].replica_usable},
            "tasks": {name: state.as_dict() for name, state in app[BACKGROUND].tasks.items()},
            "limiter": app[LIMITER].mode,
            "pool": {
                "limit": database.limit,
                "size": database.size,
                "idle": database.idle,
                "waiting": database.waiting,
            },
        },
        503 if status == "fail" else 200,
    )
