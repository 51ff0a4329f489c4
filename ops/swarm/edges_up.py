"""Starts nginx on every labelled node, and replaces only one instance at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ops.models import Container
from ops.platform.ports import Permit
from ops.swarm import edge_places, keys, labels, reading, whole
from ops.swarm.api import Found
from ops.swarm.channel import PORT
from ops.swarm.definitions import Definitions
from ops.swarm.edges import with_channel

if TYPE_CHECKING:
    from ops.swarm.platform import SwarmPlatform

STARTS = 60.0
"""Seconds until nginx must be healthy: its health check runs every few seconds."""


def up(
    platform: SwarmPlatform,
    definitions: Definitions,
    present: Iterable[Container],
    nodes: Iterable[Found],
    permit: Permit,
    replacing: bool,
) -> None:
    """Creates missing instances, replaces changed ones one at a time, and removes those without a labelled node.

    ``nodes``: the labelled ones; ``replacing``: whether changed instances are replaced. Raises EngineError.
    """
    usable = {str(node["ID"]): node for node in nodes if reading.usable(node)}
    wanted = {str(node["ID"]) for node in nodes}
    services = {str(each["Spec"]["Name"]): each for each in platform.services.all()}
    placed = {each.name: edge_places.node_of(services[each.name]) for each in present if each.name in services}
    secrets = keys.ensure(platform.engine, platform.project.name)
    name = platform.project.settings.balancer
    number = max((each.number for each in present), default=0)

    def spec(number: int, node: str) -> dict[str, object]:
        made = definitions.spec(name, number, node, running=True)
        return with_channel(made, node, name, secrets, PORT)

    created = []
    for node in sorted(usable.keys() - set(placed.values())):
        number += 1
        permit()
        platform.services.create(spec(number, node))
        created.append(f"{platform.project.name}-{name}-{number}")
    for each in created:
        platform.services.await_running(each, STARTS)
    for container in present:
        node = placed.get(container.name, "")
        if node not in wanted:
            permit()
            platform.services.stop(container.name)
            platform.services.remove(container.name)
        elif node in usable and not container.alive:
            permit()
            platform.services.start(container.name)
        elif node in usable and _replaced(services[container.name], definitions, container, replacing):
            permit()
            platform.services.stop(container.name)
            platform.services.replace(spec(container.number, node))
            platform.services.await_running(container.name, STARTS)


def _replaced(service: Found, definitions: Definitions, container: Container, replacing: bool) -> bool:
    """Whether to replace a container. Always if it was created before its node was labelled: others cannot reach it."""
    outside = not service["Spec"]["Labels"].get(labels.EDGE)
    return outside or (replacing and whole.differs(definitions, container))
