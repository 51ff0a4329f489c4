"""The nodes of a single engine: there are none to choose from."""

from __future__ import annotations

from ops.errors import EngineError
from ops.models import Cluster, Node

WHY = "this project runs on one engine, which has no nodes"


class NoNodes:
    """``ops.platform.node_ports.Nodes`` of one engine."""

    here = ""

    def obstacle(self) -> str:
        return WHY

    def all(self) -> list[Node]:
        return []

    def cluster(self) -> Cluster:
        return Cluster()

    def pinned(self, node: str) -> list[str]:
        return []

    def edges(self) -> dict[str, str]:
        return {}

    def others(self, node: str) -> list[str]:
        return []

    def set_availability(self, node: str, availability: str) -> None:
        raise EngineError(WHY, "see docs/swarm.md")
