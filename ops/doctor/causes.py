"""Causes and effects: findings with a common cause are reported together, as a chain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from ops.doctor.check import Finding, Severity

_WEIGHT = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}


class Link(Struct, frozen=True):
    """``cause`` can lead to ``effect``; with ``same``, only in the same container, or if the cause affects several."""

    cause: str
    effect: str
    same: bool = False


def _links(cause: str, *effects: str, same: bool = False) -> tuple[Link, ...]:
    return tuple(Link(cause, effect, same) for effect in effects)


DATA_LINKS: tuple[Link, ...] = (
    *_links("pg.archive", "pg.wal"),
    *_links("pg.slot_inactive", "pg.wal"),
    *_links("pg.slot_lag", "pg.wal"),
    *_links("pg.wal", "host.volume", same=True),
    *_links("host.volume", "pg.down", "redis.persist", "ctr.restart_loop", same=True),
    *_links("ctr.pids", "pg.down", "redis.down", "ctr.unhealthy", "doctor.broken_off", same=True),
    *_links("ctr.oom", "pg.crashed", same=True),
    *_links("pg.crashed", "doctor.broken_off", same=True),
    *_links("pg.crashed", "app.not_ready", "app.errors", "lb.5xx"),
    *_links("pg.auth", "app.not_ready", "app.errors", "lb.5xx"),
    *_links("pg.read_only", "app.not_ready", "app.errors", "lb.5xx"),
    *_links("pg.statements", "pg.rollbacks", "app.errors", "lb.5xx", "app.not_ready"),
    *_links("pg.config", "ctr.restart_loop", "pg.down", same=True),
    *_links("pg.listen", "net.unreachable", "app.not_ready", "app.errors", "lb.5xx"),
    *_links("pg.session_limit", "app.not_ready", "app.pool_exhausted", "app.errors", "lb.5xx"),
    *_links("pg.sync", "pg.long_query", "pg.blocked", "pg.conn_high", "app.pool_exhausted"),
    *_links("pg.sync", "app.not_ready", "app.errors", "lb.5xx", "lb.p99"),
    *_links("pg.prepared", "pg.blocked", "pg.long_query", "pg.dead_tuples", "pg.conn_high", "app.pool_exhausted"),
    *_links("host.logs", "host.disk"),
    *_links("redis.frag", "redis.peak"),
    *_links("redis.auth", "app.ratelimit_local"),
    *_links("redis.loading", "app.ratelimit_local"),
    *_links("redis.paused", "redis.blocked", "app.ratelimit_local", "lb.p99"),
    *_links("redis.masters", "redis.refusing"),
    *_links("redis.refusing", "app.ratelimit_local"),
)
"""Links for PostgreSQL, Redis and their volumes."""

LINKS: tuple[Link, ...] = (
    *DATA_LINKS,
    *_links(
        "ctr.start_failed", "ctr.restart_loop", "deploy.replicas", "pg.down", "redis.down", "lb.no_live", same=True
    ),
    *_links("swarm.node_down", "swarm.edge_unseen", "deploy.replicas", "lb.stale", "lb.ejecting", "lb.5xx"),
    *_links("net.unreachable", "ctr.unhealthy", "app.not_ready", same=True),
    *_links("net.unreachable", "app.ratelimit_local", "app.errors", "lb.5xx", "lb.no_live", "lb.ejecting"),
    *_links("net.dns", "app.not_ready", "app.ratelimit_local", "app.errors", "lb.5xx", "lb.no_live", "lb.p99"),
    *_links("lb.connections", "lb.no_live", "lb.unreachable", "lb.5xx", "lb.starved", "lb.p99"),
    *_links("lb.connections", "ctr.unhealthy", same=True),
    *_links("lb.tmpfs", "lb.config", "lb.5xx"),
    *_links("lb.tmpfs", "ctr.unhealthy", same=True),
    *_links("host.disk", "redis.persist", "pg.down", "redis.down"),
    *_links("host.mem", "ctr.oom"),
    *_links("app.leak", "ctr.mem", "ctr.oom", same=True),
    *_links("ctr.mem", "ctr.oom", same=True),
    *_links("ctr.oom", "pg.down", "pg.restarted", "redis.down", "ctr.restart_loop", "ctr.orphan", same=True),
    *_links("ctr.restart_loop", "pg.down", "pg.restarted", "redis.down", "ctr.unhealthy", same=True),
    *_links("ctr.oom", "lb.stale", "lb.ejecting", "lb.5xx"),
    *_links("ctr.restart_loop", "lb.no_live", "lb.stale", "lb.ejecting", "lb.starved", "lb.5xx"),
    *_links("deploy.replicas", "lb.no_live", "lb.stale", "lb.ejecting", "lb.5xx"),
    *_links("ctr.orphan", "lb.stale", same=True),
    *_links("ctr.cpu", "ctr.throttled", "ctr.unhealthy", "lb.slow_replica", same=True),
    *_links("ctr.throttled", "ctr.unhealthy", "lb.slow_replica", same=True),
    *_links("ctr.mem", "lb.slow_replica", same=True),
    *_links("app.leak", "lb.slow_replica", same=True),
    *_links("lb.slow_replica", "lb.p99"),
    *_links("ctr.unhealthy", "lb.no_live", "lb.starved", "lb.ejecting"),
    *_links("ctr.unhealthy", "app.not_ready", same=True),
    *_links("pg.down", "app.not_ready"),
    *_links("pg.conn_high", "app.not_ready"),
    *_links("app.pool_exhausted", "app.not_ready"),
    *_links("pg.down", "app.health_lies", "app.errors", "lb.5xx", "lb.p99"),
    *_links("pg.down", "ctr.unhealthy", same=True),
    *_links("pg.restarted", "app.errors", "lb.5xx"),
    *_links("pg.pool_overcommit", "pg.conn_high"),
    *_links("pg.idle_in_tx", "pg.blocked", "pg.dead_tuples", "pg.conn_high", "app.pool_exhausted"),
    *_links("pg.blocked", "pg.long_query", "app.pool_exhausted", "pg.conn_high", "pg.rollbacks"),
    *_links("pg.blocked", "app.errors", "lb.5xx", "lb.p99"),
    *_links("pg.long_query", "app.pool_exhausted", "pg.conn_high"),
    *_links("pg.slow_stmt", "app.pool_exhausted", "app.capacity"),
    *_links("pg.conn_high", "app.pool_exhausted", "app.errors", "lb.5xx"),
    *_links("app.pool_exhausted", "app.errors", "lb.5xx", "lb.p99"),
    *_links("app.not_ready", "app.errors", "lb.no_live", "lb.5xx"),
    *_links("app.errors", "lb.5xx"),
    *_links("ctr.unhealthy", "lb.5xx", "lb.p99"),
    *_links("redis.down", "app.ratelimit_local", "redis.cluster_slots"),
    *_links("redis.noevict_full", "app.ratelimit_local"),
    *_links("redis.persist", "app.ratelimit_local"),
    *_links("redis.clients", "redis.rejected", "app.ratelimit_local"),
    *_links("redis.rejected", "app.ratelimit_local"),
    *_links("redis.maxmem", "redis.evicting"),
    *_links("redis.masters", "redis.cluster_slots", "app.ratelimit_local"),
    *_links("ctr.image_skew", "app.version_skew"),
    *_links("lb.config", "lb.starved", "lb.stale"),
    *_links("lb.no_live", "lb.unreachable"),
    *_links("lb.stale", "lb.ejecting", "lb.p99"),
    *_links("deploy.stuck", "ctr.image_skew", "app.version_skew", "ctr.orphan", "lb.config", "deploy.replicas"),
)
"""Ordered from root causes to effects: the first matching link explains an effect."""


BY_LOG = (
    *("app.errors", "app.health_lies", "app.not_ready", "app.ratelimit_local", "ctr.exited", "ctr.restart_loop"),
    *("ctr.unhealthy", "deploy.replicas", "lb.5xx", "lb.ejecting", "lb.no_live", "pg.down", "redis.down"),
    "redis.persist",
)
"""Findings with many possible causes: a known error in a log decides which one it is."""


def explain(findings: Iterable[Finding], signs: Mapping[str, Collection[str]] = MappingProxyType({})) -> list[Finding]:
    """The findings with ``cause`` set, worst root first, each root followed by its effects.

    ``signs``: key of a finding -> the ids of the findings that the logs of its containers point to.
    """
    unexplained = list(findings)
    explained = [
        replace(finding, cause=cause.id if (cause := _cause_of(finding, unexplained, signs)) else "")
        for finding in unexplained
    ]
    roots = sorted(
        (finding for finding in explained if not finding.cause), key=lambda finding: _weight(finding, explained)
    )
    ordered = [member for root in roots for member in (root, *_effects(root, explained, roots))]
    return ordered + [finding for finding in explained if finding not in ordered]


def chain(root: Finding, findings: Iterable[Finding]) -> list[Finding]:
    """The effects of ``root``, nearest first."""
    return _effects(root, list(findings), [])


def _cause_of(finding: Finding, findings: list[Finding], signs: Mapping[str, Collection[str]]) -> Finding | None:
    if finding.id in BY_LOG:
        for candidate in findings:
            if candidate.id != finding.id and candidate.id in signs.get(finding.key, ()):
                return candidate
    for link in LINKS:
        if link.effect != finding.id:
            continue
        for candidate in findings:
            several = not candidate.subject and candidate.severity is Severity.FAIL
            same = not link.same or several or candidate.subject == finding.subject
            if candidate.id == link.cause and same and not _elsewhere(candidate, finding):
                return candidate
    return None


def _elsewhere(cause: Finding, effect: Finding) -> bool:
    """Whether cause and effect belong to the nginx instances of two different nodes."""
    return bool(cause.node and effect.node) and cause.node != effect.node


def _effects(root: Finding, findings: list[Finding], roots: list[Finding]) -> list[Finding]:
    """The effects, breadth first. If several roots have the same id, only the first one gets the effects."""
    if any(other.id == root.id and other is not root for other in roots[: _index(root, roots)]):
        return []
    ordered: list[Finding] = []
    causes = [root.id]
    while causes:
        following = [finding for finding in findings if finding.cause in causes and finding not in ordered]
        ordered += following
        causes = list(dict.fromkeys(finding.id for finding in following))
    return ordered


def _index(root: Finding, roots: list[Finding]) -> int:
    return next((index for index, other in enumerate(roots) if other is root), 0)


def _weight(root: Finding, findings: list[Finding]) -> int:
    """The weight of the worst finding among the root and its effects."""
    return min(_WEIGHT[finding.severity] for finding in (root, *_effects(root, findings, [])))
