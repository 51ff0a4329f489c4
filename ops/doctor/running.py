"""The services of a project as its containers run them, for a doctor without the Compose file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ops.models import Container
from ops.project.config import Project

UNKNOWABLE = ("ctr.orphan",)
"""Checks that compare with the Compose file's list of services."""


def with_containers(project: Project, details: Iterable[tuple[Container, Mapping[str, Any]]]) -> Project:
    """The project with the services of its containers: what a container has is what its service has.

    ``details``: as the engine describes them. The environments are kept in memory only.
    """
    services: dict[str, Any] = dict(project.model["services"])
    for container, described in details:
        if not container.oneoff:
            services[container.service] = _definition(described)
    return replace(project, model={**project.model, "services": services})


def _definition(described: Mapping[str, Any]) -> dict[str, Any]:
    environment = dict(item.partition("=")[::2] for item in described["Config"].get("Env") or [])
    networks = (described.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        "environment": environment,
        "container_name": str(described.get("Name") or "").removeprefix("/"),
        "networks": {name: {"aliases": (each or {}).get("Aliases") or []} for name, each in networks.items()},
    }
