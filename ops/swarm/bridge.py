"""Compose's containers on the overlay networks: during a move, the containers of both engines reach each other.

The engine accepts containers that are not tasks there, because videa makes these networks attachable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.engine.client import Engine, engine_errors
from ops.errors import PlanRefused
from ops.models import Container
from ops.project.config import Project
from ops.swarm import api, whole
from ops.swarm.definitions import Definitions
from ops.swarm.services import Services
from ops.swarm.spec import network_name, networks_of

OVERLAY = "overlay"


@dataclass(frozen=True)
class Bridge:
    """The overlay networks of ``project``. ``engine``: that of a manager on which Compose's containers run."""

    engine: Engine
    project: Project

    def check(self) -> None:
        """Raises PlanRefused for features that a swarm lacks, and for nginx on several nodes; EngineError."""
        self._definitions.check(list(self.project.model["services"]))
        labelled = [node for node in api.listed(self.engine, "nodes") if _is_edge(node)]
        if labelled:
            raise PlanRefused(
                "nodes are labelled for nginx, and only one nginx can move",
                "remove the label first: docker node update --label-rm videa.edge NODE; videa up",
            )

    def join(self, containers: Iterable[Container]) -> None:
        """Attaches Compose's containers, with the name of their service as an alias. Raises EngineError."""
        model = self.project.model
        services = Services(self.engine, self.project.name)
        whole.ensure_networks(services, self._definitions, model["services"])
        for container in containers:
            if container.service not in model["services"]:
                continue
            for network in networks_of(model["services"][container.service]):
                name = network_name(model, self.project.name, network)
                if name not in container.networks:
                    self._connect(container, name)

    def leave(self, containers: Iterable[Container]) -> None:
        """Detaches Compose's containers. Raises EngineError."""
        model = self.project.model
        overlays = {network_name(model, self.project.name, name) for name in model.get("networks") or {"default": {}}}
        for container in containers:
            for name in overlays & container.networks.keys():
                with engine_errors(f"detach {container.name} from {name}", missing_ok=True):
                    self.engine.sdk.api.disconnect_container_from_network(container.id, name, force=True)

    def _connect(self, container: Container, network: str) -> None:
        with engine_errors(f"attach {container.name} to {network}"):
            self.engine.sdk.api.connect_container_to_network(container.id, network, aliases=[container.service])

    @property
    def _definitions(self) -> Definitions:
        return Definitions.read(self.engine, self.project, {})


def _is_edge(node: api.Found) -> bool:
    return (node["Spec"].get("Labels") or {}).get("videa.edge") == "true"
