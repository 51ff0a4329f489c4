"""Nodes in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from ops.models import Cluster, Node


@dataclass
class FakeNodes:
    """``ops.platform.node_ports.Nodes``. ``by_id``: the nodes, none on one engine; ``fixed`` and ``foreign``: by node.

    ``nginx``: of the nodes that are edges.

    ``used``: called before each change.
    """

    used: Callable[[str], None]
    by_id: dict[str, Node] = field(default_factory=dict)
    fixed: dict[str, list[str]] = field(default_factory=dict)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    nginx: dict[str, str] = field(default_factory=dict)
    here: str = ""

    def obstacle(self) -> str:
        return "" if self.by_id else "this project runs on one engine"

    def add(self, *names: str) -> None:
        self.by_id |= {name: Node(name, name, "ready", "active") for name in names}

    def all(self) -> list[Node]:
        return list(self.by_id.values())

    def cluster(self) -> Cluster:
        return Cluster(tuple(self.all()))

    def pinned(self, node: str) -> list[str]:
        return self.fixed.get(node, [])

    def edges(self) -> dict[str, str]:
        return self.nginx

    def others(self, node: str) -> list[str]:
        return self.foreign.get(node, [])

    def set_availability(self, node: str, availability: str) -> None:
        self.used("availability")
        self.by_id[node] = replace(self.by_id[node], availability=availability)

    def next(self, placed: list[str]) -> str:
        """The node that has the fewest of the ``placed`` replicas, "" without nodes."""
        usable = [node.id for node in self.all() if node.usable]
        return min(usable, key=placed.count, default="")
