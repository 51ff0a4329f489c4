"""Plans how videa takes over HTTP services of a Compose project. Pure: facts in, content to write out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ops.adopt.advice import (
    about_front,
    about_move,
    about_other,
    about_paths,
    about_ports,
    about_running,
    about_shared,
)
from ops.adopt.callers import about_callers, configured_elsewhere
from ops.adopt.detect import Found, Role, speaks_grpc, tasks_of
from ops.adopt.notes import Note, Weight, companions, obstacles, why_alone
from ops.adopt.parts import release_variable, service_part, worker_part
from ops.adopt.published import moved
from ops.adopt.routes import INSIDE, Route, declared, for_balancer, together, without_path
from ops.adopt.sharing import AS_SAID, may_share
from ops.project.mappings import as_mapping
from ops.project.settings import Protocol
from ops.route import EVERYTHING
from ops.route import Route as Requests

HTTP_PORT = "${HTTP_PORT:-8080}"
"""The balancer's host port if the service publishes no port and no proxy is in front."""

MANY = 100_000
"""Limit per client address behind a proxy that does not forward it: all clients then share the proxy's address."""

CONTAINERS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
"""The networks of containers: a balancer that publishes no port gets requests only from these."""

GRPC = Protocol.GRPC.value


@dataclass(frozen=True)
class Choice:
    """The choices for a service, made by the user or derived from the project and its containers.

    ``health``: of x-videa, empty to leave it out; ``checked``: the service has a Docker health check; ``fails``: that
    check fails now; ``silent``: the service is running but does not answer HTTP on the port; ``shared``: volumes that
    replicas may share according to the overlay, None without an overlay; ``said``: volumes of any service that the user
    named in addition; ``running``: services with a running container; ``requests``: the requests that the service gets;
    ``others``: further services that get requests.
    """

    service: str
    port: int
    health: Mapping[str, Any]
    checked: bool = False
    fails: bool = False
    silent: bool = False
    shared: tuple[str, ...] | None = None
    said: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()
    requests: Requests = EVERYTHING
    others: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Served:
    """Another service that gets requests. ``part``: its content in the overlay, including its x-videa."""

    service: str
    port: int
    health: Mapping[str, Any]
    requests: Requests
    part: Mapping[str, Any]


@dataclass(frozen=True)
class Adoption:
    """The overlay's content. ``service_part``, ``balancer_part``: the keys of both beyond those that are always there.

    ``networks``: of the balancer; ``new_network``: used only by the balancer, so that a port can be published, "" for
    none; ``image``: of the balancer; ``health``: of x-videa, empty to leave it out; ``trusted``: networks of proxies in
    front; ``routes``: lines of the user's own proxy that must name the balancer; ``workers``: scalable services without
    requests -> their content in the overlay; ``profiles``: of the balancer, the same as the service's; ``requests``:
    the requests that the service gets; ``others``: further services that get requests; ``needs``: the services that
    start before the balancer; ``protocol``, ``shared``: of x-videa, empty to leave it out; ``said``: volumes that
    replicas of any service may share because the user said so in this run; ``beside``: services that are not adopted
    -> their content in the overlay.
    """

    service: str
    port: int
    health: Mapping[str, Any]
    balancer: str
    image: str
    ports: tuple[object, ...]
    networks: tuple[str, ...]
    new_network: str
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    trusted: tuple[str, ...]
    service_part: Mapping[str, Any]
    moves: bool
    workers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    profiles: tuple[str, ...] = ()
    requests: Requests = EVERYTHING
    others: tuple[Served, ...] = ()
    needs: tuple[str, ...] = ()
    protocol: str = ""
    shared: tuple[str, ...] = ()
    said: frozenset[str] = frozenset()
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    found: tuple[Found, ...] = field(default=(), compare=False)

    @property
    def refused(self) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.weight is Weight.REFUSED)


