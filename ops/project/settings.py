"""The x-videa section of a Compose file: its keys, defaults and limits."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from ops.probes import GOOD, Statuses
from ops.project.policy import Policy
from ops.project.units import Rate, Seconds, Share, Size
from ops.redaction.typed import shown, shown_command
from ops.route import Route as Routed
from ops.traffic import Proxy as Passing

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Variable = Annotated[str, Meta(pattern="^([A-Za-z_][A-Za-z0-9_]*)?$")]
"""The name of a variable."""


Command: TypeAlias = str | tuple[str, ...]
"""A string runs in ``sh -c``, a list runs as it is, like Compose's health checks."""

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class Sticky(Enum):
    """How a client stays on one replica."""

    NONE = "none"
    IP = "ip"
    COOKIE = "cookie"


class Protocol(Enum):
    """What the replicas speak. GRPC: HTTP/2 without TLS, from the clients to nginx and from nginx to the replicas."""

    HTTP = "http"
    GRPC = "grpc"


class OnInconclusive(Enum):
    """The action for a canary without a verdict, because of too few requests or too little evidence."""

    ABORT = "abort"
    PAUSE = "pause"


class Select(Enum):
    """Which of several policies decides: the one that allows the largest or the smallest change; or no change."""

    MAX = "max"
    MIN = "min"
    DISABLED = "disabled"


class UpdateOrder(Enum):
    """Whether a replica starts before or after the one that it replaces is stopped."""

    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


class FailureAction(Enum):
    """What a rolling deploy does when a new replica fails. Compose's ``continue`` would lose requests."""

    ROLLBACK = "rollback"
    PAUSE = "pause"


class EngineKind(Enum):
    """What runs the replicas: containers on one engine, or services of a swarm."""

    COMPOSE = "compose"
    SWARM = "swarm"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """A mapping in which an unknown key is an error."""


class Health(Section, frozen=True):
    """How replicas are probed: every ``interval``, each probe at most ``timeout``, a new replica until ``deadline``.

    ``live``, ``ready``: paths, each also stands for the other; without any, the container's own health check decides,
    or a TCP connection if it has none. ``port``: None for that of the requests. ``headers``: of the probes; ``expect``:
    good statuses. A replica gets traffic after ``success_threshold`` (in the file: ``passes``) good probes in a row,
    and loses it after ``failure_threshold`` (``fails``) bad ones. ``check_interval``: time between two checks of the
    replicas that serve, by the agent.
    """

    live: str = ""
    ready: str = ""
    port: Port | None = None
    headers: dict[str, str] = {}
    expect: tuple[Statuses, ...] = GOOD
    interval: Seconds = Seconds(1)
    timeout: Seconds = Seconds(2)
    success_threshold: Count = msgspec.field(default=2, name="passes")
    failure_threshold: Count = msgspec.field(default=3, name="fails")
    deadline: Seconds = Seconds(60)
    check_interval: Seconds = Seconds(10)


class Canary(Section, frozen=True):
    """How a canary gets its traffic, and its limits.

    ``by``: request, client, cookie:NAME or header:NAME, see ``ops.balancer.split``. ``deadline``: longest time of a
    step without a verdict; then ``on_inconclusive`` (in the file: ``in_doubt``) applies. ``warmup``: time after its
    first request during which the latency of a replica is not judged; None: until it is warm, see
    ``ops.balancer.tries.Warmup``.
    """

    steps: tuple[Percent, ...] = (5, 25, 50, 100)
    interval: Seconds = Seconds(30)
    min_requests: Annotated[int, Meta(ge=1)] = 100
    min_success_rate: Percent = 99
    max_p99: Seconds = Seconds(0.5)
    max_p99_ratio: Annotated[float, Meta(ge=1)] = 1.5
    by: str = "request"
    deadline: Seconds = Seconds(600)
    on_inconclusive: OnInconclusive = msgspec.field(default=OnInconclusive.ABORT, name="in_doubt")
    warmup: Seconds | None = None


