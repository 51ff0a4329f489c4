"""Facts from the replicas: their answers, their heartbeats, and the token proof. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from itertools import pairwise

from msgspec import Struct, field


class InstanceFacts(Struct, frozen=True):
    """One replica of the service, probed directly. A status is None if there was no HTTP answer.

    ``well``: whether it is ready as its release declares, None in bundles of older versions; ``by_connect``: it is
    ready when it accepts connections.
    ``database`` and ``redis``: the reported state of its dependencies ("ok", "fail", "" if not reported);
    ``database_error`` and ``redis_error``: the errors that it reports for them.
    ``limiter``: where it counts rate limits (shared, local, off). ``requests``, ``error_rate``: in its last minute.
    ``clock``: its clock minus the balancer's, full seconds. ``rss``: resident memory of the process, bytes.
    ``reason``: why it is not ready, in its own words.
    """

    name: str
    live: int | None
    ready: int | None
    health: int | None
    error: str = ""
    instance: str = ""
    release: str = ""
    overall: str = ""
    database: str = ""
    database_error: str = ""
    redis: str = ""
    redis_error: str = ""
    pool_limit: int | None = None
    pool_size: int = 0
    pool_idle: int = 0
    pool_waiting: int = 0
    limiter: str = ""
    requests: int | None = None
    error_rate: float | None = None
    clock: float | None = None
    rss: int | None = None
    well: bool | None = None
    by_connect: bool = False
    reason: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it is ready: by default, its readiness path answers with 200 to 299."""
        return self.well if self.well is not None else self.ready is not None and 200 <= self.ready <= 299

    @property
    def answers(self) -> bool:
        """Whether it gives any answer: a replica that answers 404 is also alive."""
        return self.live is not None


class Beat(Struct, frozen=True):
    """The last heartbeat of an instance in Redis.

    ``secrets``: fingerprints of its keys, the signing one first, by kind ("access", "refresh").
    ``memory_samples``: (time, bytes) in its last minutes. ``clock_offset``: its clock minus Redis's, seconds.
    ``pool``: (limit, open, idle, requests waiting). ``rate_limits``: (requests, seconds) by policy.
    """

    id: str
    secrets: dict[str, list[str]] = field(default_factory=dict)
    memory_samples: list[tuple[float, float]] = field(default_factory=list)
    clock_offset: float | None = None
    pool: tuple[int, int, int, int] | None = None
    rate_limits: dict[str, tuple[int, int]] = field(default_factory=dict)


class Proof(Struct, frozen=True):
    """``matrix``: minting replica -> replaying replica -> status. ``remaining``: (replica, requests left within the
    shared limit after its answer), in the order of the requests.
    """

    matrix: dict[str, dict[str, int]] = field(default_factory=dict)
    remaining: list[tuple[str, int]] = field(default_factory=list)

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Pairs (minted on, rejected by) of tokens that their own instance accepts."""
        return [
            (minted, replayed)
            for minted, statuses in self.matrix.items()
            for replayed, status in statuses.items()
            if status == 401 and statuses.get(minted) == 200
        ]

    @property
    def counters(self) -> int:
        """The number of separate counters: 1 if the remaining limit decreases with every answer, from any replica."""
        first: dict[str, int] = {}
        for replica, rest in self.remaining:
            first.setdefault(replica, rest)
        if all(later[1] < earlier[1] for earlier, later in pairwise(self.remaining)):
            return 1
        return sum(1 for rest in first.values() if rest == max(first.values()))
