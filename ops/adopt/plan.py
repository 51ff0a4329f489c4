"""Plans how videa takes over one HTTP service of a Compose project. Pure: found facts in, what to write out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.adopt.answers import LIKELY, LIVE, READY, Answers
from ops.adopt.detect import TLS, Found, Role
from ops.adopt.images import kind_of
from ops.adopt.notes import Note, Weight, may_repeat, obstacles
from ops.adopt.published import moved
from ops.adopt.routes import INSIDE, Route, for_balancer, routing
from ops.project.compose_model import as_mapping
from ops.project.settings import Health
from ops.project.units import LONGEST, parse_duration

HTTP_PORT = "${HTTP_PORT:-8080}"
"""Where the balancer listens on the host if the service has published no port and no proxy is in front."""

MANY = 100_000
"""Requests of one address, behind a proxy that does not pass on the client's: all clients have the proxy's."""

CONTAINERS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
"""The networks of containers: a balancer that publishes no port gets requests only from there."""

DEADLINE = Health().deadline


@dataclass(frozen=True)
class Choice:
    """What the user, the project or its containers have decided.

    ``health``: of x-videa, empty to leave it out; ``checked``: Docker has a health check for the service; ``shared``:
    volumes that replicas may share; ``running``: services that have a running container.
    """

    service: str
    port: int
    health: Mapping[str, Any]
    checked: bool = False
    shared: tuple[str, ...] = ()
    running: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Adoption:
    """The overlay's content. ``service_part`` and ``balancer_part``: what it says of each, beyond what is always there.

    ``networks``: of the balancer; ``new_network``: one that only it uses, so that a port can be published, "" for none;
    ``image``: of the balancer; ``health``: of x-videa, empty: left out; ``trusted``: networks of proxies in front;
    ``routes``: lines of the user's own proxy that must name the balancer; ``workers``: services without requests that
    can be scaled, with what the overlay says of each; ``profiles``: of the balancer, those of the service.
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
    notes: tuple[Note, ...] = ()
    found: tuple[Found, ...] = field(default=(), compare=False)

    @property
    def refused(self) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.weight is Weight.REFUSED)


def health_of(found: Found, answers: Answers | None, spec: Mapping[str, Any]) -> dict[str, str]:
    """x-videa.health: what the running service answers, else what Docker's health check asks; empty if unknown."""
    paths = (found.health, *LIKELY) if found.health else LIKELY
    # An answer at "/" says less than Docker's own check.
    telling = [path for path in paths if path != "/" or path == found.health or not (spec.get("healthcheck") or {})]
    ready = answers.well(telling) if answers else found.health
    if not ready:
        return {}
    health = {"ready": ready}
    if answers and ready == READY and answers.well([LIVE]):
        health = {"live": LIVE, **health}
    if slow := _slow_start(spec):
        health["deadline"] = slow
    return health


def plan(
    choice: Choice,
    found: Sequence[Found],
    model: Mapping[str, Any],
    raw: Mapping[str, Any],
    routes: Sequence[Route],
    balancer: str,
    image: str,
) -> Adoption:
    """What the overlay must say. ``raw``: the model without interpolation; ``balancer``: a free service name."""
    service, spec, written = choice.service, model["services"][choice.service], raw["services"][choice.service]
    ports, left = moved(written.get("ports") or (), spec.get("ports") or (), choice.port)
    theirs = tuple(route for route in routes if route.service == service)
    labels, variables = routing(written)
    proxied = tuple(route for route in routes if route.service in (service, balancer))
    front = bool(proxied or labels or variables)
    networks = _networks(spec, model, proxied)
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
    return Adoption(
        service=service,
        port=choice.port,
        health=choice.health,
        balancer=balancer,
        image=image,
        ports=publishes,
        networks=networks,
        new_network=balancer if publishes and internal else "",
        environment={"UPSTREAM_SERVICE": service, "UPSTREAM_PORT": str(choice.port), **tunable, **moved_variables},
        labels=moved_labels,
        trusted=CONTAINERS if forwarded and not publishes else (),
        service_part=_service_part(service, spec, written, labels, variables),
        moves=bool(ports),
        workers={
            each.service: _worker_part(each.service, raw["services"][each.service])
            for each in found
            if each.role is Role.WORKER and each.service != service
            if may_repeat(model["services"][each.service], each.service in choice.running)
        },
        routes=theirs,
        profiles=tuple(map(str, spec.get("profiles") or ())),
        notes=(
            *_about_ports(choice, ports, left, front),
            *_about_front(theirs, labels, variables, model["services"]),
            *obstacles(service, spec, written, choice.checked or bool(choice.health), choice.shared),
        ),
        found=tuple(found),
    )


def free_name(services: Mapping[str, Any]) -> str:
    """A name for the balancer's service that the project does not use."""
    names = ("balancer", "videa-balancer", *(f"videa-balancer-{number}" for number in range(2, 100)))
    return next(name for name in names if name not in services)


