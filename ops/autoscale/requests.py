"""Requests of one service in the last seconds, from the end of nginx's log. Pure.

Only the last ``TAIL`` lines are read, however many there are: at high rates they are the last second or less, which is
then exact enough.
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
"""Seconds: a crowd shows in the last one of them at once, in the whole window only after its end."""

CERTAIN = 3.0
"""Standard deviations of a Poisson process, by which chance makes a second look busier once in 700."""

LAG = 0.25
"""Seconds after which all lines of a moment are in the log, see ``ops.balancer.proof.FLUSH``."""

FEWEST = 20
"""Requests below which there is no 95th percentile."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """``rate``: requests each second, of the window, or of its last second if that has certainly more.

    ``p95``: seconds until the first byte, 0 for too few requests.

    ``gap``: why the log has not every request, so that the figures are too low; empty if it has.
    """

    rate: float
    p95: float
    gap: str = ""


def traffic_of(tail: bytes, now: float, belongs: Callable[[Line], bool], most: int = TAIL) -> Traffic:
    """``tail``: the last ``most`` lines of the log; ``now``: Unix time; ``belongs``: a request is the service's."""
    since, until = now - LAG - WINDOW, now - LAG
    requests: list[Line] = []
    missing, lines = "", 0
    for text in Lines().feed(tail):
        lines += 1
        line = parse(text)
        if line is not None:
            requests.append(line)
        elif (lost := dropped(text)) and lost.time >= since - 1:  # it has full seconds
            missing = gap(text)
    oldest = min((line.time for line in requests), default=since)
    if lines >= most and oldest > since:  # the window begins before the lines do
        since, until = oldest, max(line.time for line in requests)
    own = [line for line in requests if since <= line.time <= until and belongs(line)]
    seconds = max(until - since, 0.001)
    waits = Latencies(line.waited for line in own)
    # By their beginning: what has waited for a replica that hung, and ends in one moment, is no crowd.
    last = sum(line.time - line.seconds > until - BURST for line in own)
    rate = max(len(own) / seconds, at_least(last) / BURST)
    return Traffic(rate, waits.percentile(95) if len(own) >= FEWEST else 0.0, missing)


def at_least(count: int) -> float:
    """The mean number of events, of which ``count`` have just come, that chance does not explain."""
    return float(count - CERTAIN * math.sqrt(count))
