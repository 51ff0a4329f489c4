"""All facts of the collectors, as one tree that converts to JSON and back, so that a bundle can be replayed offline.

It never contains a secret, only fingerprints of secrets, with a new key in each run.
Times are seconds since the epoch, ages and durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct, field

from ops.doctor.facts_balancer import BalancerFacts, EdgeSight, Traffic
from ops.doctor.facts_data import PostgresFacts, RedisFacts
from ops.doctor.facts_services import LogGroup, Reached, ServiceFacts
from ops.doctor.facts_swarm import SwarmFacts

VERSION = 1

UNKNOWN = "?"
"""Stands for a replica that could not be identified."""


class Skipped(Struct, frozen=True, omit_defaults=True):
    """What could not be examined, and why. ``id`` is a source ("postgres") or a check ("pg.conn_high").

    ``trace``: the traceback of a bug in videa, otherwise "". ``broken_off``: the source began to answer, but its answer
    ended early.
    """

    id: str
    reason: str
    trace: str = ""
    broken_off: bool = False


class EngineFacts(Struct, frozen=True):
    """The Docker Engine. ``local``: it runs on this machine, so its host can be measured."""

    version: str
    api_version: str
    local: bool
    root: str = ""
    memory: int = 0
    cpus: int = 0


class HostFacts(Struct, frozen=True):
    """The machine of the engine. Shares are free / total, 0..1."""

    disk_path: str
    disk_free: float
    disk_free_bytes: int
    inodes_free: float | None
    memory_free: float
    memory_free_bytes: int


class ContainerFacts(Struct, frozen=True):
    """One container of the project.

    ``fingerprints``: keyed hashes of the environment's secrets, comparable only within one run; a list of secrets
    ("new,old") has one for each, the signing one first. ``stores``: keyed hashes of its data URLs, without passwords.
    ``pool_limit``: the maximum of connections in its DATABASE_URL, None without this variable.
    ``rate_limits``: (requests, seconds) by policy, from its RATE_LIMITS. ``addresses``: in the project's networks.
    ``pid``: its main process on the engine's host, 0 if it is not running.
    ``cpu``: cores in use; ``memory``: bytes without reclaimable page cache; None if not sampled. ``shared``: bytes of
    ``memory`` that processes share, such as PostgreSQL's buffers.
    ``pids``: processes and threads, ``pids_limit``: their maximum; ``forks_refused``: forks that failed at the limit
    during the run. ``log_size``: bytes of its log, None if it cannot be read or Docker bounds it.
    ``passwords``: keyed hashes of the passwords in its environment, by variable; those in URLs too.
    ``error``: why the engine could not start it; ``finished``: when it ended last, 0 if never; ``restarted``: the
    engine starts it again when it ends. ``networks``: their names, None in bundles of older versions.
    ``oom_kills``: processes that the kernel has killed for memory since its start, None if unknown.
    """

    id: str
    name: str
    service: str
    number: int
    image: str
    image_id: str
    release: str
    state: str
    health: str
    restarts: int
    exit_code: int
    oom_killed: bool
    created: float
    started: float
    pid: int = 0
    oneoff: bool = False
    fingerprints: dict[str, list[str]] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    pool_limit: int | None = None
    rate_limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    health_output: str = ""
    cpu: float | None = None
    cpu_limit: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    throttled: float | None = None
    error: str = ""
    finished: float = 0.0
    restarted: bool = False
    config_hash: str = ""
    networks: list[str] | None = None
    oom_kills: int | None = None
    shared: int = 0
    pids: int | None = None
    pids_limit: int | None = None
    forks_refused: int | None = None
    log_size: int | None = None
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def has_check(self) -> bool:
        """Whether it has its own health check."""
        return self.health != "none"


class InstanceFacts(Struct, frozen=True):
    """One replica of the service, probed directly. A status is None if there was no HTTP answer.

    ``well``: whether it is ready as its release declares, None in bundles of older versions; ``by_connect``: it is
    ready when it accepts connections.
    ``database`` and ``redis``: the reported state of its dependencies ("ok", "fail", "" if not reported);
    ``database_error`` and ``redis_error``: the errors that it reports for them.
    ``limiter``: where it counts rate limits (shared, local, off). ``requests``, ``error_rate``: in its last minute.
    ``clock``: its clock minus that of the balancer, full seconds. ``rss``: resident memory of the process, bytes.
    ``reason``: what it says of its readiness if it is not ready.
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
    ``memory_samples``: (time, bytes) in its last minutes. ``clock_offset``: its clock minus that of Redis, seconds.
    ``pool``: (limit, open, idle, requests waiting). ``rate_limits``: (requests, seconds) by policy.
    """

    id: str
    secrets: dict[str, list[str]] = field(default_factory=dict)
    memory_samples: list[tuple[float, float]] = field(default_factory=list)
    clock_offset: float | None = None
    pool: tuple[int, int, int, int] | None = None
    rate_limits: dict[str, tuple[int, int]] = field(default_factory=dict)


class Proof(Struct, frozen=True):
    """``matrix``: minting replica -> replaying replica -> status. ``remaining``: (replica, rest of the shared limit
    after its answer), in the order of the requests.
    """

    matrix: dict[str, dict[str, int]] = field(default_factory=dict)
    remaining: list[tuple[str, int]] = field(default_factory=list)

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Pairs (minted on, refused by) of tokens that their own instance accepts."""
        return [
            (minted, replayed)
            for minted, statuses in self.matrix.items()
            for replayed, status in statuses.items()
            if status == 401 and statuses.get(minted) == 200
        ]

    @property
    def counters(self) -> int:
        """The number of separate counters: 1 if each answer of any replica has a lower rest than the previous one."""
        first: dict[str, int] = {}
        for replica, rest in self.remaining:
            first.setdefault(replica, rest)
        if all(later[1] < earlier[1] for earlier, later in pairwise(self.remaining)):
            return 1
        return sum(1 for rest in first.values() if rest == max(first.values()))


