"""How a project's proxy finds a service: by its configuration files, or by the service's labels and variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.project.mappings import as_mapping

INSIDE = 8080
"""The port of the balancer's container."""

INLINE = "configs."
"""Name prefix of a config that is inline in the Compose file: only a new container gets a change of it."""

_TARGETS = re.compile(
    r"(?:proxy_pass\s+https?://|grpc_pass\s+grpcs?://|reverse_proxy\s+(?:\S+\s+)*?(?:https?://)?|server\s+(?:[\w.-]+\s+)?"
    r"|\burl['\"]?\s*[:=]\s*['\"]?https?://|ProxyPass(?:Match)?\s+\S+\s+['\"]?https?://|BalancerMember\s+['\"]?https?://)"
    r"(?P<target>(?P<host>[A-Za-z0-9][\w.-]*)(?::(?P<port>\d{1,5}))?)"
)
_FORWARDS = re.compile(
    r"^[^#\n]*(?:X-Forwarded-For|forwardfor|reverse_proxy|loadBalancer\b|ProxyPass\b|_format_version)",
    re.IGNORECASE | re.MULTILINE,
)
"""Forwards the client's address: nginx and HAProxy if configured; Caddy, Traefik, httpd and Kong always."""
_TRAEFIK_PORT = re.compile(r"traefik\.(http|tcp)\.services\.[^.]+\.loadbalancer\.server\.port")
_TRAEFIK_SERVICE = re.compile(r"traefik\.http\.services\.([^.]+)\.")
_TRAEFIK_ROUTER = re.compile(r"traefik\.http\.routers\.([^.]+)\.")
_STRIPS = re.compile(r"^traefik\.http\.middlewares\.([^.]+)\.stripprefix\.", re.IGNORECASE)
_CADDY = re.compile(r"^caddy(_\d+)?(?=\.|$)")
_CADDY_UPSTREAMS = re.compile(r"\{\{\s*upstreams\s*(?:(\w+)\s+)?(\d+)?\s*\}\}")
_VARIABLES = ("VIRTUAL_HOST", "VIRTUAL_PORT", "VIRTUAL_PATH", "VIRTUAL_DEST", "VIRTUAL_PROTO", "LETSENCRYPT_HOST")
"""The variables that nginx-proxy and its companion read."""


@dataclass(frozen=True, slots=True)
class ProxyFile:
    """A configuration file of a proxy. ``name``: as shown to the user; ``proxy``: the Compose service."""

    proxy: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """A line with which ``proxy`` sends requests to ``service``. ``port``: None if the line has none.

    ``place``: file and line number; ``line``: the current text; ``wanted``: the text that names the balancer.
    ``forwards``: the proxy forwards the client's address.
    """

    proxy: str
    service: str
    port: int | None
    place: str
    line: str
    wanted: str
    forwards: bool = False


def routes(files: Iterable[ProxyFile], services: Mapping[str, Mapping[str, Any]], balancer: str) -> tuple[Route, ...]:
    """The lines of proxies' configurations that name a service: by service name, container name or alias."""
    names = {name: service for service, spec in services.items() for name in names_of(service, spec)}
    read = tuple(files)
    forwarding = {file.proxy for file in read if _FORWARDS.search(file.text)}
    found = (
        route
        for file in read
        for route in _routes_of(file, {**names, **links_of(services.get(file.proxy, {}))}, balancer)
    )
    return tuple(replace(route, forwards=route.proxy in forwarding) for route in found)


