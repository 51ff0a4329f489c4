"""The balancer checks on facts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ops.doctor.stack import balancer, finding, found, instance, replica, with_replicas


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"accepted": False, "refusal": "unknown directive"}, [("lb.config", "fail")]),
        ({"serving": "2"}, [("lb.config", "fail")]),
        ({"running": False, "refusal": "container exited"}, [("lb.no_live", "fail")]),
        ({"answers": {}, "failures": {"502": 20}}, [("lb.no_live", "fail")]),
        ({"answers": {"i1": 20}}, [("lb.starved", "fail")]),
        ({"answers": {"i1": 20}, "sticky": True}, []),
        ({"version": "1.26.3"}, [("lb.version", "fail")]),
        ({"listed": None}, []),
        ({"maintenance": []}, [("lb.maintenance", "warn")]),
        ({"listed": ["app-backend-1", "app-backend-2", "app-backend-3"]}, [("lb.stale", "fail")]),
    ],
)
def test_one_thing_wrong_in_the_balancer(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(balancer=balancer(**changes)) == expected


def test_a_ready_replica_that_is_not_listed() -> None:
    assert "app-backend-2" in finding("lb.config", balancer=balancer(listed=["app-backend-1"])).title


def test_a_listed_replica_that_stopped() -> None:
    stopped = with_replicas(replica(1), replica(2, state="exited", exit_code=137))
    one = finding("lb.stale", containers=stopped, instances=[instance(1)], balancer=balancer(answers={"i1": 20}))
    assert one.evidence == "app-backend-2: exited"
