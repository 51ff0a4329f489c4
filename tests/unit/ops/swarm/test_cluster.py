"""What a manager tells of the swarm: what waits for a node, and what waits by intent."""

from __future__ import annotations

from typing import Any

import pytest

from ops.swarm import cluster, labels


@pytest.mark.parametrize(("availability", "waits"), [("drain", False), ("active", True)])
def test_an_nginx_of_a_drained_node_waits_by_intent(availability: str, waits: bool) -> None:
    node = {
        "ID": "n1",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Spec": {"Role": "worker", "Availability": availability},
        "Status": {"State": "ready"},
    }
    own = {labels.EDGE: "n1", labels.STATE: labels.STARTED}
    service: dict[str, Any] = {"ID": "s1", "Spec": {"Name": "shop-nginx-1", "Labels": own}}
    status = {"State": "pending", "Err": "no suitable node", "Timestamp": "2026-01-01T00:00:00Z"}
    task = {"ServiceID": "s1", "CreatedAt": "2026-01-01T00:00:00Z", "Status": status}
    found = cluster.read({}, [node], [service], [task])
    assert [each.service for each in found.stuck] == ["shop-nginx-1"] * waits


@pytest.mark.parametrize(("later", "node", "stuck"), [("running", "n1", 0), ("running", "n2", 1), ("failed", "n1", 1)])
def test_a_refusal_is_over_when_the_node_runs_the_service(later: str, node: str, stuck: int) -> None:
    spec = {"Name": "shop-web-1", "Labels": {labels.STATE: labels.STARTED}}

    def task(state: str, place: str, second: int) -> dict[str, Any]:
        at = f"2026-01-01T00:00:0{second}Z"
        status = {"State": state, "Err": "No such image: app:1" if state == "rejected" else "", "Timestamp": at}
        return {"ServiceID": "s1", "NodeID": place, "CreatedAt": at, "Status": status}

    tasks = [task("rejected", "n1", 1), task(later, node, 2)]
    assert len(cluster.read({}, [], [{"ID": "s1", "Spec": spec}], tasks).stuck) == stuck
