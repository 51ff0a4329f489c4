"""The machines of a swarm, and what does not run on them."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.collectors.swarm import read
from ops.doctor.facts_swarm import EdgeFacts, LackFacts, NodeFacts, StuckFacts, SwarmFacts
from ops.models import Cluster, Node, Stuck
from tests.unit.ops.doctor.stack import NOW, finding, reported

DAY = 86400.0
NO_IMAGE = "No such image: sha256:ab"


def node(name: str, **changes: Any) -> NodeFacts:
    return NodeFacts(**{"name": name, "state": "ready", "availability": "active", "version": "28.5.2", **changes})


def manager(name: str, **changes: Any) -> NodeFacts:
    return node(name, manager=True, **changes)


def stuck(reason: str, place: str = "node2", ago: float = 60.0) -> StuckFacts:
    return StuckFacts("shop-web-7", place, reason, NOW - ago)


@pytest.mark.parametrize(
    ("swarm", "expected"),
    [
        (SwarmFacts(), []),
        (SwarmFacts([manager("node1"), node("node2")]), []),
        (SwarmFacts([manager("node1"), node("node2", state="down")]), [("swarm.node_down", "fail")]),
        (SwarmFacts([manager("node1"), node("node2", availability="drain")]), [("swarm.node_unused", "info")]),
        (SwarmFacts([manager("node1")], [stuck("insufficient resources", "")]), [("swarm.task_rejected", "warn")]),
        (SwarmFacts([manager("node1")], [stuck("mount failed")]), [("swarm.task_rejected", "warn")]),
        (SwarmFacts([manager("node1")], [stuck("mount failed", ago=3601)]), []),
        (SwarmFacts([manager("node1")], [stuck(NO_IMAGE)]), [("swarm.image_missing", "warn")]),
        (SwarmFacts([manager("a")], lacking=[LackFacts("app:1", "node2")]), [("swarm.image_missing", "warn")]),
        (
            SwarmFacts([manager("a")], [stuck(NO_IMAGE)], lacking=[LackFacts("app:1", "node2")]),
            [("swarm.image_missing", "warn")],
        ),
        (SwarmFacts([manager(name) for name in "abc"]), []),
        (SwarmFacts([manager(name) for name in "ab"]), [("swarm.quorum", "warn")]),
        (SwarmFacts([manager("a"), manager("b"), manager("c", reachable=False)]), [("swarm.quorum", "fail")]),
        (SwarmFacts([*map(manager, "abcd"), manager("e", reachable=False)]), [("swarm.quorum", "warn")]),
        (SwarmFacts([manager("node1")], root_expires=NOW + 100 * DAY), []),
        (SwarmFacts([manager("node1")], root_expires=NOW + 80 * DAY), [("swarm.certificate", "warn")]),
        (SwarmFacts([manager("node1")], root_expires=NOW + 10 * DAY), [("swarm.certificate", "fail")]),
        (SwarmFacts([manager("node1"), node("node2", outdated=True)]), [("swarm.certificate", "warn")]),
        (SwarmFacts([manager("node1"), node("node2", outdated=True)], rotating=True), [("swarm.certificate", "info")]),
        (SwarmFacts([manager("node1"), node("node2", version="20.10.24")]), [("swarm.versions", "warn")]),
    ],
)
def test_what_is_wrong_with_a_swarm(swarm: SwarmFacts, expected: list[tuple[str, str]]) -> None:
    assert reported(swarm=swarm) == expected


@pytest.mark.parametrize(
    ("edge", "there", "expected"),
    [
        (EdgeFacts("nginx-2", "node2"), node("node2"), []),
        (EdgeFacts("nginx-2", "node2", behind=True), node("node2"), [("swarm.edge", "warn")]),
        (EdgeFacts("nginx-2", "node2", reason="its task is failed"), node("node2"), [("swarm.edge", "fail")]),
        (EdgeFacts("nginx-2", "node2", reason="its node is down"), node("node2", state="down"), []),
        (EdgeFacts("nginx-2", "node2", reason="its node is drained"), node("node2", availability="drain"), []),
    ],
)
def test_an_nginx_that_does_not_serve_as_the_others(
    edge: EdgeFacts, there: NodeFacts, expected: list[tuple[str, str]]
) -> None:
    found = reported(swarm=SwarmFacts([manager("node1"), there], edges=[edge]))
    assert [each for each in found if each[0] == "swarm.edge"] == expected


def test_a_lost_node_says_since_when_and_what_was_lost() -> None:
    away = node("node2", state="down", seen=NOW - 120, message="heartbeat failure", lost=["shop-web-2", "shop-web-4"])
    found = finding("swarm.node_down", swarm=SwarmFacts([manager("node1"), away]))
    assert "since about 2 min ago: heartbeat failure" in found.evidence
    assert "shop-web-2, shop-web-4" in found.evidence


def test_the_facts_have_names_of_nodes() -> None:
    cluster = Cluster(
        (Node("id1", "node1", "ready", "active", manager=True, reachability="unreachable"),),
        seen={"id1": 5.0},
        stuck=(Stuck("shop-web-1", "id1", NO_IMAGE, 7.0), Stuck("shop-web-2", "", "no room", 8.0)),
        outdated=("id1",),
    )
    facts = read(cluster, lacking={"app:1": cluster.nodes})
    assert facts.nodes == [
        NodeFacts("node1", "ready", "active", manager=True, reachable=False, seen=5.0, outdated=True)
    ]
    assert [task.node for task in facts.stuck] == ["node1", ""]
    assert facts.lacking == [LackFacts("app:1", "node1")]
