"""The nodes of a swarm, as known to one of its managers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ops.engine.request import request
from ops.errors import EngineError
from ops.interrupts import change_begins
from ops.models import Cluster, Node
from ops.swarm import api, cluster, reading
from ops.swarm.local import Local
from ops.swarm.services import Services


@dataclass(frozen=True)
class SwarmNodes:
    """``ops.platform.node_ports.Nodes``. ``services``: those of the project."""

    services: Services

    @property
    def here(self) -> str:
        return self._local.node

    @cached_property
    def _local(self) -> Local:
        return Local(self.services.engine, self.services)

    def obstacle(self) -> str:
        return ""

    def all(self) -> list[Node]:
        return sorted(map(reading.node, api.listed(self.services.engine, "nodes")), key=lambda node: node.name)

    def cluster(self) -> Cluster:
        engine = self.services.engine
        _, swarm = request(engine, "GET", "/swarm", "describe the swarm")
        return cluster.read(swarm, api.listed(engine, "nodes"), self.services.all(), self.services.tasks())

    def pinned(self, node: str) -> list[str]:
        return reading.pinned(self.services.all(), node)

    def edges(self) -> dict[str, str]:
        return reading.edges(self.services.all())

    def others(self, node: str) -> list[str]:
        every = api.listed(self.services.engine, "services")
        return reading.others(every, self.services.tasks(), self.services.project, node)

    def set_availability(self, node: str, availability: str) -> None:
        change_begins()
        if not api.update(self.services.engine, "nodes", node, lambda spec: {**spec, "Availability": availability}):
            raise EngineError(f"there is no node {node} in the swarm", "see `videa node ls`")
