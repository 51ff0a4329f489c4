"""The nginx of several nodes: each a service of its own, bound to a node that is labelled ``videa.edge=true``."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from ops.balancer.edges import Edges, open_edges
from ops.balancer.generations import Place
from ops.balancer.nginx import Balancer
from ops.engine.client import Engine
from ops.errors import EngineError
from ops.models import ExecResult
from ops.swarm import api, edge_places, labels
from ops.swarm.api import Found
from ops.swarm.channel import Channel, port_of
from ops.swarm.keys import keys_of
from ops.swarm.services import Services

if TYPE_CHECKING:
    from ops.platform.ports import Platform
    from ops.swarm.platform import SwarmPlatform

ANSWERS = 0.3
"""Seconds for a connection to a node that the manager calls down: the nodes of a swarm are near each other."""


@dataclass(frozen=True)
class SwarmEdges:
    """``balancer``: nginx's service in the Compose file; ``here``: returns the id of this manager's node."""

    engine: Engine
    services: Services
    balancer: str
    here: Callable[[], str]

    def nodes(self) -> list[Found]:
        """The labelled nodes, ordered by name. Raises EngineError."""
        return edge_places.labelled(api.listed(self.engine, "nodes"))

    def places(self) -> list[Place]:
        """Every nginx, that of this node first; none if no node is labelled. Raises EngineError.

        One on a node that the manager calls down counts if it answers: such a node may have lost only its engine or
        its managers, and continue to serve its clients.
        """
        services = [each for each in self.services.all() if self._own(each["Spec"].get("Labels"))]
        if not any(each["Spec"]["Labels"].get(labels.EDGE) for each in services):
            return []
        nodes, tasks = api.listed(self.engine, "nodes"), self.services.tasks()
        found = edge_places.places(services, tasks, nodes, self.here())
        return [self._tried(place, address) for place, address in found]

    def has(self, task: Found) -> bool:
        """Whether this is a task of nginx."""
        return self._own(task["Spec"]["ContainerSpec"].get("Labels"))

    def _own(self, given: Mapping[str, str] | None) -> bool:
        return (given or {}).get(labels.SERVICE) == self.balancer and labels.ONEOFF not in (given or {})

    def run(
        self, name: str, task: Found, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        """Runs a command in nginx's container on another node. Raises EngineError."""
        node = api.found(self.engine, "nodes", str(task.get("NodeID", "")))
        address = edge_places.address_of(task, node, api.found(self.engine, "services", str(task.get("ServiceID", ""))))
        if self._channel is None:
            raise EngineError(
                f"{name} runs on another node and has no channel", "give it one: videa up --recreate " + self.balancer
            )
        if address is None:  # the manager does not know the port of a task that has just started
            raise EngineError(f"{name} is restarting", f"see `docker service ps {name}`")
        return self._channel.run(name, address, command, environment)

    @cached_property
    def _channel(self) -> Channel | None:
        keys = keys_of(self.engine, self.services.project)
        return Channel(keys) if keys else None

    def _tried(self, place: Place, address: tuple[str, int] | None) -> Place:
        if not place.reason or address is None:
            return place
        try:
            socket.create_connection(address, ANSWERS).close()
        except OSError:
            return place
        return Place(place.name, place.id, place.node)


def connect(platform: Platform, service: str) -> Edges | None:
    """The gateway to several nginx for the replicas of ``service``; None if no node is labelled. Raises EngineError."""
    swarm = cast("SwarmPlatform", platform)
    if not swarm.edges.places():
        return None
    return open_edges(swarm.edges.places, partial(_balancer, platform, service), service)


def _balancer(platform: Platform, service: str, place: Place, least: Callable[[], int]) -> Balancer:
    return Balancer(platform, place.id, service, least)


def with_channel(
    spec: Mapping[str, Any], node: str, name: str, secrets: Iterable[tuple[str, str, str]], port: int
) -> dict[str, Any]:
    """The spec of nginx's service with the channel. Pure.

    ``secrets``: id, name and file of each; ``name``: of all nginx in DNS; ``port``: of the channel, in the container.
    """
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    given = [
        {
            "SecretID": secret,
            "SecretName": secret_name,
            "File": {"Name": file, "UID": "101", "GID": "101", "Mode": 0o400},
        }
        for secret, secret_name, file in secrets
    ]
    ports = spec["EndpointSpec"]["Ports"]
    if all(each["TargetPort"] != port for each in ports):  # otherwise the user has chosen the node's port
        published = port_of(spec["Labels"][labels.PROJECT])
        ports = [*ports, {"Protocol": "tcp", "TargetPort": port, "PublishedPort": published, "PublishMode": "host"}]
    return {
        **spec,
        "Labels": {**spec["Labels"], labels.EDGE: node},
        "TaskTemplate": {
            **template,
            "ContainerSpec": {
                **container,
                "Env": [*container.get("Env", ()), f"EDGE_NAME={name}"],
                "Secrets": [*container.get("Secrets", ()), *given],
            },
        },
        "EndpointSpec": {**spec["EndpointSpec"], "Ports": ports},
    }
