"""The requests of the last seconds, from the end of nginx's log."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import msgspec

from ops.balancer.access_log import Line, Lines, dropped, parse

OWN_IDS = "videa-"
"""Prefix of the request ids of videa's own probes. Any client may use it, too."""

PROCESS_IDS = f"{OWN_IDS}{secrets.token_hex(16)}-"
"""Prefix of the request ids of this process's probes. Random, so that no client can imitate them."""

TAIL = 2000
"""Number of lines: enough for a request rate, and readable in about ten milliseconds."""


class Recent(msgspec.Struct, frozen=True):
    """Requests of the last seconds; ``dropped``: lines that are missing in the log, so that rates are too low."""

    requests: list[Line]
    dropped: int = 0


def recent_requests(log_tail: Callable[[int], bytes], window: float, tail: int = TAIL) -> Recent:
    """The requests that ended within the last ``window`` seconds, at most the last ``tail``.

    ``log_tail``: returns the last lines of nginx's log; its errors are passed on.
    """
    since, requests, missing = time.time() - window, [], 0
    for text in Lines().feed(log_tail(tail)):
        line = parse(text)
        if line is None:
            lost = dropped(text)
            missing += lost.dropped if lost and lost.time >= since - 1 else 0  # its time is in full seconds
        elif line.time >= since:
            requests.append(line)
    return Recent(requests, missing)
