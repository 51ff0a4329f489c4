"""The samples of the live region."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.balancer.access_log import Line
from ops.traffic import Membership, TrafficSplit
from ops.views.live import LiveSource, view_live
from tests.unit.ops.fakes import fake_stack

NOW = time.time()


def lines(address: str, count: int, age: float = 1.0) -> list[Line]:
    return [Line(NOW - age, 200, 0.01, upstream=f"{address}:3001") for _ in range(count)]


def test_a_canary_is_shown_with_its_share_of_the_requests(tmp_path: Path) -> None:
    old, new = (
        replace(replica, release=release, networks={"app": address}, started=datetime.fromtimestamp(NOW - 60, UTC))
        for replica, release, address in zip(
            fake_stack(tmp_path).replicas(), ("one", "two"), ("10.0.0.1", "10.0.0.2"), strict=True
        )
    )
    split = TrafficSplit((new.name,), 25.0)
    membership = Membership(2, (old.name,), (new.name,), split=split)
    sample = view_live("app", False, [new, old], membership, lines("10.0.0.1", 9) + lines("10.0.0.2", 3), NOW)
    assert [(each.release, each.canary, each.share, each.wanted) for each in sample.releases] == [
        ("one", False, 0.75, None),
        ("two", True, 0.25, 25.0),
    ]
    assert {row.name for row in sample.replicas if row.in_balancer} == {old.name, new.name}


def test_requests_of_the_replica_that_had_the_address_before_are_not_its_own(tmp_path: Path) -> None:
    first = fake_stack(tmp_path).replicas()[0]
    started = datetime.fromtimestamp(NOW, UTC) - timedelta(seconds=3)
    replica = replace(first, networks={"app": "10.0.0.1"}, started=started)
    requests = lines("10.0.0.1", 5, age=6) + lines("10.0.0.1", 2, age=1)
    sample = view_live("app", False, [replica], Membership(1, (replica.name,)), requests, NOW)
    assert sample.releases[0].traffic.rate == pytest.approx(2.0)


def test_replicas_that_were_created_together_are_shown_by_their_numbers(tmp_path: Path) -> None:
    first = fake_stack(tmp_path).replicas()[0]
    replicas = [
        replace(first, name=f"app-{number}", number=number, created=first.created + timedelta(milliseconds=moment))
        for number, moment in ((9, 2), (10, 1), (2, 3))
    ]
    sample = view_live("app", False, replicas, Membership(1, ("app-2",)), [], NOW)
    assert [row.name for row in sample.replicas] == ["app-2", "app-9", "app-10"]


def test_a_ready_replica_is_not_called_starting(tmp_path: Path) -> None:
    one, two = (replace(replica, health="starting") for replica in fake_stack(tmp_path).replicas())
    sample = view_live("app", False, [one, two], Membership(1, (one.name,)), [], NOW)
    assert [row.state for row in sample.replicas] == ["healthy", "starting"]


def test_the_balancer_is_asked_again_only_after_a_change(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    asked = 0
    plain = stack.gateway.membership

    def membership(remembered: bool = False) -> Membership:
        nonlocal asked
        asked += 1
        return plain(remembered)

    stack.gateway.membership = membership  # type: ignore[method-assign]
    source = LiveSource(stack)
    source.look()
    source.look()
    source.moved()
    source.look()
    assert asked == 2
