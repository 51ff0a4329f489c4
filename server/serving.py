"""Serves requests, from listening to a graceful shutdown."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time

from aiohttp import web

from server.keys import LIFECYCLE, METRICS, SETTINGS
from server.protocol import Runner

log = logging.getLogger("videa.lifecycle")

# Idle keep-alive connections are closed after this many seconds without any request to the instance.
_QUIET_SECONDS = 1.0
_POLL_SECONDS = 0.02


async def serve(app: web.Application) -> None:
    """Listen, serve until SIGTERM or SIGINT, drain, close. Raises OSError if the port is taken."""
    settings, lifecycle = app[SETTINGS], app[LIFECYCLE]
    runner = Runner(app)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.request_stop)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        log.info("listening", extra={"host": settings.host, "port": settings.port})
        # Objects from the start live until the end: collecting them again and again only causes pauses.
        gc.collect()
        gc.freeze()
        await lifecycle.stop_requested()
        await _drain(runner, app)
    finally:
        await runner.cleanup()
        log.info("stopped")


async def _drain(runner: web.AppRunner, app: web.Application) -> None:
    metrics, limit = app[METRICS], app[SETTINGS].drain_timeout
    started = quiet_since = time.monotonic()
    answered = metrics.answered
    log.info("draining", extra={"timeout": limit})
    while True:
        now = time.monotonic()
        open_connections = len(runner.server.connections) if runner.server else 0
        if metrics.in_flight or metrics.answered != answered:
            answered, quiet_since = metrics.answered, now
        outcome = None
        if metrics.in_flight == 0 and open_connections == 0:
            outcome = "drained"
        elif metrics.in_flight == 0 and now - quiet_since >= _QUIET_SECONDS:
            outcome = "quiet"
        elif now - started >= limit:
            outcome = "timeout"
        if outcome:
            log.info(
                "drain ended",
                extra={
                    "outcome": outcome,
                    "seconds": round(now - started, 3),
                    "connections": open_connections,
                    "in_flight": metrics.in_flight,
                },
            )
            return
        await asyncio.sleep(_POLL_SECONDS)
