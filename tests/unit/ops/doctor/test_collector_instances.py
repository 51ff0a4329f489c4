"""What replicas are asked, one by one and against each other, and what their answers mean."""

from __future__ import annotations

import json

import pytest

from ops.declared import Declaration
from ops.doctor.collectors import instances, proof
from ops.doctor.skip import Skip
from ops.probes import ContainerCheck, Http, Probe, Statuses, TcpConnect
from tests.unit.ops.doctor.stack import replica


def test_the_answers_of_a_replica() -> None:
    health = {
        "status": "degraded",
        "instance": "abc",
        "checks": {"postgres": {"status": "ok"}, "redis": {"status": "fail", "reason": "refused"}},
        "pool": {"limit": 5, "size": 5, "idle": 0, "waiting": 3},
    }
    bodies = ["{}", "{}", json.dumps(health), "{}"]
    statuses = [200, 503, 200, 200]
    date = "Mon, 23 Nov 2026 14:00:03 GMT"
    answered = [f"{bodies[n]}\n@videa@{n} {status} 1.9 {date}|\n" for n, status in enumerate(statuses)]
    text = "".join(["@clock@ 1795442400\n", *reversed(answered)])
    answers = instances.read_answers(text)
    facts = instances.read(replica(1), [answers[number] for number in range(4)], Http(1, "/"))
    assert facts.clock == 1
    assert (facts.live, facts.ready, facts.health) == (200, 503, 200)
    assert (facts.instance, facts.redis, facts.pool_waiting) == ("abc", "fail", 3)


def test_a_replica_that_does_not_answer() -> None:
    answers = instances.read_answers(
        "@clock@ 1795442400\n\n@videa@0 000 2.0 |Operation timed out\n\n@videa@1 000 2.0 |\n"
    )
    facts = instances.read(replica(1), [answers[0], answers[1], instances.Answer(), instances.Answer()], Http(1, "/"))
    assert (facts.live, facts.error) == (None, "Operation timed out")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "ok",
        "[]",
        '{"status": "UP", "checks": {"postgres": {"status": "fail"}}, "pool": {"limit": 3}}',
        '{"status": 1}',
    ],
)
def test_answers_of_another_service_at_our_backends_paths_are_ignored(body: str) -> None:
    answers = [instances.Answer("", 204, ""), instances.Answer("", 204, ""), *[instances.Answer(body, 200, "")] * 2]
    facts = instances.read(replica(1), answers, Http(1, "/"))
    assert facts.is_ready and facts.answers
    assert (facts.database, facts.limiter, facts.pool_limit, facts.requests) == ("", "", None, None)


@pytest.mark.parametrize(
    ("probe", "health", "well"),
    [
        (ContainerCheck(), "healthy", True),
        (ContainerCheck(), "unhealthy", False),
        (TcpConnect(3001), "none", True),
        (Http(3001, "/", expect=(Statuses("302"),)), "none", True),
        (Http(3001, "/"), "none", False),
    ],
    ids=["healthy", "unhealthy", "connect", "expected", "unexpected"],
)
def test_a_replica_is_ready_as_its_release_declares(probe: Probe, health: str, well: bool) -> None:
    found, missing = instances.Answer("", 302, ""), instances.Answer("", 404, "")
    given = [found, found, missing, missing] if isinstance(probe, Http) else [instances.Answer()] * 2 + [missing] * 2
    facts = instances.read(replica(1, health=health), given, probe)
    assert (facts.is_ready, facts.answers, facts.by_connect) == (well, True, isinstance(probe, TcpConnect))
    refused = instances.Answer(error="refused")
    silent = instances.read(replica(1, health="healthy"), [refused] * 4, probe)
    assert (silent.answers, silent.error) == (False, "refused")
    assert silent.is_ready is isinstance(probe, ContainerCheck)


def test_the_queries_of_a_replica_are_numbered_and_have_their_headers() -> None:
    declaration = Declaration(8000, "/live", "/ready", probe_port=9000, headers=(("Host", "shop.example"),))
    parts = instances.query(replica(2), declaration, 4).split("next\n")
    assert [part.partition("@videa@")[2][0] for part in parts] == ["4", "5", "6", "7"]
    assert 'url = "http://app-backend-2:9000/live"' in parts[0]
    assert [part.count("shop.example") for part in parts] == [1, 1, 0, 0]
    assert 'url = "http://app-backend-2:8000/health"' in parts[2]
    checked = instances.query(replica(2), Declaration(8000), 4).split("next\n")
    assert [part.partition("@videa@")[2][0] for part in checked] == ["6", "7"]


@pytest.mark.parametrize(
    ("message", "well"),
    [("\0\0\0\0\2\b\1", True), ("\0\0\0\0\2\b\2", False), ("", True)],
    ids=["serving", "not", "silent"],
)
def test_a_server_of_grpc_is_asked_by_calls(message: str, well: bool) -> None:
    declaration = Declaration(50051, grpc=True)
    parts = instances.query(replica(1), declaration, 0).split("next\n")
    assert len(parts) == 2
    assert all('data-binary = "@call"' in part and "/grpc.health.v1.Health/Check" in part for part in parts)
    given = [instances.Answer(message, 200, ""), instances.Answer(message, 200, ""), *[instances.Answer()] * 2]
    facts = instances.read(replica(1), given, declaration.probe(live=False, has_check=False), grpc=True)
    assert (facts.answers, facts.is_ready, facts.by_connect) == (True, well, False)
    checked = instances.read(replica(1, health="healthy"), given, ContainerCheck(), grpc=True)
    assert (checked.answers, checked.is_ready) == (True, True)


def test_a_service_without_our_backends_sign_in_skips_the_proof() -> None:
    with pytest.raises(Skip, match="/api/v1/me"):
        proof.read(["a"], ["a", "b"], "404 \n404 \n")


def test_the_matrix_of_a_proof() -> None:
    made = proof.read(["a", "b"], ["a", "b"], "200 9\n200 8\n401 \n200 7\n")
    assert made.matrix == {"a": {"a": 200, "b": 200}, "b": {"a": 401, "b": 200}}
    assert made.remaining == [("a", 9), ("b", 8), ("b", 7)]
    with pytest.raises(Skip):
        proof.read(["a"], ["a", "b"], "200 9\n")
