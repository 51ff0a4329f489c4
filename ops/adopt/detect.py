"""The role of each service: HTTP service, worker, data store, one-shot task or proxy. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from ops.adopt.background import runs_by_the_clock, words_of, works_in_background
from ops.adopt.health_check import NOTHING, Asked, asked
from ops.adopt.images import DATA, DEBUGGERS, ELSEWHERE, OTHER_PROTOCOLS, PROXIES, TOOLS, kind_of
from ops.adopt.routes import Route, labelled_port, names_of, routing
from ops.project.mappings import as_mapping

_COMMAND = re.compile(
    r"(?:(?<![\w.])(?:0|0\.0\.0\.0|\[::\]):|--port[= ]|(?:--bind|--listen|-b|-p)[= ](?:[^\s:]*:)?)(\d{2,5})(?![\w.:])"
)
"""The port that a command is told to listen on: gunicorn -b 0.0.0.0:8000, flask run -p 5000, vite --port 3000."""


_URL = re.compile(r"https?://(?:[^@/\s'\"]*@)?(?P<host>[A-Za-z0-9][\w.-]*)(?::(?P<port>\d{1,5}))?(?=[/\s'\"?#,;|&)]|$)")
"""An HTTP URL in a variable or command, with its host and port."""


class Role(Enum):
    """What a service does in its project."""

    HTTP = "http"
    WORKER = "worker"
    DATA = "data"
    PROXY = "proxy"
    TASK = "task"


class Evidence(Enum):
    """The evidence that a service answers HTTP, the strongest last."""

    TOOL = 0
    DECLARED = 1
    PUBLISHED = 2
    ROUTED = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A service. ``ports``: on which it may answer HTTP, most likely first. ``reason``: one line.

    ``evidence``: None unless it answers HTTP. ``check``: what Docker's health check requests. ``targets``: the services
    to which a proxy sends requests; ``alone``: why a worker cannot be scaled.
    """

    service: str
    role: Role
    reason: str
    ports: tuple[int, ...] = ()
    evidence: Evidence | None = None
    check: Asked = NOTHING
    targets: tuple[str, ...] = ()
    alone: str = ""


def is_tls(port: int) -> bool:
    """Whether a port is by convention for HTTPS: 443, 8443, 9443."""
    return str(port).endswith("443")


def detect(
    services: Mapping[str, Mapping[str, Any]],
    exposed: Mapping[str, tuple[int, ...]],
    routes: Iterable[Route],
    fastcgi: Mapping[str, str] = MappingProxyType({}),
    bases: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Found, ...]:
    """The role of each service of the merged model.

    ``exposed``: service -> ports that its image declares; ``fastcgi``: service -> the web server that reaches it by
    FastCGI, another non-HTTP protocol, or a socket; ``bases``: service with a build section -> its base image.
    """
    routed = tuple(routes)
    once = {
        name
        for spec in services.values()
        for name, condition in _dependencies(spec).items()
        if condition == "service_completed_successfully"
    }
    urls = urls_of(services)
    lent = {name for spec in services.values() if (name := _network_of(spec))}
    found = [
        Found(name, Role.TASK, "runs once before other services")
        if name in once
        else Found(name, Role.DATA, "is run by a provider, not in a container")
        if "provider" in spec
        else _by_fastcgi(name, fastcgi.get(name, ""))
        if name in fastcgi or _is_fpm(spec)
        else _role(name, spec, exposed.get(name, ()), routed, bases.get(name, ""), urls.get(name))
        for name, spec in services.items()
    ]
    found = [_as_lender(each) if each.service in lent else each for each in found]
    if not any(each.evidence and each.evidence is not Evidence.TOOL for each in found):
        return tuple(_as_server(each) for each in found)  # the only web server serves files itself
    return tuple(_as_server(each) if each.service in fastcgi.values() else each for each in found)


def tasks_of(found: Iterable[Found]) -> set[str]:
    """The services that run to completion before the others start."""
    return {each.service for each in found if each.role is Role.TASK}


def candidates(found: Iterable[Found]) -> tuple[Found, ...]:
    """The HTTP services with the strongest evidence: the one to scale, or the ones to choose from."""
    http = [each for each in found if each.evidence]
    strongest = max((each.evidence.value for each in http if each.evidence), default=0)
    return tuple(each for each in http if each.evidence and each.evidence.value == strongest)


