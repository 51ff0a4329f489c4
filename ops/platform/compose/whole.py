"""Starts the services of a project with Compose; running containers stay unchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ops.engine.compose import up_arguments
from ops.engine.effects import foresee, harm, run_harmless
from ops.models import Container
from ops.platform.ports import Permit
from ops.project.config import Project


def up(
    project: Project,
    containers: Sequence[Container],
    services: Sequence[str],
    permit: Permit,
    overrides: Mapping[str, str],
    recreate: Collection[str],
    keep: bool,
) -> None:
    """``containers``: the existing ones; the other parameters: see ``Platform.up``. Raises PlanRefused, EngineError."""
    recreated = [name for name in services if name in recreate]
    if keep and recreated:
        _run(project, containers, recreated, _up(project, containers, recreated), {}, permit)
    flags = ("--no-recreate",) if keep else ()
    arguments = _up(project, containers, services, *flags)
    _run(project, containers, [] if keep else services, arguments, overrides, permit)


def changed(project: Project, containers: Sequence[Container]) -> list[str]:
    """The services that Compose would recreate according to its dry run, except those that get requests."""
    others = [name for name in project.model["services"] if name not in project.served]
    harmed = {effect.name for effect in harm(foresee(project.compose, _up(project, containers, others), {}))}
    return sorted({container.service for container in containers if container.name in harmed} & set(others))


def _up(project: Project, containers: Sequence[Container], services: Sequence[str], *options: str) -> list[str]:
    present = Counter(each.service for each in containers)
    scale = {name: max(project.of(name).replicas, present[name]) for name in project.served}
    return up_arguments(project.compose, services, *options, scale=scale)


def _run(
    project: Project,
    containers: Sequence[Container],
    may_touch: Sequence[str],
    arguments: Sequence[str],
    overrides: Mapping[str, str],
    permit: Permit,
) -> None:
    allowed = [container.name for container in containers if container.service in may_touch]
    run_harmless(project.compose, arguments, overrides, allowed, permit)
