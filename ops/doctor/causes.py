"""Which finding follows from which: what shares a cause is told as one, with the chain."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ops.doctor.check import Finding, Severity

_WEIGHT = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}


class Link(Struct, frozen=True):
    """``effect`` can come of ``cause``; with ``same`` only of the same container."""

    cause: str
    effect: str
    same: bool = False


def _links(cause: str, *effects: str, same: bool = False) -> tuple[Link, ...]:
    return tuple(Link(cause, effect, same) for effect in effects)


LINKS: tuple[Link, ...] = (
    *_links("host.disk", "redis.persist", "pg.down", "redis.down"),
    *_links("host.mem", "ctr.oom"),
    *_links("app.leak", "ctr.mem", "ctr.oom", same=True),
    *_links("ctr.mem", "ctr.oom", same=True),
    *_links("ctr.oom", "pg.down", "pg.restarted", "redis.down", "ctr.restart_loop", "ctr.orphan", same=True),
    *_links("ctr.restart_loop", "pg.down", "pg.restarted", "redis.down", "ctr.unhealthy", same=True),
    *_links("ctr.oom", "lb.stale", "lb.ejecting", "lb.5xx"),
    *_links("ctr.restart_loop", "lb.stale", "lb.ejecting", "lb.starved", "lb.5xx"),
    *_links("ctr.orphan", "lb.stale", same=True),
    *_links("ctr.cpu", "ctr.throttled", "ctr.unhealthy", same=True),
    *_links("ctr.throttled", "ctr.unhealthy", same=True),
    *_links("ctr.unhealthy", "lb.no_live", "lb.starved", "lb.ejecting"),
    *_links("pg.down", "app.health_lies", "ctr.unhealthy", "app.errors", "lb.5xx", "lb.p99"),
    *_links("pg.restarted", "app.errors", "lb.5xx"),
    *_links("pg.pool_overcommit", "pg.conn_high"),
    *_links("pg.idle_in_tx", "pg.blocked", "pg.dead_tuples", "pg.conn_high", "app.pool_exhausted"),
    *_links("pg.blocked", "pg.long_query", "app.pool_exhausted", "pg.conn_high"),
    *_links("pg.long_query", "app.pool_exhausted", "pg.conn_high"),
    *_links("pg.slow_stmt", "app.pool_exhausted", "app.capacity"),
    *_links("pg.conn_high", "app.pool_exhausted", "app.errors", "lb.5xx"),
    *_links("app.pool_exhausted", "app.errors", "lb.5xx", "lb.p99"),
    *_links("app.errors", "lb.5xx"),
    *_links("redis.down", "app.ratelimit_local", "redis.cluster_slots"),
    *_links("redis.noevict_full", "app.ratelimit_local"),
    *_links("redis.persist", "app.ratelimit_local"),
    *_links("redis.clients", "redis.rejected"),
    *_links("redis.rejected", "app.ratelimit_local"),
    *_links("redis.maxmem", "redis.evicting"),
    *_links("redis.masters", "redis.cluster_slots", "app.ratelimit_local"),
    *_links("ctr.image_skew", "app.version_skew"),
    *_links("lb.config", "lb.starved", "lb.stale"),
    *_links("lb.no_live", "lb.unreachable"),
    *_links("lb.stale", "lb.ejecting", "lb.p99"),
    *_links("deploy.stuck", "ctr.image_skew", "app.version_skew", "ctr.orphan", "lb.config"),
)
"""In order of how near the cause is to the root: the first that fits explains an effect."""


def explain(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with ``cause`` filled in, worst root first, each followed by what it leads to."""
    found = list(findings)
    explained = [replace(one, cause=cause.id if (cause := _cause_of(one, found)) else "") for one in found]
    roots = sorted((one for one in explained if not one.cause), key=lambda one: _gravity(one, explained))
    told = [each for root in roots for each in (root, *_effects(root, explained, roots))]
    return told + [one for one in explained if one not in told]


def chain(root: Finding, findings: Iterable[Finding]) -> list[Finding]:
    """What follows from ``root``, nearest first."""
    return _effects(root, list(findings), [])


def _cause_of(finding: Finding, found: list[Finding]) -> Finding | None:
    for link in LINKS:
        if link.effect != finding.id:
            continue
        for other in found:
            if other.id == link.cause and (not link.same or other.subject == finding.subject):
                return other
    return None


def _effects(root: Finding, found: list[Finding], roots: list[Finding]) -> list[Finding]:
    """Breadth first. Of several roots of one kind the first has the effects that name only the kind."""
    if any(other.id == root.id and other is not root for other in roots[: _place(root, roots)]):
        return []
    ordered: list[Finding] = []
    wave = [root.id]
    while wave:
        following = [one for one in found if one.cause in wave and one not in ordered]
        ordered += following
        wave = list(dict.fromkeys(one.id for one in following))
    return ordered


def _place(root: Finding, roots: list[Finding]) -> int:
    return next((place for place, other in enumerate(roots) if other is root), 0)


def _gravity(root: Finding, found: list[Finding]) -> int:
    """A warning whose effect is a failure is as grave as that."""
    return min(_WEIGHT[one.severity] for one in (root, *_effects(root, found, [])))
