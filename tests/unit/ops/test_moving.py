"""Nodes that are emptied and used again: the replicas, the availability and the messages agree, also if interrupted."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from ops import moving
from ops.errors import BalancerError, PlanRefused, UsageError, VideaError
from ops.events import Event, discard
from ops.models import Node
from ops.moving import activate, check_drain, counts, drain, find, rebalance
from ops.notices import EdgeLeaves, EdgeReturned
from ops.operations import Operation
from ops.rollout import history, lease, restore
from ops.rollout.journal import Journal
from ops.steps import SetAvailability
from ops.traffic import Edge
from tests.unit.ops.disturbances import Disturbance, left_over, lost_answer, quiet
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic

NODES = [Node(f"id-{name}", name, "ready", "active") for name in ("one", "two")]


def on_nodes(directory: Path, *placed: str) -> FakeStack:
    """A stack on the nodes n1, n2 and n3, with a replica on each of ``placed``."""
    directory.mkdir(exist_ok=True)
    stack = fake_stack(directory, len(placed))
    stack.platform.nodes.add("n1", "n2", "n3")
    for name, node in zip(stack.platform.names(), placed, strict=True):
        stack.platform.by_name[name] = replace(stack.platform.by_name[name], node=node)
    return stack


def operation(stack: FakeStack) -> Operation:
    return Operation(stack, discard, "videa node drain n1")


def seen(stack: FakeStack) -> tuple[object, ...]:
    """The number of replicas on each node, how many serve, and which node gets tasks."""
    nodes = {node.id: node.availability for node in stack.platform.nodes.all()}
    return counts(stack), set(stack.gateway.membership().servers) == set(stack.platform.by_name), nodes


def test_a_drained_node_has_no_replica_and_gets_none(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n2", "n1")
    outcome = drain(operation(stack), "n1")
    assert [type(step) for step in outcome.plan.steps].count(SetAvailability) == 2
    assert seen(stack)[1:] == (True, {"n1": "drain", "n2": "active", "n3": "active"})
    assert (sum(counts(stack).values()), "n1" in counts(stack)) == (3, False)
    assert {container.release for container in stack.platform.by_name.values()} == {"old"}
    assert [entry.action for entry in history.read(stack) if entry.action != "found"] == ["move"]
    assert drain(operation(stack), "n1").plan.steps == ()


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n2")
    before = seen(stack)
    assert drain(operation(stack), "n1", dry_run=True).plan.steps
    assert rebalance(operation(on_nodes(tmp_path / "b", "n1", "n1", "n1")), dry_run=True).plan.steps
    assert seen(stack) == before


def test_a_new_replica_that_is_not_ready_undoes_the_drain(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n2")
    before = seen(stack)
    stack.world.sick.add("shop-app-3")
    with pytest.raises(VideaError, match="not ready"):
        drain(operation(stack), "n1")
    assert seen(stack) == before


@pytest.mark.parametrize("ending", ["abort", "resume"])
def test_a_killed_drain_is_undone_or_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(restore, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    undisturbed = on_nodes(tmp_path / "undisturbed", "n1", "n2")
    before, counted = seen(undisturbed), Disturbance(lambda: None, ())
    undisturbed.world.disturb = NoTraffic.disturb = counted
    drain(operation(undisturbed), "n1")
    undisturbed.world.disturb = NoTraffic.disturb = lambda call: None
    done, ended = seen(undisturbed), 0
    for place in range(1, len(counted.calls) + 1):
        stack = on_nodes(tmp_path / str(place), "n1", "n2")
        disturbance = Disturbance(lost_answer, range(place, 10_000))
        stack.world.disturb = NoTraffic.disturb = disturbance
        with suppress(VideaError):
            drain(operation(stack), "n1")
        stack.world.disturb = NoTraffic.disturb = lambda call: None
        state = Journal(stack.store, stack.project.name).read()
        if state is None:
            assert seen(stack) in (before, done), disturbance.at(place)
            continue
        ended += 1
        if ending == "abort":
            operation(stack).abort()
        else:
            operation(stack).resume()
        wanted = before if ending == "abort" or state.returning else done
        assert seen(stack)[1:] == wanted[1:], disturbance.at(place)
        assert "n1" in counts(stack) if wanted == before else "n1" not in counts(stack), disturbance.at(place)
        assert left_over(stack) == [], disturbance.at(place)
    assert ended


def test_replicas_are_spread_again(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n1", "n1", "n1", "n2")
    rebalance(operation(stack))
    assert sorted(counts(stack).values()) == [1, 2, 2]
    assert rebalance(operation(stack)).plan.steps == ()


def test_replicas_that_cannot_run_elsewhere_stay(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n1", "n1")
    stack.platform.nodes.fixed["n1"] = stack.platform.names()
    assert rebalance(operation(stack)).plan.steps == ()


def test_replicas_of_several_releases_do_not_move(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n2")
    stack.platform.add("app:new")
    with pytest.raises(PlanRefused, match="several releases"):
        drain(operation(stack), "n1")


def test_a_node_is_used_again(tmp_path: Path) -> None:
    stack = on_nodes(tmp_path, "n1", "n2")
    drain(operation(stack), "n2")
    assert activate(stack, "n2", "videa node activate n2", dry_run=True)
    assert not stack.platform.nodes.by_id["n2"].usable
    assert activate(stack, "n2", "videa node activate n2")
    assert not activate(stack, "n2", "videa node activate n2")
    assert Counter(node.usable for node in stack.platform.nodes.all()) == {True: 3}


def test_an_nginx_of_a_node_that_is_used_again_gets_the_present_configuration(tmp_path: Path) -> None:
    stack, events = on_nodes(tmp_path, "n1", "n2"), list[Event]()
    stack.platform.nodes.nginx = {"n1": "shop-nginx-1", "n2": "shop-nginx-2"}
    drain(Operation(stack, events.append, "videa node drain n2"), "n2")
    assert EdgeLeaves("shop-nginx-2", "n2") in events
    stack.gateway.edges = (Edge("shop-nginx-1", "n1", 2), Edge("shop-nginx-2", "n2", 1, newest=False))
    assert activate(stack, "n2", "videa node activate n2", emit=events.append)
    assert EdgeReturned("shop-nginx-2") in events
    assert all(edge.newest for edge in stack.gateway.edges)


def test_an_nginx_that_does_not_start_again_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "RETURNS", 0.0)
    monkeypatch.setattr(moving, "LOOK_AGAIN", 0.0)
    stack = on_nodes(tmp_path, "n1", "n2")
    stack.platform.nodes.nginx = {"n1": "shop-nginx-1", "n2": "shop-nginx-2"}
    drain(operation(stack), "n2")
    stack.gateway.edges = (Edge("shop-nginx-1", "n1", 2), Edge("shop-nginx-2", "n2", None, False, "no such image"))
    with pytest.raises(BalancerError, match="shop-nginx-2 does not serve: no such image"):
        activate(stack, "n2", "videa node activate n2")


@pytest.mark.parametrize("other", ["drain", "pause"])
def test_the_last_nginx_is_not_stopped(other: str) -> None:
    nodes = [*NODES, changed(NODES[1], id="id-three", name="three", availability=other)]
    edges = {"id-one": "shop-nginx-1", "id-three": "shop-nginx-2"}
    if other == "drain":
        with pytest.raises(PlanRefused, match="shop-nginx-1 on one is the only nginx that can run"):
            check_drain(nodes[0], nodes, [], [], force=True, edges=edges)
    else:
        check_drain(nodes[0], nodes, [], [], force=False, edges=edges)
    check_drain(nodes[1], nodes, [], [], force=False, edges=edges)


def test_on_one_engine_it_says_why_not(tmp_path: Path) -> None:
    for command in (lambda op: drain(op, "n1"), rebalance):
        with pytest.raises(PlanRefused, match="runs on one engine") as caught:
            command(operation(fake_stack(tmp_path)))
        assert "docs/swarm.md" in caught.value.hint


def test_a_node_has_a_name_or_the_beginning_of_an_id() -> None:
    assert find(NODES, "two") is NODES[1]
    assert find(NODES, "id-o") is NODES[0]
    with pytest.raises(UsageError, match="no node three"):
        find(NODES, "three")
    with pytest.raises(UsageError, match="2 nodes are called id-"):
        find(NODES, "id-")


@pytest.mark.parametrize(
    ("available", "pinned", "others", "message"),
    [
        ("active", ["shop-nginx-1"], [], "shop-nginx-1 can run only on one"),
        ("pause", [], [], "no node but one gets replicas"),
        ("active", [], ["blog-web-1"], "would be stopped at once: blog-web-1"),
    ],
)
def test_what_cannot_be_drained_is_refused(available: str, pinned: list[str], others: list[str], message: str) -> None:
    nodes = [NODES[0], changed(NODES[1], availability=available)]
    with pytest.raises(PlanRefused, match=message):
        check_drain(nodes[0], nodes, pinned, others, force=False)
    check_drain(NODES[0], NODES, [], ["blog-web-1"], force=True)


__all__ = ["quiet"]
