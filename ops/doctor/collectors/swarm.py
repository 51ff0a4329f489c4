"""The swarm that runs the project, as its manager reports it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ops.doctor.facts_swarm import EdgeFacts, LackFacts, NodeFacts, StuckFacts, SwarmFacts
from ops.errors import BalancerError
from ops.images import sent
from ops.models import Cluster, Node
from ops.stack import Stack
from ops.traffic import Edge


def swarm_facts(stack: Stack) -> SwarmFacts:
    """The nodes, every nginx, and the tasks that do not run; empty on a single engine. Raises EngineError."""
    nodes = stack.platform.nodes
    try:
        edges = stack.connect().membership().edges if nodes.edges() else ()
    except BalancerError:  # the checks of nginx report why
        edges = ()
    cluster, known = nodes.cluster(), sent.known(stack.store)
    return read(cluster, edges, sent.lacking(known, stack.containers(), cluster.nodes) if known else {})


def read(
    cluster: Cluster, edges: Iterable[Edge] = (), lacking: Mapping[str, Iterable[Node]] = MappingProxyType({})
) -> SwarmFacts:
    """The facts in the state of a swarm. ``lacking``: see ``ops.images.sent``."""
    names = {node.id: node.name for node in cluster.nodes}
    return SwarmFacts(
        nodes=[
            NodeFacts(
                node.name,
                node.state,
                node.availability,
                manager=node.manager,
                reachable=node.reachability in ("", "reachable"),
                version=node.version,
                message=node.message,
                seen=cluster.seen.get(node.id, 0.0),
                lost=list(cluster.lost.get(node.id, ())),
                outdated=node.id in cluster.outdated,
            )
            for node in cluster.nodes
        ],
        stuck=[
            StuckFacts(each.service, names.get(each.node, each.node), each.reason, each.since) for each in cluster.stuck
        ],
        root_expires=cluster.root_expires,
        rotating=cluster.rotating,
        edges=[EdgeFacts(edge.name, edge.node, edge.behind, edge.reason) for edge in edges],
        lacking=[LackFacts(image, node.name) for image, missing in lacking.items() for node in missing],
    )
