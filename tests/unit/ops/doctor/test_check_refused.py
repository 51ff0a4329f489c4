"""A refused password of Redis, its loading, its memory; and answers that break off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.doctor.collect import run_all, unless_ended
from ops.doctor.collectors.outside import read_nodes
from ops.doctor.collectors.postgres import postgres_facts
from ops.doctor.collectors.redis import redis_node
from ops.doctor.facts import Skipped
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.skip import BrokenOff
from ops.errors import EngineError
from ops.models import Container, ExecResult
from tests.unit.ops.doctor.stack import (
    container,
    finding,
    instance,
    postgres,
    redis,
    replica,
    report_on,
    reported,
    with_replicas,
)
from tests.unit.ops.fakes.platform import FakePlatform

WRONG = "AUTH failed: WRONGPASS invalid username-password pair or user is disabled."


class Answering(FakePlatform):
    """A platform whose containers answer every command with one result."""

    def __init__(self, code: int, output: str) -> None:
        self.answer = ExecResult(code, output)

    def ask(self, *_: Any, **__: Any) -> ExecResult:
        return self.answer


@pytest.mark.parametrize(
    "said", [WRONG, "NOAUTH Authentication required.", "NOPERM User app has no permissions to run"]
)
def test_a_refused_password_of_the_doctor_is_a_failure(said: str) -> None:
    node = redis_node(Answering(0, f"{said}\n"), "redis", "app-redis-1")
    report = report_on(redis=RedisFacts([node]))
    assert [(each.id, each.severity.value) for each in report.findings] == [("redis.auth", "fail")]
    assert report.findings[0].evidence == f"app-redis-1: {said}"
    assert {each.id: each.reason for each in report.skipped}["redis.frag"] == "Redis refuses the doctor's password"


def test_an_external_node_that_refuses_the_password() -> None:
    (node,) = read_nodes("@videa@cache:6379\nerror invalid username-password pair or user is disabled.\n")
    result = finding("redis.auth", redis=RedisFacts([node]))
    assert "in REDIS_URL of backend, then videa deploy" in result.fix


REFUSED = {"limiter": "local", "redis": "fail", "redis_error": "invalid username-password pair or user is disabled."}


@pytest.mark.parametrize(
    ("own", "fix"), [("a", "docker compose restart redis"), ("b", "set the password that it asks for in REDIS_URL")]
)
def test_a_refused_password_of_the_replicas_causes_local_limits(own: str, fix: str) -> None:
    others = [each for each in with_replicas() if each.service != "redis"]
    containers = [
        replica(1, passwords={"REDIS_URL": "a"}),
        replica(2, passwords={"REDIS_URL": "a"}),
        *others,
        container("redis", passwords={"REDIS_PASSWORD": own}),
    ]
    report = report_on(containers=containers, instances=[instance(1, **REFUSED)])
    assert [(each.id, each.cause) for each in report.findings] == [
        ("redis.auth", ""),
        ("app.ratelimit_local", "redis.auth"),
    ]
    assert report.findings[0].fix.startswith(fix)


def test_redis_that_loads_its_data_is_not_restarted() -> None:
    result = finding("redis.loading", redis=redis(loading="1", loading_loaded_perc="40.0", loading_eta_seconds="9"))
    assert "40% loaded, 9 s left" in result.evidence
    assert result.fix.startswith("wait")


HOLES = {"used_memory": "20000000", "mem_fragmentation_ratio": "1.9", "mem_fragmentation_bytes": "18000000"}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"allocator_frag_ratio": "1.16", "allocator_frag_bytes": "13000000"}, []),
        ({"allocator_frag_ratio": "1.50", "allocator_frag_bytes": "11000000"}, [("redis.frag", "warn")]),
        ({}, [("redis.frag", "warn")]),
    ],
    ids=["process-only", "holes", "before-redis-4"],
)
def test_only_holes_of_the_allocator_are_fragmentation(info: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert reported(redis=redis(**HOLES, **info)) == expected


def test_the_fix_of_fragmentation_also_works_for_a_build_without_active_defragmentation() -> None:
    fix = finding("redis.frag", redis=redis(**HOLES, aof_enabled="1")).fix
    assert fix.startswith("docker compose exec redis redis-cli -e CONFIG SET activedefrag yes || ")
    assert fix.index("BGREWRITEAOF") < fix.index("docker compose restart redis")
    assert "loses what was not saved" in finding("redis.frag", redis=redis(**HOLES, aof_enabled="0")).fix


@pytest.mark.parametrize(("held", "expected"), [("2000000", []), ("12000000", [("redis.peak", "info")])])
def test_a_peak_matters_if_the_allocator_holds_its_memory(held: str, expected: list[tuple[str, str]]) -> None:
    assert (
        reported(redis=redis(used_memory="6000000", used_memory_peak="9100000", allocator_rss_bytes=held)) == expected
    )


SERVER = json.dumps({"server": {"version": 170000, "uptime": 5000, "max_connections": 100, "reserved": 3}})
CUT = f"{SERVER}\nFATAL:  terminating connection due to administrator command\nserver closed the connection\n"


def test_a_session_of_the_doctor_that_was_ended_is_a_failure_and_the_rest_is_unknown() -> None:
    facts = postgres_facts(Answering(2, CUT), "postgres", "app-postgres-1")
    report = report_on(postgres=facts)
    assert [(each.id, each.severity.value) for each in report.findings] == [("doctor.broken_off", "fail")]
    assert "terminating connection due to administrator command (exit code 2)" in report.findings[0].evidence
    reasons = {each.id: each.reason for each in report.skipped}
    assert "broke off" in reasons["pg.sequence"]
    assert "broke off" in reasons["pg.slow_stmt"]
    assert "broke off" in reasons["pg.replica_lag"]


def test_an_answer_that_took_too_long_is_not_complete() -> None:
    assert "within 6 s" in postgres_facts(Answering(124, SERVER), "postgres", "app-postgres-1").broken_off
    assert postgres_facts(Answering(0, SERVER), "postgres", "app-postgres-1").broken_off == ""


SAMPLE = "# Server\nredis_version:8.0.2\nrole:master\nslowlog\n\ncluster\nERR no cluster\nvidea-end-of-sample\n"


@pytest.mark.parametrize(
    ("code", "output", "reason"),
    [
        (0, SAMPLE * 2 + "\nvidea-volume 100 40\n", ""),
        (0, SAMPLE + "Error: Server closed the connection\n" + SAMPLE.partition("slowlog")[2], "Server closed"),
        (0, SAMPLE, "ended early"),
        (1, SAMPLE * 2, "exit code 1"),
    ],
    ids=["complete", "connected-again", "one-sample", "code"],
)
def test_redis_cli_that_was_disconnected(code: int, output: str, reason: str) -> None:
    node = redis_node(Answering(code, output), "redis", "app-redis-1")
    assert node.up
    assert reason in node.broken_off
    assert bool(node.broken_off) == bool(reason)
    found = dict(reported(redis=RedisFacts([node])))
    assert found == ({"doctor.broken_off": "fail"} if reason else {})


def test_the_free_space_of_redis_folder() -> None:
    node = redis_node(Answering(0, SAMPLE * 2 + "\nvidea-volume 100 40\n"), "redis", "app-redis-1")
    assert node.volume is not None
    assert (node.volume.size, node.volume.free) == (100, 40)


def test_an_external_node_that_was_disconnected() -> None:
    info = "redis_version:8.0.2\nrole:master\nslowlog\n7\ncluster\ncluster_state:ok\n"
    (node,) = read_nodes(f"@videa@a:6379\n{info}error Connection closed by server.\n")
    assert (node.up, node.broken_off) == (True, "Connection closed by server.")


def test_any_other_source_whose_answer_breaks_off_is_a_failure() -> None:
    def cut() -> None:
        raise BrokenOff("the script in app-nginx-1 ended early")

    _, skipped, _ = run_all({"balancer": cut}, deadline=5)
    assert skipped == [Skipped("balancer", "the script in app-nginx-1 ended early", broken_off=True)]
    report = report_on(balancer=None, skipped=skipped)
    assert [(each.id, each.subject) for each in report.findings] == [("doctor.broken_off", "balancer")]
    assert "docker compose logs --tail 50 nginx" in report.findings[0].fix


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pids": 200, "pids_limit": 256}, None),
        ({"pids": 240, "pids_limit": 256}, "warn"),
        ({"pids": 256, "pids_limit": 256}, "fail"),
        ({"pids": 200, "pids_limit": 256, "forks_refused": 3}, "fail"),
        ({"pids": 900, "pids_limit": None}, None),
    ],
)
def test_the_limit_of_processes(changes: dict[str, Any], expected: str | None) -> None:
    others = [each for each in with_replicas(replica(1), replica(2)) if each.service != "postgres"]
    facts: dict[str, Any] = {"containers": [*others, container("postgres", **changes)]}
    assert dict(reported(**facts)).get("ctr.pids") == expected
    if expected == "fail":
        down = report_on(**facts, postgres=postgres(up=False, error="sh: 6: Cannot fork"))
        assert {each.id: each.cause for each in down.findings}["pg.down"] == "ctr.pids"
        assert "docker update --pids-limit 512 app-postgres-1" in finding("ctr.pids", **facts).fix


class Restarting(FakePlatform):
    """A platform with one container in this state."""

    def __init__(self, state: str) -> None:
        self.state = state

    def container(self, service: str) -> Container:
        return Container("a" * 64, f"app-{service}-1", service, self.state, "none", "x", 3, 1, False)


def fails() -> str:
    raise EngineError("container is restarting", "")


def test_a_server_that_ended_after_it_was_listed_is_down_and_not_skipped() -> None:
    why = unless_ended(Restarting("restarting"), "postgres", fails, lambda reason: reason)
    assert why == "container restarting, exit code 1"
    with pytest.raises(EngineError):
        unless_ended(Restarting("running"), "postgres", fails, lambda reason: reason)


def test_a_node_without_an_answer_is_down_and_not_refused() -> None:
    silent = RedisNode("redis", "app-redis-1", up=False, error="Could not connect to Redis")
    assert dict(reported(redis=RedisFacts([silent]))) == {"redis.down": "fail"}
