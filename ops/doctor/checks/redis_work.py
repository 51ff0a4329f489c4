"""Redis at work: evictions, clients, persistence, buffers, slow commands and the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.redis import FULL, more_memory
from ops.doctor.facts import Facts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.limits import Limits
from ops.doctor.sources import REDIS, REDIS_UP
from ops.doctor.words import listing, size, span

MIB = 1 << 20


def _nodes(facts: Facts, matches: Callable[[RedisNode], bool]) -> list[RedisNode]:
    return [node for node in present(facts.redis).nodes if node.up and matches(node)]


def _names(nodes: list[RedisNode]) -> str:
    return listing([node.container for node in nodes])


def evicting(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis evicts keys because memory is full, including the counters of rate limits."""
    nodes = _nodes(facts, lambda node: node.delta("evicted_keys") > 0)
    if nodes:
        yield Finding(
            "redis.evicting",
            Severity.FAIL,
            "Redis evicts keys",
            "\n".join(f"{node.container}: {node.delta('evicted_keys'):.0f} keys in {span(node.gap)}" for node in nodes),
            "an evicted rate limit counter starts at zero again",
            f"{more_memory(facts, nodes[0])}\nor use a separate Redis for the cache",
        )


def clients(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The number of clients is near the maximum, or so high that not even the doctor can connect."""
    full = [node for node in present(facts.redis).nodes if FULL in node.error]
    if full:
        yield Finding(
            "redis.clients",
            Severity.FAIL,
            f"{_names(full)} no longer accepts clients",
            "\n".join(f"{node.container}: {node.error}" for node in full),
            "existing connections keep working; all others are refused: their limits and caches become local",
            f"to close all connections: docker compose restart {full[0].service}\n"
            f"then find clients that never disconnect: {full[0].cli('CLIENT LIST')}",
            subject=full[0].container,
        )
        return
    nodes = _nodes(
        facts, lambda node: node.number("connected_clients") > limits.redis_clients * (node.number("maxclients") or 1e9)
    )
    if nodes:
        yield Finding(
            "redis.clients",
            Severity.WARN,
            f"{_names(nodes)}: nearly as many clients as Redis accepts",
            "\n".join(
                f"{node.container}: {node.number('connected_clients'):.0f} of {node.number('maxclients'):.0f}"
                for node in nodes
            ),
            "the next clients are refused: their limits and caches become local",
            f"find clients that never disconnect: {nodes[0].cli('CLIENT LIST')}\nor allow more:"
            f" {_more_clients(nodes[0])}",
        )


def _more_clients(node: RedisNode) -> str:
    return node.cli(f"CONFIG SET maxclients {node.number('maxclients') * 2:.0f}")


def rejected(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Redis rejected connections because there were too many."""
    nodes = _nodes(
        facts,
        lambda node: bool(node.gap) and node.delta("rejected_connections") * 60 / node.gap > limits.redis_rejected,
    )
    if nodes:
        yield Finding(
            "redis.rejected",
            Severity.WARN,
            f"{_names(nodes)} refuses connections",
            "\n".join(
                f"{node.container}: {node.delta('rejected_connections'):.0f} in {span(node.gap)}" for node in nodes
            ),
            "refused instances limit and cache separately",
            _more_clients(nodes[0]),
        )


def blocked(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Clients wait in blocking commands."""
    nodes = _nodes(
        facts, lambda node: node.number("blocked_clients") > 0 and float(node.earlier.get("blocked_clients", "0")) > 0
    )
    if nodes:
        yield Finding(
            "redis.blocked",
            Severity.INFO,
            f"{_names(nodes)}: clients wait in blocking commands",
            "\n".join(f"{node.container}: {node.number('blocked_clients'):.0f} clients" for node in nodes),
            "normal for queues; otherwise a client waits for data that never arrives",
            f"find the clients: {nodes[0].cli('CLIENT LIST')} (flag b)",
        )


def persist(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The last save or append failed."""
    keys = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
    nodes = _nodes(facts, lambda node: any(node.info.get(key, "ok") != "ok" for key in keys))
    if nodes:
        yield Finding(
            "redis.persist",
            Severity.FAIL,
            f"{_names(nodes)} cannot write to its disk",
            "\n".join(
                f"{node.container}: {key} {node.info[key]}"
                for node in nodes
                for key in keys
                if node.info.get(key, "ok") != "ok"
            ),
            "with stop-writes-on-bgsave-error every write is refused; after a restart the data is lost",
            f"docker compose logs --tail 50 {nodes[0].service}; check for a full disk or wrong permissions on /data",
            subject=nodes[0].container,
        )


def buffers(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Clients do not read their replies, which fill the output buffers."""
    nodes = _nodes(facts, lambda node: _buffer(node) > limits.redis_buffer)
    if nodes:
        yield Finding(
            "redis.buffers",
            Severity.WARN,
            f"{_names(nodes)}: large client buffers",
            "\n".join(f"{node.container}: {size(_buffer(node))} per client" for node in nodes),
            "the buffers count towards maxmemory: Redis evicts data for them",
            f"{nodes[0].cli('CLIENT LIST')}, see omem; set client-output-buffer-limit",
        )


def _buffer(node: RedisNode) -> float:
    return node.number("mem_clients_normal") / max(node.number("connected_clients"), 1)


def slowlog(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Commands took longer than slowlog-log-slower-than. The doctor's own INFO may add one or two."""
    nodes = _nodes(facts, lambda node: node.delta("slowlog_id") > limits.redis_slowlog)
    if nodes:
        yield Finding(
            "redis.slowlog",
            Severity.WARN,
            f"{_names(nodes)}: slow commands",
            "\n".join(f"{node.container}: {node.delta('slowlog_id'):.0f} in {span(node.gap)}" for node in nodes),
            "Redis runs one command at a time: all clients wait for a slow one",
            f"see them: videa redis; with arguments: {nodes[0].cli('SLOWLOG GET 10')}",
        )


def fork(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The fork for a save takes a long time."""
    nodes = _nodes(
        facts,
        lambda node: (
            node.number("latest_fork_usec") >= limits.redis_fork_least * 1e6
            and _fork_rate(node) < limits.redis_fork_rate
        ),
    )
    if nodes:
        yield Finding(
            "redis.fork",
            Severity.WARN,
            f"{_names(nodes)}: forking for a save is slow",
            "\n".join(
                f"{node.container}: {node.number('latest_fork_usec') / 1000:.0f} ms for"
                f" {size(node.number('used_memory'))} ({_fork_rate(node) / 1e9:.1f} GB/s)"
                for node in nodes
            ),
            "Redis answers no client during the fork",
            "disable transparent huge pages; save less often",
        )


def _fork_rate(node: RedisNode) -> float:
    """Bytes per second, as Redis's LATENCY DOCTOR computes it: memory in use / time of the last fork."""
    return node.number("used_memory") * 1e6 / max(node.number("latest_fork_usec"), 1)


def masters(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No node or more than one accepts writes, or the cluster's state is not ok."""
    nodes = [node for node in present(facts.redis).nodes if node.up]
    cluster = [node for node in nodes if node.info.get("cluster_enabled") == "1"]
    failing = [node for node in cluster if node.info.get("cluster_state", "ok") != "ok"]
    count = sum(1 for node in nodes if node.info.get("role", "master") == "master")
    if not failing and (cluster or count == 1):
        return
    yield Finding(
        "redis.masters",
        Severity.FAIL,
        f"{_names(failing)}: the cluster is not ok" if failing else f"{count} masters instead of one",
        "\n".join(
            f"{node.container}: role {node.info.get('role', '?')}, cluster_state {node.info.get('cluster_state', '-')}"
            for node in failing or nodes
        ),
        "writes are refused, or go to servers that do not replicate each other",
        f"find the missing node: {failing[0].cli('CLUSTER NODES')}; then docker compose up -d"
        if failing
        else f"on the node that should accept writes: {nodes[0].cli('REPLICAOF NO ONE')}",
    )


def cluster_slots(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Slots that no node of the cluster serves."""
    incomplete = _nodes(
        facts,
        lambda node: (
            node.info.get("cluster_enabled") == "1" and 0 <= node.number("cluster_slots_ok") < limits.redis_slots
        ),
    )
    if incomplete:
        least = min(node.number("cluster_slots_ok") for node in incomplete)
        yield Finding(
            "redis.cluster_slots",
            Severity.FAIL,
            f"{limits.redis_slots - least:.0f} slots of the cluster are not covered",
            "\n".join(f"{node.container}: {node.number('cluster_slots_ok'):.0f} ok" for node in incomplete),
            "every key in them fails",
            f"start the node that had them: docker compose up -d\n"
            f"if it is lost: {incomplete[0].cli('--cluster fix 127.0.0.1:6379')}",
        )


_RMD, _APA = "Redis MEMORY DOCTOR", "awesome-prometheus-alerts"
_R, _UP = Group.REDIS, (REDIS_UP,)
CHECKS = (
    Check("redis.evicting", _R, "keys evicted F", "own", _UP, evicting),
    Check("redis.clients", _R, "> 90% of maxclients W, all F", _APA, (REDIS,), clients),
    Check("redis.rejected", _R, "> 5/min W", _APA, _UP, rejected),
    Check("redis.blocked", _R, "in two samples I", _APA, _UP, blocked),
    Check("redis.persist", _R, "last save or append failed F", _APA, _UP, persist),
    Check("redis.buffers", _R, "> 200 KB per client W", _RMD, _UP, buffers),
    Check("redis.slowlog", _R, "> 2 new entries W", "own", _UP, slowlog),
    Check("redis.fork", _R, "< 10 GB/s and >= 100 ms W", "Redis LATENCY DOCTOR", _UP, fork),
    Check("redis.masters", _R, "not 1, or cluster_state not ok F", _APA, _UP, masters),
    Check("redis.cluster_slots", _R, "uncovered F", "own", _UP, cluster_slots),
)
