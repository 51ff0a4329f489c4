"""The location of the scaled service's data, from the URLs in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ops.doctor.skip import Skip
from ops.project.config import Project


class Location(msgspec.Struct, frozen=True):
    """The target of ``variable``: its ``hosts``, and the project's ``services`` among them; empty if it is external."""

    variable: str
    hosts: list[str]
    services: list[str]

    @property
    def service(self) -> str:
        """The first service. Raises Skip if the target is outside the project."""
        if not self.services:
            where = ", ".join(self.hosts) or "no host"
            raise Skip(f"{self.variable} points to {where}, which is not a service of this project")
        return self.services[0]


def locate(project: Project, variable: str) -> Location:
    """The target of the URL in ``variable``, matched by service name, alias or container name; several for a cluster.

    Raises Skip if the service has no such URL.
    """
    url = (project.service.get("environment") or {}).get(variable)
    if not url:
        raise Skip(f"{project.settings.service} has no {variable}")
    hosts = hosts_of(str(url))
    services: Mapping[str, Mapping[str, Any]] = project.model["services"]
    matches = [name for host in hosts for name, definition in services.items() if host in _names(name, definition)]
    return Location(variable, hosts, list(dict.fromkeys(matches)))


def hosts_of(url: str) -> list[str]:
    """The hosts of "scheme://user:password@a:6379,b:6379/0"; empty if it is not a URL."""
    try:
        hosts = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # for example, an unbalanced bracket
        return []
    return [host.rpartition(":")[0] or host for host in hosts.split(",") if host]


def _names(name: str, definition: Mapping[str, Any]) -> set[str]:
    names = {name}
    if definition.get("container_name"):
        names.add(str(definition["container_name"]))
    for network in (definition.get("networks") or {}).values():
        names.update((network or {}).get("aliases") or ())
    return names