def speaks_grpc(spec: Mapping[str, Any]) -> bool:
    """Whether a service answers gRPC: its proxy uses HTTP/2 without TLS (h2c), or its health check is a gRPC one.

    https://doc.traefik.io/traefik/user-guides/grpc/, https://github.com/grpc-ecosystem/grpc-health-probe
    """
    labels = as_mapping(spec.get("labels"))
    by_proxy = any(
        str(value).strip() == "h2c" if name.lower().endswith(".loadbalancer.server.scheme") else "h2c" in str(value)
        for name, value in labels.items()
        if name.startswith(("traefik.", "caddy"))
    )
    test = (spec.get("healthcheck") or {}).get("test") or ""
    text = test if isinstance(test, str) else " ".join(map(str, test))
    return by_proxy or re.search(r"\bgrpc[_-]health[_-]probe\b", text) is not None


def _role(
    name: str,
    spec: Mapping[str, Any],
    exposed: tuple[int, ...],
    routes: tuple[Route, ...],
    base: str,
    url: tuple[str, int] | None,
) -> Found:
    kind = kind_of(str(spec.get("image") or ""))
    for image in filter(None, (str(spec.get("image") or ""), base)):
        if kind_of(image) in DATA:
            return Found(name, Role.DATA, f"holds data ({image})")
    routed = [route for route in routes if route.service == name]
    check = asked(spec, {*names_of(name, spec), str(spec.get("hostname") or name)})
    ports, reason, evidence = _http(spec, exposed, routed, check)
    if kind in PROXIES or any(route.proxy == name for route in routes):
        targets = tuple(sorted({route.service for route in routes if route.proxy == name}))
        what = "proxy" if kind in ELSEWHERE else "web server"
        reason = f"sends requests to {', '.join(targets)}" if targets else f"is a {what} ({kind})"
        return Found(name, Role.PROXY, reason, ports, targets=targets)
    if ports and not (evidence is Evidence.DECLARED and works_in_background(name, spec)):
        found = Evidence.TOOL if _is_tool(name, kind, spec) else evidence
        return Found(name, Role.HTTP, reason, ports, found, check)
    return _without_ports(name, spec, ports, exposed, url)


def _without_ports(
    name: str,
    spec: Mapping[str, Any],
    ports: tuple[int, ...],
    exposed: tuple[int, ...],
    url: tuple[str, int] | None,
) -> Found:
    """A service that declares no HTTP port of its own: only a ``url`` in another one shows that it gets requests.

    ``ports``: of HTTP, if a background service inherits them.
    """
    if works_in_background(name, spec) and (ports or not _other_port(spec, ())):
        reason = "works in the background, by its name or command"
        return Found(name, Role.WORKER, reason, ports, alone=_clock(name, spec))
    if "build" not in spec and _writes(spec):
        return Found(name, Role.DATA, "writes a volume and has no port")
    if other := _other_port(spec, exposed):
        return Found(name, Role.WORKER, f"answers another protocol than HTTP, on port {other}", alone=_not_http(name))
    if url:
        caller, port = url
        return Found(name, Role.HTTP, f"{caller} has its URL", (port,), Evidence.DECLARED)
    return Found(name, Role.WORKER, "has no HTTP port")


def _other_port(spec: Mapping[str, Any], exposed: tuple[int, ...]) -> int | None:
    """A port of a non-HTTP protocol that a service or its image declares."""
    declared = (*_published(spec), *_expose(spec), *exposed)
    return next((port for port in declared if port in OTHER_PROTOCOLS), None)


def _is_tool(name: str, kind: str, spec: Mapping[str, Any]) -> bool:
    """Whether a service is a tool for developers or operators, by its image, its name, or as a Celery monitor."""
    return kind in TOOLS or name.lower() in TOOLS or re.search(r"\bflower\b", words_of(spec.get("command"))) is not None


def _is_fpm(spec: Mapping[str, Any]) -> bool:
    """Whether a service runs PHP-FPM (wordpress:fpm-alpine), rather than another command of the same image."""
    started = [spec[key] for key in ("entrypoint", "command") if spec.get(key)]
    if started and "php-fpm" not in str(started):
        return False
    return re.search(r":[\w.-]*\bfpm\b", str(spec.get("image") or "")) is not None


def _by_fastcgi(name: str, server: str) -> Found:
    asks = f"{server} asks it by FastCGI, or over a socket" if server else "answers FastCGI"
    return Found(name, Role.WORKER, asks, alone=_not_http(name))


