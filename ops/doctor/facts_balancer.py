"""Facts about nginx and the requests in its log. Units as in ``ops.doctor.facts``."""

from __future__ import annotations

from msgspec import Struct, field


class Failure(Struct, frozen=True):
    """Requests that failed in the same way. ``path``: with "*" for numbers and ids; ``count``: their number.

    ``address``: the replica that nginx tried last, "" if it tried none; ``answered``: whether the replica answered,
    otherwise the status is nginx's own. A status of 0 is a request that was aborted.
    """

    status: int
    path: str
    address: str
    answered: bool
    count: int


class Waits(Struct, frozen=True):
    """The latency of requests that only one address handled. ``median``: seconds until the first byte."""

    requests: int
    median: float


class Traffic(Struct, frozen=True):
    """The last ``window`` seconds of nginx's log, without health checks and the doctor's own probes.

    ``proxied``: address -> requests in which it names another client (X-Forwarded-For) without being trusted.

    ``errors``: 5xx answers and aborted requests; ``p99``: seconds, None without requests; ``retried``: address of a
    replica -> requests that it failed since its start and another replica answered. ``failures``: the most frequent
    ones. ``limited``: answers with 429, of which ``limited_here`` came from nginx itself; ``limited_paths``: the paths
    with most of the replicas' 429; ``clients``: number of addresses; ``waits``: by address, without the port.
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
    services, None if the configuration uses all addresses of the service's DNS name. ``drift``: lines that differ from
    what videa would write, "- " before a missing one, "+ " before an added one. ``answers``: replica -> answers to
    ``probes`` requests sent through nginx, UNKNOWN if its log does not show the replica; ``failures``: probes without
    an answer or with a status of 500 and above, by status. ``sticky``: a client stays on one replica, so all probes
    reach the same one. ``seen``: replica -> user requests that it answered in the last seconds; if every replica has
    some, no probes are sent.
    ``tls_expires``: expiry of the served certificate. ``maintenance``: clients allowed while the site is closed, None
    if it is open. ``unreachable``: why the published port does not answer on its host, "" if it answers, None if it
    cannot be queried from here. ``connections``: of the busiest worker, None if unknown; ``most_connections``: the
    limit per worker. ``full``: used share of the space for temporary files; ``space``: its bytes.
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
    """One of several nginx instances in a swarm. ``name``: its container; ``node``: the name of its node.

    ``balancer``, ``traffic``: None for the instance in ``Facts.balancer``, and for one that could not be examined;
    ``reason``: why it could not.
    """

    name: str
    node: str
    balancer: BalancerFacts | None = None
    traffic: Traffic | None = None
    reason: str = ""
