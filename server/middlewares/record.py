"""Counts and times every request, and writes the access log.

With REQUEST_LOG=notable, most requests are not logged, because the balancer logs them, and a second line costs the
engine as much as the first. The log then contains only requests about which the balancer knows less: refused, failed
and slow ones, and those that changed something, with the user.
"""

from __future__ import annotations

import time

from aiohttp import hdrs, web

from server.context import Context
from server.keys import CLIENT_ADDRESS, LOG_WRITER, METRICS, SETTINGS

# The logged status if the client closed the connection before the answer; the same as nginx's.
_GONE = 499
# Balancers query these every second, so good answers are not logged.
_PROBES = frozenset({"/health/live", "/health/ready"})
_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
SLOW = 0.5
"""Seconds from which a request is notable: the same as PostgreSQL's limit for logging a statement."""


def make_record(app: web.Application) -> Record:
    """The recorder of an application."""
    return Record(app)


class Record:
    """Called once per request with its response, or None if the client has disconnected."""

    def __init__(self, app: web.Application) -> None:
        self.metrics = app[METRICS]
        self._writer = app[LOG_WRITER]
        self._notable = app[SETTINGS].access_log == "notable"
        self._address = app[CLIENT_ADDRESS]

    def __call__(
        self, request: web.Request, context: Context, response: web.StreamResponse | None, seconds: float
    ) -> None:
        if not isinstance(response, web.Response):
            # A stream is answered when it opens; its duration is not a latency.
            seconds = 0.0
        status = _GONE if response is None else response.status
        self.metrics.observe(request.match_info.route, request.method, status, seconds)
        if self._writer is None or (self._notable and not is_notable(request.method, context, status, seconds)):
            return
        if status != 200 or request.path not in _PROBES:
            size = response.content_length if isinstance(response, web.Response) else None
            client = self._address.of(request.remote, request.headers.get(hdrs.X_FORWARDED_FOR))
            user = context.user.id if context.user else None
            what = (context.request_id, request.method, request.path, status, seconds, size or 0, client, user)
            self._writer.access((time.time(), *what))


def is_notable(method: str, context: Context, status: int, seconds: float) -> bool:
    """Whether this server knows more about a request than the balancer's log line contains."""
    return status >= 400 or seconds >= SLOW or (method not in _READS and context.user is not None)