class Hooks(Section, frozen=True):
    """Commands around a deploy, which run in one-off containers of the new release, each for at most ``timeout``.

    ``on_abort`` runs after everything was rolled back.
    """

    pre_deploy: Command = ""
    pre_traffic: Command = ""
    post_traffic: Command = ""
    post_deploy: Command = ""
    on_abort: Command = ""
    timeout: Seconds = Seconds(300)


class Update(Section, frozen=True):
    """How a rolling deploy proceeds, in Compose's words. None: as ``deploy`` of the service says.

    ``parallelism``: replicas in a batch, 0 for all; ``delay``: between two batches; ``monitor``: how long new replicas
    are watched with requests before the old ones are removed.
    """

    parallelism: Annotated[int, Meta(ge=0, le=100)] | None = None
    delay: Seconds | None = None
    order: UpdateOrder | None = None
    failure_action: FailureAction | None = None
    monitor: Seconds | None = None


class Proxy(Section, frozen=True):
    """How nginx passes requests to the replicas, see ``ops.traffic.Proxy``."""

    max_body: Size = Size(Passing().max_body)
    read_timeout: Seconds = Seconds(Passing().read_timeout)
    response_headers: Size = Size(Passing().response_headers)
    buffering: bool = True
    websocket_timeout: Seconds = Seconds(Passing().websocket_timeout)
    trusted: tuple[str, ...] = ()

    @property
    def effective(self) -> Passing:
        """The settings for the balancer. Raises ValueError if a trusted network is none."""
        return Passing(
            self.max_body,
            self.read_timeout,
            self.response_headers,
            self.buffering,
            self.websocket_timeout,
            tuple(str(ip_network(network, strict=False)) for network in self.trusted),
        )


class Route(Section, frozen=True):
    """Which requests the service gets if several services get requests, see ``ops.route.Route``."""

    host: str = ""
    path: str = "/"
    strip: bool = False

    @property
    def effective(self) -> Routed:
        """The route for the balancer. Raises ValueError if the host or the path is none."""
        if not self.path.startswith("/"):
            raise ValueError(f"{self.path!r} is not a path")
        return Routed(self.host.lower(), self.path.removesuffix("/"), self.strip)


class Target(Section, frozen=True):
    """What one replica may have before there is another one. None: the metric does not count.

    ``cpu``: of its limit, or of one core without a limit; ``requests``: each second; ``p95``: time until the first byte
    of the answer; ``pool_waiting``: requests that wait for a database connection.
    """

    cpu: Share | None = None
    requests: Rate | None = None
    p95: Seconds | None = None
    pool_waiting: Annotated[int, Meta(ge=0)] | None = None


class ScaleUp(Section, frozen=True):
    """How fast replicas are added. The defaults are those of Kubernetes."""

    stabilization: Seconds = Seconds(0)
    policies: tuple[Policy, ...] = (Policy("100%/15s"), Policy("4/15s"))
    select: Select = Select.MAX


class ScaleDown(Section, frozen=True):
    """How fast replicas are removed. The defaults are those of Kubernetes."""

    stabilization: Seconds = Seconds(300)
    policies: tuple[Policy, ...] = (Policy("100%/15s"),)
    select: Select = Select.MAX


class Autoscale(Section, frozen=True):
    """The number of replicas follows the load, see ``ops.autoscale``. ``max``: 0 for a fixed number."""

    min: Count = 2
    max: Annotated[int, Meta(ge=0, le=100)] = 0
    target: Target = Target(cpu=Share(0.7))
    up: ScaleUp = ScaleUp()
    down: ScaleDown = ScaleDown()
    tolerance: Share = Share(0.1)

    @property
    def enabled(self) -> bool:
        return self.max > 0


class Freeze(Section, frozen=True):
    """A window in which nothing is deployed, see ``ops.project.freeze``. ``begin``: in the file ``from``."""

    begin: str = msgspec.field(name="from")
    to: str
    days: tuple[str, ...] = ()
    timezone: str = "UTC"

    def __str__(self) -> str:
        days = f" on {', '.join(self.days)}" if self.days else ""
        # Compose makes a time of a date that is not quoted.
        begin, to = (point.removesuffix("T00:00:00Z") for point in (self.begin, self.to))
        return f"{begin} to {to}{days} {self.timezone}"


