"""Which Compose services the scaled service keeps its data in, by the URLs in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ops.config import Project

DATABASE = "DATABASE_URL"
REDIS = "REDIS_URL"


class NotInProject(Exception):
    """The service has no such URL, or it leads out of the project; the message says which."""


class Outside(NotInProject):
    """The URL leads to ``hosts`` outside of the project."""

    def __init__(self, variable: str, hosts: list[str]) -> None:
        where = ", ".join(hosts) or "no host"
        super().__init__(f"{variable} leads to {where}, which is no service of this project")
        self.hosts = hosts


def find_service(project: Project, variable: str) -> str:
    """The first service that the URL in ``variable`` leads to. Raises NotInProject."""
    return find_services(project, variable)[0]


def find_services(project: Project, variable: str) -> list[str]:
    """The Compose services whose name, alias or container name is a host in ``variable``; a cluster's URL has several.

    Raises NotInProject when none is.
    """
    url = (project.service.get("environment") or {}).get(variable)
    if not url:
        raise NotInProject(f"{project.settings.service} has no {variable}")
    hosts = hosts_of(str(url))
    services: Mapping[str, Mapping[str, Any]] = project.model["services"]
    found = [name for host in hosts for name, definition in services.items() if host in _names(name, definition)]
    if not found:
        raise Outside(variable, hosts)
    return list(dict.fromkeys(found))


def hosts_of(url: str) -> list[str]:
    """The hosts of "scheme://user:password@a:6379,b:6379/0"."""
    places = urlsplit(url).netloc.rpartition("@")[2]
    return [place.rpartition(":")[0] or place for place in places.split(",") if place]


def _names(name: str, definition: Mapping[str, Any]) -> set[str]:
    names = {name}
    if definition.get("container_name"):
        names.add(str(definition["container_name"]))
    for network in (definition.get("networks") or {}).values():
        names.update((network or {}).get("aliases") or ())
    return names
