"""Redis is running, but makes clients wait, or answers with errors."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ops.doctor.facts_redis import RedisFacts, RedisNode
from tests.unit.ops.doctor.stack import finding, instance, redis, replica, reported, with_replicas


def answered(before: str = "", **counts: str) -> RedisFacts:
    """A node with these numbers of errors, after ``before`` of each."""
    (node,) = redis(**{f"errorstat_{code}": count for code, count in counts.items()}).nodes
    earlier = {key: before for key in node.info if key.startswith("errorstat_")}
    return RedisFacts([replace(node, earlier=earlier)])


def unreached(error: str) -> RedisFacts:
    return RedisFacts([RedisNode("redis", "app-redis-1", up=False, error=error)])


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"paused_reason": "client_pause", "paused_actions": "write"}, [("redis.paused", "fail")]),
        ({"blocked_clients": "2", "total_blocking_keys": "0"}, [("redis.paused", "fail"), ("redis.blocked", "info")]),
        ({"blocked_clients": "2", "total_blocking_keys": "2"}, [("redis.blocked", "info")]),
        ({"paused_reason": "none", "blocked_clients": "0", "total_blocking_keys": "0"}, []),
    ],
)
def test_clients_that_must_wait(info: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert reported(redis=redis(**info)) == expected


def test_a_redis_that_answers_the_doctor_and_no_replica() -> None:
    late = [instance(number, redis="fail", redis_error="no answer within 0.25 s") for number in (1, 2)]
    result = finding("redis.paused", instances=late)
    assert "docker compose exec redis redis-cli CLIENT UNPAUSE" in result.fix
    assert "redis.paused" not in dict(reported(instances=[late[0], instance(2)]))
    assert "redis.paused" not in dict(reported(instances=late, redis=unreached("no answer within 4 s")))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (answered(NOPERM="count=3"), [("redis.refusing", "fail")]),
        (answered(NOPERM="count=2"), []),  # the doctor's own
        (answered(NOREPLICAS="count=1"), [("redis.refusing", "fail")]),
        (answered("count=3", NOPERM="count=3"), []),
        (answered(ERR="count=2"), []),
        (answered(ERR="count=9"), [("redis.refusing", "fail")]),
        (answered(NOSCRIPT="count=9"), []),
    ],
)
def test_errors_that_redis_answers_with_while_the_doctor_looks(
    facts: RedisFacts, expected: list[tuple[str, str]]
) -> None:
    assert reported(redis=facts) == expected


def test_refused_commands_are_the_cause_of_local_limits() -> None:
    local = [instance(1, limiter="local"), instance(2, limiter="local")]
    assert reported(redis=answered(NOPERM="count=3"), instances=local) == [
        ("redis.refusing", "fail"),
        ("app.ratelimit_local", "fail"),
    ]


@pytest.mark.parametrize(
    ("keyspace", "errors", "expected"),
    [
        ("keys=9,expires=0,avg_ttl=0", "", [("redis.noevict_full", "fail")]),
        ("keys=9,expires=8,avg_ttl=0", "", [("redis.maxmem", "warn")]),
    ],
)
def test_a_full_redis_without_a_key_that_it_may_evict(
    keyspace: str, errors: str, expected: list[tuple[str, str]]
) -> None:
    assert reported(redis=redis(used_memory="100000001", db0=keyspace)) == expected


def test_a_script_that_does_not_end_is_killed_and_redis_not_restarted() -> None:
    result = finding("redis.down", redis=unreached("BUSY Redis is busy running a script."))
    assert result.fix.startswith("docker compose exec redis redis-cli SCRIPT KILL")
    assert "runs a script" in result.title


def test_a_redis_that_accepts_no_client_is_not_down() -> None:
    assert reported(redis=unreached("ERR max number of clients reached")) == [("redis.clients", "fail")]


def test_a_single_replica_with_another_password_is_created_again() -> None:
    replicas = [replica(1, passwords={"REDIS_URL": "old"}), replica(2, passwords={"REDIS_URL": "own"})]
    refused = [instance(1, redis="fail", redis_error="WRONGPASS invalid username-password pair"), instance(2)]
    fix = finding("redis.auth", instances=refused, containers=with_replicas(*replicas)).fix
    assert fix == "app-backend-1 was given another password than the others: videa deploy --force"
