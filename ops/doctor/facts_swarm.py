"""The facts about a swarm. Times are seconds since the epoch."""

from __future__ import annotations

from msgspec import Struct, field


class NodeFacts(Struct, frozen=True, omit_defaults=True):
    """A machine of the swarm: see ``ops.models.Node``.

    ``seen``: the last change that the managers have recorded of it; ``lost``: containers that ran on it when it left.
    ``outdated``: its certificate is of another authority than the swarm's.
    """

    name: str
    state: str
    availability: str
    manager: bool = False
    reachable: bool = True
    version: str = ""
    message: str = ""
    seen: float = 0.0
    lost: list[str] = field(default_factory=list)
    outdated: bool = False

    @property
    def away(self) -> bool:
        return self.state != "ready"


class StuckFacts(Struct, frozen=True):
    """A task of ``service`` that does not run. ``node``: the name of the one that refused it, "" if none takes it."""

    service: str
    node: str
    reason: str
    since: float


class EdgeFacts(Struct, frozen=True, omit_defaults=True):
    """One of several nginx: see ``ops.traffic.Edge``. ``node``: its name; ``behind``: it serves an older configuration.

    ``reason``: why it does not run, "" if it does.
    """

    name: str
    node: str
    behind: bool = False
    reason: str = ""


class LackFacts(Struct, frozen=True):
    """An image that the project runs, and a node, by name, that did not get it when it was sent to all nodes."""

    image: str
    node: str


class SwarmFacts(Struct, frozen=True, omit_defaults=True):
    """The swarm that runs the project; without nodes, it runs on one engine.

    ``root_expires``: when its certificate authority ends, None if unknown; ``rotating``: a new one is handed out.
    """

    nodes: list[NodeFacts] = field(default_factory=list)
    stuck: list[StuckFacts] = field(default_factory=list)
    root_expires: float | None = None
    rotating: bool = False
    edges: list[EdgeFacts] = field(default_factory=list)
    lacking: list[LackFacts] = field(default_factory=list)
