"""What the balancer is to serve and what it serves, as values: they know nothing of nginx's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal, TypeAlias

Sticky: TypeAlias = Literal["none", "ip", "cookie"]

ALWAYS, NEVER = "always", "never"
"""A tester's token that leads to the canary of every split, and the one that leads away from it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_BY = re.compile(r"request|client|cookie:[A-Za-z0-9_]+|header:[A-Za-z0-9-]+")
_TOKEN = re.compile(r"[A-Za-z0-9]+")
_PATH = re.compile(r"/[\w./=&%-]*")


@dataclass(frozen=True, slots=True)
class TrafficSplit:
    """``percent`` of the requests go to ``servers``, the others to the replicas of before.

    ``by``: what decides. "request": chance, each time; "client", "cookie:NAME" or "header:NAME": always the same side
    for the same value, and whoever is with the canary stays there when its share grows; requests without that cookie or
    header go by chance. ``token``: the header's or cookie's value that leads to the canary whatever its share.
    Raises ValueError.
    """

    servers: tuple[str, ...]
    percent: float
    by: str = "request"
    token: str = ALWAYS

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("a split needs replicas to split to")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"not a share: {self.percent}")
        if not is_key(self.by) or not _TOKEN.fullmatch(self.token) or self.token == NEVER:
            raise ValueError(f"not a key or token for nginx: {self.by!r}, {self.token!r}")

    @property
    def private(self) -> bool:
        """Whether only who knows the token gets to the canary: it is tried out, and nobody else may answer for it."""
        return self.token != ALWAYS


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The site is closed: 503 and a page for everybody but ``allow``, everywhere but at ``open_paths``.

    ``allow``: addresses or networks of clients; ``retry_after``: seconds that clients are asked to wait.
    Raises ValueError for what is no address, path or time.
    """

    allow: tuple[str, ...] = ()
    open_paths: tuple[str, ...] = ()
    retry_after: int = 300

    def __post_init__(self) -> None:
        for network in self.allow:
            ip_network(network)
        if any(not _PATH.fullmatch(path) for path in self.open_paths) or self.retry_after < 1:
            raise ValueError(f"not paths or seconds for nginx: {self.open_paths}, {self.retry_after}")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where nginx is to send requests.

    ``servers``: names of the admitted replicas; empty means every replica of ``service`` that Docker's DNS knows.
    ``drain_timeout``: seconds after a reload until the old workers give up on requests that still run.
    ``split``: other replicas that get a share of the requests; ``servers`` are then not empty.
    ``ports``: of those replicas that do not listen on ``port``, because their release is another.
    Raises ValueError for a name that does not belong into a configuration file.
    """

    service: str
    port: int
    servers: tuple[str, ...] = ()
    sticky: Sticky = "none"
    drain_timeout: float = 30.0
    split: TrafficSplit | None = None
    ports: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.split and not self.servers:
            raise ValueError("a split needs replicas to split from")
        for name in (self.service, *self.servers, *(self.split.servers if self.split else ())):
            if not _NAME.fullmatch(name):
                raise ValueError(f"not the name of a container or service: {name!r}")

    def address(self, name: str) -> str:
        """Where nginx finds the replica of this name: NAME:PORT."""
        return f"{name}:{self.ports.get(name, self.port)}"


@dataclass(frozen=True, slots=True)
class Membership:
    """Which replicas a configuration admits: those in ``servers``, or ``everything`` that Compose started.

    ``canary``: the other side of a split, none without one; ``split``: all of it, None where it cannot be read.
    ``maintenance``: how the site is closed, None when open. ``ports``: of each replica; ``any_port``: of whatever
    Compose started. ``text``: what it was read from.
    """

    generation: int
    servers: tuple[str, ...]
    canary: tuple[str, ...] = ()
    maintenance: Maintenance | None = None
    text: str = field(default="", compare=False, repr=False)
    ports: Mapping[str, int] = field(default_factory=dict, compare=False)
    any_port: int | None = field(default=None, compare=False)
    split: TrafficSplit | None = field(default=None, compare=False)

    @property
    def everything(self) -> bool:
        return not self.servers

    def admits(self, replica: str) -> bool:
        """Whether requests may go to the replica of this name."""
        return self.everything or replica in self.servers or replica in self.canary

    def port_of(self, replica: str) -> int | None:
        """The port at which nginx asks the replica of this name; None when it does not."""
        return self.any_port if self.everything else self.ports.get(replica)


@dataclass(frozen=True, slots=True)
class Applied:
    """A configuration that serves. ``old_workers``: the worker processes of before; drained means that none is left."""

    generation: int
    old_workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """nginx at one moment. ``serving``: the generation that answers, None if none; ``text``: its upstreams.conf."""

    version: str
    serving: int | None
    text: str


def is_key(by: str) -> bool:
    """Whether a split can go by this."""
    return _BY.fullmatch(by) is not None
