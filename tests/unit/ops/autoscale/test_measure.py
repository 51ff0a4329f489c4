"""Samples of a service: whose requests they are, and what is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from ops.autoscale.asks import CPU, POOL_WAITING, REQUESTS
from ops.autoscale.measure import Meter
from ops.ejected import Ejected
from ops.errors import BalancerError, EngineError
from ops.models import ExecResult
from ops.project.config import Project
from ops.project.settings import Autoscale, Target
from ops.project.units import Rate, Share
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway
from tests.unit.ops.fakes.world import NAME, START

TARGET = Target(requests=Rate(100.0), cpu=Share(0.5), pool_waiting=0)


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    stack = fake_stack(tmp_path)
    settings = changed(stack.project.settings, autoscale=Autoscale(max=9, target=TARGET))
    return dataclasses.replace(stack, project=dataclasses.replace(stack.project, settings=settings))


def log(*addresses: str) -> Callable[..., bytes]:
    """Requests each second of the last five, at replicas with these addresses."""
    entries = [
        {"time": START - 5 + second, "status": 200, "seconds": 0.1, "upstream": f"{address}:80" if address else ""}
        for second in range(5)
        for address in addresses
    ]
    return lambda *_: b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def test_a_service_alone_has_every_request_that_nginx_has_passed_on(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeGateway, "log_tail", log("10.0.0.1", "10.9.9.9", ""))
    assert Meter(lambda: START).samples(stack).requests == 2.0


def test_of_several_services_each_has_those_of_its_replicas_also_of_one_that_has_just_left(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Project, "served", ("app", "api"))
    monkeypatch.setattr(FakeGateway, "log_tail", log("10.0.0.1", "10.0.0.2", "10.9.9.9"))
    meter = Meter(lambda: START)
    assert meter.samples(stack).requests == 2.0
    stack.platform.remove("shop-app-2")
    samples = meter.samples(stack)
    assert (samples.now, samples.requests) == (1, 2.0)
    assert Meter(lambda: START).samples(stack).requests == 1.0


def test_what_cannot_be_measured_is_missing_with_its_reason(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*arguments: object) -> bytes:
        raise EngineError("the log driver cannot be read", "")

    monkeypatch.setattr(FakeGateway, "log_tail", unreadable)
    monkeypatch.setattr(type(stack.platform), "usage", unreadable)
    samples = Meter(lambda: START).samples(stack)
    assert (samples.requests, samples.p95, [each.cpu for each in samples.replicas]) == (None, None, [None, None])
    assert samples.missing[REQUESTS] == samples.missing[CPU] == "the log driver cannot be read"
    assert samples.missing[POOL_WAITING] == "no replica reports its database connections"


def test_without_nginx_there_is_no_rate_of_zero(stack: FakeStack) -> None:
    def gone() -> FakeGateway:
        raise BalancerError("nginx is not running", "")

    samples = Meter(lambda: START).samples(dataclasses.replace(stack, connect=gone))
    assert samples.requests is None
    assert samples.missing[REQUESTS] == "nginx is not running"


def test_replicas_that_are_ejected_paused_or_not_listed_are_not_ready(stack: FakeStack) -> None:
    first, second = stack.platform.names()
    assert [each.ready for each in Meter(lambda: START).samples(stack).replicas] == [True, True]
    Ejected(stack.store, NAME).write({first: stack.platform.by_name[first].id})
    assert [each.ready for each in Meter(lambda: START).samples(stack).replicas] == [False, True]
    stack.gateway.served = (first,)
    assert [each.ready for each in Meter(lambda: START).samples(stack).replicas] == [False, False]
    stack.platform.by_name[second] = dataclasses.replace(stack.platform.by_name[second], state="exited")
    assert Meter(lambda: START).samples(stack).now == 1


def test_requests_that_wait_for_a_connection_come_from_the_replicas(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = "".join(f'{{"pool": {{"waiting": {count}}}}} http://shop-app-{count}:3001/x\n' for count in (1, 2))
    monkeypatch.setattr(FakeGateway, "ask", lambda *_: ExecResult(0, answers))
    assert [each.pool_waiting for each in Meter(lambda: START).samples(stack).replicas] == [1.0, 2.0]
