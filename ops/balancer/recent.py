"""The requests of the last seconds, from the end of nginx's log."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from ops.balancer.access_log import Line, Lines, parse

OWN_IDS = "videa-"
"""Prefix of the request ids of videa's own probes. Any client may use it, too."""

PROCESS_IDS = f"{OWN_IDS}{secrets.token_hex(16)}-"
"""Prefix of the request ids of this process's probes. Random, so that no client can pass for one."""

TAIL = 2000
"""Number of lines: enough for a request rate, and read in about ten milliseconds."""


def recent_requests(log_tail: Callable[[int], bytes], window: float, tail: int = TAIL) -> list[Line]:
    """The requests that ended within the last ``window`` seconds, at most the last ``tail``.

    ``log_tail``: returns the last lines of nginx's log. Raises the same errors.
    """
    since = time.time() - window
    requests = (parse(line) for line in Lines().feed(log_tail(tail)))
    return [request for request in requests if request is not None and request.time >= since]
