"""The nginx of a stack. In a swarm with several, the others are examined like the first one, on their nodes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from ops.balancer.render import parse
from ops.contract import METRICS, OVERALL
from ops.doctor.collectors.balancer import balancer_facts
from ops.doctor.collectors.containers import replicas_of
from ops.doctor.collectors.traffic import traffic_facts
from ops.doctor.facts_balancer import BalancerFacts, EdgeSight, Traffic
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.skip import reason_of
from ops.doctor.together import Asked
from ops.project.config import Project
from ops.project.settings import Sticky
from ops.stack import Stack
from ops.traffic import Upstream

Look: TypeAlias = Callable[[ContainerFacts], tuple[BalancerFacts, Traffic]]
"""Examines one nginx. May raise anything."""


def balancer(
    stack: Stack,
    nginx: ContainerFacts | None,
    replicas: Collection[ContainerFacts],
    unreachable: Callable[[], str | None] = lambda: None,
    asked: Asked | None = None,
) -> BalancerFacts:
    """Examines one nginx. ``unreachable`` and ``asked``: see ``balancer_facts``. Raises EngineError and Skip."""
    project = stack.project
    sticky, wanted = project.settings.sticky is not Sticky.NONE, partial(_wanted, stack)
    return balancer_facts(stack.platform, nginx, replicas, sticky, project.entrance, wanted, unreachable, asked)


def traffic(stack: Stack, nginx: ContainerFacts | None, containers: Collection[ContainerFacts]) -> Traffic:
    """The user requests in the log of one nginx. Raises EngineError and Skip."""
    return traffic_facts(stack.platform, nginx, list(_health_paths(stack.project)), containers)


def sights(stack: Stack, containers: Collection[ContainerFacts], first: ContainerFacts | None) -> list[EdgeSight]:
    """Every running nginx, without the figures of ``first``, which is examined separately. Raises EngineError."""
    placed = stack.platform.nodes.edges()
    if len(placed) < 2:
        return []
    names = {node.id: node.name for node in stack.platform.nodes.all()}
    replicas = replicas_of(containers, stack.project.settings.service)

    def look(nginx: ContainerFacts) -> tuple[BalancerFacts, Traffic]:
        return balancer(stack, nginx, replicas), traffic(stack, nginx, containers)

    return examined(containers, {name: names.get(node, node) for node, name in placed.items()}, first, look)


def examined(
    containers: Collection[ContainerFacts], nodes: Mapping[str, str], first: ContainerFacts | None, look: Look
) -> list[EdgeSight]:
    """Examines all of them in parallel. ``nodes``: container of an nginx -> name of its node.

    An nginx that is not running is left out: ``swarm.edge`` reports it.
    """

    def sight(nginx: ContainerFacts) -> EdgeSight:
        name, node = nginx.name, nodes[nginx.name]
        if first and first.name == name:
            return EdgeSight(name, node)
        try:
            return EdgeSight(name, node, *look(nginx))
        except Exception as error:  # the others must still be reported
            return EdgeSight(name, node, reason=reason_of(error))

    running = [each for each in containers if each.name in nodes and each.running]
    if not running:
        return []
    with ThreadPoolExecutor(len(running)) as pool:
        return list(pool.map(sight, running))


def _health_paths(project: Project) -> Iterator[str]:
    """The paths of requests that are not users': videa's own, and health checks as clients and replicas see them."""
    for name in project.served:
        of_service = project.of(name)
        yield from (of_service.live_path, of_service.entrance.path)
    yield from (project.settings.health.ready or "/", OVERALL, METRICS)


def _wanted(stack: Stack, text: str) -> list[Upstream]:
    """What videa would configure for the replicas in nginx's configuration: for this service, then for the others.

    Raises ValueError if the text was not written by videa.
    """
    own = stack.project.settings.service
    served = [stack, *(stack.of(name) for name in stack.project.served if name != own)]
    listed = [(each, parse(text, each.project.settings.service)) for each in served]
    return [each.upstream(membership.servers, listed=membership) for each, membership in listed]
