"""The facts about a swarm. Times are seconds since the epoch."""

from __future__ import annotations

from msgspec import Struct, field


class NodeFacts(Struct, frozen=True, omit_defaults=True):
    """A machine of the swarm: see ``ops.models.Node``.

    ``seen``: time of the last change that the managers recorded for it; ``lost``: containers that ran on it when it
    became unreachable. ``outdated``: its certificate was issued by another CA than the swarm's.
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
    """A task of ``service`` that does not run. ``node``: name of the node that rejected it, "" if none is suitable."""

    service: str
    node: str
    reason: str
    since: float


class EdgeFacts(Struct, frozen=True, omit_defaults=True):
    """One of several nginx instances: see ``ops.traffic.Edge``. ``node``: the name of its node.

    ``behind``: it serves an older configuration; ``reason``: why it is not running, "" if it is.
    """

    name: str
    node: str
    behind: bool = False
    reason: str = ""


class LackFacts(Struct, frozen=True):
    """An image that the project runs, and the name of a node that did not get it when it was sent to all nodes."""

    image: str
    node: str


class SwarmFacts(Struct, frozen=True, omit_defaults=True):
    """The swarm that runs the project; without nodes, the project runs on a single engine.

    ``root_expires``: when its root CA expires, None if unknown; ``rotating``: a root CA rotation is in progress.
    """

    nodes: list[NodeFacts] = field(default_factory=list)
    stuck: list[StuckFacts] = field(default_factory=list)
    root_expires: float | None = None
    rotating: bool = False
    edges: list[EdgeFacts] = field(default_factory=list)
    lacking: list[LackFacts] = field(default_factory=list)
