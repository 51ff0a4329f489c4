"""The nouns of the product, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Replica:
    """One container of the scaled service, as Docker's labels and state tell it.

    ``release`` is derived from the container's labels only (see ``ops.engine.replicas.release_of``).
    ``health`` is Docker's word: healthy, unhealthy, starting, or none when no check is declared. ``networks``: name ->
    address. ``pid``: its main process on the engine's host, 0 when it does not run.
    """

    id: str
    name: str
    number: int
    service: str
    release: str
    image: str
    image_id: str
    config_hash: str
    state: str
    health: str
    created: datetime
    started: datetime | None
    restarts: int
    exit_code: int
    oom_killed: bool
    networks: dict[str, str] = field(default_factory=dict, hash=False)
    pid: int = 0

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def attached(self) -> bool:
        """Whether it has its address on the network; a paused one accepts connections, too, and never answers."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, slots=True)
class Container:
    """Any container of the project: enough to find it and to say how it is."""

    id: str
    name: str
    service: str
    state: str
    health: str
    image: str
    restarts: int
    exit_code: int
    oom_killed: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container used over one sampling gap.

    ``cpu``: cores (1.0 = one core busy); ``cpu_limit``: cores or None; ``memory`` and ``memory_limit``: bytes, the
    page cache that can be dropped left out (as ``docker stats`` counts it); ``throttled``: share of CFS periods.
    """

    cpu: float
    cpu_limit: float | None
    memory: int
    memory_limit: int | None
    throttled: float
    pids: int
    rx_bytes: int
    tx_bytes: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command in a container answered."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0
