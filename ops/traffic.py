"""The balancer's desired and current configuration, independent of nginx's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal, TypeAlias

import msgspec

from ops.route import EVERYTHING, Route

Sticky: TypeAlias = Literal["none", "ip", "cookie"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_BY = re.compile(r"request|client|cookie:[A-Za-z0-9_]+|header:[A-Za-z0-9-]+")
_TOKEN = re.compile(r"[A-Za-z0-9]*")
_PATH = re.compile(r"/[\w./=&%-]*")


@dataclass(frozen=True, slots=True)
class TrafficSplit:
    """``percent`` of the requests go to ``servers``, the others to the stable replicas.

    ``by``: the key of the split. "request": random for each request; "client", "cookie:NAME" or "header:NAME": the same
    value always goes to the same replicas, and stays with the canary when its share grows; requests without this cookie
    or header are assigned at random. ``token``: for a private split, the header value that alone selects the canary.
    Raises ValueError.
    """

    servers: tuple[str, ...]
    percent: float
    by: str = "request"
    token: str = ""

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("a split needs canary replicas")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"not a percentage: {self.percent}")
        if not is_key(self.by) or not _TOKEN.fullmatch(self.token):
            raise ValueError(f"not a key or token for nginx: {self.by!r}, {self.token!r}")

    @property
    def private(self) -> bool:
        """Whether only requests with the token reach the canary, so that a test never reaches another replica."""
        return self.token != ""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The site is closed: all clients except ``allow`` get 503 and a page, at all paths except ``open_paths``.

    ``allow``: addresses or networks of clients; ``retry_after``: seconds, for the header Retry-After.
    Raises ValueError for invalid addresses, paths and times.
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
class Proxy:
    """How requests are passed on. The image of the balancer has the same defaults.

    ``max_body``: bytes of a request's body; ``response_headers``: bytes of a response's headers; ``read_timeout`` and,
    for WebSockets, ``websocket_timeout``: seconds without any data from the replica; ``buffering``: a slow client does
    not occupy a replica; ``trusted``: networks of proxies whose forwarded client address is trusted. Raises ValueError
    for an invalid network.
    """

    max_body: int = 64 << 20
    read_timeout: float = 300.0
    response_headers: int = 16 << 10
    buffering: bool = True
    websocket_timeout: float = 3600.0
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for network in self.trusted:
            ip_network(network)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The desired configuration of the balancer.

    ``servers``: names of the listed replicas; empty means every replica of ``service`` in Docker's DNS.
    ``drain_timeout``: seconds after a reload until the old workers abort their remaining requests.
    ``split``: the canary replicas and their share of the requests; requires ``servers``.
    ``ports``: of the replicas whose release listens on another port than ``port``.
    ``proxy``: how requests are passed on; ``grpc``: the replicas speak only gRPC. ``route``: which requests the service
    gets; ``others``: the configuration of the other services that get requests, without their lists of replicas, which
    stay as they are. Raises ValueError for a name that is not allowed in a configuration file.
    """

    service: str
    port: int
    servers: tuple[str, ...] = ()
    sticky: Sticky = "none"
    drain_timeout: float = 30.0
    split: TrafficSplit | None = None
    ports: Mapping[str, int] = field(default_factory=dict, hash=False)
    proxy: Proxy = Proxy()
    grpc: bool = False
    route: Route = EVERYTHING
    others: tuple[Upstream, ...] = ()

    def __post_init__(self) -> None:
        if self.split and not self.servers:
            raise ValueError("a split needs stable replicas")
        for name in (self.service, *self.servers, *(self.split.servers if self.split else ())):
            if not _NAME.fullmatch(name):
                raise ValueError(f"not the name of a container or service: {name!r}")

    @property
    def alone(self) -> bool:
        """Whether the service gets every request."""
        return not self.others and self.route.everything

    @property
    def site(self) -> tuple[Upstream, ...]:
        """All services that get requests, in the same order for each of them."""
        return tuple(sorted((self, *self.others), key=lambda upstream: upstream.service))

    def address(self, name: str) -> str:
        """The address of the replica with this name: NAME:PORT."""
        return f"{name}:{self.ports.get(name, self.port)}"


class OwnFiles(msgspec.Struct, frozen=True):
    """The user's own files for nginx. ``refused``: files left out, "NAME: reason"; ``changed``: since applied."""

    refused: tuple[str, ...] = ()
    changed: bool = False


class Edge(msgspec.Struct, frozen=True):
    """One of a project's nginx instances. ``node``: where it runs; ``generation``: active one, None if unreachable.

    ``newest``: whether no other nginx has a newer generation; ``reason``: why it is unreachable, otherwise "".
    """

    name: str
    node: str
    generation: int | None
    newest: bool = True
    reason: str = ""

    @property
    def behind(self) -> bool:
        """Whether it serves an older configuration than the others."""
        return self.generation is not None and not self.newest


@dataclass(frozen=True, slots=True)
class Membership:
    """The replicas in a configuration: the ones in ``servers``, or ``everything`` that Compose started.

    ``canary``: the canary replicas, empty without a split; ``split``: the complete split, None if it cannot be parsed.
    ``maintenance``: None if the site is open. ``ports``: by replica; ``any_port``: the port with ``everything``.
    ``text``: the configuration; ``own``: the user's own files; ``edges``: every nginx, if there can be several.
    """

    generation: int
    servers: tuple[str, ...]
    canary: tuple[str, ...] = ()
    maintenance: Maintenance | None = None
    text: str = field(default="", compare=False, repr=False)
    ports: Mapping[str, int] = field(default_factory=dict, compare=False)
    any_port: int | None = field(default=None, compare=False)
    split: TrafficSplit | None = field(default=None, compare=False)
    own: OwnFiles = field(default=OwnFiles(), compare=False)
    edges: tuple[Edge, ...] = field(default=(), compare=False)

    @property
    def everything(self) -> bool:
        return not self.servers

    def admits(self, replica: str) -> bool:
        """Whether the replica with this name may get requests."""
        return self.everything or replica in self.servers or replica in self.canary

    def port_of(self, replica: str) -> int | None:
        """The port to which nginx sends requests for this replica; None if it sends none."""
        return self.any_port if self.everything else self.ports.get(replica)


class Applied(msgspec.Struct, frozen=True):
    """An active configuration. ``old_workers``: the previous workers; the drain ends when all of them have exited.

    ``left_out``: the nginx instances that did not get it, reported only for the first change that they miss.
    """

    generation: int
    old_workers: tuple[str, ...]
    left_out: tuple[Edge, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """A snapshot of nginx. ``serving``: the active generation, None if no nginx answers; ``text``: its upstreams.conf.

    ``edges``: every nginx, if there are several.
    """

    version: str
    serving: int | None
    text: str
    own: OwnFiles = OwnFiles()
    edges: tuple[Edge, ...] = ()


def is_key(by: str) -> bool:
    """Whether this is a valid key of a split."""
    return _BY.fullmatch(by) is not None
