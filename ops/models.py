"""The data types of containers, probes and the engine; immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the project, from Docker's labels and state.

    ``health``: Docker's state: healthy, unhealthy, starting, or none without a health check. ``health_output``: output
    of the last check; ``first_check``: seconds from a start to the end of the first check, 0 without a health check.
    ``number``: its number within the service, 0 if Compose did not start it. ``release``: derived only from the labels
    (see ``ops.releases.release_of``). ``networks``: name -> address. ``pid``: its main process on the engine's host, 0
    if it is not running. ``cpu_limit``: cores; ``memory_limit``: bytes; None without a limit. ``oneoff``: started by
    ``docker compose run``. ``node``: id of the swarm node that runs it, "" without a swarm.
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
    health_output: str = ""
    first_check: float = 0.0
    node: str = ""

    @property
    def has_check(self) -> bool:
        """Whether it has its own health check."""
        return self.health != "none"

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def alive(self) -> bool:
        """Whether it is running, or Docker is restarting it."""
        return self.state in ("running", "restarting", "paused")

    @property
    def attached(self) -> bool:
        """Whether it has an address on the network. Even a paused container accepts connections, but never answers."""
        return self.state in ("running", "paused")


Replica: TypeAlias = Container
"""A container of the scaled service."""


class Usage(msgspec.Struct, frozen=True):
    """The usage of a container between two samples, and its limits.

    ``cpu``: cores (1.0 = one core busy); ``memory``: bytes without reclaimable page cache (like ``docker stats``); a
    limit is None if it is not set. ``throttled``: share of CFS periods. ``pids``: processes and threads present in both
    samples. The network bytes are None if only the kernel's files were read. ``shared``: bytes of ``memory`` that
    processes share; ``refused``: forks refused by the pids limit between the samples; ``oom_kills``: processes killed
    for memory since the start; both None if unknown.
    """

    cpu: float
    cpu_limit: float | None
    memory: int
    memory_limit: int | None
    throttled: float
    pids: int | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    shared: int = 0
    refused: int | None = None
    oom_kills: int | None = None


def lasting(before: int | None, after: int | None) -> int | None:
    """The number of processes present in both samples: a health check or an exec briefly adds up to a dozen."""
    return after if before is None or after is None else min(before, after)


class ExecResult(msgspec.Struct, frozen=True):
    """The result of a command in a container."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True)
class UserCommand:
    """A command that a user runs in a container. ``terminal``: it gets the user's terminal, otherwise only the streams.

    ``environment``: additional variables, whose values must not appear in the arguments of any process; ``user``,
    ``workdir``: empty for the container's own.
    """

    words: tuple[str, ...]
    terminal: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    user: str = ""
    workdir: str = ""


class ProbeResult(msgspec.Struct, frozen=True):
    """The result of a probe. ``status``: 0 without an answer; ``seconds``: duration; ``reason``: why it is not ok.

    ``asked``: what was probed, as text; ``by_connect``: only a TCP connection was tried; ``delay``: seconds after a
    start until there can be a first result, 0 if there is one. ``row``: the number of consecutive good probes that a
    good result stands for.
    """

    ok: bool
    status: int
    seconds: float
    reason: str
    asked: str = ""
    by_connect: bool = False
    delay: float = 0.0
    row: int = 1


class Machine(msgspec.Struct, frozen=True):
    """The engine and its machine. ``memory``: bytes, None if unknown; ``root``: the engine's data folder."""

    cpus: int
    memory: int | None
    version: str = ""
    api_version: str = ""
    root: str = ""


class Node(msgspec.Struct, frozen=True):
    """A machine of a swarm, as the managers report it. ``memory``: bytes; ``cpus``: cores.

    ``state``: ready, down, unknown or disconnected; ``message``: why it is not ready. ``availability``: active, pause
    (no new tasks) or drain (no tasks). ``reachability``: a manager's, as seen by the other managers; "" for a worker.
    ``version``: the engine's.
    """

    id: str
    name: str
    state: str
    availability: str
    manager: bool = False
    leader: bool = False
    reachability: str = ""
    address: str = ""
    version: str = ""
    cpus: float = 0.0
    memory: int = 0
    message: str = ""

    @property
    def usable(self) -> bool:
        """Whether it gets new tasks."""
        return self.state == "ready" and self.availability == "active"


class Stuck(msgspec.Struct, frozen=True):
    """A task of the project that does not run. ``node``: id of the node that rejected it, "" if no node was suitable.

    ``reason``: in the manager's words; ``since``: Unix time.
    """

    service: str
    node: str
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """The state of a swarm. ``seen``: node id -> Unix time of the last change that the managers recorded.

    ``lost``: unreachable node's id -> containers of the project that ran there. ``root_expires``: Unix time at which
    the swarm's root CA expires, None if unknown; ``outdated``: ids of nodes whose certificates were issued by another
    CA; ``rotating``: a root CA rotation is in progress.
    """

    nodes: tuple[Node, ...] = ()
    seen: Mapping[str, float] = field(default_factory=dict, hash=False)
    lost: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    stuck: tuple[Stuck, ...] = ()
    root_expires: float | None = None
    outdated: tuple[str, ...] = ()
    rotating: bool = False


class Record(msgspec.Struct, frozen=True):
    """A record in a store. ``number``: the last value of ``set_number``; ``created``: time by the store's clock.

    ``id``: identifies this very record, so that a later record with the same name is not affected.
    """

    id: str
    labels: Mapping[str, str]
    number: int
    created: datetime


class Document(msgspec.Struct, frozen=True):
    """The content that a store has under a name. ``version``: increases with every write; 0 if there is no content."""

    version: int = 0
    content: bytes = b""


class StoredImage(msgspec.Struct, frozen=True):
    """An image on an engine. ``names``: its tags; ``layers``: the diff ids of its layers, base layer first.

    ``parts``: the command that created each part and the part's size in bytes, base first; images that share layers
    start with the same parts.
    """

    id: str
    names: tuple[str, ...]
    layers: tuple[str, ...]
    parts: tuple[tuple[str, int], ...] = ()


class Job(msgspec.Struct, frozen=True):
    """A container in which an operation runs. ``kind``: see ``ops.jobs.request``; ``command``: without secrets.

    ``at``: Unix time at which it starts, 0 for immediately. ``state``: Docker's; ``over``: it will not be restarted.
    """

    id: str
    name: str
    kind: str
    command: str
    who: str
    at: float
    created: datetime
    state: str
    over: bool
    exit_code: int

    @property
    def exited(self) -> bool:
        return self.state in ("exited", "dead")


class NewJob(msgspec.Struct, frozen=True):
    """A job to start. ``words``: its command; ``folder``: where it runs; ``user``, ``groups``: ids of this machine.

    ``environment``: the variables that its Python needs to start; no secrets.
    ``read_only``, ``writable``: paths of this machine, mounted at the same paths.
    """

    name: str
    labels: Mapping[str, str]
    words: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    user: tuple[int, int]
    groups: tuple[int, ...]
    read_only: tuple[str, ...]
    writable: tuple[str, ...]
