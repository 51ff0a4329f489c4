"""Starts the services of a project on a swarm; running containers stay unchanged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ops.errors import EngineError
from ops.models import Container
from ops.platform.ports import Permit
from ops.project.config import Project, replica_count
from ops.project.startup import dependency_order
from ops.swarm import edges_up
from ops.swarm.definitions import Definitions
from ops.swarm.services import Services
from ops.swarm.spec import network_spec, networks_of

if TYPE_CHECKING:
    from ops.swarm.platform import SwarmPlatform

DEPENDENCY = 300.0
"""Seconds until a service that others wait for must be healthy; a database may have to recover first."""


def up(
    platform: SwarmPlatform,
    definitions: Definitions,
    services: Sequence[str],
    permit: Permit,
    recreated: Collection[str],
    keep: bool,
) -> None:
    """See ``Platform.up``. Raises PlanRefused, EngineError."""
    definitions.check(services)
    ensure_networks(platform.services, definitions, services)
    for name in dependency_order(definitions.model["services"], services):
        _await_dependencies(platform.services, definitions, name)
        present = [each for each in platform.containers() if each.service == name]
        if name == platform.project.settings.balancer and (nodes := platform.edges.nodes()):
            edges_up.up(platform, definitions, present, nodes, permit, not keep or name in recreated)
            continue
        scaled = name in platform.project.services
        for container in present:
            if not scaled and (not keep or name in recreated) and differs(definitions, container):
                permit()
                recreate(platform, definitions, container)
            elif not container.alive and name not in definitions.one_shots:
                permit()
                platform.services.start(container.name)
        wanted = replica_count(definitions.model["services"][name]) - len(present)
        if wanted > 0:
            _create(platform, definitions, name, max((each.number for each in present), default=0), wanted, permit)


def changed(project: Project, containers: Iterable[Container]) -> list[str]:
    """The services that get no requests and whose configuration differs from the Compose file. Raises ConfigError."""
    hashes = project.compose.config_hashes()
    others = [each for each in containers if each.service in hashes and each.service not in project.served]
    return sorted({each.service for each in others if each.config_hash != hashes[each.service]})


def recreate(platform: SwarmPlatform, definitions: Definitions, container: Container) -> None:
    """Replaces a container of an unscaled service: the old one stops before the new one starts. Raises EngineError."""
    node = platform.node if definitions.bound(container.service) else ""
    spec = definitions.spec(container.service, container.number, node, running=True)
    platform.services.stop(container.name)
    platform.services.replace(spec)


def ensure_networks(services: Services, definitions: Definitions, names: Iterable[str]) -> None:
    """Creates the missing overlay networks of these services. Raises EngineError."""
    model = definitions.model
    for network in dict.fromkeys(each for name in names for each in networks_of(model["services"][name])):
        external = bool(((model.get("networks") or {}).get(network) or {}).get("external"))
        services.ensure_network(network_spec(model, definitions.project.name, network), external)


def _create(
    platform: SwarmPlatform, definitions: Definitions, name: str, highest: int, count: int, permit: Permit
) -> None:
    if name in platform.project.services:
        _create_replicas(platform, definitions, name, count, permit)
        return
    node = platform.node if definitions.bound(name) else ""
    for number in range(highest + 1, highest + count + 1):
        permit()
        spec = definitions.spec(name, number, node, running=True)
        platform.services.create(spec)
        if name not in definitions.one_shots:
            platform.services.await_running(str(spec["Name"]), DEPENDENCY, healthy=False)


def _create_replicas(platform: SwarmPlatform, definitions: Definitions, name: str, count: int, permit: Permit) -> None:
    for spec in platform.new_replicas(definitions, name, count):
        permit()
        platform.services.create(spec)
        platform.services.start(str(spec["Name"]))


def differs(definitions: Definitions, container: Container) -> bool:
    """Whether a container differs from its definition in the Compose file. Raises EngineError."""
    wanted = definitions.wanted(container.service, container.number, "")
    return (container.config_hash, container.image_id) != (wanted.config_hash, wanted.image_id)


def _await_dependencies(services: Services, definitions: Definitions, name: str) -> None:
    """Waits for the conditions of Compose's ``depends_on``. Raises EngineError."""
    conditions = definitions.model["services"][name].get("depends_on") or {}
    for container in services.containers() if conditions else ():
        given = conditions.get(container.service) if isinstance(conditions, dict) else {}
        if container.service not in conditions:
            continue
        condition = (given or {}).get("condition")
        if condition == "service_completed_successfully":
            ended = services.await_end(container.name, DEPENDENCY)
            if ended.state != "exited" or ended.exit_code:
                raise EngineError(f"{container.name} has not completed", f"see `docker service logs {container.name}`")
        else:
            services.await_running(container.name, DEPENDENCY, healthy=condition == "service_healthy")
