"""Redis's memory: fragmentation, which its allocator can neither use nor return."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.limits import Limits
from ops.doctor.sources import REDIS_UP
from ops.doctor.words import listing, size


def frag(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Fragmented memory, which Redis's allocator can neither use nor return.

    This is not the ratio of resident memory to data, which includes the process's own memory and pages that the
    allocator is about to return.
    """
    nodes = [
        node
        for node in present(facts.redis).nodes
        if node.number("used_memory") > limits.redis_small
        and node.number(f"{_holes(node)}_ratio") > limits.redis_frag
        and node.number(f"{_holes(node)}_bytes") > limits.redis_frag_bytes
    ]
    if nodes:
        yield Finding(
            "redis.frag",
            Severity.WARN,
            f"{listing([node.container for node in nodes])}: memory is fragmented",
            "\n".join(
                f"{node.container}: ratio {node.number(f'{_holes(node)}_ratio'):.2f},"
                f" {size(node.number(f'{_holes(node)}_bytes'))} lost"
                for node in nodes
            ),
            "the container gets near its memory limit although Redis stores little",
            _defragment(facts, nodes[0]),
        )


def _holes(node: RedisNode) -> str:
    """The allocator's figures; Redis before version 4 has only those of the process."""
    return "allocator_frag" if "allocator_frag_ratio" in node.info else "mem_fragmentation"


def _defragment(facts: Facts, node: RedisNode) -> str:
    """The fix. Active defragmentation needs an allocator built for it; otherwise Redis rejects the setting.

    INFO does not show this. A restart is the alternative; an append-only file must be rewritten before, because
    replaying it would fragment the memory again.
    """
    command = node.cli("-e CONFIG SET activedefrag yes")
    if node.service not in facts.services:
        return f"{command}\nif this build refuses it: restart it"
    restart = f"docker compose restart {node.service}"
    if node.info.get("aof_enabled") != "1":
        return f"{command} || {restart}\nwithout an append-only file, a restart loses what was not saved"
    return f"{command} || {{ docker compose exec {node.service} sh -c '{_REWRITE}'; {restart}; }}"


_REWRITE = (
    "redis-cli BGREWRITEAOF;"
    ' while redis-cli INFO persistence | grep -qE "aof_rewrite_(in_progress|scheduled):1"; do sleep 1; done'
)


def peak(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis used much more memory in the past than now, and its allocator has not returned it."""
    nodes = [
        node
        for node in present(facts.redis).nodes
        if node.number("used_memory") > limits.redis_small
        and node.number("used_memory_peak") / node.number("used_memory") > limits.redis_peak
        and node.number("allocator_rss_bytes") > limits.redis_frag_bytes
    ]
    if nodes:
        yield Finding(
            "redis.peak",
            Severity.INFO,
            f"{listing([node.container for node in nodes])}: memory of an earlier peak was not returned",
            "\n".join(
                f"{node.container}: {size(node.number('used_memory_peak'))} at most,"
                f" {size(node.number('used_memory'))} now, {size(node.number('allocator_rss_bytes'))} not returned"
                for node in nodes
            ),
            "other containers cannot use it",
            nodes[0].cli("MEMORY PURGE"),
        )


_RMD = "Redis MEMORY DOCTOR"
_R, _UP = Group.REDIS, (REDIS_UP,)
CHECKS = (
    Check("redis.frag", _R, "of the allocator > 1.4 and > 10 MB, not below 5 MB W", _RMD, _UP, frag),
    Check("redis.peak", _R, "> 1.5, > 10 MB not returned, not below 5 MB I", _RMD, _UP, peak),
)
