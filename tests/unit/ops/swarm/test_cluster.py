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
