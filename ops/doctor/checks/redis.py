"""Redis: whether it answers, and whether it has memory left."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.limits import Limits
from ops.doctor.sources import REDIS, REDIS_UP
from ops.doctor.words import listing, recovery, share, size

FULL = "max number of clients reached"
"""The error with which Redis rejects a client beyond maxclients."""
_BUSY = "BUSY "


def down(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A node does not answer."""
    nodes = present(facts.redis).nodes
    silent = [node for node in nodes if not node.up and not node.denied and FULL not in node.error]
    if not silent:
        return
    replicas = sum(1 for replica in facts.replicas if replica.running)
    services = sorted({node.service for node in silent})
    busy = [node for node in silent if node.error.startswith(_BUSY)]
    clustered = any(node.info.get("cluster_enabled") == "1" for node in nodes)
    yield Finding(
        "redis.down",
        Severity.FAIL,
        f"Redis ({listing([node.container or node.service for node in silent])})"
        f" {'runs a script that does not end' if busy else 'does not answer'}",
        "\n".join(f"{node.container or node.service}: {node.error}" for node in silent),
        "another node serves its keys, if it has a replica; otherwise each instance limits and caches them separately"
        if clustered
        else f"each replica now limits and caches separately: a client may get up to {max(replicas, 1)}x the limit",
        f"{busy[0].cli('SCRIPT KILL')}\nif it has written already: {busy[0].cli('SHUTDOWN NOSAVE')}"
        if busy
        else recovery(
            services,
            all(facts.runs(node.container) or facts.restarting(node.container) for node in silent),
            outside=not set(services) & set(facts.services),
            paused=facts.paused(node.container for node in silent),
        ),
        subject=silent[0].container,
    )


def _fullness(node: RedisNode) -> float:
    return node.number("used_memory") / node.number("maxmemory") if node.number("maxmemory") else 0.0


def more_memory(facts: Facts, node: RedisNode) -> str:
    """The command for twice the memory, at most three quarters of the container's limit.

    The rest is for Redis's buffers and for the fork of a save; beyond the limit, the kernel kills Redis.
    """
    used, wanted = node.number("used_memory"), max(node.number("maxmemory"), node.number("used_memory")) * 2
    (limit, *_) = [
        *(container.memory_limit for container in facts.containers or [] if container.name == node.container),
        None,
    ]
    allowed = min(wanted, limit * 3 / 4) if limit else wanted
    if allowed < used * 1.2:
        return f"raise deploy.resources.limits.memory of {node.service}, and maxmemory in its command"
    return f"{node.cli(f'CONFIG SET maxmemory {allowed:.0f}')}\nand set the same in the Compose file"


def _figures(node: RedisNode) -> str:
    policy = node.info.get("maxmemory_policy", "?")
    used, most = size(node.number("used_memory")), size(node.number("maxmemory"))
    return f"{node.container}: {used} of {most} ({share(_fullness(node))}), policy {policy}"


def _refusing(node: RedisNode) -> bool:
    """Whether it is full and its policy allows no eviction, or is a volatile one and no key has a time to live."""
    policy = node.info.get("maxmemory_policy", "")
    nothing = policy == "noeviction" or (policy.startswith("volatile") and not _evictable(node))
    return nothing and (_fullness(node) >= 1 or node.errors.get("OOM", 0) > 0)


def _evictable(node: RedisNode) -> int:
    """The number of keys with a time to live, from INFO's lines "db0:keys=7,expires=3,..."."""
    found = (_EXPIRES.search(value) for key, value in node.info.items() if _KEYSPACE.fullmatch(key))
    return sum(int(match[1]) for match in found if match)


_KEYSPACE = re.compile(r"db\d+")
_EXPIRES = re.compile(r"\bexpires=(\d+)")


def maxmem(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis has nearly used its maxmemory."""
    full = [
        node for node in present(facts.redis).nodes if _fullness(node) > limits.redis_memory and not _refusing(node)
    ]
    if full:
        worst = max(full, key=_fullness)
        yield Finding(
            "redis.maxmem",
            Severity.WARN,
            f"Redis has used {share(_fullness(worst))} of its memory",
            "\n".join(_figures(node) for node in full),
            "at maxmemory it evicts keys or refuses writes, which affects rate limits and cached reads",
            more_memory(facts, worst),
        )


def noevict_full(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis is full and may not evict anything, so it refuses every write."""
    full = [node for node in present(facts.redis).nodes if _refusing(node)]
    if full:
        yield Finding(
            "redis.noevict_full",
            Severity.FAIL,
            "Redis is full and refuses writes",
            "\n".join(_figures(node) for node in full),
            "rate limits cannot count, and the cache cannot be filled or invalidated",
            f"{more_memory(facts, full[0])}\nor, if the keys are only a cache:"
            f" {full[0].cli('CONFIG SET maxmemory-policy allkeys-lru')}\n"
            f"find large keys: {full[0].cli('--memkeys')}",
        )


CHECKS = (
    Check("redis.down", Group.REDIS, "no answer in 4 s F", "own", (REDIS,), down),
    Check("redis.maxmem", Group.REDIS, "> 90% of maxmemory W", "awesome-prometheus-alerts", (REDIS_UP,), maxmem),
    Check("redis.noevict_full", Group.REDIS, "full, and nothing to evict F", "own", (REDIS_UP,), noevict_full),
)
