"""What Redis says of itself, and what the replicas have written into it."""

from __future__ import annotations

import json

from ops.doctor.collectors import fleet, outside, redis


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


def test_heartbeats() -> None:
    beat = {"id": "abc", "secrets": {"access": ["k1"]}, "memory": {"rss": 1, "samples": [[1, 2]]}, "new": "ignored"}
    beat["limiter"] = {"limits": {"user": {"requests": 60, "seconds": 60}}}
    (parsed,) = fleet.read(json.dumps(beat) + "\n\n")
    assert (parsed.secrets["access"], parsed.memory_samples, parsed.rate_limits) == (
        ["k1"],
        [(1.0, 2.0)],
        {"user": (60, 60)},
    )
