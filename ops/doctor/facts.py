"""Everything the collectors find out, as one tree that is JSON and back, so that a bundle replays offline.

No secret is ever in it: of a secret there is only a fingerprint, keyed anew on every run.
Times are seconds since the epoch, ages and durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from itertools import pairwise

from msgspec import Struct, field

from ops.doctor.facts_data import PostgresFacts, RedisFacts

VERSION = 1

UNKNOWN = "?"
"""In place of the replica that answered."""


class Skipped(Struct, frozen=True, omit_defaults=True):
    """What could not be looked at, and why. ``id`` is a source ("postgres") or a check ("pg.conn_high").

    ``trace``: where videa itself failed, only for a bug.
    """

    id: str
    reason: str
    trace: str = ""


class EngineFacts(Struct, frozen=True):
    """The Docker Engine. ``local``: it runs on this machine, so psutil sees its host."""

    version: str
    api_version: str
    local: bool
    root: str = ""
    memory: int = 0
    cpus: int = 0


class HostFacts(Struct, frozen=True):
    """The machine of the engine; shares are free / total, 0..1."""

    disk_path: str
    disk_free: float
    disk_free_bytes: int
    inodes_free: float | None
    memory_free: float
    memory_free_bytes: int


class ContainerFacts(Struct, frozen=True):
    """One container of the project.

    ``fingerprints``: keyed hashes of the environment's secrets, comparable within one run only; of a list of secrets
    ("new,old") one for each, the signing one first. ``stores``: the same of where its data is, without password.
    ``pool_limit``: the connections that its DATABASE_URL lets it open, None when it has no such variable.
    ``rate_limits``: (requests, seconds) by policy, as its RATE_LIMITS says. ``addresses``: in the project's networks.
    ``pid``: its main process on the engine's host, 0 when it does not run.
    ``cpu``: cores in use; ``memory``: bytes without the page cache that can be dropped; None when not sampled.
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

    @property
    def running(self) -> bool:
        return self.state == "running"


class Traffic(Struct, frozen=True):
    """What nginx's log says of the last ``window`` seconds, health checks and doctor's own probes left out.

    ``errors``: answers of 5xx and cut requests; ``p99``: seconds, None without requests; ``retried``: address of a
    replica -> requests that it failed and another had to answer.
    """

    window: float
    requests: int
    errors: int
    p99: float | None = None
    retried: dict[str, int] = field(default_factory=dict)


class BalancerFacts(Struct, frozen=True):
    """nginx, seen from inside its container.

    ``accepted``: what ``nginx -t`` says of the configuration on disk; ``listed``: the upstream's names, None for a
    configuration that takes whatever the service's name resolves to. ``drift``: lines in which it differs from what
    videa would write, "- " before one that is missing, "+ " before one that was added. ``answers``: replica -> answers
    to ``probes`` requests sent through nginx, UNKNOWN where its log does not tell who answered; ``failures``: probes
    without an answer or with one of 500 and above, by status. ``sticky``: a client stays on one replica, so the probes
    all reach the same. ``seen``: replica -> requests of users that it has answered
    in the last seconds; when each replica has, there are no probes. ``tls_expires``: when the certificate served ends.
    ``maintenance``: clients that are let in while the site is closed, None when it is open. ``unreachable``: why the
    published port does not answer on its host, "" when it does, None when it cannot be asked from here.
    """

    container: str
    running: bool
    version: str = ""
    accepted: bool = True
    refusal: str = ""
    generation: str = ""
    serving: str = ""
    listed: list[str] | None = None
    drift: list[str] = field(default_factory=list)
    sticky: bool = False
    probes: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    tls_expires: float | None = None
    maintenance: list[str] | None = None
    unreachable: str | None = None


