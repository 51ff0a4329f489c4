"""The services of a project derived from its containers, for running the doctor without the Compose file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ops.models import Container
from ops.project.config import Project

UNKNOWABLE = ("ctr.orphan",)
"""Checks that compare with the Compose file's list of services."""


def with_containers(project: Project, details: Iterable[tuple[Container, Mapping[str, Any]]]) -> Project:
    """The project with services derived from its containers: a service gets the settings of its container.

    ``details``: as returned by the engine. The environments are kept only in memory.
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
