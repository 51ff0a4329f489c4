"""The instances among themselves: one release, one set of secrets, honest health."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ops.contract import ACCESS_SECRET, DATABASE, REDIS, REFRESH_SECRET
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import ending, root_blockers, who
from ops.doctor.facts import ContainerFacts, Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import FIGURES, INSTANCES, LIMITERS, POOLS, POSTGRES, SESSION_STORES, STATS, TOKEN_SECRETS
from ops.doctor.words import listing, share, span

SHARED_SECRETS = {ACCESS_SECRET: "access", REFRESH_SECRET: "refresh"}


def version_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances of different releases answer at the same time, and no deploy is under way."""
    releases: dict[str, list[str]] = defaultdict(list)
    for one in present(facts.instances):
        if one.answers and one.release:
            releases[one.release].append(one.name)
    if len(releases) > 1 and not facts.under_way:
        yield Finding(
            "app.version_skew",
            Severity.WARN,
            f"{len(releases)} releases serve at the same time",
            "\n".join(f"{release}: {listing(names)}" for release, names in sorted(releases.items())),
            "the same request gets different answers, depending on the replica",
            "videa deploy",
        )


def health_lies(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """An instance says ready while PostgreSQL is down."""
    if facts.postgres is None or facts.postgres.up or facts.postgres.full:
        return
    liars = [one.name for one in present(facts.instances) if one.is_ready]
    if liars:
        yield Finding(
            "app.health_lies",
            Severity.WARN,
            f"{listing(liars)} ready while PostgreSQL is down",
            f"ready by the answer of {len(liars)} instances; PostgreSQL: {facts.postgres.error}",
            "the balancer keeps sending requests that will fail",
            "make the readiness endpoint ask its dependencies",
        )


def jwt_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A token that one instance signs is refused by another: the first secret of each must be known to all."""
    running = [one for one in facts.replicas if one.running]
    beats = {beat.id: beat for beat in facts.fleet or []}
    for secret, kind in SHARED_SECRETS.items():
        # What an instance says it uses counts more than what its container was given.
        keys = {one.name: one.fingerprints.get(secret, []) for one in running}
        used = {one.name: beats[one.id[:12]].secrets.get(kind, []) for one in running if one.id[:12] in beats}
        if len(used) == len(keys):
            keys = used
        refused = facts.proof.refused if facts.proof and kind == "access" else []
        refused = refused or [
            (minted, replayed)
            for minted, signing in keys.items()
            for replayed, known in keys.items()
            if minted != replayed and (signing[:1] or ["not set"])[0] not in (known or ["not set"])
        ]
        if not refused:
            continue
        holders: dict[str, list[str]] = defaultdict(list)
        for name, known in keys.items():
            holders[",".join(known) or "not set"].append(name)
        yield Finding(
            "app.jwt_skew",
            Severity.FAIL,
            f"the instances do not agree on {secret}",
            "\n".join(
                [
                    f"a token of {refused[0][0]} is refused by {refused[0][1]}"
                    f" ({len(refused)} of {len(keys) * (len(keys) - 1)} pairs)"
                ]
                + [f"fingerprint {mark}: {listing(names)}" for mark, names in sorted(holders.items())]
            ),
            "users are logged out whenever the next request meets another instance",
            f"set one {secret} in .env, then videa deploy\nto change it without logging anybody out: NEW,OLD first",
        )


def session_store(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances keep refresh tokens in different databases."""
    holders: dict[str, list[str]] = defaultdict(list)
    for one in present(facts.containers):
        if one.service == facts.service and one.running and not one.oneoff:
            holders[one.stores.get(DATABASE, "not set")].append(one.name)
    if len(holders) > 1:
        yield Finding(
            "app.session_store",
            Severity.FAIL,
            "the instances keep sessions in different databases",
            "\n".join(f"database {mark}: {listing(names)}" for mark, names in sorted(holders.items())),
            "a session that began on one instance is unknown to another: users are logged out",
            "set one DATABASE_URL for all replicas, then videa deploy",
        )


def ratelimit_local(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances count rate limits on their own."""
    instances = [one for one in present(facts.instances) if one.limiter]
    local = [one.name for one in instances if one.limiter == "local"]
    places: dict[str, list[str]] = defaultdict(list)
    for one in facts.replicas:
        if one.running:
            places[one.stores.get(REDIS, "not set")].append(one.name)
    proven = facts.proof.counters if facts.proof else 1
    if not local and len(places) < 2 and proven < 2:
        return
    shared = len(instances) - len(local)
    counters = len(local) + (1 if shared else 0) if local else max(len(places), proven)
    evidence = [f"effective limit: {_effective(facts, counters)}"]
    if local:
        evidence.append(f"{len(local)} of {len(instances)} instances count in their own memory: {listing(local)}")
    if proven > 1:
        evidence.append(f"{proven} separate counters seen by requests to each instance")
    if len(places) > 1:
        evidence += [f"REDIS_URL {mark}: {listing(names)}" for mark, names in places.items()]
    yield Finding(
        "app.ratelimit_local",
        Severity.FAIL,
        "rate limits are not shared by all instances",
        "\n".join(evidence),
        "a client gets more than its limit by reaching several instances",
        "set one REDIS_URL for all replicas, then videa deploy"
        if len(places) > 1
        else "bring Redis back: videa doctor --only redis tells how",
    )


def _effective(facts: Facts, counters: int) -> str:
    """What a client may really get, in the figures of the limits where instances tell them."""
    told = [beat.rate_limits for beat in facts.fleet or []] + [one.rate_limits for one in facts.replicas]
    limits = next((limits for limits in told if limits), {})
    shown = [f"{name} {most * counters}/{seconds:g} s instead of {most}" for name, (most, seconds) in limits.items()]
    return f"up to {counters}x the one that is set" + (f" ({', '.join(shown)})" if shown else "")


def pool_exhausted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """All connections of a pool are taken and requests wait; by the instance's own answer, or by its last heartbeat.

    An instance whose pool is exhausted may well be too slow to answer.
    """
    told = {beat.id: beat.pool for beat in facts.fleet or [] if beat.pool}
    pools = {one.name: told[one.id[:12]] for one in facts.replicas if one.running and one.id[:12] in told}
    for one in present(facts.instances):
        if one.pool_limit and (one.pool_waiting or one.name not in pools):
            pools[one.name] = (one.pool_limit, one.pool_size, one.pool_idle, one.pool_waiting)
    full = {
        name: (limit, size, waiting)
        for name, (limit, size, idle, waiting) in pools.items()
        if waiting and idle == 0 and size >= limit
    }
    if full:
        busy, cure = _holding(facts)
        yield Finding(
            "app.pool_exhausted",
            Severity.FAIL,
            f"{listing(list(full))}: the connection pool is exhausted",
            "\n".join(
                f"{name}: {size} of {limit} in use, {waiting} requests wait"
                for name, (limit, size, waiting) in list(full.items())[:5]
            )
            + busy,
            "requests wait for pool_timeout and then fail with 503",
            cure,
        )


def _holding(facts: Facts) -> tuple[str, str]:
    """What the connections of full pools are busy with, as further lines of evidence, and what to do about it."""
    postgres = facts.postgres
    raise_it = "raise connection_limit in DATABASE_URL (videa scale checks what fits)"
    active = [one for one in postgres.clients if one.state == "active"] if postgres else []
    if postgres is None or not active:
        return "", f"look for what holds them: videa db; if it is load alone, {raise_it}"
    waiting = [one for one in active if one.blocked_by]
    if 2 * len(waiting) >= len(active):
        roots = root_blockers(postgres.sessions, waiting)
        lines = [f"{who(one)}, {one.state} for {span(one.state_age or 0)}: {one.query}" for one in roots]
        told = "".join(f"\nthey wait for {line}" for line in lines)
        return told, "\n".join([*(ending(facts, postgres, one) for one in roots), "set lock_timeout for what did this"])
    query, count = Counter(one.query for one in active).most_common(1)[0]
    return f"\n{count} of {len(active)} connections at work run: {query}", f"make that statement cheaper, or {raise_it}"


def errors(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances answer with errors of their own."""
    counted = [
        one
        for one in present(facts.instances)
        if (one.requests or 0) >= limits.app_least and (one.error_rate or 0) > limits.app_errors_warn
    ]
    if counted:
        worst = max(one.error_rate or 0 for one in counted)
        yield Finding(
            "app.errors",
            Severity.FAIL if worst > limits.app_errors_fail else Severity.WARN,
            f"{listing([one.name for one in counted])}: up to {share(worst)} of the answers are 5xx",
            "\n".join(
                f"{one.name}: {share(one.error_rate or 0)} of {one.requests} requests in the last minute"
                for one in counted[:5]
            ),
            "users see errors",
            "videa logs shows them; one instance alone: docker restart it. All: look at the release, videa deploy",
        )


def capacity(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL works at its limit while the replicas have room: more replicas would not help."""
    if facts.postgres is None:
        return
    database = [one for one in present(facts.containers) if one.name == facts.postgres.container]
    replicas = [one for one in facts.replicas if one.running and one.cpu is not None]
    if not database or not replicas:
        return
    cpus = facts.engine.cpus if facts.engine else 0
    busy = _load(database[0], cpus)
    own = sum(_load(one, cpus) for one in replicas) / len(replicas)
    if busy > limits.capacity_cpu and own < busy / 2:
        yield Finding(
            "app.capacity",
            Severity.INFO,
            "the database is the bottleneck, not the replicas",
            f"PostgreSQL uses {share(busy)} of its CPU, the {len(replicas)} replicas {share(own)} on average",
            "more replicas add load to the database instead of capacity",
            f"what costs most: videa db\nthen cache more, add a read replica (compose/read-replica.yml), or raise"
            f" deploy.resources.limits.cpus of {database[0].service}; videa scale would not help",
        )


def _load(container: ContainerFacts, cpus: int) -> float:
    most = container.cpu_limit or cpus
    return (container.cpu or 0) / most if most else 0.0


CHECKS = (
    Check("app.version_skew", Group.APP, "more than one release W", "own", (INSTANCES,), version_skew),
    Check("app.health_lies", Group.APP, "ready while a dependency is down W", "own", (INSTANCES,), health_lies),
    Check("app.jwt_skew", Group.APP, "secrets differ F", "own", (TOKEN_SECRETS,), jwt_skew),
    Check("app.session_store", Group.APP, "databases differ F", "own", (SESSION_STORES,), session_store),
    Check("app.ratelimit_local", Group.APP, "any instance on its own memory F", "own", (LIMITERS,), ratelimit_local),
    Check("app.pool_exhausted", Group.APP, "pool full with waiters F", "own", (POOLS,), pool_exhausted),
    Check("app.errors", Group.APP, "5xx > 1% W, > 5% F, of >= 100 requests", "own", (FIGURES,), errors),
    Check("app.capacity", Group.APP, "database > 80% busy, replicas half of it I", "own", (STATS, POSTGRES), capacity),
)
