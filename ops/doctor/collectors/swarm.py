"""The swarm that runs the project, as its manager describes it."""

from __future__ import annotations

from ops.doctor.facts_swarm import NodeFacts, StuckFacts, SwarmFacts
from ops.models import Cluster
from ops.platform.ports import Platform


def swarm_facts(platform: Platform) -> SwarmFacts:
    """The nodes and what does not run; nothing on one engine. Raises EngineError."""
    return read(platform.nodes.cluster())


def read(cluster: Cluster) -> SwarmFacts:
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
    )
