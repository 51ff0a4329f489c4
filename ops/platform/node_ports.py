"""The protocol for nodes: the machines on which a platform places replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ops.models import Cluster, Node


class Nodes(Protocol):
    """The nodes of the platform. Every method may raise EngineError."""

    @property
    def here(self) -> str:
        """The id of the node whose containers can be entered from here; "" if there are no nodes."""

    def obstacle(self) -> str:
        """Why videa cannot choose nodes here, in one line; "" if it can."""

    def all(self) -> list[Node]:
        """The nodes, ordered by name; empty if there is an obstacle."""

    def cluster(self) -> Cluster:
        """The nodes with what is wrong with them, and with the project's tasks on them."""

    def pinned(self, node: str) -> list[str]:
        """The containers of the project that can run only on the node with this id, because of a volume or a port.

        Without those of ``edges``.
        """

    def edges(self) -> Mapping[str, str]:
        """Each node that runs nginx because clients connect to it, by id, with its container; empty with one nginx."""

    def others(self, node: str) -> list[str]:
        """What runs on the node and is not of this project, except what runs on every node."""

    def set_availability(self, node: str, availability: str) -> None:
        """Changes the availability of the node with this id: see ``Node``. With drain, its tasks are stopped."""
