"""The nodes of a swarm, and what does not run on them. A single engine has no nodes, so there are no findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_swarm import StuckFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER, EDGES, SWARM
from ops.doctor.words import listing, span

NO_IMAGE = "No such image"
"""Part of the reason with which a node rejects a task."""

DAY = 86400.0


def node_down(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A node is unreachable, and so are its containers, until Swarm has started them elsewhere."""
    for node in present(facts.swarm).nodes:
        if not node.away:
            continue
        age = span(max(0.0, facts.taken - node.seen))
        ran = f"ran there: {', '.join(node.lost)}" if node.lost else "nothing of this project ran there"
        yield Finding(
            "swarm.node_down",
            Severity.FAIL,
            f"the node {node.name} is {node.state}",
            f"since about {age} ago{': ' + node.message if node.message else ''}\n{ran}",
            "requests in flight on it were lost, and what can run only there does not run",
            f"start its engine; see `videa node ls`; if it never returns: docker node rm --force {node.name}",
            node.name,
        )


def node_unused(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A node gets no replicas because somebody has paused or drained it."""
    for node in present(facts.swarm).nodes:
        if node.availability != "active":
            yield Finding(
                "swarm.node_unused",
                Severity.INFO,
                f"the node {node.name} gets no replicas",
                f"availability: {node.availability}",
                "the other nodes carry its share, and one of them less may be lost",
                f"videa node activate {node.name}\nvidea rebalance",
                node.name,
            )


def task_rejected(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A node has rejected a container of the project, or no node is suitable for it."""
    for task in _recent(facts, limits):
        if NO_IMAGE not in task.reason:
            where = f"{task.node} has refused" if task.node else "no node takes"
            yield Finding(
                "swarm.task_rejected",
                Severity.WARN,
                f"{where} {task.service}",
                f"{task.reason}, {span(max(0.0, facts.taken - task.since))} ago",
                "there are fewer replicas than wanted, or they are on fewer nodes",
                f"docker service ps --no-trunc {task.service}",
                task.service,
            )


def image_missing(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A node has rejected a container because of a missing image, or was unreachable when the image was sent."""
    refused: dict[str, list[StuckFacts]] = {}
    for task in _recent(facts, limits):
        if NO_IMAGE in task.reason:
            refused.setdefault(task.node, []).append(task)
    for node, tasks in refused.items():
        yield Finding(
            "swarm.image_missing",
            Severity.WARN,
            f"{node} does not have the image of {len(tasks)} container{'s' * (len(tasks) != 1)}",
            "\n".join(f"{task.service}: {task.reason}" for task in tasks),
            "what Swarm starts there again and again cannot run",
            "use a registry, or send it to every node: videa push IMAGE --all-nodes",
            node,
        )
    lacking: dict[str, list[str]] = {}
    for each in present(facts.swarm).lacking:
        if each.node not in refused:
            lacking.setdefault(each.node, []).append(each.image)
    for node, images in lacking.items():
        yield Finding(
            "swarm.image_missing",
            Severity.WARN,
            f"{node} did not get {listing(images)}",
            "it was away, or not in the swarm, when `videa push` sent it to all nodes",
            "it refuses the next replica that is to run there, and a deploy is rolled back",
            "videa push --all-nodes",
            node,
        )


def quorum(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Managers decide by majority: without a quorum, nothing can be started, scaled or deployed.

    An even number of managers tolerates no more losses than the odd number below it (Docker: "Administer and maintain a
    swarm of Docker Engines").
    """
    managers = [node for node in present(facts.swarm).nodes if node.manager]
    reachable = [node for node in managers if node.reachable and not node.away]
    spare = len(reachable) - (len(managers) // 2 + 1)
    evidence = f"{len(reachable)} of {len(managers)} managers are reachable"
    why = (
        "without a majority of the managers nothing can be started, scaled or deployed; running containers keep running"
    )
    gone = ", ".join(node.name for node in managers if node not in reachable)
    if gone:
        yield Finding(
            "swarm.quorum",
            Severity.FAIL if spare <= 0 else Severity.WARN,
            f"the manager {gone} is unreachable" + ("" if spare > 0 else ": the loss of one more stops every change"),
            evidence,
            why,
            "start its engine, or replace it: docker node demote NODE, then docker node promote ANOTHER",
        )
    elif managers and len(managers) % 2 == 0:
        yield Finding(
            "swarm.quorum",
            Severity.WARN,
            f"{len(managers)} managers tolerate no more losses than {len(managers) - 1}",
            evidence,
            why,
            "use an odd number of managers: docker node promote NODE, or docker node demote NODE",
        )


def certificate(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The swarm's root CA expires or is being rotated. Nodes renew their own certificates."""
    swarm = present(facts.swarm)
    if swarm.root_expires is not None and swarm.root_expires - facts.taken < limits.swarm_root_warn:
        left = swarm.root_expires - facts.taken
        yield Finding(
            "swarm.certificate",
            Severity.FAIL if left < limits.swarm_root_fail else Severity.WARN,
            "the swarm's certificate authority " + (f"ends in {left / DAY:.0f} days" if left > 0 else "has ended"),
            f"{left / DAY:.1f} days left",
            "after that no node can reach another one",
            "docker swarm ca --rotate",
        )
    outdated = [node.name for node in swarm.nodes if node.outdated]
    if outdated:
        yield Finding(
            "swarm.certificate",
            Severity.INFO if swarm.rotating else Severity.WARN,
            f"{', '.join(outdated)} has a certificate of another authority",
            "the rotation is under way" if swarm.rotating else "no rotation is under way",
            "a node that was away during a rotation cannot come back by itself",
            "start the node; if it stays away: docker swarm leave on it, then join again",
        )


def edge(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """One of several nginx instances is down or serves an older configuration; the others continue without it.

    If its node is down or drained, ``node_down`` or ``node_unused`` reports it instead.
    """
    swarm = present(facts.swarm)
    unused = {node.name for node in swarm.nodes if node.away or node.availability == "drain"}
    for each in swarm.edges:
        if each.reason and each.node not in unused:
            yield Finding(
                "swarm.edge",
                Severity.FAIL,
                f"nginx on {each.node} does not run",
                f"{each.name}: {each.reason}",
                f"clients that connect to {each.node} get no answer",
                f"docker service ps --no-trunc {each.name}",
                each.name,
            )
        elif each.behind:
            yield Finding(
                "swarm.edge",
                Severity.WARN,
                f"nginx on {each.node} serves an older configuration",
                f"{each.name} has returned since the last change",
                "it may send requests to replicas that have left, and none to new ones",
                "videa watch",
                each.name,
            )


def edge_unseen(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """One of several nginx instances is running but cannot be examined, so no operation can change it, either."""
    for each in present(facts.edges):
        first = each.balancer is None and facts.balancer is None
        if reason := each.reason or (facts.why_skipped(BALANCER) if first else ""):
            yield Finding(
                "swarm.edge_unseen",
                Severity.WARN,
                f"nginx on {each.node} could not be examined",
                f"{each.name}: {reason}",
                "a scale or deploy fails if it cannot reach it, and nothing is known of what its clients get",
                f"see whether a firewall is between the nodes, and docker service logs --tail 20 {each.name}",
                each.name,
            )


def versions(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The engines of the nodes have different versions."""
    found = Counter(node.version for node in present(facts.swarm).nodes if node.version)
    if len(found) > 1:
        nodes = present(facts.swarm).nodes
        yield Finding(
            "swarm.versions",
            Severity.WARN,
            f"the engines have {len(found)} versions",
            "\n".join(f"{node.name}: {node.version}" for node in nodes if node.version),
            "a replica may behave differently on another node; managers of different versions are for an upgrade only",
            "upgrade one node after the other: videa node drain NAME, upgrade, videa node activate NAME",
        )


def _recent(facts: Facts, limits: Limits) -> list[StuckFacts]:
    return [task for task in present(facts.swarm).stuck if facts.taken - task.since < limits.swarm_rejected]


CHECKS = (
    Check("swarm.node_down", Group.CONTAINERS, "a node is not ready F", "own", (SWARM,), node_down),
    Check("swarm.node_unused", Group.CONTAINERS, "a node is paused or drained I", "own", (SWARM,), node_unused),
    Check("swarm.edge", Group.CONTAINERS, "one of several nginx does not run F, or is behind W", "own", (SWARM,), edge),
    Check("swarm.edge_unseen", Group.CONTAINERS, "one of several nginx not examined W", "own", (EDGES,), edge_unseen),
    Check(
        "swarm.task_rejected",
        Group.CONTAINERS,
        "a node has refused a container in the last hour, or no node takes it W",
        "own",
        (SWARM,),
        task_rejected,
    ),
    Check(
        "swarm.image_missing",
        Group.CONTAINERS,
        "refused in the last hour for an image that the node does not have, or the node did not get it W",
        "own",
        (SWARM,),
        image_missing,
    ),
    Check(
        "swarm.quorum",
        Group.CONTAINERS,
        "a manager unreachable W, and no other may be lost F; an even number of managers W",
        "Docker's guide for managers",
        (SWARM,),
        quorum,
    ),
    Check(
        "swarm.certificate",
        Group.CONTAINERS,
        "the swarm's authority ends in < 90 days W, < 14 F; a node has another one W",
        "own",
        (SWARM,),
        certificate,
    ),
    Check("swarm.versions", Group.CONTAINERS, "engines of different versions W", "own", (SWARM,), versions),
)
