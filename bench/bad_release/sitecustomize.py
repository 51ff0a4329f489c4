"""A release of the backend with one slow endpoint, that misbehaves as BENCH_FAULT says.

Only in images that bench.releases makes, on the PYTHONPATH there: the product knows nothing of it.
"""

import asyncio
import os
import random
import threading
import time

from aiohttp import web

SLOW_PATH, SLOW_SECONDS = "/api/v1/titles/1", 0.06
"""What a quarter of the requests ask for takes this long, in good releases too: where every answer comes within 3 ms,
"3 times slower" would be less than what a busy machine does to it anyway."""

MARK = 555
"""A status that nobody else answers with: the release's own error."""

ERRORS, SLOWER, LEAK, LIFE = 0.05, 3.0, 1 << 19, 20.0
"""Share of requests, factor, bytes of each request, seconds."""

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
