"""nginx on several nodes: each is judged, and what is wrong is named by node."""

from __future__ import annotations

from typing import Any

from ops.doctor import evidence
from ops.doctor.collectors import edges
from ops.doctor.facts_balancer import BalancerFacts, EdgeSight, Failure, Traffic
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_swarm import NodeFacts, SwarmFacts
from ops.errors import EngineError
from tests.unit.ops.doctor.stack import balancer, container, report_on

FIRST = EdgeSight("app-nginx-1", "node1")
CALM = Traffic(60, 1000, 0, p99=0.05)


def other(traffic: Traffic = CALM, **changes: Any) -> EdgeSight:
    return EdgeSight("app-nginx-2", "node2", balancer(container="app-nginx-2", **changes), traffic)


def findings(*sights: EdgeSight, **changes: Any) -> list[tuple[str, str]]:
    """Id and title of each finding."""
    return [(found.id, found.title) for found in report_on(edges=list(sights), **changes).findings]


def test_nginx_that_is_well_on_every_node_is_no_finding() -> None:
    assert findings(FIRST, other()) == []


def test_a_configuration_that_only_another_nginx_refuses_is_named_by_its_node() -> None:
    assert findings(FIRST, other(accepted=False, refusal="unknown directive")) == [
        ("lb.config", "nginx refuses the configuration on disk (nginx on node2)")
    ]


def test_the_same_finding_at_two_nodes_is_told_twice_with_different_keys() -> None:
    report = report_on(edges=[FIRST, other(connections=95, most_connections=100)], balancer=balancer(version="1.26.0"))
    report_of_both = report_on(edges=[FIRST, other(version="1.26.0")], balancer=balancer(version="1.26.0"))
    assert {found.key for found in report.findings} == {"lb.version node1", "lb.connections app-nginx-2 node2"}
    assert {found.key for found in report_of_both.findings} == {"lb.version node1", "lb.version node2"}


def test_errors_in_one_log_are_named_by_its_node_and_not_diluted_by_the_others() -> None:
    failing = Traffic(60, 100, 50, failures=[Failure(502, "/", "", False, 50)])
    assert findings(FIRST, other(failing)) == [("lb.5xx", "50% of the requests failed (nginx on node2)")]


def test_what_is_wrong_with_one_nginx_explains_nothing_of_another_one() -> None:
    idle = {"answers": {"app-backend-1": 20}}
    report = report_on(edges=[FIRST, other(**idle)], balancer=balancer(accepted=False, **idle))
    causes = {found.key: found.cause for found in report.findings}
    assert causes == {"lb.config node1": "", "lb.starved node1": "lb.config", "lb.starved node2": ""}


def test_one_that_cannot_be_examined_is_said_and_the_others_are_judged() -> None:
    away = EdgeSight("app-nginx-2", "node2", reason="it does not answer at 10.0.0.2:20001")
    report = report_on(edges=[FIRST, away], balancer=balancer(version="1.26.0"))
    assert [found.id for found in report.findings] == ["lb.version", "swarm.edge_unseen"]
    assert "10.0.0.2:20001" in report.findings[1].evidence


def test_the_first_one_may_be_the_one_that_cannot_be_examined() -> None:
    report = report_on(edges=[FIRST, other(version="1.26.0")], balancer=None)
    assert [(found.id, found.node) for found in report.findings] == [("lb.version", "node2"), ("swarm.edge_unseen", "")]
    assert "nginx on node1" in report.findings[1].title


def test_the_log_of_the_nginx_that_has_it_is_read() -> None:
    containers = [container("nginx", 1), container("nginx", 2)]
    report = report_on(containers=containers, edges=[FIRST, other(accepted=False)], instances=[])
    found = next(each for each in report.findings if each.id == "lb.config")
    assert evidence.related(found, report.facts) == ["app-nginx-2"]


def test_each_nginx_is_asked_except_the_first_and_those_that_do_not_run() -> None:
    first, second, third = (container("nginx", number) for number in (1, 2, 3))
    stopped = container("nginx", 4, state="exited")
    nodes = {each.name: f"node{each.number}" for each in (first, second, third, stopped)}

    def look(nginx: ContainerFacts) -> tuple[BalancerFacts, Traffic]:
        if nginx is third:
            raise EngineError("it does not answer", "")
        return balancer(container=nginx.name), CALM

    found = edges.examined([first, second, third, stopped], nodes, first, look)
    assert found == [FIRST, other(), EdgeSight("app-nginx-3", "node3", reason="it does not answer")]


def test_a_lost_node_explains_what_every_nginx_misses() -> None:
    lost = SwarmFacts([NodeFacts("node3", "down", "active", lost=["app-backend-3"])])
    listed = {"listed": ["app-backend-1", "app-backend-2", "app-backend-3"]}
    report = report_on(swarm=lost, edges=[FIRST, other(**listed)], balancer=balancer(**listed))
    assert {found.key: found.cause for found in report.findings} == {
        "swarm.node_down node3": "",
        "lb.stale app-backend-3 node1": "swarm.node_down",
        "lb.stale app-backend-3 node2": "swarm.node_down",
    }
