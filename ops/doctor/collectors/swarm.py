"""The swarm that runs the project, as its manager describes it."""

from __future__ import annotations

from collections.abc import Iterable

from ops.doctor.facts_swarm import EdgeFacts, NodeFacts, StuckFacts, SwarmFacts
from ops.errors import BalancerError
from ops.models import Cluster
from ops.stack import Stack
from ops.traffic import Edge


def swarm_facts(stack: Stack) -> SwarmFacts:
    """The nodes, each nginx, and what does not run; nothing on one engine. Raises EngineError."""
    nodes = stack.platform.nodes
    try:
        edges = stack.connect().membership().edges if nodes.edges() else ()
    except BalancerError:  # the checks of nginx say why
        edges = ()
    return read(nodes.cluster(), edges)


def read(cluster: Cluster, edges: Iterable[Edge] = ()) -> SwarmFacts:
    """The facts in the state of a swarm."""
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
    )
