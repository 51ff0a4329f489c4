"""Probes of replicas, made where the traffic is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.balancer.probe import Target, probe_all, read_body
from ops.errors import EngineError
from ops.probes import GrpcHealth, Http, TcpConnect
from tests.engine.balancer.conftest import PORT, Bench


def test_good_bad_slow_and_missing_replicas_are_told_apart_by_one_exec(bench: Bench) -> None:
    bench.ask("two", "/become/503")
    one, two = bench.name("one"), bench.name("two")
    targets = {
        "good": Target(one, Http(PORT, "/health/ready")),
        "unready": Target(two, Http(PORT, "/health/ready")),
        "slow": Target(one, Http(PORT, "/hold/probe")),
        "refused": Target(one, Http(9, "/")),
        "connected": Target(two, TcpConnect(PORT)),
        "closed": Target(two, TcpConnect(9)),
        "missing": Target("videa-no-such-replica", Http(PORT, "/")),
    }
    results = probe_all(bench.balancer, targets, 2.0)
    bench.ask("two", "/become/200")
    bench.ask("one", "/release/probe")
    assert list(results) == list(targets)
    assert [name for name, result in results.items() if result.ok] == ["good", "connected"]
    assert (results["unready"].status, results["unready"].reason) == (503, "status 503")
    assert "timed out" in results["slow"].reason
    assert "connect" in results["refused"].reason
    assert results["closed"].reason == "it accepts no connection"
    assert results["missing"].status == 0
    assert results["missing"].reason


def test_one_exec_waits_for_good_answers_in_a_row(bench: Bench) -> None:
    one, two = (Target(bench.name(name), Http(PORT, "/health/ready")) for name in ("one", "two"))
    results = probe_all(bench.balancer, {"one": one, "two": two}, 2.0, passes=3)
    assert [(result.ok, result.row) for result in results.values()] == [(True, 3)] * 2
    bench.ask("two", "/become/503")
    results = probe_all(bench.balancer, {"one": one, "two": two}, 2.0, passes=3)
    bench.ask("two", "/become/200")
    assert [(result.ok, result.row) for result in results.values()] == [(True, 1), (False, 1)]


def test_servers_of_grpc_say_how_they_are(bench: Bench) -> None:
    """A server of its own answers at each port, in the container of a replica."""
    given = {50051: "0801", 50052: "0802", 50053: "status 12"}
    server = Path(__file__).with_name("grpc_server.py").read_text()
    for port, answer in given.items():
        bench.replicas["one"].exec_run(["python3", "-c", server, str(port), answer], detach=True)
    targets = {str(port): Target(bench.name("one"), GrpcHealth(port)) for port in (*given, PORT, 50059)}
    bench.until(lambda: [each.status for each in probe_all(bench.balancer, targets, 2.0).values()][:3] == [200] * 3)
    results = probe_all(bench.balancer, targets, 2.0)
    assert [name for name, result in results.items() if result.ok] == ["50051", "50053"]
    assert results["50052"].reason == "NOT_SERVING"
    assert "which it does not have" in results["50053"].asked
    assert results[str(PORT)].reason  # a server that only speaks HTTP/1.1


def test_headers_reach_the_replica(bench: Bench) -> None:
    headers = (("Host", "shop.example"), ("X-Quote", 'a "b" \\c'))
    seen = read_body(bench.balancer, bench.name("one"), Http(PORT, "/headers", headers), 5.0)
    assert "Host: shop.example" in seen
    assert 'X-Quote: a "b" \\c' in seen


def test_a_container_without_curl_is_said(bench: Bench) -> None:
    with pytest.raises(EngineError, match="no curl"):
        probe_all(bench.balancer_in(bench.replicas["one"].id), {"one": Target("127.0.0.1", Http(PORT, "/"))}, 1.0)


def test_nothing_to_probe_costs_nothing(bench: Bench) -> None:
    assert probe_all(bench.balancer_in("videa-no-such-container"), {}, 1.0) == {}
