"""The data of the page: every replica's traffic, and the split of the requests by release."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from ops.balancer.access_log import Line
from ops.traffic import TrafficSplit
from ops.views.board import Share, read_board, view_service
from ops.views.status import read_status
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway

NOW = 100.0


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    """Two stable replicas and a canary."""
    made = fake_stack(tmp_path)
    made.platform.add("app:new")
    return made


def rounded(share: Share) -> Share:
    return changed(share, share=round(share.share or 0.0, 6))


def line(number: int, status: int = 200) -> Line:
    return Line(NOW - 5, status, 0.02, upstream=f"10.0.0.{number}:3001")


def test_requests_are_counted_for_their_replica_and_release(stack: FakeStack) -> None:
    replicas = [replace(each, cpu_limit=0.5) for each in stack.replicas()]
    lines = [*[line(1)] * 6, *[line(2)] * 3, line(3, 502), Line(NOW - 5, 200, 0.02, upstream="10.0.0.77:3001")]
    split = TrafficSplit(("shop-app-3",), 5.0)
    service = view_service(read_status(stack), lines, replicas, split, NOW)
    assert [rounded(share) for share in service.shares] == [
        Share("old", 2, 2, 0.9, False, 95.0),
        Share("new", 1, 0, 0.1, True, 5.0),
    ]
    assert [row.top.traffic.rate for row in service.rows] == pytest.approx([1.2, 0.6, 0.2])
    assert service.total.errors == pytest.approx(0.1)
    assert {row.top.cpu_limit for row in service.rows} == {0.5}


def test_without_a_canary_or_requests_there_are_no_shares(stack: FakeStack) -> None:
    service = view_service(read_status(stack), [], stack.replicas(), None, time.time())
    assert [(share.share, share.wanted, share.canary) for share in service.shares] == [(None, None, False)] * 2


def test_a_sample_has_every_service_the_default_one_first(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    board = read_board([shop, shop.of("mail")])
    assert [service.status.service for service in board.services] == ["app", "mail"]
    assert board.first.project == "shop"
    assert [service.healthy for service in board.services] == [2, 2]


def test_a_private_test_of_a_release_is_no_split(stack: FakeStack) -> None:
    gateway = stack.gateway
    assert isinstance(gateway, FakeGateway)
    gateway.split = TrafficSplit(("shop-app-3",), 0.0, token="secret")
    shares = read_board([stack]).services[0].shares
    assert [share.canary for share in shares] == [False, False]


def test_a_canary_of_the_same_release_is_apart(stack: FakeStack) -> None:
    replicas = stack.replicas()[:2]
    split = TrafficSplit(("shop-app-2",), 5.0)
    status = read_status(stack)
    status = changed(status, replicas=status.replicas[:2])
    shares = view_service(status, [line(1), line(2)], replicas, split, NOW).shares
    assert [(share.release, share.canary, share.wanted) for share in shares] == [
        ("old", False, 95.0),
        ("old", True, 5.0),
    ]
