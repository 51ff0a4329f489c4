"""The endpoint, as a Prometheus sees it."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.ejected import Ejected
from ops.errors import ConfigError, EngineError
from ops.metrics.endpoint import Endpoint, answer
from ops.metrics.figures import Counts, Figures, Fresh, look
from ops.notices import DutyFailed, ReplicaEjected
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def samples(figures: Figures, counts: Counts | None = None) -> dict[str, float]:
    status, _, body = answer("/metrics", lambda: figures, counts or Counts(), "1.2")
    assert status is HTTPStatus.OK
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_replicas_out_and_in_the_balancer(stack: FakeStack) -> None:
    name = stack.replicas()[0].name
    Ejected(stack.store, "shop").write({name: "c1"})
    counts = Counts()
    counts.hear(ReplicaEjected(name, "HTTP 500"))
    counts.hear(DutyFailed("health", "Docker does not answer"))
    found = samples(look([stack]), counts)
    assert found["videa_replicas['app', 'running']"] == 2
    assert found["videa_replicas_in_balancer['app']"] == 2
    assert found["videa_replicas_out['app']"] == 1
    assert found["videa_balancer_changes_total['taken_out']"] == 1
    assert found["videa_duty_failures_total['health']"] == 1
    assert found["videa_operation['interrupted']"] == 0


def test_a_worker_is_never_missing_in_the_balancer(tmp_path: Path) -> None:
    found = samples(look([fake_shop(tmp_path)]))
    assert found["videa_replicas['mail', 'running']"] == 2
    assert "videa_replicas_in_balancer['mail']" not in found


def test_it_serves_both_and_nothing_else(stack: FakeStack) -> None:
    endpoint = Endpoint("127.0.0.1:0", lambda: look([stack]), Counts(), "1.2")
    try:
        with urlopen(f"http://127.0.0.1:{endpoint.port}/sd") as got:
            assert got.headers["Content-Type"] == "application/json"
            assert {each["labels"]["service"] for each in json.load(got)} <= {"app"}
        with urlopen(f"http://127.0.0.1:{endpoint.port}/metrics") as got:
            assert b'videa_agent_info{project="shop",version="1.2"} 1.0' in got.read()
        with pytest.raises(ConfigError, match="Address already in use"):
            Endpoint(f"127.0.0.1:{endpoint.port}", lambda: look([stack]), Counts(), "1.2")
    finally:
        endpoint.close()
    assert answer("/", lambda: look([stack]), Counts(), "")[0] is HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:", "127.0.0.1:99999"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError, match="--metrics"):
        Endpoint(address, Figures, Counts(), "")


def test_without_the_engine_the_scrape_fails() -> None:
    def fails() -> Figures:
        raise EngineError("Docker does not answer", "")

    assert answer("/metrics", fails, Counts(), "")[0] is HTTPStatus.SERVICE_UNAVAILABLE
    assert answer("/sd", fails, Counts(), "")[2] == b"Docker does not answer\n"


def test_many_scrapes_are_one_look(stack: FakeStack) -> None:
    now, looks = [0.0], []

    def stacks() -> tuple[FakeStack]:
        looks.append(now[0])
        return (stack,)

    fresh = Fresh(stacks, lambda: now[0])
    for now[0] in (0.0, 4.0, 6.0, 10.0):
        fresh.take()
    assert looks == [0.0, 6.0]
