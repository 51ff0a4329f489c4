"""Where the scaled service keeps its data, by the URLs in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ops.doctor.skip import Skip
from ops.project.config import Project


@dataclass(frozen=True, slots=True)
class Location:
    """Where ``variable`` leads: ``hosts``, and those of the project's ``services`` that they are; none for outside."""

    variable: str
    hosts: list[str]
    services: list[str]

    @property
    def service(self) -> str:
        """The first of the services. Raises Skip when it is outside of the project."""
        if not self.services:
            where = ", ".join(self.hosts) or "no host"
            raise Skip(f"{self.variable} leads to {where}, which is no service of this project")
        return self.services[0]


def locate(project: Project, variable: str) -> Location:
    """Where the URL in ``variable`` leads, by the services' names, aliases and container names; a cluster's to several.

    Raises Skip when the service has no such URL.
    """
    url = (project.service.get("environment") or {}).get(variable)
    if not url:
        raise Skip(f"{project.settings.service} has no {variable}")
    hosts = hosts_of(str(url))
    services: Mapping[str, Mapping[str, Any]] = project.model["services"]
    found = [name for host in hosts for name, definition in services.items() if host in _names(name, definition)]
    return Location(variable, hosts, list(dict.fromkeys(found)))


def hosts_of(url: str) -> list[str]:
    """The hosts of "scheme://user:password@a:6379,b:6379/0"; none of what is no URL."""
    try:
        places = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # such as a bracket without its other half
        return []
    return [place.rpartition(":")[0] or place for place in places.split(",") if place]


def _names(name: str, definition: Mapping[str, Any]) -> set[str]:
    names = {name}
    if definition.get("container_name"):
        names.add(str(definition["container_name"]))
    for network in (definition.get("networks") or {}).values():
        names.update((network or {}).get("aliases") or ())
    return names
