"""The services that videa scales, and checks of their sections against each other and the Compose file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import ConfigError
from ops.project.section import read_settings
from ops.project.section_rules import check_autoscale
from ops.project.sections import Sections
from ops.project.settings import Settings
from ops.route import Route


@dataclass(frozen=True)
class Managed:
    """A service that videa scales: its settings, and its section as written in the file."""

    settings: Settings
    written: Mapping[str, Any]


def read_managed(model: Mapping[str, Any], sections: Sections) -> dict[str, Managed]:
    """The services with x-videa. Raises ConfigError."""
    managed = {name: Managed(read_settings(dict(written)), written) for name, written in sections.written.items()}
    for service in managed.values():
        _check_services(model, service.settings)
        check_autoscale(service.settings)
    _check_one_balancer(managed)
    return managed


def site(managed: Mapping[str, Managed], default: str) -> str:
    """The service that gets requests; of several, ``default``, otherwise the one without a route, otherwise the first.

    Raises ConfigError.
    """
    served = [name for name, service in managed.items() if not service.settings.worker]
    if not served:
        raise ConfigError(
            "no service of x-videa gets requests", "remove `worker: true` from the service that the balancer is for"
        )
    routes = {name: managed[name].settings.route.effective for name in served}
    _check_routes(routes)
    return default if default in served else next((name for name in served if routes[name].everything), served[0])


def _check_routes(routes: Mapping[str, Route]) -> None:
    """Raises ConfigError if two services would get the same requests."""
    seen: dict[tuple[str, str], str] = {}
    for name, route in routes.items():
        other = seen.setdefault(route.key, name)
        if other == name:
            continue
        if route.everything:
            raise ConfigError(
                f"x-videa.route: {other} and {name} have no route, so both would get every request",
                "write `route: {path: /api}` on one of them, or `worker: true` if it gets no requests",
            )
        raise ConfigError(
            f"x-videa.route: {other} and {name} have the same route, {route}", "give one of them another host or path"
        )


def _check_services(model: Mapping[str, Any], settings: Settings) -> None:
    services = model["services"]
    for key in ("service",) if settings.worker else ("service", "balancer"):
        wanted = getattr(settings, key)
        if wanted not in services:
            raise ConfigError(
                f"x-videa.{key}: there is no service {wanted!r} in the Compose file",
                f"its services: {', '.join(sorted(services))}",
            )
    for name in settings.also:
        if name not in services or name in (settings.service, settings.balancer):
            raise ConfigError(
                f"x-videa.also: {name!r} is not another service of the Compose file",
                f"its services: {', '.join(sorted(services))}",
            )
    if settings.service == settings.balancer:
        raise ConfigError(
            "x-videa.service and x-videa.balancer name the same service",
            "set x-videa.balancer to the service that runs nginx",
        )


def _check_one_balancer(managed: Mapping[str, Managed]) -> None:
    balancers = sorted({service.settings.balancer for service in managed.values()})
    if len(balancers) > 1:
        raise ConfigError(
            f"x-videa.balancer differs between services: {', '.join(balancers)}",
            "all services of a project have one balancer: set it once, at the top of x-videa",
        )
