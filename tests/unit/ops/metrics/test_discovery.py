"""Where Prometheus finds the replicas."""

from __future__ import annotations

from ops.metrics.discovery import targets
from ops.models import Replica


def replica(name: str, state: str = "running", **networks: str) -> Replica:
    return Replica(name, name, "app", state, "none", "app:2", 0, 0, False, release="v2", networks=networks)


def test_each_running_replica_is_a_target() -> None:
    replicas = [
        replica("app-1", shop_app="10.0.0.1", shop_data="10.1.0.1"),
        replica("app-2", "exited", shop_app="10.0.0.2"),
    ]
    (found,) = targets("shop", [(3001, replicas)], {"app-1"}, "app")
    assert found == {
        "targets": ["10.0.0.1:3001"],
        "labels": {
            "project": "shop",
            "service": "app",
            "replica": "app-1",
            "__meta_videa_release": "v2",
            "__meta_videa_state": "running",
            "__meta_videa_in_balancer": "true",
        },
    }


def test_the_network_decides_the_address() -> None:
    both = replica("app-1", shop_app="10.0.0.1", shop_data="10.1.0.1", outside="fd00::1")
    for network, address in (("data", "10.1.0.1:80"), ("outside", "[fd00::1]:80"), ("", "[fd00::1]:80")):
        assert [each["targets"] for each in targets("shop", [(80, [both])], (), network)] == [[address]]
    assert targets("shop", [(80, [both])], (), "none") == []