def plan(
    choice: Choice,
    found: Sequence[Found],
    model: Mapping[str, Any],
    raw: Mapping[str, Any],
    routes: Sequence[Route],
    balancer: str,
    image: str,
) -> Adoption:
    """The content of the overlay. ``raw``: the model without interpolation; ``balancer``: an unused service name."""
    service, spec, written = choice.service, model["services"][choice.service], raw["services"][choice.service]
    ports, left = moved(written.get("ports") or (), spec.get("ports") or (), choice.port, _replicas(spec))
    fixed = any(port.get("published") for port in spec.get("ports") or () if int(port["target"]) == choice.port)
    every = (choice, *choice.others)
    names = tuple(each.service for each in every)
    stripped = {each.service for each in every if each.requests.strip}
    theirs = tuple(
        replace(route, wanted=without_path(route.wanted)) if route.service in stripped else route
        for route in routes
        if route.service in names
    )
    labels, variables = together([declared(raw["services"][name], model["services"][name]) for name in names])
    proxied = tuple(route for route in routes if route.service in (*names, balancer))
    elsewhere = tuple(name for name in configured_elsewhere(found, model["services"]) if name not in names)
    front = bool(proxied or labels or variables or (elsewhere and not ports))
    fronts = dict.fromkeys((*(route.proxy for route in proxied), *elsewhere))
    networks = _networks([model["services"][name] for name in (*names, *fronts)])
    publishes = ports or (() if front else (f"{HTTP_PORT}:{INSIDE}",))
    internal = all((model.get("networks", {}).get(name) or {}).get("internal") for name in networks)
    moved_labels, moved_variables = for_balancer(labels, variables)
    forwarded = front and all(route.forwards for route in proxied)
    requests, bodies = (MANY, MANY) if front and not forwarded else (512, 32)
    tunable = {
        "REQUESTS_PER_CLIENT": f"${{REQUESTS_PER_CLIENT:-{requests}}}",
        "BODIES_PER_CLIENT": f"${{BODIES_PER_CLIENT:-{bodies}}}",
        "TESTER_KEY": "${TESTER_KEY:-}",
    }
    tasks = tasks_of(found)
    shared = {name: may_share(name, model["services"], tasks, choice.said) for name in model["services"]}
    for each in every:
        if each.shared is not None:  # the user's list: detected volumes are not added again
            shared[each.service] = {name: why for name, why in shared[each.service].items() if why == AS_SAID}
    alone = {
        each.service: each.alone
        or why_alone(
            model["services"][each.service],
            raw["services"][each.service],
            each.service in choice.running,
            shared[each.service],
        )
        for each in found
        if each.role is Role.WORKER and each.service not in names
    }
    allowed = (*(choice.shared or ()), *shared[service])
    about_service = tuple(obstacles(service, spec, written, choice.checked or "ready" in choice.health, allowed))
    return Adoption(
        service=service,
        port=choice.port,
        health=choice.health,
        shared=tuple(shared[service]),
        said=choice.said,
        protocol=GRPC if _by_grpc(choice, spec) else "",
        balancer=balancer,
        image=image,
        ports=publishes,
        networks=networks,
        new_network=balancer if publishes and internal else "",
        environment={"UPSTREAM_SERVICE": service, "UPSTREAM_PORT": str(choice.port), **tunable, **moved_variables},
        labels=moved_labels,
        trusted=CONTAINERS if forwarded and not publishes else (),
        service_part=service_part(service, spec, written, declared(written, spec)[1]),
        moves=bool(ports) and fixed,
        workers={
            each.service: worker_part(each.service, raw["services"][each.service], tuple(shared[each.service]))
            for each in found
            if alone.get(each.service) == ""
        },
        routes=theirs,
        profiles=tuple(map(str, spec.get("profiles") or ())),
        needs=tuple(name for name in names if _is_there(model["services"][name], spec)),
        requests=choice.requests,
        others=tuple(
            _served(each, model["services"][each.service], raw["services"][each.service], tuple(shared[each.service]))
            for each in every[1:]
        ),
        notes=(
            *about_ports(choice, ports, fixed, left, front, HTTP_PORT, balancer),
            *about_paths(every, theirs),
            *about_front(theirs, labels, variables, model["services"]),
            *about_service,
            *(note for each in every for note in about_running(each)),
            *about_callers(every, model, balancer, elsewhere),
            *(about_move(service, about_service) if ports and fixed and service in choice.running else ()),
            *(note for each in choice.others for note in about_other(each, model, raw, tuple(shared[each.service]))),
            *about_shared(names, shared),
            *companions(names, model, {route.proxy for route in theirs}),
        ),
        found=tuple(replace(each, alone=alone.get(each.service, "")) for each in found),
    )


def _replicas(spec: Mapping[str, Any]) -> int:
    return int((spec.get("deploy") or {}).get("replicas", spec.get("scale", 1)))


def _is_there(spec: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Whether a service is enabled whenever the first one is, according to their profiles."""
    profiles, needed = set(spec.get("profiles") or ()), set(first.get("profiles") or ())
    return not profiles or (bool(needed) and needed <= profiles)


def _served(choice: Choice, spec: Mapping[str, Any], written: Mapping[str, Any], shared: tuple[str, ...]) -> Served:
    """The overlay's content for a further service that gets requests."""
    section: dict[str, Any] = {"port": choice.port}
    if _by_grpc(choice, spec):
        section["protocol"] = GRPC
    if choice.health:
        section["health"] = dict(choice.health)
    if not choice.requests.everything:
        section["route"] = as_written(choice.requests)
    if shared:
        section["shared_volumes"] = list(shared)
    variables = declared(written, spec)[1]
    own = service_part(choice.service, spec, written, variables, release_variable(choice.service))
    part = {"x-videa": section, **own}
    return Served(choice.service, choice.port, choice.health, choice.requests, part)


def _by_grpc(choice: Choice, spec: Mapping[str, Any]) -> bool:
    """Whether the service gets gRPC calls. If it answers a health path on the same port, it speaks HTTP/1.1."""
    return speaks_grpc(spec) and "ready" not in choice.health


def as_written(requests: Requests) -> dict[str, Any]:
    """The value of x-videa.route."""
    named = {"host": requests.host, "path": requests.path}
    return {**{key: value for key, value in named.items() if value}, **({"strip": True} if requests.strip else {})}


def free_name(services: Mapping[str, Any]) -> str:
    """A name for the balancer's service that the project does not use yet."""
    names = ("balancer", "videa-balancer", *(f"videa-balancer-{number}" for number in range(2, 100)))
    return next(name for name in names if name not in services)


def _networks(specs: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The networks of the services and of the proxies that must reach the balancer."""
    return tuple(dict.fromkeys(name for each in specs for name in as_mapping(each.get("networks")) or ("default",)))
