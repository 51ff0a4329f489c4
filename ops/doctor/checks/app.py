"""The instances compared with each other: one release, one set of secrets, correct health."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ops.contract import ACCESS_SECRET, DATABASE, REDIS, REFRESH_SECRET
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import endings, holding, root_blockers
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import FIGURES, INSTANCES, LIMITERS, POOLS, POSTGRES, SESSION_STORES, STATS, TOKEN_SECRETS
from ops.doctor.words import listing, share

SHARED_SECRETS = {ACCESS_SECRET: "access", REFRESH_SECRET: "refresh"}


def version_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances of different releases answer at the same time, and no deploy is running."""
    releases: dict[str, list[str]] = defaultdict(list)
    for instance in present(facts.instances):
        if instance.answers and instance.release:
            releases[instance.release].append(instance.name)
    if len(releases) > 1 and not facts.under_way:
        yield Finding(
            "app.version_skew",
            Severity.WARN,
            f"{len(releases)} releases serve at the same time",
            "\n".join(f"{release}: {listing(names)}" for release, names in sorted(releases.items())),
            "the answer to a request depends on the replica",
            "videa deploy",
        )


def health_lies(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """An instance reports ready while PostgreSQL is down."""
    if facts.postgres is None or facts.postgres.up or facts.postgres.full or facts.postgres.denied:
        return
    instances = present(facts.instances)
    wrongly_ready = [instance.name for instance in instances if instance.is_ready and not instance.by_connect]
    if wrongly_ready:
        yield Finding(
            "app.health_lies",
            Severity.WARN,
            f"{listing(wrongly_ready)} ready while PostgreSQL is down",
            f"{len(wrongly_ready)} instances report ready; PostgreSQL: {facts.postgres.error}",
            "the balancer keeps sending requests that will fail",
            "make the readiness endpoint check its dependencies",
        )


def readiness(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replica counts as ready as soon as it accepts TCP connections, because no other probe is declared."""
    connected = [instance.name for instance in present(facts.instances) if instance.by_connect]
    if connected:
        yield Finding(
            "app.readiness",
            Severity.INFO,
            f"{facts.service} is ready when it accepts TCP connections",
            f"{listing(connected)}: no x-videa.health.ready, and no health check of the service or its image",
            "a replica that accepts connections and answers with errors gets requests",
            "declare x-videa.health.ready, or a healthcheck of the service",
        )


def jwt_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """An instance rejects a token that another one has signed: every instance needs the signing secrets of all."""
    running = [replica for replica in facts.replicas if replica.running]
    beats = {beat.id: beat for beat in facts.fleet or []}
    for secret, kind in SHARED_SECRETS.items():
        # The secrets that an instance reports take precedence over its container's environment.
        keys = {replica.name: replica.fingerprints.get(secret, []) for replica in running}
        used = {
            replica.name: beats[replica.id[:12]].secrets.get(kind, [])
            for replica in running
            if replica.id[:12] in beats
        }
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
            f"the instances have different values of {secret}",
            "\n".join(
                [
                    f"a token of {refused[0][0]} is refused by {refused[0][1]}"
                    f" ({len(refused)} of {len(keys) * (len(keys) - 1)} pairs)"
                ]
                + [f"fingerprint {mark}: {listing(names)}" for mark, names in sorted(holders.items())]
            ),
            "users are logged out when another instance gets their next request",
            f"set one {secret} in .env, then videa deploy\nto change it without logging users out, set NEW,OLD first",
        )


def session_store(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances store refresh tokens in different databases."""
    holders: dict[str, list[str]] = defaultdict(list)
    for container in present(facts.containers):
        if container.service == facts.service and container.running and not container.oneoff:
            holders[container.stores.get(DATABASE, "not set")].append(container.name)
    if len(holders) > 1:
        yield Finding(
            "app.session_store",
            Severity.FAIL,
            "the instances store sessions in different databases",
            "\n".join(f"database {mark}: {listing(names)}" for mark, names in sorted(holders.items())),
            "a session that started on one instance is unknown to another: users are logged out",
            "set one DATABASE_URL for all replicas, then videa deploy",
        )


def ratelimit_local(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances count rate limits separately."""
    instances = [instance for instance in present(facts.instances) if instance.limiter]
    local = [instance.name for instance in instances if instance.limiter == "local"]
    places: dict[str, list[str]] = defaultdict(list)
    for replica in facts.replicas:
        if replica.running:
            places[replica.stores.get(REDIS, "not set")].append(replica.name)
    proven = facts.proof.counters if facts.proof else 1
    if not local and len(places) < 2 and proven < 2:
        return
    shared = len(instances) - len(local)
    counters = len(local) + (1 if shared else 0) if local else max(len(places), proven)
    evidence = [f"effective limit: {_effective(facts, counters)}"]
    if local:
        evidence.append(f"{len(local)} of {len(instances)} instances count in their own memory: {listing(local)}")
    evidence += [f"{instance.name}: {instance.redis_error}" for instance in instances if instance.redis_error][:3]
    if proven > 1:
        evidence.append(f"requests to each instance found {proven} separate counters")
    if len(places) > 1:
        evidence += [f"REDIS_URL {mark}: {listing(names)}" for mark, names in places.items()]
    yield Finding(
        "app.ratelimit_local",
        Severity.FAIL,
        "rate limits are not shared by all instances",
        "\n".join(evidence),
        "a client that reaches several instances gets more than its limit",
        "set one REDIS_URL for all replicas, then videa deploy"
        if len(places) > 1
        else "fix Redis: videa doctor --only redis",
    )


def _effective(facts: Facts, counters: int) -> str:
    """The effective limit of a client, with the configured figures if the instances report them."""
    known = [beat.rate_limits for beat in facts.fleet or []] + [replica.rate_limits for replica in facts.replicas]
    limits = next((limits for limits in known if limits), {})
    shown = [f"{name} {most * counters}/{seconds:g} s instead of {most}" for name, (most, seconds) in limits.items()]
    return f"up to {counters}x the configured one" + (f" ({', '.join(shown)})" if shown else "")


def pool_exhausted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """All connections of a pool are in use and requests wait, according to the instance's answer or last heartbeat.

    An instance with an exhausted pool may be too slow to answer.
    """
    beats = {beat.id: beat.pool for beat in facts.fleet or [] if beat.pool}
    pools = {
        replica.name: beats[replica.id[:12]]
        for replica in facts.replicas
        if replica.running and replica.id[:12] in beats
    }
    for instance in present(facts.instances):
        if instance.pool_limit and (instance.pool_waiting or instance.name not in pools):
            pools[instance.name] = (
                instance.pool_limit,
                instance.pool_size,
                instance.pool_idle,
                instance.pool_waiting,
            )
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
    """Which sessions hold the connections of full pools, as additional evidence, and the fix."""
    postgres = facts.postgres
    raise_it = "raise connection_limit in DATABASE_URL (videa scale checks what fits)"
    active = [session for session in postgres.clients if session.state == "active"] if postgres else []
    if postgres is None or not active:
        return "", f"find what holds them: videa db; if it is only load, {raise_it}"
    waiting = [session for session in active if session.blocked_by]
    if 2 * len(waiting) >= len(active):
        roots = root_blockers(postgres, waiting)
        blockers = "".join(f"\nthey wait for {holding(root)}" for root in roots)
        return blockers, "\n".join(endings(facts, postgres, roots)) or "look again: the blocker has just ended"
    query, count = Counter(session.query for session in active).most_common(1)[0]
    return f"\n{count} of {len(active)} busy connections run: {query}", f"make this statement cheaper, or {raise_it}"


def errors(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Instances answer with 5xx."""
    counted = [
        instance
        for instance in present(facts.instances)
        if (instance.requests or 0) >= limits.app_least and (instance.error_rate or 0) > limits.app_errors_warn
    ]
    if counted:
        worst = max(instance.error_rate or 0 for instance in counted)
        yield Finding(
            "app.errors",
            Severity.FAIL if worst > limits.app_errors_fail else Severity.WARN,
            f"{listing([instance.name for instance in counted])}: up to {share(worst)} of the answers are 5xx",
            "\n".join(
                f"{instance.name}: {share(instance.error_rate or 0)} of {instance.requests} requests in the last minute"
                for instance in counted[:5]
            ),
            "users see errors",
            "see videa logs; if only one instance fails: docker restart it; if all do: check the release",
        )


def capacity(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL is at its limit while the replicas are not: more replicas would not help."""
    if facts.postgres is None:
        return
    database = [container for container in present(facts.containers) if container.name == facts.postgres.container]
    replicas = [replica for replica in facts.replicas if replica.running and replica.cpu is not None]
    if not database or not replicas:
        return
    cpus = facts.engine.cpus if facts.engine else 0
    busy = _load(database[0], cpus)
    average = sum(_load(replica, cpus) for replica in replicas) / len(replicas)
    if busy > limits.capacity_cpu and average < busy / 2:
        yield Finding(
            "app.capacity",
            Severity.INFO,
            "the database is the bottleneck, not the replicas",
            f"PostgreSQL uses {share(busy)} of its CPU, the {len(replicas)} replicas {share(average)} on average",
            "more replicas add load to the database, not capacity",
            "find the most expensive statements: videa db\n"
            "then cache more, add a read replica (compose/read-replica.yml), or raise"
            f" deploy.resources.limits.cpus of {database[0].service}; videa scale would not help",
        )


def _load(container: ContainerFacts, cpus: int) -> float:
    available = container.cpu_limit or cpus
    return (container.cpu or 0) / available if available else 0.0


CHECKS = (
    Check("app.version_skew", Group.APP, "more than one release W", "own", (INSTANCES,), version_skew),
    Check("app.health_lies", Group.APP, "ready while a dependency is down W", "own", (INSTANCES,), health_lies),
    Check("app.readiness", Group.APP, "TCP connect only I", "own", (INSTANCES,), readiness),
    Check("app.jwt_skew", Group.APP, "secrets differ F", "own", (TOKEN_SECRETS,), jwt_skew),
    Check("app.session_store", Group.APP, "databases differ F", "own", (SESSION_STORES,), session_store),
    Check(
        "app.ratelimit_local", Group.APP, "any instance counts in its own memory F", "own", (LIMITERS,), ratelimit_local
    ),
    Check("app.pool_exhausted", Group.APP, "pool full and requests wait F", "own", (POOLS,), pool_exhausted),
    Check("app.errors", Group.APP, "5xx > 1% W, > 5% F, of >= 100 requests", "own", (FIGURES,), errors),
    Check(
        "app.capacity",
        Group.APP,
        "database > 80% busy, replicas less than half of that I",
        "own",
        (STATS, POSTGRES),
        capacity,
    ),
)
