"""The protocol for nodes: the machines on which a platform places replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ops.models import Cluster, Node


class Nodes(Protocol):
    """The nodes of the platform. Every method may raise EngineError."""

    @property
    def here(self) -> str:
        """The id of the node on whose containers commands can run from here; "" if there are no nodes."""

    def obstacle(self) -> str:
        """Why videa cannot choose nodes here, in one line; "" if it can."""

    def all(self) -> list[Node]:
        """The nodes, ordered by name; empty if there is an obstacle."""

    def cluster(self) -> Cluster:
        """The nodes, with their problems and those of the project's tasks on them."""

    def pinned(self, node: str) -> list[str]:
        """The containers of the project that can run only on the node with this id, because of a volume or a port.

        Without those of ``edges``.
        """

    def edges(self) -> Mapping[str, str]:
        """Node id -> nginx container, for each node to which clients connect; empty with a single nginx."""

    def others(self, node: str) -> list[str]:
        """What runs on the node for other projects, except what runs on every node."""

    def set_availability(self, node: str, availability: str) -> None:
        """Changes the availability of the node with this id: see ``Node``. With drain, its tasks are stopped."""