class HeldBack(Struct, frozen=True):
    """A service of which the autoscaler wants more replicas than a limit of the machine allows.

    ``limit``: its name, see ``ops.autoscale.bounds``; ``reason``: of the last round, which was at ``looked``.
    """

    service: str
    limit: str
    reason: str
    looked: float


class OperationFacts(Struct, frozen=True):
    """The project's lock and journal. ``holder``: of the lock, "" if it is free; ``alive``: its process is running.

    ``broken_off``: an interrupted operation, as text, or ""; ``returning``: it was interrupted during its rollback.
    ``waiting``: an operation that waits unattended, as text, or ""; ``held_back``: by the autoscaler's last round.
    """

    holder: str = ""
    command: str = ""
    since: float = 0
    alive: bool = False
    broken_off: str = ""
    waiting: str = ""
    returning: bool = False
    held_back: list[HeldBack] = []


class CertificateFacts(Struct, frozen=True):
    """A domain of x-videa.tls. Unix times; None without a certificate.

    ``due``: when the next certificate is ordered; ``failures``: in a row, the last one with ``error``.
    """

    domain: str
    not_before: float | None
    not_after: float | None
    due: float = 0.0
    failures: int = 0
    error: str = ""


class History(Struct, frozen=True):
    """Results of earlier runs of the doctor. ``memory``: container id -> (time, bytes); ``known``: "id subject" of each
    current finding -> time of the first of the consecutive runs that saw it. ``since`` and ``last``: times of the first
    and the last run. ``oom``: container id -> (time, processes killed for memory) when the number was seen to differ.
    ``levels``: name of what fills up ("wal", "volume app-postgres-1") -> (time, bytes).
    """

    since: float | None = None
    last: float | None = None
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    oom: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    levels: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class Facts(Struct, frozen=True):
    """All facts. A source that could not be queried is None, and its reason is in ``skipped``.

    ``edges``: every nginx that runs, empty if there is only one. ``logs``: container -> its last error lines, and
    ``reach``: replica -> what it reaches; both only of what fails.
    """

    taken: float
    project: str
    service: str
    services: list[str]
    balancer_service: str
    engine: EngineFacts | None = None
    host: HostFacts | None = None
    containers: list[ContainerFacts] | None = None
    postgres: PostgresFacts | None = None
    redis: RedisFacts | None = None
    balancer: BalancerFacts | None = None
    traffic: Traffic | None = None
    instances: list[InstanceFacts] | None = None
    fleet: list[Beat] | None = None
    operation: OperationFacts | None = None
    certificates: list[CertificateFacts] | None = None
    history: History | None = None
    proof: Proof | None = None
    declared: dict[str, ServiceFacts] | None = None
    swarm: SwarmFacts | None = None
    edges: list[EdgeSight] | None = None
    logs: dict[str, list[LogGroup]] = field(default_factory=dict)
    reach: dict[str, list[Reached]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: int = VERSION

    @property
    def replicas(self) -> list[ContainerFacts]:
        """The containers of the scaled service, ordered by number, without one-off runs."""
        return self.replicas_of(self.service)

    def replicas_of(self, service: str) -> list[ContainerFacts]:
        """The containers of a service, ordered by number, without one-off runs."""
        replicas = [
            container for container in self.containers or [] if container.service == service and not container.oneoff
        ]
        return sorted(replicas, key=lambda container: container.number)

    def runs(self, name: str) -> bool:
        """Whether a container with that name is running."""
        return any(container.name == name and container.running for container in self.containers or [])

    def restarting(self, name: str) -> bool:
        """Whether a container ended and waits for its next start, which `docker compose up` does not bring forward."""
        return any(container.name == name and container.state == "restarting" for container in self.containers or [])

    def paused(self, names: Iterable[str]) -> list[str]:
        """Those of the containers with these names that are paused."""
        states = {container.name: container.state for container in self.containers or []}
        return [name for name in names if states.get(name) == "paused"]

    @property
    def under_way(self) -> bool:
        """Whether a scale or deploy is running, so that replicas may differ for a while."""
        return self.operation is not None and self.operation.alive

    def why_skipped(self, source: str) -> str:
        """The reason why a source is None."""
        reasons = [skip.reason for skip in self.skipped if skip.id == source]
        return reasons[0] if reasons else f"{source} was not examined"
