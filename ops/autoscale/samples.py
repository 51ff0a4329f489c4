"""What a round of the autoscaler has observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observed:
    """A replica. ``ready``: it has been getting requests for long enough that its usage reflects the load.

    ``cpu``: share of its limit, or of one core without a limit; ``pool_waiting``: requests that wait for a database
    connection. None if it could not be measured.
    """

    name: str
    ready: bool = True
    cpu: float | None = None
    pool_waiting: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """A service at ``time`` (Unix time of the engine). ``replicas``: those that are running or starting.

    ``requests``: per second, of all replicas together; ``p95``: seconds, 0 if there were too few requests; None if not
    measured. ``missing``: metric -> why it could not be measured completely.
    """

    time: float
    replicas: tuple[Observed, ...]
    requests: float | None = None
    p95: float | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The current number of replicas."""
        return len(self.replicas)