def variable_name(service: str) -> str:
    """The variable with the number of replicas: WEB_REPLICAS."""
    return f"{re.sub(r'[^A-Z0-9]', '_', service.upper())}_REPLICAS"


def _service_part(
    service: str,
    spec: Mapping[str, Any],
    written: Mapping[str, Any],
    labels: Mapping[str, str],
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """What the overlay adds to the service. RESET stands for `!reset`."""
    part: dict[str, Any] = {}
    if spec.get("ports"):
        part["ports"] = RESET_LIST
    if name := spec.get("container_name"):
        part["container_name"] = RESET
        part["networks"] = {
            network: {"aliases": [name]} for network in as_mapping(spec.get("networks")) or ("default",)
        }
    hidden = {name: RESET for name in labels if not name.startswith("traefik.")}
    if len(hidden) < len(labels):
        hidden["traefik.enable"] = "false"
    release = {} if "videa.release" in as_mapping(written.get("labels")) else {"videa.release": "${VIDEA_RELEASE:-}"}
    if hidden or release:
        part["labels"] = {**hidden, **release}
    if variables:
        part["environment"] = dict.fromkeys(variables, RESET)
    return part | _replicas(service, written)


def _worker_part(service: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """What the overlay adds to a worker: nothing that Compose counts as a change of its containers."""
    part = _replicas(service, written)
    if "deploy" not in written and "deploy" in part:
        part = {"scale": part["deploy"]["replicas"]}
    return {"x-videa": {"worker": True}, **part}


def _replicas(service: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the number of replicas a variable; empty if it is one."""
    number = written.get("scale", (written.get("deploy") or {}).get("replicas"))
    if "$" in str(number):
        return {}
    text = f"${{{variable_name(service)}:-{1 if number is None else number}}}"
    return {"scale": text} if "scale" in written else {"deploy": {"replicas": text}}


RESET, RESET_LIST = object(), object()
"""In ``service_part``: Compose forgets what the user's files say there."""


def _networks(spec: Mapping[str, Any], model: Mapping[str, Any], routes: Sequence[Route]) -> tuple[str, ...]:
    """The networks of the service, and those of a proxy that must find the balancer."""
    proxies = [model["services"][name] for name in dict.fromkeys(route.proxy for route in routes)]
    return tuple(
        dict.fromkeys(name for each in (spec, *proxies) for name in as_mapping(each.get("networks")) or ("default",))
    )


def _about_ports(choice: Choice, ports: Sequence[object], left: Sequence[str], front: bool) -> Iterator[Note]:
    key = ("services", choice.service, "ports")
    if choice.port in TLS and ports:
        yield Note(
            Weight.REFUSED,
            key,
            f"the service itself ends HTTPS on port {choice.port}, and the balancer speaks HTTP to replicas",
            "name its HTTP port: --port PORT",
        )
    if ports:
        yield Note(Weight.SOLVED, key, "the published port moves to the balancer: two replicas cannot share it")
    elif not front:
        yield Note(Weight.SOLVED, key, f"no port of the service is published: the balancer publishes {HTTP_PORT}")
    if left:
        yield Note(
            Weight.ADVICE,
            key,
            f"no longer published, because two replicas cannot share them: {', '.join(left)}",
            "ask a replica from a container of the project, or publish them from a service of their own",
        )


def _about_front(
    routes: Sequence[Route], labels: Mapping[str, str], variables: Mapping[str, str], services: Mapping[str, Any]
) -> Iterator[Note]:
    for route in routes:
        image = kind_of(str(services[route.proxy].get("image") or "nginx"))
        nginx = "nginx" in image or image == "openresty"
        reload = f"docker compose exec {route.proxy} nginx -s reload" if nginx else f"reload {route.proxy}"
        yield Note(
            Weight.ADVICE,
            (),
            f"{route.place} sends requests past the balancer: {route.line}",
            f"{route.wanted}   after `videa up`; then: {reload}",
        )
        if not route.forwards:
            yield Note(
                Weight.ADVICE,
                (),
                f"{route.place.rpartition(':')[0]} does not pass on who the client is, nor that it came by HTTPS",
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto "
                "$scheme;   then run init again",
            )
    if labels or variables:
        yield Note(Weight.SOLVED, (), "the labels or variables by which a proxy finds the service move to the balancer")


def _slow_start(spec: Mapping[str, Any]) -> str:
    """health.deadline for a service whose health check allows for a longer start than x-videa; "" otherwise."""
    check = spec.get("healthcheck") or {}
    if not check.get("start_period"):
        return ""
    try:
        allowed = parse_duration(str(check["start_period"])) + DEADLINE
    except ValueError:
        return ""
    return f"{min(allowed, LONGEST):.0f}s" if allowed > DEADLINE + DEADLINE / 2 else ""
