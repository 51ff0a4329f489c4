"""The nouns of the product, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the project, as Docker's labels and state tell it.

    ``health`` is Docker's word: healthy, unhealthy, starting, or none when no check is declared. ``number``: which of
    its service's, 0 for one that Compose did not start. ``release`` is derived from the labels only (see
    ``ops.releases.release_of``). ``networks``: name -> address. ``pid``: its main process on the engine's host,
    0 when it does not run. ``cpu_limit``: cores; ``memory_limit``: bytes; None without one. ``oneoff``: started by
    ``docker compose run``.
    """

    id: str
    name: str
    service: str
    state: str
    health: str
    image: str
    restarts: int
    exit_code: int
    oom_killed: bool
    number: int = 0
    release: str = ""
    image_id: str = ""
    config_hash: str = ""
    created: datetime = NEVER
    started: datetime | None = None
    networks: dict[str, str] = field(default_factory=dict, hash=False)
    pid: int = 0
    cpu_limit: float | None = None
    memory_limit: int | None = None
    oneoff: bool = False

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def attached(self) -> bool:
        """Whether it has its address on the network; a paused one accepts connections, too, and never answers."""
        return self.state in ("running", "paused")


Replica: TypeAlias = Container
"""A container of the scaled service."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container used over one sampling gap, beside what it may use.

    ``cpu``: cores (1.0 = one core busy); ``memory``: bytes, the page cache that can be dropped left out (as ``docker
    stats`` counts it); the limits are the container's, None without one. ``throttled``: share of CFS periods. ``pids``
    and the bytes of the network are None where only the kernel's files were read.
    """

    cpu: float
    cpu_limit: float | None
    memory: int
    memory_limit: int | None
    throttled: float
    pids: int | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command in a container answered."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe found. ``status``: 0 without an answer; ``seconds``: it took; ``reason``: why it is not ok."""

    ok: bool
    status: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Machine:
    """The engine and what its machine has. ``memory``: bytes, None when it is not told; ``root``: its data folder."""

    cpus: int
    memory: int | None
    version: str = ""
    api_version: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What a store keeps under a name. ``number``: what ``set_number`` wrote last; ``created``: by the store's clock.

    ``id``: of this record alone, so that another that has taken its name meanwhile is not touched.
    """

    id: str
    labels: Mapping[str, str]
    number: int
    created: datetime
