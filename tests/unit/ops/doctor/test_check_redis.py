"""The Redis checks on facts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ops.doctor.facts_redis import RedisFacts, RedisNode
from tests.unit.ops.doctor.stack import container, finding, healthy, redis, reported


def test_a_redis_that_is_down_shows_the_effective_limits() -> None:
    gone = RedisFacts([RedisNode("redis", "app-redis-1", up=False, error="container exited, exit code 137")])
    result = finding("redis.down", redis=gone)
    assert result.severity == "fail"
    assert "2x the limit" in result.why
    assert "exit code 137" in result.evidence


def test_a_cluster_without_one_of_its_nodes_still_serves_its_keys() -> None:
    left = RedisNode("redis", "app-redis-1", up=True, info={"cluster_enabled": "1", "cluster_state": "ok"})
    gone = RedisNode("redis-2", "app-redis-2-1", up=False, error="container exited, exit code 0")
    result = finding("redis.down", redis=RedisFacts([left, gone]))
    assert "app-redis-2-1" in result.title
    assert "another node" in result.why


@pytest.mark.parametrize(
    ("service", "state", "fix"),
    [
        ("redis", "exited", "docker compose up -d redis"),
        ("redis", "running", "docker compose restart redis"),
        ("cache.example", "running", "check cache.example: whether it is running"),
    ],
)
def test_the_fix_depends_on_the_state_and_the_location_of_redis(service: str, state: str, fix: str) -> None:
    gone = RedisFacts([RedisNode(service, "app-redis-1", up=False, error="no answer within 4 s")])
    others = [container for container in healthy().containers or [] if container.service != "redis"]
    result = finding("redis.down", redis=gone, containers=[*others, container("redis", state=state)])
    assert result.fix.startswith(fix)


def test_nearly_full_memory_is_a_warning() -> None:
    assert reported(redis=redis(used_memory="91000000")) == [("redis.maxmem", "warn")]


@pytest.mark.parametrize(
    ("limit", "advice"),
    [
        (None, "docker compose exec redis redis-cli CONFIG SET maxmemory 200000000"),
        (160_000_000, "docker compose exec redis redis-cli CONFIG SET maxmemory 120000000"),
        (110_000_000, "raise deploy.resources.limits.memory of redis"),
    ],
)
def test_the_suggested_memory_fits_into_the_container(limit: int | None, advice: str) -> None:
    others = [container for container in healthy().containers or [] if container.service != "redis"]
    containers = [*others, container("redis", memory_limit=limit)]
    result = finding("redis.maxmem", redis=redis(used_memory="91000000"), containers=containers)
    assert result.fix.startswith(advice)


def test_full_without_eviction_is_one_failure() -> None:
    full = redis(used_memory="100000001", maxmemory_policy="noeviction")
    assert reported(redis=full) == [("redis.noevict_full", "fail")]


def test_without_a_limit_redis_is_never_full() -> None:
    assert reported(redis=redis(used_memory="900000000000", maxmemory="0")) == []


def grown(gap: float = 60.0, **counters: int) -> RedisFacts:
    """One node whose counters were zero ``gap`` seconds ago."""
    (node,) = redis(**{name: str(value) for name, value in counters.items()}).nodes
    return RedisFacts([replace(node, earlier=dict.fromkeys(counters, "0"), gap=gap)])


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (grown(evicted_keys=1), [("redis.evicting", "fail")]),
        (grown(rejected_connections=6), [("redis.rejected", "warn")]),
        (grown(rejected_connections=5), []),
        (grown(slowlog_id=3), [("redis.slowlog", "warn")]),
        (redis(connected_clients="91", maxclients="100"), [("redis.clients", "warn")]),
        (redis(blocked_clients="1"), [("redis.blocked", "info")]),
        (redis(aof_last_write_status="err"), [("redis.persist", "fail")]),
        (redis(rdb_last_bgsave_status="err"), [("redis.persist", "fail")]),
        (
            redis(used_memory="6000000", mem_fragmentation_ratio="3", mem_fragmentation_bytes="12000000"),
            [("redis.frag", "warn")],
        ),
        (redis(used_memory="4000000", mem_fragmentation_ratio="9", mem_fragmentation_bytes="40000000"), []),
        (
            redis(used_memory="6000000", used_memory_peak="9100000", allocator_rss_bytes="12000000"),
            [("redis.peak", "info")],
        ),
        (redis(mem_clients_normal="3000000", connected_clients="10"), [("redis.buffers", "warn")]),
        (redis(latest_fork_usec="200000", used_memory="90000000"), [("redis.fork", "warn")]),
        (redis(latest_fork_usec="2000", used_memory="1000000"), []),
        (redis(role="slave"), [("redis.masters", "fail")]),
        (redis(cluster_enabled="1", cluster_state="fail", cluster_slots_ok="16384"), [("redis.masters", "fail")]),
        (redis(cluster_enabled="1", cluster_state="ok", cluster_slots_ok="16000"), [("redis.cluster_slots", "fail")]),
        (redis(cluster_enabled="1", cluster_state="ok", cluster_slots_ok="16384"), []),
    ],
)
def test_one_thing_wrong_in_redis(facts: RedisFacts, expected: list[tuple[str, str]]) -> None:
    assert reported(redis=facts) == expected
