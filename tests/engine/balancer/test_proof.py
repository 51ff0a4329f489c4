"""The proof must be true: what breaks is counted, what cannot be seen is said."""

from __future__ import annotations

from typing import Any

import pytest

from ops.balancer.proof import TrafficProof
from ops.route import Address
from tests.engine.balancer.conftest import Bench
from tests.engine.balancer.load import Load


def watch(bench: Bench, url: str | None = "published", container: str = "") -> TrafficProof:
    where = bench.url if url == "published" else url
    proof = TrafficProof(bench.balancer_in(container or bench.nginx.id), where, [Address(path="/probe")])
    proof.start()
    return proof


def enough(proof: TrafficProof, bench: Bench) -> None:
    bench.until(lambda: proof._prober.sent >= 4)


def test_every_request_of_a_busy_time_is_counted_and_none_failed(bench: Bench) -> None:
    bench.balancer.apply(bench.upstream("one", "two"))
    watching = watch(bench)
    with Load(bench.port) as load:
        bench.balancer.apply(bench.upstream("two"))
        bench.until(lambda: load.done > 300)
    proof = watching.stop()
    assert load.failures == []
    assert (proof.failed, proof.gap) == (0, "")
    assert proof.requests == load.done + proof.probes
    assert proof.slowest_ms > 0
    assert str(proof).startswith(f"{proof.requests} requests, 0 failed, slowest")


def test_answers_of_500_are_counted_with_who_gave_them(bench: Bench) -> None:
    balancer = bench.balancer
    balancer.apply(bench.upstream("one"))
    balancer.wait_drained(60)
    watching = watch(bench)
    enough(watching, bench)
    bench.ask("one", "/become/500")
    with Load(bench.port, clients=2) as load:
        bench.until(lambda: load.done > 40)
    bench.ask("one", "/become/200")
    proof = watching.stop()
    assert proof.proven
    assert proof.failed >= len(load.failures) == load.done
    assert proof.failures[0].status == 500
    assert proof.failures[0].upstream.endswith(":3001")


def test_a_killed_replica_is_counted(own: Bench) -> None:
    own.balancer.apply(own.upstream("one"))
    own.replicas["two"].kill()
    watching = watch(own)
    with Load(own.port, clients=4) as load:
        own.until(lambda: load.done > 40)
        own.replicas["one"].kill()
        own.until(lambda: len(load.failures) > 5)
    proof = watching.stop()
    assert proof.proven
    assert proof.failed >= len(load.failures)
    assert {failure.status for failure in proof.failures} <= {502, 504}


def test_nginx_not_answering_is_counted_and_the_gap_is_said(own: Bench) -> None:
    watching = watch(own)
    enough(watching, own)
    own.engine.exec(own.nginx.id, ["sh", "-c", "kill -TERM 1"])
    own.until(lambda: watching._prober.bad)
    own.until(lambda: own.get("/")[0] == 200)
    proof = watching.stop()
    assert proof.failed > 0
    assert "restarted" in proof.gap
    assert not proof.proven


def test_a_killed_worker_is_a_gap_because_it_logs_nothing_of_its_requests(own: Bench) -> None:
    watching = watch(own)
    enough(watching, own)
    workers = "grep -l '^nginx: worker process' /proc/[0-9]*/cmdline | cut -d/ -f3"
    assert own.engine.exec(own.nginx.id, ["sh", "-c", f"kill -9 $({workers})"]).ok
    own.until(lambda: own.get("/")[0] == 200)
    proof = watching.stop()
    assert "signal 9" in proof.gap
    assert not proof.proven


def test_without_a_way_from_here_probes_are_made_inside(bench: Bench) -> None:
    watching = watch(bench, url=None)
    enough(watching, bench)
    proof = watching.stop()
    assert proof.probes >= 4
    assert (proof.failed, proof.gap) == (0, "")
    unreachable = watch(bench, url="http://127.0.0.1:9")
    enough(unreachable, bench)
    assert unreachable.stop().failed == 0


@pytest.mark.parametrize("options", [{"log_config": {"Type": "none"}}])
def test_a_log_that_cannot_be_read_is_never_0_failed(bare: Bench, options: dict[str, Any]) -> None:
    bare.start_nginx(**options)
    bare.start("one")
    bare.until(lambda: bare.get("/")[0] == 200)
    watching = watch(bare)
    enough(watching, bare)
    proof = watching.stop()
    assert "log" in proof.gap
    assert "0 failed" not in str(proof)


def test_a_container_that_is_gone_is_never_0_failed(bench: Bench) -> None:
    proof = watch(bench, container="videa-no-such-container").stop()
    assert proof.gap
    assert "0 failed" not in str(proof)
