"""The request id, which a client or the balancer may set if it is well formed."""

from __future__ import annotations

import itertools
import re
import secrets

from aiohttp import web

from server import logs
from server.context import Context

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{8,64}\Z")
# Unique without random bytes from the system for each request.
_prefix = secrets.token_hex(6) + "-"
_numbers = itertools.count(1)


def begin(request: web.Request) -> Context:
    """Take over X-Request-ID or generate one; logs and errors contain it."""
    given = request.headers.get("X-Request-ID")
    rid = given if given is not None and _WELL_FORMED.match(given) else _prefix + str(next(_numbers))
    logs.request_id.set(rid)
    return Context(rid)