class Tls(Section, frozen=True):
    """Certificates that the agent obtains for ``domains``, see ``ops.certificates``; the first is the default one.

    ``directory``: URL of the certificate authority (RFC 8555); ``email``: for its account, may be empty; ``ca``: a file
    with the certificates by which the authority itself is trusted, or their text; empty: those of every browser.
    """

    domains: tuple[str, ...] = ()
    email: str = ""
    directory: str = LETS_ENCRYPT
    ca: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The domains in lower case, as nginx compares them."""
        return tuple(domain.lower() for domain in self.domains)


class Level(Enum):
    """How much a notification matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Receiver(Section, frozen=True):
    """Who is notified: by ``apprise``, or by ``webhook`` with a ``key`` that signs. See ``ops.project.notify``.

    All three are names of variables in the agent's environment: the URLs are secrets, and x-videa is stored on the
    engine. ``events``: patterns such as ``deploy.*``; ``severity``: the lowest one.
    """

    apprise: Variable = ""
    webhook: Variable = ""
    key: Variable = ""
    events: tuple[str, ...] = ("*",)
    severity: Level = Level.INFO


class Settings(Section, frozen=True):
    """The complete section.

    ``engine``: what runs the replicas; ``worker``: the service gets no requests; ``shared_volumes``: names or targets
    of volumes that several replicas may write to at the same time; ``agent``: whether `videa agent` looks after the
    project; ``notify``: whom it notifies.
    """

    service: str = "backend"
    engine: EngineKind = EngineKind.COMPOSE
    worker: bool = False
    port: Port = 3001
    protocol: Protocol = Protocol.HTTP
    route: Route = Route()
    balancer: str = "nginx"
    health: Health = Health()
    drain_timeout: Seconds = Seconds(30)
    sticky: Sticky = Sticky.NONE
    canary: Canary = Canary()
    proxy: Proxy = Proxy()
    keep_releases: Count = 3
    autoscale: Autoscale = Autoscale()
    update: Update = Update()
    rollback: Update = Update()
    hooks: Hooks = Hooks()
    also: tuple[str, ...] = ()
    shared_volumes: tuple[str, ...] = ()
    tls: Tls = Tls()
    agent: bool = True
    freeze: tuple[Freeze, ...] = ()
    notify: dict[str, Receiver] = {}

    @property
    def split_by(self) -> str:
        """What assigns a request to a side: with sticky sessions the client, so that it does not change sides."""
        return "client" if self.canary.by == "request" and self.sticky is not Sticky.NONE else self.canary.by


def values(section: Section) -> Iterator[tuple[str, Any]]:
    """(key in the file, value) of a section."""
    return ((field.encode_name, getattr(section, field.name)) for field in msgspec.structs.fields(section))


def effective(settings: Settings, written: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every effective value: (key, value, "Compose file" or "default"), in the order of the section; hooks redacted."""
    return list(_flatten("x-videa", settings, written))


def _flatten(prefix: str, section: Section, written: object) -> Iterator[tuple[str, str, str]]:
    for key, value in values(section):
        given = written.get(key) if isinstance(written, dict) else None
        name = f"{prefix}.{key}"
        if isinstance(value, Section):
            yield from _flatten(name, value, given)
        elif isinstance(value, dict) and key == "notify":
            for each, receiver in value.items():
                yield from _flatten(f"{name}.{each}", receiver, given.get(each) if isinstance(given, dict) else None)
        else:
            command = isinstance(section, Hooks) and isinstance(value, str | tuple)
            yield (
                name,
                "none"
                if value is None and isinstance(section, Target)
                else _show(shown_command(value) if command else value),
                "default" if given is None else "Compose file",
            )


def _show(value: object) -> str:
    if value is None:
        return "auto"
    if isinstance(value, dict):
        return "{" + ", ".join(shown(f"{name}: {content}") for name, content in value.items()) + "}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{item:g}" if isinstance(item, int | float) else str(item) for item in value) + "]"
    return str(value)
