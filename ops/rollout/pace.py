"""How fast a rolling deploy replaces replicas, and how it handles a failure. The journal stores it with the request."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """``delay``: seconds between two batches; ``monitor``: seconds for which new replicas are watched with traffic.

    ``stop_first``: each old replica is stopped before its successor starts. ``pause``: a failure leaves the operation
    to the operator and does not roll it back.
    """

    delay: float = 0.0
    monitor: float = 0.0
    stop_first: bool = False
    pause: bool = False
