"""What runs of a project on each of the two engines, as input for the plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ops.migration.plan import Kind, Running
from ops.models import Container
from ops.project.config import Project
from ops.project.startup import dependency_order, one_shots_of


def read(
    project: Project, here: Iterable[Container], there: Iterable[Container], ran: Collection[str] = ()
) -> list[Running]:
    """The services of a project, each after those that it depends on. ``here``, ``there``: before and after the move.

    ``ran``: the containers that ran here before a move that was interrupted. Services that end by themselves are
    omitted, because they have done their work. Pure.
    """
    here = list(here)
    stopped = {each.service for each in here if each.name in ran and not each.alive}
    services: Mapping[str, Mapping[str, Any]] = project.model["services"]
    once = {each for name in services for each in one_shots_of(services, name)}
    before, after = _alive(here), _alive(there)
    return [
        Running(
            name,
            _kind(project, name),
            before.get(name, ()),
            after.get(name, ()),
            max(len(before.get(name, ())), len(after.get(name, ()))),
            name in project.served,
            name in stopped and name not in project.services,
        )
        for name in dependency_order(services, services)
        if name not in once
    ]


def _kind(project: Project, name: str) -> Kind:
    if name == project.settings.balancer:
        return Kind.BALANCER
    if name in project.services:
        return Kind.REPLICAS
    definition = project.model["services"][name]
    written = [
        each for each in definition.get("volumes") or () if each["type"] != "tmpfs" and not each.get("read_only")
    ]
    return Kind.ALONE if written or definition.get("ports") else Kind.BESIDE


def _alive(containers: Iterable[Container]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for container in sorted(containers, key=lambda each: each.number):
        if container.alive and not container.oneoff:
            found[container.service] = (*found.get(container.service, ()), container.name)
    return found