def names_of(service: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """The names by which other containers reach a service."""
    yield service
    if spec.get("container_name"):
        yield str(spec["container_name"])
    for network in as_mapping(spec.get("networks")).values():
        yield from map(str, (network or {}).get("aliases") or ())


def links_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """The aliases in this service's `links`, which only this service can use: alias -> service."""
    pairs = (str(link).partition(":") for link in spec.get("links") or ())
    return {name: service for service, _, name in pairs if name}


def labelled_port(spec: Mapping[str, Any]) -> int | None:
    """The port in the labels or variables for Traefik, Caddy or nginx-proxy; None if they set none."""
    labels, environment = as_mapping(spec.get("labels")), as_mapping(spec.get("environment"))
    for name, value in labels.items():
        if _TRAEFIK_PORT.fullmatch(name) and str(value).isdecimal():
            return int(str(value))
        if name.startswith("caddy") and (upstreams := _CADDY_UPSTREAMS.search(str(value))) and upstreams[2]:
            return int(upstreams[2])
    port = str(environment.get("VIRTUAL_PORT") or "")
    return int(port) if port.isdecimal() else None


def routing(spec: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and variables of a service with which a proxy finds it. ``spec``: without interpolation."""
    own = as_mapping(spec.get("labels"))
    hidden = str(own.get("traefik.enable")).lower() == "false"
    labels = {
        name: str(value)
        for name, value in own.items()
        if re.match(r"caddy\b" if hidden else r"traefik\.|caddy\b", name)
    }
    environment = {
        name: str(value) for name, value in as_mapping(spec.get("environment")).items() if name in _VARIABLES
    }
    return labels, environment


def declared(written: Mapping[str, Any], spec: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """``routing`` of the ``written`` service, plus the values in ``spec`` that come from an env_file or label_file."""
    (labels, variables), (own_labels, own_variables) = routing(spec), routing(written)
    return _completed(labels, own_labels), _completed(variables, own_variables)


def without_variables(written: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """The ``written`` service, with the values of ``spec`` in the parts that the overlay repeats.

    An included file may have its own variables, which the overlay cannot read.
    """
    kept = {**written, **({"ports": spec["ports"]} if spec.get("ports") else {})}
    for key in ("labels", "environment"):
        values, own = as_mapping(spec.get(key)), as_mapping(written.get(key))
        named = any("$" in name for name in own)
        kept[key] = _literal(values if named else {name: values.get(name, value) for name, value in own.items()})
    return kept


def _completed(values: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The ``own`` entries as written, plus the remaining ``values``, unless a name contains a variable."""
    rest = {} if any("$" in name for name in own) else _literal(values)
    return {**rest, **own}


def _literal(values: Mapping[str, Any]) -> dict[str, str]:
    """Values escaped for a Compose file, so that they contain no variables."""
    return {name: str(value).replace("$", "$$") for name, value in values.items()}


def together(found: Sequence[tuple[dict[str, str], dict[str, str]]]) -> tuple[dict[str, str], dict[str, str]]:
    """``routing`` of several services, for one container that receives the requests of all of them.

    Only the balancer then strips path prefixes, because it needs them to choose the service. In Traefik, a router must
    name one of the container's services; in Caddy, each site needs its own label prefix.
    """
    if len(found) == 1:
        return found[0]
    labels: dict[str, str] = {}
    for number, (own, _) in enumerate(found):
        labels |= {_CADDY.sub(f"caddy_{number}", name): value for name, value in _of_several(own).items()}
    variables: dict[str, str] = {}
    for name in ("VIRTUAL_HOST", "LETSENCRYPT_HOST", "VIRTUAL_PROTO"):
        if values := [own[name] for _, own in found if name in own]:
            variables[name] = ",".join(dict.fromkeys(values))
    return labels, variables


def without_path(line: str) -> str:
    """The line changed so that nginx passes requests on with their original path."""
    return re.sub(rf"(proxy_pass\s+https?://[\w.-]+:{INSIDE})/\s*(?=;)", r"\1", line)


def _of_several(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of one service, for a container with several services."""
    kept = {
        name.replace(".handle_path", ".handle", 1): value for name, value in labels.items() if not _STRIPS.search(name)
    }
    stripping = {match[1] for name in labels if (match := _STRIPS.search(name))}
    services = [match[1] for name in labels if (match := _TRAEFIK_SERVICE.match(name))]
    for name in labels:
        if not (router := _TRAEFIK_ROUTER.match(name)):
            continue
        service = services[0] if services else router[1]
        kept.setdefault(f"traefik.http.routers.{router[1]}.service", service)
        kept.setdefault(f"traefik.http.services.{service}.loadbalancer.server.port", str(INSIDE))
        used = f"traefik.http.routers.{router[1]}.middlewares"
        if used in kept:
            left = [each for each in kept[used].split(",") if each.strip().partition("@")[0] not in stripping]
            kept[used] = ",".join(left)
            if not left:
                del kept[used]
    return kept


def for_balancer(labels: Mapping[str, str], environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and variables with which the same proxy finds the balancer."""
    moved = {
        name: str(INSIDE)
        if _TRAEFIK_PORT.fullmatch(name)
        else _CADDY_UPSTREAMS.sub(
            lambda match: f"{{{{upstreams {match[1] + ' ' if match[1] else ''}{INSIDE}}}}}", value
        )
        for name, value in labels.items()
    }
    return moved, {**environment, "VIRTUAL_PORT": str(INSIDE)} if environment else {}


def _routes_of(file: ProxyFile, names: Mapping[str, str], balancer: str) -> Iterator[Route]:
    for number, line in enumerate(file.text.splitlines(), 1):
        code = line.partition("#")[0]
        for match in _TARGETS.finditer(code):
            service = names.get(match["host"])
            if service and service != file.proxy:
                begin, end = match.span("target")
                wanted = f"{code[:begin]}{balancer}:{INSIDE}{code[end:]}".strip()
                port = int(match["port"]) if match["port"] else None
                yield Route(file.proxy, service, port, f"{file.name}:{number}", code.strip(), wanted)
