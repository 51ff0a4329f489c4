"""The checks that compare the instances, on facts."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts_replicas import Beat, InstanceFacts, Proof
from tests.unit.ops.doctor.stack import (
    container,
    finding,
    healthy,
    instance,
    postgres,
    replica,
    report_on,
    reported,
    session,
    with_replicas,
)


def test_instances_of_two_releases() -> None:
    assert reported(instances=[instance(1), instance(2, release="r2")]) == [("app.version_skew", "warn")]


def test_ready_while_the_database_is_down_is_a_finding() -> None:
    down = postgres(up=False, error="refused")
    assert ("app.health_lies", "warn") in reported(postgres=down)
    not_ready = [instance(1, ready=503), instance(2, ready=503)]
    assert ("app.health_lies", "warn") not in reported(postgres=down, instances=not_ready)


def test_readiness_by_a_tcp_connection_is_said() -> None:
    connected = [instance(number, ready=0, well=True, by_connect=True) for number in (1, 2)]
    assert reported(instances=connected) == [("app.readiness", "info")]
    down = postgres(up=False, error="refused")
    assert "app.health_lies" not in {check for check, _ in reported(postgres=down, instances=connected)}


def test_instances_with_different_secrets_show_fingerprints_only() -> None:
    odd = replica(2, fingerprints={"JWT_ACCESS_SECRET": ["cc"], "JWT_REFRESH_SECRET": ["bb"]})
    result = finding("app.jwt_skew", containers=with_replicas(replica(1), odd))
    assert result.severity == "fail"
    assert "JWT_ACCESS_SECRET" in result.title
    assert result.evidence.endswith("fingerprint aa: app-backend-1\nfingerprint cc: app-backend-2")


def test_a_secret_that_one_instance_lacks() -> None:
    odd = replica(2, fingerprints={"JWT_ACCESS_SECRET": ["aa"]})
    assert "not set" in finding("app.jwt_skew", containers=with_replicas(replica(1), odd)).evidence


def test_during_a_rotation_only_tokens_that_an_instance_cannot_verify_are_skew() -> None:
    verifies_both = replica(2, fingerprints={"JWT_ACCESS_SECRET": ["aa", "new"], "JWT_REFRESH_SECRET": ["bb"]})
    assert reported(containers=with_replicas(replica(1), verifies_both)) == []
    signs_new = replica(2, fingerprints={"JWT_ACCESS_SECRET": ["new", "aa"], "JWT_REFRESH_SECRET": ["bb"]})
    result = finding("app.jwt_skew", containers=with_replicas(replica(1), signs_new))
    assert "a token of app-backend-2 is refused by app-backend-1 (1 of 2 pairs)" in result.evidence


def test_sessions_in_two_databases() -> None:
    stores = [replica(number, stores={"DATABASE_URL": mark}) for number, mark in ((1, "aa"), (2, "bb"))]
    assert reported(containers=with_replicas(*stores)) == [("app.session_store", "fail")]


def test_local_limits_show_the_effective_limit() -> None:
    result = finding("app.ratelimit_local", instances=[instance(number, limiter="local") for number in (1, 2)])
    assert result.severity == "fail"
    assert "up to 2x" in result.evidence
    assert "up to 2x" in finding("app.ratelimit_local", instances=[instance(1), instance(2, limiter="local")]).evidence


def test_the_effective_limit_has_figures_even_without_heartbeats() -> None:
    limited = [replica(number, rate_limits={"user": (600, 60)}) for number in (1, 2)]
    local = [instance(number, limiter="local") for number in (1, 2)]
    result = finding("app.ratelimit_local", containers=with_replicas(*limited), instances=local, fleet=None)
    assert "user 1200/60 s instead of 600" in result.evidence


def test_limits_that_are_off_are_not_local() -> None:
    assert reported(instances=[instance(1, limiter="off"), instance(2, limiter="off")]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pool_size": 5, "pool_idle": 0, "pool_waiting": 3}, [("app.pool_exhausted", "fail")]),
        ({"pool_size": 5, "pool_idle": 0}, []),
        ({"requests": 200, "error_rate": 0.02}, [("app.errors", "warn")]),
        ({"requests": 200, "error_rate": 0.06}, [("app.errors", "fail")]),
        ({"requests": 99, "error_rate": 0.5}, []),
        ({"clock": 1.0}, []),
        ({"clock": 3.0}, [("host.clock", "warn")]),
        ({"clock": -7.0}, [("host.clock", "fail")]),
    ],
)
def test_one_instance_has_a_problem(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reported(instances=[instance(1), instance(2, **changes)]) == expected


def test_a_database_at_its_limit_while_replicas_are_not() -> None:
    others = [container for container in healthy().containers or [] if container.service != "postgres"]
    busy = container("postgres", cpu=1.9, cpu_limit=2.0)
    assert ("app.capacity", "info") in reported(containers=[*others, busy])
    loaded = with_replicas(replica(1, cpu=0.9), replica(2, cpu=0.9))
    assert ("app.capacity", "info") not in reported(
        containers=[result for result in loaded if result.service != "postgres"] + [busy]
    )


def test_a_token_that_the_proof_found_refused() -> None:
    proof = Proof({"app-backend-1": {"app-backend-1": 200, "app-backend-2": 401}})
    result = finding("app.jwt_skew", proof=proof)
    assert "a token of app-backend-1 is refused by app-backend-2" in result.evidence


def test_instances_that_refuse_every_token_of_the_proof_prove_nothing() -> None:
    assert reported(proof=Proof({"a": {"a": 401, "b": 401}})) == []


@pytest.mark.parametrize(
    ("remaining", "counters"),
    [
        ([("a", 9), ("b", 8), ("a", 7), ("b", 6)], 1),
        ([("a", 9), ("b", 9), ("a", 8), ("b", 8)], 2),
        ([], 1),
    ],
)
def test_a_shared_limit_leaves_less_after_each_request(remaining: list[tuple[str, int]], counters: int) -> None:
    proof = Proof({}, remaining)
    assert proof.counters == counters
    assert (("app.ratelimit_local", "fail") in reported(proof=proof)) == (counters > 1)


EXHAUSTED = [instance(1, pool_size=5, pool_idle=0, pool_waiting=3), instance(2)]


def test_an_exhausted_pool_names_the_blocking_session_and_how_to_end_it() -> None:
    holder = session(pid=7, application="forgotten", state="idle in transaction", state_age=9.0, query="LOCK TABLE ?")
    waiting = [session(pid=pid, state="active", query_age=2.0, blocked_by=[7]) for pid in (8, 9)]
    result = finding("app.pool_exhausted", instances=EXHAUSTED, postgres=postgres(sessions=[holder, *waiting]))
    assert "they wait for pid 7 (forgotten from 10.0.0.2), idle in transaction for 9 s: LOCK TABLE ?" in result.evidence
    assert result.fix.startswith("docker compose exec postgres sh -c 'psql")
    assert "pg_terminate_backend(7)" in result.fix


def test_an_exhausted_pool_names_the_statement_that_keeps_it_busy() -> None:
    slow = [session(pid=pid, state="active", query="SELECT slow") for pid in range(5)]
    result = finding("app.pool_exhausted", instances=EXHAUSTED, postgres=postgres(sessions=[session(), *slow]))
    assert "5 of 5 busy connections run: SELECT slow" in result.evidence
    assert "connection_limit" in result.fix
    down = finding("app.pool_exhausted", instances=EXHAUSTED, postgres=None)
    assert "videa db" in down.fix


def test_the_heartbeat_shows_an_exhausted_pool_if_the_instance_is_too_slow_to_answer() -> None:
    slow = replica(1)
    silent = instance(1, health=None, pool_limit=None, pool_size=0, pool_idle=0)
    beat = Beat(slow.id[:12], pool=(5, 5, 0, 12))
    assert reported(
        containers=with_replicas(slow, replica(2, id="f" * 64)), instances=[silent, instance(2)], fleet=[beat]
    ) == [("app.pool_exhausted", "fail")]


def test_a_healthy_foreign_service_has_no_finding_and_skips_what_only_our_backend_reports() -> None:
    """No /health/live, no whoami, no metrics, no tokens: it answers 404 there, and is ready at x-videa's path."""
    foreign = [
        InstanceFacts(name=f"app-backend-{number}", live=404, ready=200, health=404, release="r1", clock=0.0)
        for number in (1, 2)
    ]
    bare = [replica(number, fingerprints={}, stores={}, pool_limit=None) for number in (1, 2)]
    report = report_on(instances=foreign, containers=with_replicas(*bare))
    assert report.findings == []
    assert {skip.id: skip.reason for skip in report.skipped} == {
        "app.jwt_skew": "no replica of backend has JWT_ACCESS_SECRET",
        "app.session_store": "no replica of backend has DATABASE_URL",
        "app.ratelimit_local": "no replica reports where it counts rate limits at /health",
        "app.pool_exhausted": "no replica reports its database connections at /health",
        "app.errors": "no replica reports its error rate at /health/metrics?format=json",
    }


def test_releases_of_a_service_without_a_liveness_path_are_compared() -> None:
    mixed = [instance(1, live=404), instance(2, live=404, release="r2")]
    assert reported(instances=mixed) == [("app.version_skew", "warn")]
