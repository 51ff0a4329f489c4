"""Probes of replicas, made where the traffic is."""

from __future__ import annotations

import pytest

from ops.balancer.probe import probe_all
from ops.errors import EngineError
from tests.engine.balancer.conftest import PORT, Bench


def test_good_bad_slow_and_missing_replicas_are_told_apart_by_one_exec(bench: Bench) -> None:
    bench.ask("two", "/become/503")
    targets = {
        "good": f"http://{bench.name('one')}:{PORT}/health/ready",
        "unready": f"http://{bench.name('two')}:{PORT}/health/ready",
        "slow": f"http://{bench.name('one')}:{PORT}/hold/probe",
        "refused": f"http://{bench.name('one')}:9/",
        "missing": "http://videa-no-such-replica:3001/",
    }
    results = probe_all(bench.balancer, targets, 2.0)
    bench.ask("two", "/become/200")
    bench.ask("one", "/release/probe")
    assert list(results) == list(targets)
    assert {name: result.ok for name, result in results.items()} == {
        **dict.fromkeys(targets, False),
        "good": True,
    }
    assert (results["unready"].status, results["unready"].reason) == (503, "status 503")
    assert "timed out" in results["slow"].reason
    assert "connect" in results["refused"].reason
    assert results["missing"].status == 0
    assert results["missing"].reason


def test_a_container_without_curl_is_said(bench: Bench) -> None:
    with pytest.raises(EngineError, match="no curl"):
        probe_all(bench.balancer_in(bench.replicas["one"].id), {"one": "http://127.0.0.1:3001/"}, 1.0)


def test_nothing_to_probe_costs_nothing(bench: Bench) -> None:
    assert probe_all(bench.balancer_in("videa-no-such-container"), {}, 1.0) == {}
