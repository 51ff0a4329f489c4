"""Facts about nginx and the requests in its log. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from msgspec import Struct, field


class Failure(Struct, frozen=True):
    """Requests that failed alike. ``path``: with "*" for numbers and ids; ``count``: how many.

    ``address``: the replica that nginx tried last, "" if it tried none; ``answered``: whether the replica has answered,
    otherwise the status is nginx's own. A status of 0 is a request that was cut.
    """

    status: int
    path: str
    address: str
    answered: bool
    count: int


class Waits(Struct, frozen=True):
    """How long the requests took that one address answered alone. ``median``: seconds until the first byte."""

    requests: int
    median: float


class Traffic(Struct, frozen=True):
    """The last ``window`` seconds of nginx's log, without health checks and doctor's own probes.

    ``proxied``: address -> requests in which it names another client (X-Forwarded-For), but is not trusted.

    ``errors``: 5xx answers and cut requests; ``p99``: seconds, None without requests; ``retried``: address of a
    replica -> requests that it failed since its start and another replica answered. ``failures``: the most frequent
    ones. ``limited``: answers with 429, of them ``limited_here`` by nginx itself; ``limited_paths``: the paths with
    most of the others; ``clients``: different addresses; ``waits``: by address, without its port.
    """

    window: float
    requests: int
    errors: int
    p99: float | None = None
    retried: dict[str, int] = field(default_factory=dict)
    proxied: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    limited: int = 0
    limited_here: int = 0
    limited_paths: dict[str, int] = field(default_factory=dict)
    clients: int = 0
    waits: dict[str, Waits] = field(default_factory=dict)


class BalancerFacts(Struct, frozen=True):
    """nginx, seen from inside its container.

    ``accepted``: whether ``nginx -t`` accepts the configuration on disk; ``listed``: the names in the upstreams of all
    services, None for a configuration with all addresses of the service's name. ``drift``: lines that differ from what
    videa would write, "- " before a missing one, "+ " before an added one. ``answers``: replica -> answers to
    ``probes`` requests sent through nginx, UNKNOWN if its log does not show the replica; ``failures``: probes without
    an answer or with a status of 500 and above, by status. ``sticky``: a client stays on one replica, so all probes
    reach the same one. ``seen``: replica -> user requests that it has answered in the last seconds; if each replica has
    some, there are no probes.
    ``tls_expires``: expiry of the served certificate. ``maintenance``: clients that are allowed while the site is
    closed, None if it is open. ``unreachable``: why the published port does not answer on its host, "" if it answers,
    None if it cannot be queried from here. ``connections``: of the worker with the most, None if unknown, and
    ``most_connections`` of one worker. ``full``: share of its temporary files' space that is used, ``space``: bytes.
    ``own_refused``: the user's own files that nginx leaves out, "NAME: reason".
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
    connections: int | None = None
    most_connections: int = 0
    full: float | None = None
    space: int = 0
    own_refused: list[str] = field(default_factory=list)


class EdgeSight(Struct, frozen=True, omit_defaults=True):
    """One of several nginx of a swarm. ``name``: its container; ``node``: the name of its node.

    ``balancer`` and ``traffic``: None for the one that is ``Facts.balancer``, and if ``reason`` says why it could not
    be examined.
    """

    name: str
    node: str
    balancer: BalancerFacts | None = None
    traffic: Traffic | None = None
    reason: str = ""
