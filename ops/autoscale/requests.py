"""Requests of one service in the last seconds, from the end of nginx's log. Pure.

Only the last ``TAIL`` lines are read. At high rates they cover a second or less, which is then precise enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ops.balancer.access_log import Line, Lines, dropped, gap, parse
from ops.balancer.recent import TAIL
from ops.balancer.tally import Latencies

WINDOW = 5.0
"""Seconds over which the rate is measured."""

BURST = 1.0
"""Seconds at the end of the window that show a burst immediately, rather than after a whole window."""

CERTAIN = 3.0
"""Standard deviations of a Poisson process that chance exceeds in one second out of 700."""

LAG = 0.25
"""Seconds after which all requests of a moment are in the log; see ``ops.balancer.proof.FLUSH``."""

FEWEST = 20
"""Requests below which there is no 95th percentile."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """``rate``: requests per second in the window, or in its last second if that is significantly higher.

    ``p95``: seconds until the first byte, 0 for too few requests.

    ``gap``: why requests are missing in the log, so that the figures are too low; empty if it is complete.
    """

    rate: float
    p95: float
    gap: str = ""


def traffic_of(tail: bytes, now: float, belongs: Callable[[Line], bool], most: int = TAIL) -> Traffic:
    """``tail``: the last ``most`` lines of the log; ``now``: Unix time; ``belongs``: is a request the service's."""
    since, until = now - LAG - WINDOW, now - LAG
    requests: list[Line] = []
    missing, lines = "", 0
    for text in Lines().feed(tail):
        lines += 1
        line = parse(text)
        if line is not None:
            requests.append(line)
        elif (lost := dropped(text)) and lost.time >= since - 1:  # its time is in full seconds
            missing = gap(text)
    oldest = min((line.time for line in requests), default=since)
    if lines >= most and oldest > since:  # the lines do not cover the whole window
        since, until = oldest, max(line.time for line in requests)
    own = [line for line in requests if since <= line.time <= until and belongs(line)]
    seconds = max(until - since, 0.001)
    waits = Latencies(line.waited for line in own)
    # Counted by start time: requests that waited for a hung replica and then end together are not a burst.
    last = sum(line.time - line.seconds > until - BURST for line in own)
    rate = max(len(own) / seconds, at_least(last) / BURST)
    return Traffic(rate, waits.percentile(95) if len(own) >= FEWEST else 0.0, missing)


def at_least(count: int) -> float:
    """A lower bound of the mean number of events if ``count`` occurred: CERTAIN standard deviations below it."""
    return float(count - CERTAIN * math.sqrt(count))
