"""What a project's ports and its own proxy mean to an adoption, for the user to read. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.adopt.detect import TLS
from ops.adopt.images import kind_of
from ops.adopt.notes import Note, Weight, obstacles
from ops.adopt.routes import Route

if TYPE_CHECKING:
    from ops.adopt.plan import Choice


def about_ports(
    choice: Choice, ports: Sequence[object], left: Sequence[str], front: bool, publishes: str
) -> Iterator[Note]:
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
        yield Note(Weight.SOLVED, key, f"no port of the service is published: the balancer publishes {publishes}")
    if left:
        yield Note(
            Weight.ADVICE,
            key,
            f"no longer published, because two replicas cannot share them: {', '.join(left)}",
            "ask a replica from a container of the project, or publish them from a service of their own",
        )


def about_front(
    routes: Sequence[Route], labels: Mapping[str, str], variables: Mapping[str, str], services: Mapping[str, Any]
) -> Iterator[Note]:
    for route in routes:
        nginx = _is_nginx(services[route.proxy])
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


def about_other(choice: Choice, model: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Note]:
    spec, written = model["services"][choice.service], raw["services"][choice.service]
    published = [str(port["published"]) for port in spec.get("ports") or () if port.get("published")]
    if published:
        yield Note(
            Weight.ADVICE,
            ("services", choice.service, "ports"),
            f"no longer published, because two replicas cannot share it: {', '.join(published)}",
            f"clients find it behind the balancer, at {choice.requests}",
        )
    yield from obstacles(choice.service, spec, written, choice.checked or bool(choice.health), choice.shared)


def about_paths(choices: Sequence[Choice], routes: Sequence[Route]) -> Iterator[Note]:
    """The prefixes that a proxy cuts from the path today, and by which the balancer is to choose the service."""
    for choice in choices:
        proxies = [route.proxy for route in routes if route.service == choice.service]
        if choice.requests.strip and proxies:
            path = choice.requests.path
            yield Note(
                Weight.ADVICE,
                (),
                f"{choice.service} gets its path without {path} from the balancer, so {proxies[0]} must leave it",
                "in nginx: proxy_pass http://NAME; with no / after the name",
            )


def own_nginx(routes: Sequence[Route], targets: Collection[str], model: Mapping[str, Any]) -> tuple[str, ...]:
    """The services that run the user's own nginx, of which a line names one of ``targets``."""
    proxies = dict.fromkeys(route.proxy for route in routes if route.service in targets)
    return tuple(name for name in proxies if _is_nginx(model["services"][name]))


def _is_nginx(spec: Mapping[str, Any]) -> bool:
    image = kind_of(str(spec.get("image") or "nginx"))
    return "nginx" in image or image == "openresty"
