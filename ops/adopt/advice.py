"""Notes for the user on what a project's ports and its own proxy mean for an adoption. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.adopt.detect import is_tls
from ops.adopt.images import OTHER_PROTOCOLS, kind_of
from ops.adopt.notes import Note, Weight, obstacles
from ops.adopt.routes import INLINE, INSIDE, Route

if TYPE_CHECKING:
    from ops.adopt.plan import Choice


def about_ports(
    choice: Choice,
    ports: Sequence[object],
    fixed: bool,
    left: Sequence[str],
    front: bool,
    publishes: str,
    balancer: str,
) -> Iterator[Note]:
    """``ports``: the service's ports, as the balancer publishes them; ``fixed``: at least one has a fixed host port."""
    key = ("services", choice.service, "ports")
    if is_tls(choice.port) and ports:
        yield Note(
            Weight.REFUSED,
            key,
            f"the service itself ends HTTPS on port {choice.port}, and the balancer speaks HTTP to replicas",
            "name its HTTP port: --port PORT",
        )
    https = [shown for shown in left if shown.rpartition(":")[2] == "443"]
    if https:
        yield Note(
            Weight.REFUSED,
            key,
            f"the service itself ends HTTPS on port 443, which would no longer be published: {https[0]}",
            f"let a proxy or the balancer end HTTPS (x-videa.tls), and remove {https[0]} from ports",
        )
    other = [shown for shown in left if _is_other(shown)]
    if other:
        yield Note(
            Weight.REFUSED,
            key,
            f"clients would no longer reach what is not HTTP, because two replicas cannot share its port: {other[0]}",
            f"publish {other[0]} from a service of its own, which gets no replicas, or remove it from ports",
        )
    if ports and not fixed:
        yield Note(
            Weight.ADVICE,
            key,
            "the engine chooses the published port, and chooses another one for the balancer",
            f"`docker compose port {balancer} {INSIDE}` shows it; or give it a number: ports: [8000:{choice.port}]",
        )
    elif ports:
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


def _is_other(shown: str) -> bool:
    """Whether a published port is not for HTTP: "222:22", "53:53/udp"."""
    return shown.endswith("/udp") or int(shown.rpartition(":")[2]) in OTHER_PROTOCOLS


def about_move(service: str, notes: Sequence[Note]) -> Iterator[Note]:
    """What prevents moving the port of a running service to the balancer. ``notes``: about that service."""
    if any(note.key[-1] == "volumes" and note.weight is Weight.ADVICE for note in notes):
        yield Note(
            Weight.ADVICE,
            ("services", service, "volumes"),
            "`videa up` starts a second replica before it moves the port, so it refuses until this is decided",
            f"as above, or stop the service first: docker compose stop {service}",
        )


def about_running(choice: Choice) -> Iterator[Note]:
    """Problems with the proposal that the service's running containers show."""
    if choice.silent:
        yield Note(
            Weight.ADVICE,
            ("services", choice.service, "ports"),
            f"it runs, but nothing answers HTTP on port {choice.port} from outside of its container",
            "let it listen on 0.0.0.0, not on 127.0.0.1; or name its port: --port PORT; or wait until it has started",
        )
    if choice.fails and "ready" not in choice.health:
        yield Note(
            Weight.ADVICE,
            ("services", choice.service, "healthcheck"),
            "Docker's health check fails as the service runs now, and would find no new replica ready",
            "correct it (docker inspect shows what it says; has the image curl?), or name a path: --health /PATH",
        )


def about_front(
    routes: Sequence[Route], labels: Mapping[str, str], variables: Mapping[str, str], services: Mapping[str, Any]
) -> Iterator[Note]:
    for route in routes:
        reload = _reload(route, services[route.proxy])
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


def _reload(route: Route, spec: Mapping[str, Any]) -> str:
    """How to reload a proxy's configuration."""
    image, proxy = kind_of(str(spec.get("image") or "")), route.proxy
    name = route.place.rpartition(":")[0].strip("'")
    mounted = any(str(volume.get("source")).endswith(name) for volume in spec.get("volumes") or ())
    if name.startswith(INLINE):
        return f"docker compose up --detach {proxy}"
    if "build" in spec and not mounted:
        return f"docker compose up --detach --build {proxy}"
    if _is_nginx(spec):
        command = f"docker compose exec {proxy} nginx -s reload"
    elif image == "caddy":
        command = f"docker compose exec {proxy} caddy reload --config /etc/caddy/Caddyfile"
    elif image == "haproxy":
        command = f"docker compose kill --signal HUP {proxy}"
    else:
        return f"reload {proxy}"
    # A bind mount of a file is bound to its inode, and most editors replace the file with a new one.
    return f"{command}, or, if the editor has replaced the file: docker compose restart {proxy}" if mounted else command


def about_shared(services: Sequence[str], shared: Mapping[str, Mapping[str, str]]) -> Iterator[Note]:
    """The volumes that replicas share although they write to them. ``shared``: service -> volume -> reason."""
    for service in services:
        for target, why in shared[service].items():
            yield Note(
                Weight.SOLVED,
                ("services", service, "volumes"),
                f"replicas share {target}, {why}",
            )


def about_other(
    choice: Choice, model: Mapping[str, Any], raw: Mapping[str, Any], shared: Sequence[str]
) -> Iterator[Note]:
    spec, written = model["services"][choice.service], raw["services"][choice.service]
    published = [str(port["published"]) for port in spec.get("ports") or () if port.get("published")]
    if published:
        yield Note(
            Weight.ADVICE,
            ("services", choice.service, "ports"),
            f"no longer published, because two replicas cannot share it: {', '.join(published)}",
            f"clients find it behind the balancer, at {choice.requests}",
        )
    allowed = (*(choice.shared or ()), *shared)
    yield from obstacles(choice.service, spec, written, choice.checked or "ready" in choice.health, allowed)


def about_paths(choices: Sequence[Choice], routes: Sequence[Route]) -> Iterator[Note]:
    """Path prefixes that a proxy strips today, but that the balancer needs to choose the service."""
    for choice in choices:
        proxies = [route.proxy for route in routes if route.service == choice.service]
        if choice.requests.strip and proxies:
            path = choice.requests.path
            yield Note(
                Weight.ADVICE,
                (),
                f"{choice.service} gets its path without {path} from the balancer, so {proxies[0]} must leave it",
                "in nginx: proxy_pass http://NAME; with no / after the name; in a Caddyfile: handle, not handle_path",
            )


def own_nginx(routes: Sequence[Route], targets: Collection[str], model: Mapping[str, Any]) -> tuple[str, ...]:
    """The services that run the user's own nginx with a configuration line that names one of ``targets``."""
    proxies = dict.fromkeys(route.proxy for route in routes if route.service in targets)
    return tuple(name for name in proxies if _is_nginx(model["services"][name]))


def _is_nginx(spec: Mapping[str, Any]) -> bool:
    image = kind_of(str(spec.get("image") or "nginx"))
    return "nginx" in image or image == "openresty"
