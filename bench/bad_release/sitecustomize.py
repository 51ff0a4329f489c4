"""A release of the backend with one slow endpoint and the fault in BENCH_FAULT.

Only in images of bench.releases, on their PYTHONPATH; it is not part of the product.
"""

import asyncio
import os
import random
import threading
import time

from aiohttp import web

SLOW_PATH, SLOW_SECONDS = "/api/v1/titles/1", 0.06
"""Seconds for a quarter of the requests, also in good releases: if every answer took only 3 ms, "3 times slower" would
be less than the variation on a busy machine."""

MARK = 555
"""A status that nothing else returns: the release's own error."""

ERRORS, SLOWER, LEAK, LIFE = 0.05, 3.0, 1 << 19, 20.0
"""Share of requests, factor, bytes per request, seconds."""

FAULT = os.environ.get("BENCH_FAULT", "")
kept: list[bytes] = []
plain = web.Application._handle


async def handle(self: web.Application, request: web.Request) -> web.StreamResponse:
    if request.path == "/health/ready" and FAULT == "never-ready":
        return web.Response(status=503)
    if request.path.startswith("/health") or request.path == "/api/v1/events":
        return await plain(self, request)
    began = time.perf_counter()
    if FAULT == "errors" and random.random() < ERRORS:
        return web.Response(status=MARK)
    if FAULT == "leaks":
        kept.append(b"x" * LEAK)
    if request.path == SLOW_PATH:
        await asyncio.sleep(SLOW_SECONDS)
    answer = await plain(self, request)
    if FAULT == "slow":
        await asyncio.sleep((SLOWER - 1) * (time.perf_counter() - began))
    return answer


web.Application._handle = handle
if FAULT == "exits":
    timer = threading.Timer(LIFE, os._exit, [7])
    timer.daemon = True
    timer.start()