class InstanceFacts(Struct, frozen=True):
    """One replica of the service, asked directly. A status is None when there was no HTTP answer.

    ``database`` and ``redis``: what the instance says of its dependencies ("ok", "fail", "" when it says nothing);
    ``database_error``: why its database fails, in its words.
    ``limiter``: where it counts rate limits (shared, local, off). ``requests``, ``error_rate``: of its last minute.
    ``clock``: its clock minus that of the balancer, whole seconds. ``rss``: bytes that the process holds.
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
    pool_limit: int | None = None
    pool_size: int = 0
    pool_idle: int = 0
    pool_waiting: int = 0
    limiter: str = ""
    requests: int | None = None
    error_rate: float | None = None
    clock: float | None = None
    rss: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its readiness path answered as a probe must: 200 to 299."""
        return self.ready is not None and 200 <= self.ready <= 299

    @property
    def answers(self) -> bool:
        """Whether it gives any answer at all: also one that does not know the path is alive."""
        return self.live is not None


class Beat(Struct, frozen=True):
    """What an instance last told its peers through Redis.

    ``secrets``: fingerprints of the keys it has in use, the signing one first, by kind ("access", "refresh").
    ``memory_samples``: (when, bytes) of its last minutes. ``clock_offset``: its clock minus that of Redis, seconds.
    ``pool``: (limit, open, idle, requests waiting). ``rate_limits``: (requests, seconds) by policy.
    """

    id: str
    secrets: dict[str, list[str]] = field(default_factory=dict)
    memory_samples: list[tuple[float, float]] = field(default_factory=list)
    clock_offset: float | None = None
    pool: tuple[int, int, int, int] | None = None
    rate_limits: dict[str, tuple[int, int]] = field(default_factory=dict)


class Proof(Struct, frozen=True):
    """``matrix``: minting replica -> replaying replica -> status. ``remaining``: (replica, what was left of the shared
    limit after its answer), in the order of the requests.
    """

    matrix: dict[str, dict[str, int]] = field(default_factory=dict)
    remaining: list[tuple[str, int]] = field(default_factory=list)

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Pairs of (minted on, refused by), of tokens that at least their own instance accepts."""
        return [
            (minted, replayed)
            for minted, statuses in self.matrix.items()
            for replayed, status in statuses.items()
            if status == 401 and statuses.get(minted) == 200
        ]

    @property
    def counters(self) -> int:
        """How many counters the replicas keep: 1 when each answer, wherever it came from, left less than the last."""
        first: dict[str, int] = {}
        for replica, left in self.remaining:
            first.setdefault(replica, left)
        if all(later[1] < earlier[1] for earlier, later in pairwise(self.remaining)):
            return 1
        return sum(1 for left in first.values() if left == max(first.values()))


class OperationFacts(Struct, frozen=True):
    """The project's lock and journal. ``holder``: who has the lock, "" when it is free; ``alive``: and is at work.

    ``broken_off``: an interrupted operation, in words; ``returning``: it was being put back; ``waiting``: one that
    waits, in words, and that nobody attends.
    """

    holder: str = ""
    command: str = ""
    since: float = 0
    alive: bool = False
    broken_off: str = ""
    waiting: str = ""
    returning: bool = False


class History(Struct, frozen=True):
    """What earlier runs of the doctor saw. ``memory``: container id -> (when, bytes); ``known``: when each finding that
    is there without a break was first seen, by "id subject". ``since`` and ``last``: when the first and last run were.
    """

    since: float | None = None
    last: float | None = None
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)


class Facts(Struct, frozen=True):
    """All of it. A source that could not be asked is None and stands in ``skipped`` with its reason.

    ``balancer``, ``postgres_service``, ``redis_service``: Compose services; None when the project has none.
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
    history: History | None = None
    proof: Proof | None = None
    skipped: list[Skipped] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: int = VERSION

    @property
    def replicas(self) -> list[ContainerFacts]:
        """The containers of the scaled service, in order of their numbers, one-off runs left out."""
        mine = [one for one in self.containers or [] if one.service == self.service and not one.oneoff]
        return sorted(mine, key=lambda one: one.number)

    def runs(self, container: str) -> bool:
        """Whether the container of that name is there and runs."""
        return any(one.name == container and one.running for one in self.containers or [])

    @property
    def under_way(self) -> bool:
        """Whether a scale or deploy is at work, so that replicas may differ for a while."""
        return self.operation is not None and self.operation.alive

    def why_skipped(self, source: str) -> str:
        """The reason why a source is None."""
        reasons = [skip.reason for skip in self.skipped if skip.id == source]
        return reasons[0] if reasons else f"{source} was not looked at"
