"""Moves replicas to other nodes of a swarm: one node is emptied, or all replicas are spread again."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from ops.errors import BalancerError, PlanRefused, UsageError
from ops.events import Emit, announced, discard
from ops.fleet import Fleet
from ops.models import Node
from ops.notices import EdgeLeaves
from ops.operations import MOVE, Operation
from ops.outcome import Outcome
from ops.rollout.lock import Lock
from ops.rollout.move import excess
from ops.rollout.request import Request, Strategy
from ops.rollout.targets import running_target
from ops.stack import Stack
from ops.steps import SetAvailability, Target
from ops.watch import check_once, judge_of

ACTIVE, PAUSE, DRAIN = "active", "pause", "drain"
READY = "ready"
NO_EDGES: Mapping[str, str] = {}

RETURNS = 60.0
"""Seconds for nginx to start on a reactivated node: its health check runs only every few seconds."""
LOOK_AGAIN = 0.5

Choose = Callable[[Fleet], Collection[str]]
"""The replicas of a service that move."""


def nodes_of(stack: Stack) -> list[Node]:
    """The nodes of the swarm, ordered by name. Raises PlanRefused if there is no swarm, EngineError."""
    nodes = stack.platform.nodes
    if why := nodes.obstacle():
        raise PlanRefused(why, "docs/swarm.md says how to run it on a swarm")
    return nodes.all()


def find(nodes: Sequence[Node], name: str) -> Node:
    """The node with this name, or whose id begins with it. Raises UsageError if there is none or more than one."""
    found = [node for node in nodes if node.name == name] or [node for node in nodes if node.id.startswith(name)]
    if len(found) > 1:
        raise UsageError(f"{len(found)} nodes are called {name}", f"use an id: {', '.join(node.id for node in found)}")
    if not found or not name:
        raise UsageError(f"no node {name} in the swarm", f"its nodes: {', '.join(node.name for node in nodes)}")
    return found[0]


def check_drain(
    node: Node,
    nodes: Sequence[Node],
    pinned: Sequence[str],
    others: Sequence[str],
    force: bool,
    edges: Mapping[str, str] = NO_EDGES,
) -> None:
    """Raises PlanRefused if the node cannot be emptied.

    ``pinned``: containers that can run only there; ``others``: services of other projects, which ``force`` allows to
    stop; ``edges``: see ``Nodes``.
    """
    serving = {each.id for each in nodes if each.state == READY and each.availability != DRAIN}
    if node.id in edges and not edges.keys() & serving - {node.id}:
        raise PlanRefused(
            f"{edges[node.id]} on {node.name} is the only nginx that can run, so nothing would serve the clients",
            "start another one: docker node update --label-add videa.edge=true NODE; videa up",
        )
    if pinned:
        raise PlanRefused(
            f"{', '.join(pinned)} can run only on {node.name}, which has their files or ports",
            f"keep new replicas away from it: docker node update --availability pause {node.name}",
        )
    if not any(other.usable for other in nodes if other.id != node.id):
        raise PlanRefused(f"no node but {node.name} gets replicas", "see `videa node ls`; videa node activate NAME")
    if others and not force:
        raise PlanRefused(
            f"other projects run on {node.name}, and would be stopped at once: {', '.join(others)}",
            "move them first, with videa in their folder; or: --force",
        )


def drain(operation: Operation, name: str, surge: int = 1, force: bool = False, dry_run: bool = False) -> Outcome:
    """Drains a node: it gets no new replicas, its replicas are replaced on other nodes, then it gets no tasks at all.

    Raises UsageError, PlanRefused, LockHeld, and the errors of the steps.
    """
    stack = operation.stack
    nodes = nodes_of(stack)
    node, ports = find(nodes, name), stack.platform.nodes
    edges = ports.edges()
    check_drain(node, nodes, ports.pinned(node.id), ports.others(node.id), force, edges)
    if node.id in edges and node.availability != DRAIN:
        operation.emit(EdgeLeaves(edges[node.id], node.name))
    opening = (SetAvailability(node.id, node.name, PAUSE, ACTIVE),) if node.availability == ACTIVE else ()
    before = PAUSE if opening else node.availability
    closing = (SetAvailability(node.id, node.name, DRAIN, before),) if node.availability != DRAIN else ()
    chosen = _targets(stack, lambda fleet: [each.name for each in fleet.alive if each.replica.node == node.id])
    first, last = next(iter(chosen)), next(reversed(chosen))
    services = {
        service: (
            target,
            Request(
                Strategy.MOVE,
                surge,
                moved=tuple(names),
                opening=opening if service == first else (),
                closing=closing if service == last else (),
            ),
        )
        for service, (target, names) in chosen.items()
    }
    return operation.deploy_all(services, dry_run, MOVE)


def rebalance(operation: Operation, surge: int = 1, dry_run: bool = False) -> Outcome:
    """Moves replicas until the nodes' replica counts of a service differ by at most one.

    Raises PlanRefused, LockHeld, and the errors of the steps.
    """
    stack = operation.stack
    usable = [node.id for node in nodes_of(stack) if node.usable]
    if len(usable) < 2:
        raise PlanRefused("only one node gets replicas", "see `videa node ls`; videa node activate NAME")
    pinned = {name for node in usable for name in stack.platform.nodes.pinned(node)}

    def choose(fleet: Fleet) -> Collection[str]:
        by_node: dict[str, list[str]] = {node: [] for node in usable}
        for member in sorted(fleet.alive, key=lambda each: each.replica.number):
            if member.replica.node in by_node and member.name not in pinned:
                by_node[member.replica.node].append(member.name)
        return excess(by_node)

    chosen = _targets(stack, choose)
    services = {
        service: (target, Request(Strategy.MOVE, surge, moved=tuple(names)))
        for service, (target, names) in chosen.items()
    }
    return operation.deploy_all(services, dry_run, MOVE)


def activate(stack: Stack, name: str, command: str, dry_run: bool = False, emit: Emit = discard) -> bool:
    """Lets a node get replicas again; returns False if it already did.

    If nginx runs on that node, it has the current configuration when this returns. Raises UsageError, PlanRefused,
    LockHeld, EngineError, and BalancerError if that nginx does not start.
    """
    node = find(nodes_of(stack), name)
    if node.availability == ACTIVE:
        return False
    if dry_run:
        return True
    with Lock(stack.store, stack.project.name).hold(command) as lease:
        lease.permit()
        stack.platform.nodes.set_availability(node.id, ACTIVE)
    edge = stack.platform.nodes.edges().get(node.id)
    if edge and node.availability == DRAIN:
        with announced(f"start {edge} on {node.name}", emit):
            _await_edge(stack, edge, command, emit)
    return True


def _await_edge(stack: Stack, name: str, command: str, emit: Emit) -> None:
    """Waits until the node's nginx has the current configuration. Raises BalancerError after RETURNS seconds."""
    deadline = time.monotonic() + RETURNS
    while True:
        edge = next((each for each in stack.gateway.membership().edges if each.name == name), None)
        if edge and edge.generation is not None and edge.newest:
            return
        if time.monotonic() > deadline:
            reason = (edge.reason if edge else "") or "it does not have the present configuration"
            raise BalancerError(f"{name} does not serve: {reason}", f"see `docker service ps --no-trunc {name}`")
        if edge and edge.behind:
            check_once(stack, judge_of(stack), emit, command, probing=False)
        time.sleep(LOOK_AGAIN)


def counts(stack: Stack) -> dict[str, int]:
    """Node -> the number of the project's replicas on it, of all services. Raises EngineError."""
    found: dict[str, int] = defaultdict(int)
    for container in stack.containers():
        if container.node and container.service in stack.project.services:
            found[container.node] += 1
    return dict(found)


def _targets(stack: Stack, choose: Choose) -> dict[str, tuple[Target, Collection[str]]]:
    """Service -> its running release, and the replicas that move. Raises PlanRefused, EngineError."""
    found: dict[str, tuple[Target, Collection[str]]] = {}
    for service in stack.project.services:
        own = stack.of(service)
        fleet = own.fleet()
        if not fleet.alive:
            continue
        moved = choose(fleet)
        if moved and len({member.replica.release for member in fleet.alive}) > 1:
            raise PlanRefused(f"replicas of several releases of {service} are running", "first run: videa deploy")
        found[service] = running_target(own, fleet, growing=bool(moved)), moved
    if not found:
        raise PlanRefused("no replica is running, so there is nothing to move", "start one first: videa scale 1")
    return found