def _not_http(name: str) -> str:
    return f"videa drains HTTP only, so it replaces no container of it; to update it: docker compose up -d {name}"


def _clock(name: str, spec: Mapping[str, Any]) -> str:
    """Why a scheduler can have only one replica; "" for any other service."""
    if not runs_by_the_clock(name, spec):
        return ""
    return f"two would start each of its timed jobs twice; to update it after a deploy: docker compose up -d {name}"


def _http(
    spec: Mapping[str, Any], exposed: tuple[int, ...], routed: list[Route], check: Asked
) -> tuple[tuple[int, ...], str, Evidence]:
    """The ports on which a service may answer HTTP (most likely first), the reason, and the kind of evidence."""
    environment = as_mapping(spec.get("environment"))
    published = _published(spec)
    own = str(environment.get("PORT") or "")
    label, labelled = labelled_port(spec), any(routing(spec))
    told = [int(port) for port in _COMMAND.findall(words_of(spec.get("command")))]
    guesses = [check.port, *_expose(spec), int(own) if own.isdecimal() else None, *told, *exposed]
    ordered = [*(route.port for route in routed), label, *_checked_first(published, check.port), *guesses]
    if routed and not any(ordered):
        ordered = [80]  # the port that a proxy uses by default
    ports = tuple(dict.fromkeys(port for port in ordered if port and port not in OTHER_PROTOCOLS | DEBUGGERS))
    if not ports:
        return (), "", Evidence.DECLARED
    if routed:
        return ports, f"{routed[0].proxy} sends it requests ({routed[0].place})", Evidence.ROUTED
    if labelled:
        return ports, "has labels or variables for a proxy", Evidence.ROUTED
    if set(published) & set(ports):
        return ports, "publishes its port", Evidence.PUBLISHED
    return ports, "declares a port", Evidence.DECLARED


def _published(spec: Mapping[str, Any]) -> list[int]:
    return [int(port["target"]) for port in spec.get("ports") or () if port.get("protocol", "tcp") == "tcp"]


def _expose(spec: Mapping[str, Any]) -> list[int]:
    """The TCP ports of `expose`; of a range, the first one."""
    found = (re.fullmatch(r"(\d{1,5})(?:-\d{1,5})?(?:/tcp)?", str(port)) for port in spec.get("expose") or ())
    return [int(port[1]) for port in found if port]


def _checked_first(published: list[int], checked: int | None) -> list[int]:
    """Orders published ports: the one that the health check uses first, TLS ports last."""
    return sorted(published, key=lambda port: (port != checked, is_tls(port)))


def urls_of(services: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, int]]:
    """Service -> (another service that has its URL in a variable or command, the URL's port)."""
    known = {name: service for service, spec in services.items() for name in names_of(service, spec)}
    found: dict[str, tuple[str, int]] = {}
    for caller, spec in services.items():
        told = (*as_mapping(spec.get("environment")).values(), words_of(spec.get("command")))
        for url in (match for text in told for match in _URL.finditer(str(text))):
            service, port = known.get(url["host"], caller), int(url["port"] or 80)
            if service != caller and port not in OTHER_PROTOCOLS:
                found.setdefault(service, (caller, port))
    return found


def _network_of(spec: Mapping[str, Any]) -> str:
    """The service whose network this one uses (``network_mode: service:NAME``); "" if it has its own."""
    mode, _, target = str(spec.get("network_mode") or "").partition(":")
    return target if mode == "service" else ""


def _as_lender(found: Found) -> Found:
    """A service whose network others use, such as a VPN: it publishes their ports, so it is chosen last."""
    if found.evidence:
        return replace(found, evidence=Evidence.TOOL)
    return replace(found, alone=f"others run in its network; to update it: docker compose up -d {found.service}")


def _as_server(found: Found) -> Found:
    if found.role is not Role.PROXY or not found.ports or found.targets:
        return found
    return Found(found.service, Role.HTTP, "publishes its port", found.ports, Evidence.PUBLISHED, found.check)


def _dependencies(spec: Mapping[str, Any]) -> Mapping[str, str]:
    needed = spec.get("depends_on") or {}
    if not isinstance(needed, dict):
        return dict.fromkeys(needed, "service_started")
    return {name: str((how or {}).get("condition", "service_started")) for name, how in needed.items()}


def _writes(spec: Mapping[str, Any]) -> bool:
    return any(volume.get("type") == "volume" and not volume.get("read_only") for volume in spec.get("volumes") or ())
