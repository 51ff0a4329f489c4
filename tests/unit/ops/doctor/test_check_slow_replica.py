"""A replica that is slower than the others of its service, on facts."""

from __future__ import annotations

import pytest

from ops.balancer.access_log import Line
from ops.doctor.collectors.traffic import summarise
from ops.doctor.facts_balancer import Traffic, Waits
from ops.doctor.facts_engine import ContainerFacts
from tests.unit.ops.doctor.stack import NOW, container, finding, healthy, replica, reported

REPLICAS = [replica(number, addresses=[f"10.0.0.{number}"]) for number in (1, 2, 3)]
OTHERS = [each for each in healthy().containers or [] if each.service != "backend"]


def traffic(*medians: float, requests: int = 40) -> Traffic:
    """The log of a minute in which replica 1, 2, ... took so long."""
    waits = {f"10.0.0.{number}": Waits(requests, median) for number, median in enumerate(medians, start=1)}
    return Traffic(60, 200, 0, p99=0.5, waits=waits)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (traffic(0.005, 0.004, 0.9), [("lb.slow_replica", "warn")]),
        (traffic(0.2, 0.2, 0.61), [("lb.slow_replica", "warn")]),
        (traffic(0.2, 0.2, 0.59), []),
        (traffic(0.005, 0.004, 0.1), []),
        (traffic(0.005, 0.004, 0.9, requests=19), []),
        (traffic(0.9, 0.9, 0.9), []),
        (traffic(0.9), []),
        (Traffic(60, 200, 0, p99=0.5), []),
    ],
)
def test_it_is_compared_with_the_others(seen: Traffic, expected: list[tuple[str, str]]) -> None:
    assert reported(containers=[*OTHERS, *REPLICAS], traffic=seen) == expected


def test_it_is_named_with_both_figures_and_what_holds_it_back() -> None:
    throttled = replica(3, addresses=["10.0.0.3"], throttled=0.9)
    found = finding("lb.slow_replica", containers=[*OTHERS, *REPLICAS[:2], throttled], traffic=traffic(0.02, 0.03, 1.2))
    assert found.subject == "app-backend-3"
    assert found.evidence == "half of its 40 requests in the last 60 s took 1.2 s or longer, those of the others 25 ms"
    assert found.cause == "ctr.throttled"


@pytest.mark.parametrize(
    "slow",
    [
        replica(3, addresses=["10.0.0.3"], started=NOW - 40),
        container("reports", addresses=["10.0.0.3"]),
        replica(3, addresses=["10.0.0.3"], state="exited"),
    ],
    ids=["has just started", "of another service", "is not there any more"],
)
def test_what_cannot_be_compared_is_not(slow: ContainerFacts) -> None:
    found = reported(containers=[*OTHERS, *REPLICAS[:2], slow], traffic=traffic(0.005, 0.005, 2.0))
    assert "lb.slow_replica" not in dict(found)


def test_a_request_that_another_one_has_failed_before_is_nobodys() -> None:
    lines = [Line(1.0, 200, each, upstream="10.0.0.1:3001", path="/a") for each in (0.1, 0.2, 0.9)]
    lines.append(Line(1.0, 200, 5.0, upstream="10.0.0.2:3001, 10.0.0.1:3001", path="/a"))
    lines.append(Line(1.0, 404, 0.0, path="/a"))
    assert summarise(lines).waits == {"10.0.0.1": Waits(3, 0.2)}
