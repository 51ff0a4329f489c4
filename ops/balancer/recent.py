"""The requests of the last seconds, read back from the end of nginx's log."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops.balancer.access_log import Line, Lines, parse

OWN_IDS = "videa-"
"""How the request ids of videa's own probes begin."""

TAIL = 2000
"""Lines that are read: enough for a rate, little enough to be read in some ten milliseconds."""


def recent_requests(log_tail: Callable[[int], bytes], window: float, tail: int = TAIL) -> list[Line]:
    """The requests that ended within the last ``window`` seconds, at most the last ``tail``.

    ``log_tail``: gives the last lines of nginx's log. Raises what it raises.
    """
    since = time.time() - window
    found = (parse(line) for line in Lines().feed(log_tail(tail)))
    return [line for line in found if line is not None and line.time >= since]
