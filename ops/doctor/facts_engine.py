"""Facts about the engine, its machine, and the project's containers on it. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from msgspec import Struct, field


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
    ("new,old") has one per secret, the signing one first. ``stores``: keyed hashes of its data URLs, without passwords.
    ``pool_limit``: the connection limit in its DATABASE_URL, None without this variable.
    ``rate_limits``: (requests, seconds) by policy, from its RATE_LIMITS. ``addresses``: in the project's networks.
    ``pid``: its main process on the engine's host, 0 if it is not running.
    ``cpu``: cores in use; ``memory``: bytes without reclaimable page cache; None if not sampled. ``shared``: bytes of
    ``memory`` that processes share, such as PostgreSQL's buffers.
    ``pids``: processes and threads; ``pids_limit``: their maximum; ``forks_refused``: forks that failed at the limit
    during the run. ``log_size``: bytes of its log, None if it cannot be read or Docker rotates it.
    ``passwords``: keyed hashes of the passwords in its environment, by variable, including those in URLs.
    ``error``: why the engine could not start it; ``finished``: time of its last exit, 0 if never; ``restarted``: it has
    a restart policy. ``networks``: their names, None in bundles of older versions.
    ``oom_kills``: processes that the kernel has OOM-killed since its start, None if unknown.
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


class Volume(Struct, frozen=True):
    """The file system with a server's data, in bytes, without the blocks reserved for root."""

    size: float
    free: float
