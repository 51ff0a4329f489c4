"""The requests of the last seconds, read back from the end of nginx's log."""

from __future__ import annotations

import time

from ops.balancer.access_log import Line, Lines, parse
from ops.engine.client import Engine

OWN_IDS = "videa-"
"""How the request ids of videa's own probes begin."""

TAIL = 2000
"""Lines that are read: enough for a rate, little enough to be read in some ten milliseconds."""


def recent_requests(engine: Engine, container: str, window: float, tail: int = TAIL) -> list[Line]:
    """The requests that ended within the last ``window`` seconds, at most the last ``tail``. Raises EngineError."""
    since = time.time() - window
    found = (parse(line) for line in Lines().feed(engine.log_tail(container, tail)))
    return [line for line in found if line is not None and line.time >= since]
