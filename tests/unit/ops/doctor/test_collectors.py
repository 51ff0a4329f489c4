"""How collectors parse the output of psql, redis-cli, nginx and curl; no I/O."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from ops.balancer.access_log import Line
from ops.balancer.render import parse, render
from ops.declared import Declaration
from ops.doctor.collect import container_of, run_all
from ops.doctor.collectors import balancer, containers, fleet, instances, outside, postgres, proof, redis, services
from ops.doctor.collectors.postgres_sql import BATCH
from ops.doctor.facts import UNKNOWN, Skipped
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.skip import Skip
from ops.engine.compose import Compose
from ops.engine.replicas import read
from ops.errors import EngineError
from ops.probes import ContainerCheck, Http, Probe, Statuses, TcpConnect
from ops.project.config import Project
from ops.project.section import read_settings
from ops.traffic import Upstream
from tests.unit.ops.doctor.stack import NOW, container, replica


def test_composes_container_takes_precedence_over_one_started_by_hand() -> None:
    by_hand, ours = container("postgres", 0), container("postgres", 1, state="exited")
    assert container_of([by_hand, ours], "postgres") == ours
    assert container_of([by_hand], "postgres") == by_hand


def test_a_collector_that_hangs_or_fails_does_not_delay_the_others() -> None:
    never = threading.Event()

    def broken() -> None:
        raise EngineError("container is paused", "unpause it")

    answers, skipped, seconds = run_all({"good": lambda: 1, "hung": never.wait, "bad": broken}, deadline=0.2)
    never.set()
    assert answers == {"good": 1}
    assert {skip.id: skip.reason for skip in skipped} == {
        "hung": "no answer within 0.2 s",
        "bad": "container is paused",
    }
    assert "good" in seconds


def test_a_bug_in_a_collector_is_reported_with_its_location_but_without_its_message() -> None:
    def collector() -> str:
        return str({}["postgresql://app:secret@db/app"])

    _, (skipped,), _ = run_all({"postgres": collector}, deadline=5)
    assert re.fullmatch(r"bug in videa: KeyError at test_collectors\.py:\d+; --verbose shows more", skipped.reason)
    assert "in collector" in skipped.trace


@pytest.mark.parametrize(
    "error", [Skip("it is elsewhere"), EngineError("it is elsewhere", ""), OSError("it is elsewhere")]
)
def test_a_source_that_cannot_be_examined_is_not_a_bug(error: Exception) -> None:
    def collector() -> None:
        raise error

    _, skipped, _ = run_all({"postgres": collector}, deadline=5)
    assert skipped == [Skipped("postgres", "it is elsewhere")]


def test_statements_are_shown_without_values() -> None:
    statement = "SELECT *\n FROM users WHERE email = 'ann@example.org' AND id = 42 AND name = 'O''Hara'"
    assert postgres.without_literals(statement) == "SELECT * FROM users WHERE email = ? AND id = ? AND name = ?"


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("UPDATE users SET bio = 'the server cuts it off in the midd", "UPDATE users SET bio = ?"),
        (r"SELECT E'it\'s mine', 5", "SELECT ?, ?"),
        ("SELECT $$mine$$, $a$mine$$too$a$, $1", "SELECT ?, ?, $1"),
        ("-- ann's own\nSELECT 'a -- b', 1 /* not\nmine */", "SELECT ?, ?"),
    ],
)
def test_no_kind_of_string_and_no_comment_is_shown(statement: str, shown: str) -> None:
    assert postgres.without_literals(statement) == shown


def test_limits_are_read_from_an_environment() -> None:
    details = {
        "Id": "a" * 64,
        "Name": "/app-backend-1",
        "Image": "sha256:1",
        "Created": "2026-11-23T14:00:00Z",
        "State": {"Status": "running", "StartedAt": "2026-11-23T14:00:00.5Z"},
        "Config": {"Image": "app:1", "Env": ["RATE_LIMITS=address=300/60, user=5000/60,login=off"]},
    }
    facts = containers.container_facts(read(details), details, b"key")
    assert facts.rate_limits == {"address": (300, 60), "user": (5000, 60)}


def test_passwords_become_marks_and_a_log_without_a_bound_is_measured(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("12345")
    bound: dict[str, object] = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}, "PidsLimit": 64}
    details: dict[str, Any] = {
        "Id": "a" * 64,
        "Name": "/app-backend-1",
        "Image": "sha256:1",
        "Created": "2026-11-23T14:00:00Z",
        "State": {"Status": "running", "StartedAt": "2026-11-23T14:00:00.5Z"},
        "Config": {"Image": "app:1", "Env": ["REDIS_URL=redis://me:s%40crt@redis:6379/0", "REDIS_PASSWORD=s@crt"]},
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}, "PidsLimit": -1},
        "LogPath": str(tmp_path / "log"),
    }
    facts = containers.container_facts(read(details), details, b"key")
    assert facts.passwords["REDIS_URL"] == facts.passwords["REDIS_PASSWORD"] == containers.fingerprint("s@crt", b"key")
    assert (facts.log_size, facts.pids_limit) == (5, None)
    bounded = containers.container_facts(read(details), {**details, "HostConfig": bound}, b"key")
    assert (bounded.log_size, bounded.pids_limit) == (None, 64)


def test_the_batch_becomes_facts() -> None:
    row = {"pid": 1, "user": "app", "application": "x", "client": "", "state": "active", "kind": "client backend"}
    row |= {"wait": "", "query": "SELECT 'secret'", "state_age": 1.5, "xact_age": None, "query_age": 2}
    server = {"version": 170000, "uptime": 5, "max_connections": 100, "reserved": 3}
    sections = [{"server": server}, {"sessions": [{**row, "blocked_by": [7]}]}]
    output = "\n".join(["ERROR:  permission denied", *map(json.dumps, sections)])
    facts = postgres.read("db", "app-db-1", postgres.read_sections(output))
    assert facts.up
    assert facts.usable == 97
    assert facts.clients[0].query == "SELECT ?"
    assert facts.clients[0].blocked_by == [7]


def test_the_plan_for_psql_selects_statements_by_version() -> None:
    assert BATCH.count("\\if :moved") == 4
    assert BATCH.count("\\if") == BATCH.count("\\endif")
    assert BATCH.index("pg_stat_bgwriter") < BATCH.index("\\! sleep") < BATCH.rindex("pg_stat_bgwriter")


def test_external_nodes_are_named_by_host_and_port() -> None:
    info = "redis_version:8.0.2\r\nrole:master\r\nslowlog\n7\ncluster\ncluster_state:ok\n"
    up, down = outside.read_nodes(f"@videa@a:6379\n{info}{info}@videa@b:6379\nerror Connection refused\n")
    assert (up.container, up.up, up.info["cluster_state"], up.info["slowlog_id"]) == ("a:6379", True, "ok", "8")
    assert (down.container, down.up, down.error) == ("b:6379", False, "Connection refused")


def test_two_samples_of_info() -> None:
    first = "# Server\r\nredis_version:8.0.2\r\nevicted_keys:1\r\nslowlog\n7\n1800000000\n12000\nGET\nkey\ncluster\n"
    second = "# Server\r\nredis_version:8.0.2\r\nevicted_keys:5\r\nslowlog\n\ncluster\nERR cluster support disabled\n"
    samples = redis.read(first + second)
    assert [sample["evicted_keys"] for sample in samples] == ["1", "5"]
    assert [sample["slowlog_id"] for sample in samples] == ["8", "0"]


def script_output(
    configuration: str, verdict: str = "accepted", serving: str = "4", answers: str = "", expires: str = ""
) -> str:
    room = "worker 12 20000 8294\nworker 30 20000 8294\nspace 16384 4096"
    return "\n@videa@\n".join(["nginx version: nginx/1.30.6", verdict, configuration, serving, expires, room, answers])


def wanted(text: str) -> list[Upstream]:
    return [Upstream("backend", 3001, parse(text).servers)]


def test_the_configuration_and_the_probes_of_nginx() -> None:
    # The status of the fifth is lost, but not its body; a redirect and a 404 are answers of a live service.
    answers = "\n".join(["2 302", "4 502", "1 200", "3 404", " 000", "1", "3", "4", "5"])
    text = script_output(render(Upstream("backend", 3001, ("b-1", "b-2")), 4), answers=answers)
    facts = balancer.read("app-nginx-1", text, wanted, sticky=False)
    assert (facts.version, facts.generation, facts.serving, facts.listed) == ("1.30.6", "4", "4", ["b-1", "b-2"])
    assert (facts.probes, facts.answers, facts.failures) == (6, {UNKNOWN: 4}, {"502": 1, "no answer": 1})
    assert (facts.connections, facts.most_connections, facts.full, facts.space) == (30, 8294, 0.25, 16 << 20)
    assert facts.drift == []


def test_nginxs_log_shows_which_replica_answered_a_probe() -> None:
    def line(address: str, status: int = 200, request_id: str = "videa-doctor-0f") -> Line:
        return Line(NOW, status, 0.01, request_id, upstream=f"{address}:80")

    lines = [line("10.0.0.1"), line("10.0.0.1", 404), line("10.0.0.2"), line("10.0.0.2", 499), line("10.0.0.2", 502)]
    others = [line("10.0.0.2", request_id="somebody"), line("10.9.9.9")]
    assert balancer.answered([*lines, *others], "videa-doctor-0f", REPLICAS) == {
        "app-backend-1": 2,
        "app-backend-2": 1,
        UNKNOWN: 1,
    }


def test_a_balancing_method_that_was_changed_by_hand_is_drift() -> None:
    text = render(Upstream("backend", 3001, ("b-1", "b-2")), 4).replace("least_conn;", "ip_hash;", 1)
    facts = balancer.read("app-nginx-1", script_output(text), wanted, sticky=False)
    assert facts.drift == ["- upstream app: least_conn;", "+ upstream app: ip_hash;"]


def test_a_configuration_that_nginx_refuses_or_that_videa_did_not_write() -> None:
    refused = balancer.read(
        "n", script_output("http { nonsense; }", verdict='unknown directive "nonsense"'), wanted, False
    )
    assert not refused.accepted
    assert "nonsense" in refused.refusal
    unnameable = render(Upstream("backend", 3001, ("b-1",)), 4).replace("server b-1:", "server $who:")
    assert "not written by videa" in balancer.read("n", script_output(unnameable), wanted, False).refusal
    foreign = balancer.read("n", script_output("http { }"), wanted, False)
    assert not foreign.accepted
    assert "not written by videa" in foreign.refusal


def test_no_answer_at_all_is_a_failed_probe() -> None:
    facts = balancer.read("n", script_output(render(Upstream("backend", 3001), 1)), wanted, False)
    assert facts.failures == {"no answer": 1}
    assert facts.listed is None


REPLICAS = [replica(1, addresses=["10.0.0.1"]), replica(2, addresses=["10.0.0.2"])]


def requests(*upstreams: str, status: int = 200) -> list[Line]:
    return [Line(NOW, status, 0.01, upstream=upstream) for upstream in upstreams]


def test_user_requests_show_which_replicas_nginx_reaches() -> None:
    lines = requests("10.0.0.1:3001", "10.0.0.9:3001, 10.0.0.2:3001", "10.0.0.1:3001", "")
    assert balancer.served(lines, REPLICAS) == {"app-backend-1": 2, "app-backend-2": 1}


@pytest.mark.parametrize(
    ("lines", "replicas"),
    [
        (requests("10.0.0.1:3001"), REPLICAS),
        ([*requests("10.0.0.1:3001", "10.0.0.2:3001"), *requests("10.0.0.1:3001", status=502)], REPLICAS),
        (requests("10.0.0.1:3001", "10.0.0.2:3001"), [*REPLICAS, replica(3)]),
        (requests("10.0.0.1:3001"), [replica(1, addresses=["10.0.0.1"], state="exited")]),
    ],
    ids=["one gets none", "one failed", "one without an address", "none is running"],
)
def test_user_requests_are_not_sufficient(lines: list[Line], replicas: list[ContainerFacts]) -> None:
    assert balancer.served(lines, replicas) == {}


def test_user_requests_replace_probes_unless_nginx_hangs() -> None:
    configuration = render(Upstream("backend", 3001), 1)
    seen = {"app-backend-1": 5}
    busy = balancer.read("n", script_output(configuration), wanted, False, seen)
    assert (busy.seen, busy.probes) == (seen, 0)
    hanging = balancer.read("n", script_output(configuration, serving=""), wanted, False, seen)
    assert (hanging.seen, hanging.failures) == ({}, {"no answer": 1})


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


def test_a_service_without_our_backends_sign_in_skips_the_proof() -> None:
    with pytest.raises(Skip, match="/api/v1/me"):
        proof.read(["a"], ["a", "b"], "404 \n404 \n")


def test_the_matrix_of_a_proof() -> None:
    made = proof.read(["a", "b"], ["a", "b"], "200 9\n200 8\n401 \n200 7\n")
    assert made.matrix == {"a": {"a": 200, "b": 200}, "b": {"a": 401, "b": 200}}
    assert made.remaining == [("a", 9), ("b", 8), ("b", 7)]
    with pytest.raises(Skip):
        proof.read(["a"], ["a", "b"], "200 9\n")


def test_heartbeats() -> None:
    beat = {"id": "abc", "secrets": {"access": ["k1"]}, "memory": {"rss": 1, "samples": [[1, 2]]}, "new": "ignored"}
    beat["limiter"] = {"limits": {"user": {"requests": 60, "seconds": 60}}}
    (parsed,) = fleet.read(json.dumps(beat) + "\n\n")
    assert (parsed.secrets["access"], parsed.memory_samples, parsed.rate_limits) == (
        ["k1"],
        [(1.0, 2.0)],
        {"user": (60, 60)},
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://redis:6379/0", ["redis"]),
        ("redis+cluster://:pass@a:6379,b:6379,c:6379", ["a", "b", "c"]),
        ("postgresql://u:p%40x@db/app?connection_limit=5", ["db"]),
        ("nothing", []),
        ("postgresql://app@[fd00::1]:5432/app", ["[fd00::1]"]),
        ("postgresql://app@[fd00::1/app", []),
    ],
)
def test_the_hosts_of_a_url(url: str, expected: list[str]) -> None:
    assert services.hosts_of(url) == expected


def project_with(url: str | None) -> Project:
    services = {
        "web": {"environment": {"REDIS_URL": url} if url else {}},
        "cache": {"container_name": "the-cache", "networks": {"data": {"aliases": ["redis.local"]}, "front": None}},
        "queue": {},
    }
    section = {"service": "web"}
    compose = Compose((), None, Path(), {})
    return Project("shop", Path(), compose, {"services": services}, read_settings(section), section, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache:6379/0", ["cache"]),
        ("redis://:secret@the-cache", ["cache"]),
        ("redis://redis.local:6379", ["cache"]),
        ("redis+cluster://cache:6379,queue:6379,the-cache:6379", ["cache", "queue"]),
        ("redis://elsewhere.example:6379", []),
    ],
)
def test_the_services_of_a_url(url: str, expected: list[str]) -> None:
    assert services.locate(project_with(url), "REDIS_URL").services == expected


def test_an_external_or_missing_url_is_a_skip_whose_reason_has_no_password() -> None:
    external = services.locate(project_with("redis://:secret@elsewhere.example:6379"), "REDIS_URL")
    with pytest.raises(Skip, match=r"^REDIS_URL points to elsewhere\.example, which is not a service of this project$"):
        _ = external.service
    with pytest.raises(Skip, match="web has no REDIS_URL"):
        services.locate(project_with(None), "REDIS_URL")


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
