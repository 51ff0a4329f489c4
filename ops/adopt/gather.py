"""Collects the facts for an adoption: the project's files, its proxies' configurations and its running containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.adopt.answers import Answers, ask
from ops.adopt.caddyfile import caddy_routes
from ops.adopt.detect import Found, detect
from ops.adopt.images import PROXIES, base_of, kind_of
from ops.adopt.places import read_text
from ops.adopt.requests import Unknown, by_fastcgi, configured, labelled
from ops.adopt.routes import INLINE, ProxyFile, Route, links_of, names_of, routes
from ops.adopt.sockets import by_socket
from ops.errors import ConfigError
from ops.models import Container
from ops.project.plain import Plain
from ops.project.published import seen_from_here
from ops.route import Route as Requests
from ops.stack import Stack

MOST = 500
"""Maximum number of files read in one folder."""

_SUFFIXES = (".conf", ".template", ".cfg", ".caddy", "Caddyfile")
_ALSO_MOUNTED = (".yml", ".yaml", ".toml")
"""Suffixes of Traefik's and Kong's files. Read only if mounted: in a build context they would be something else."""


@dataclass(frozen=True)
class Facts:
    """``running``: service -> its running containers with the engine's details.

    ``requests``: service -> the requests that the project's proxies send to it.
    """

    found: tuple[Found, ...]
    routes: tuple[Route, ...]
    running: Mapping[str, Sequence[tuple[Container, Mapping[str, Any]]]]
    raw: Mapping[str, Any]
    requests: Mapping[str, tuple[Requests | Unknown, ...]] = field(default_factory=dict)


def gather(plain: Plain, stack: Stack, balancer: str) -> Facts:
    """The facts of a project. ``balancer``: the service that proxies should name. Raises ConfigError, EngineError."""
    services = plain.project.model["services"]
    exposed = {name: stack.platform.images.exposed(plain.project.image_of(name)) for name in services}
    bases = {name: base for name, spec in services.items() if (base := _built_on(spec))}
    files = tuple(_proxy_files(plain, services))
    names = {name: service for service, spec in services.items() for name in names_of(service, spec)}
    requests = {service: labelled(spec) for service, spec in services.items()}
    fastcgi: dict[str, str] = {}
    for file in files:
        known = {**names, **links_of(services[file.proxy])}
        read_routes = caddy_routes if "caddy" in _kind(services[file.proxy]) or "Caddyfile" in file.name else configured
        for service, share in read_routes(file.text, known):
            requests[service] = (*requests[service], share)
        fastcgi |= dict.fromkeys((*by_fastcgi(file.text, known), *by_socket(file, services)), file.proxy)
    lines = tuple(line for line in routes(files, {**services, balancer: {}}, balancer) if line.service not in fastcgi)
    running: dict[str, list[tuple[Container, Mapping[str, Any]]]] = {}
    for container, details in stack.platform.details():
        if container.running and not container.oneoff:
            running.setdefault(container.service, []).append((container, details))
    return Facts(detect(services, exposed, lines, fastcgi, bases), lines, running, plain.raw, requests)


def answers(stack: Stack, facts: Facts, found: Found, paths: Sequence[str]) -> dict[int, Answers]:
    """Port -> the answers of a running container of the service; ports that do not answer HTTP are left out."""
    results: dict[int, Answers] = {}
    hosts = [
        route.host for route in facts.requests.get(found.service, ()) if isinstance(route, Requests) and route.host
    ]
    for container, details in facts.running.get(found.service, ())[:1]:
        for port in found.ports:
            for host, outer in _addresses(stack, container, details, port):
                if answered := ask(host, outer, paths, f"{stack.project.name}-{found.service}-1", hosts):
                    results[port] = answered
                    break
    return results


def _addresses(stack: Stack, container: Container, details: Mapping[str, Any], port: int) -> Iterator[tuple[str, int]]:
    """Addresses at which this machine may reach a container's port: published, or direct if the engine is local."""
    bindings = (details.get("NetworkSettings") or {}).get("Ports") or {}
    for binding in bindings.get(f"{port}/tcp") or ():
        engine = None if stack.platform.local else stack.platform.address
        if address := seen_from_here(str(binding.get("HostIp") or ""), engine):
            yield address, int(binding["HostPort"])
    if stack.platform.local:
        yield from ((address, port) for address in container.networks.values() if address)


def _proxy_files(plain: Plain, services: Mapping[str, Mapping[str, Any]]) -> Iterator[ProxyFile]:
    for name, spec in services.items():
        context = (spec.get("build") or {}).get("context")
        folder = Path(str(context)) if context else None
        if _kind(spec) in PROXIES or (folder and kind_of(_built_on(spec)) in PROXIES):
            mounted = (
                Path(str(volume["source"])) for volume in spec.get("volumes") or () if volume.get("type") == "bind"
            )
            for path in mounted:
                yield from _read(plain, name, path, (*_SUFFIXES, *_ALSO_MOUNTED))
            if folder:
                yield from _read(plain, name, folder)
            for entry in spec.get("configs") or ():
                config = (plain.project.model.get("configs") or {}).get(entry.get("source")) or {}
                if config.get("content"):
                    yield ProxyFile(name, f"{INLINE}{entry['source']}", str(config["content"]))
                elif config.get("file"):
                    yield from _read(plain, name, Path(str(config["file"])))


def _kind(spec: Mapping[str, Any]) -> str:
    return kind_of(str(spec.get("image") or ""))


def _built_on(spec: Mapping[str, Any]) -> str:
    """The base image of the Dockerfile stage that is built; "" if nothing is built here or it cannot be read."""
    build = spec.get("build") or {}
    folder = build.get("context")
    try:
        text = build.get("dockerfile_inline") or (
            read_text(Path(str(folder)) / str(build.get("dockerfile") or "Dockerfile")) if folder else ""
        )
    except ConfigError:
        return ""
    return base_of(str(text), str(build.get("target") or ""))


def _read(plain: Plain, proxy: str, path: Path, suffixes: tuple[str, ...] = _SUFFIXES) -> Iterator[ProxyFile]:
    """The configuration files at a host path (a file or a folder). Unreadable files are left out."""
    try:
        found = sorted((*path.glob("*"), *path.glob("*/*"))) if path.is_dir() else [path]
        files = [file for file in found if file == path or _configures(file, suffixes)][:MOST]
        for file in files:
            if file.is_file():
                shown = file.relative_to(plain.folder) if file.is_relative_to(plain.folder) else file
                yield ProxyFile(proxy, shlex.quote(str(shown)), read_text(file))
    except (OSError, ConfigError):
        return


def _configures(file: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a file name is that of a proxy's configuration; in Debian's sites-enabled, files have no suffix."""
    if file.name.startswith(("compose.", "docker-compose")):
        return False
    return file.name.endswith(suffixes) or file.parent.name.startswith("sites-")
