"""The sources that checks list in ``needs``, and when they are available."""

from __future__ import annotations

from collections.abc import Callable

from ops.contract import ACCESS_SECRET, DATABASE, METRICS, OVERALL
from ops.doctor.facts import UNKNOWN, Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_postgres import PostgresFacts

ENGINE = "engine"
HOST = "host"
CONTAINERS = "containers"
STATS = "stats"
POSTGRES = "postgres"
POSTGRES_UP = "postgres-up"
ALL_SESSIONS = "postgres.all-sessions"
ALL_SEQUENCES = "postgres.all-sequences"
REDIS = "redis"
REDIS_UP = "redis-up"
BALANCER = "balancer"
BALANCER_UP = "balancer-up"
BALANCER_REACH = "balancer-reach"
PUBLISHED = "published-port"
INSTANCES = "instances"
LIMITERS = "instances.limiter"
POOLS = "instances.pool"
FIGURES = "instances.figures"
TOKEN_SECRETS = "containers.token-secrets"  # noqa: S105 (a source)
SESSION_STORES = "containers.database"
TRAFFIC = "traffic"
FLEET = "fleet"
HISTORY = "history"
OPERATION = "operation"
CERTIFICATES = "certificates"
DECLARED = "declared"
SWARM = "swarm"
EDGES = "edges"


def _absent(source: str) -> Callable[[Facts], str | None]:
    return lambda facts: facts.why_skipped(source) if getattr(facts, source) is None else None


def _postgres_up(facts: Facts) -> str | None:
    if facts.postgres is None:
        return facts.why_skipped(POSTGRES)
    if facts.postgres.full:
        return "PostgreSQL has no connection left"
    if facts.postgres.denied:
        return "PostgreSQL refuses the doctor's login"
    return None if facts.postgres.up else "PostgreSQL does not answer"


def part_of_postgres(section: str) -> str:
    """The source for one section of the queries to PostgreSQL, which is a field of PostgresFacts that may be None."""
    return f"{POSTGRES}.{section}"


def _part(section: str, why: str) -> Callable[[Facts], str | None]:
    def reason(facts: Facts) -> str | None:
        if reason := _postgres_up(facts):
            return reason
        return _cut_before(section, facts.postgres) or why if getattr(facts.postgres, section) is None else None

    return reason


def _all_sessions(facts: Facts) -> str | None:
    if facts.postgres is None or not facts.postgres.hidden:
        return None
    return _grant("what sessions of other roles do", facts.postgres)


def _all_sequences(facts: Facts) -> str | None:
    if facts.postgres is None or not facts.postgres.hidden_sequences:
        return None
    count, role = facts.postgres.hidden_sequences, facts.postgres.role
    return f"{role} may not read {count} of the sequences: GRANT SELECT ON ALL SEQUENCES IN SCHEMA ... TO {role}"


def _standbys(facts: Facts) -> str | None:
    if reason := _postgres_up(facts):
        return reason
    postgres = facts.postgres
    if postgres is None or postgres.standbys is not None:
        return None
    return _cut_before("standbys", postgres) or _grant("the standbys' state", postgres)


def _wal(facts: Facts) -> str | None:
    if reason := _postgres_up(facts):
        return reason
    postgres = facts.postgres
    if postgres is None or postgres.wal is not None:
        return None
    return _cut_before("wal", postgres) or f"PostgreSQL hides its WAL from {postgres.role}: GRANT pg_monitor TO it"


def _cut_before(section: str, postgres: PostgresFacts | None) -> str:
    return f"PostgreSQL's answer broke off before its {section}" if postgres and postgres.broken_off else ""


def _grant(what: str, postgres: PostgresFacts) -> str:
    return f"PostgreSQL hides {what} from {postgres.role}: GRANT pg_read_all_stats TO {postgres.role}"


def _redis_up(facts: Facts) -> str | None:
    if facts.redis is None:
        return facts.why_skipped(REDIS)
    if any(node.up for node in facts.redis.nodes):
        return None
    denied = any(node.denied for node in facts.redis.nodes)
    return "Redis refuses the doctor's password" if denied else "Redis does not answer"


def _balancer_up(facts: Facts) -> str | None:
    if facts.balancer is None:
        return facts.why_skipped(BALANCER)
    return None if facts.balancer.running else "nginx is not running"


def _balancer_reach(facts: Facts) -> str | None:
    if reason := _balancer_up(facts):
        return reason
    answers = facts.balancer.answers if facts.balancer else {}
    if set(answers) == {UNKNOWN}:
        return "nginx's log does not show which replica answers"
    return "answers came from an address of no replica" if UNKNOWN in answers else None


def _published(facts: Facts) -> str | None:
    if reason := _balancer_up(facts):
        return reason
    queried = facts.balancer is not None and facts.balancer.unreachable is not None
    return None if queried else "the published port cannot be queried from here"


def _instances_report(what: str, where: str, reported: Callable[[Facts], bool]) -> Callable[[Facts], str | None]:
    """For facts that only our own backend reports; if another service lacks them, that is not a fault."""

    def reason(facts: Facts) -> str | None:
        if facts.instances is None:
            return facts.why_skipped(INSTANCES)
        return None if reported(facts) else f"no replica reports {what} at {where}"

    return reason


def _limiters(facts: Facts) -> bool:
    proven = facts.proof is not None and bool(facts.proof.remaining)
    beats = any(beat.rate_limits for beat in facts.fleet or [])
    return proven or beats or any(instance.limiter for instance in facts.instances or [])


def _pools(facts: Facts) -> bool:
    return any(instance.pool_limit for instance in facts.instances or []) or any(
        beat.pool for beat in facts.fleet or []
    )


def _replicas_have(what: str, has: Callable[[ContainerFacts], bool]) -> Callable[[Facts], str | None]:
    def reason(facts: Facts) -> str | None:
        if facts.containers is None:
            return facts.why_skipped(CONTAINERS)
        return None if any(has(replica) for replica in facts.replicas) else f"no replica of {facts.service} has {what}"

    return reason


def _stats(facts: Facts) -> str | None:
    if facts.containers is None:
        return facts.why_skipped(CONTAINERS)
    sampled = any(container.memory is not None for container in facts.containers)
    return None if sampled else facts.why_skipped(STATS)


REASON: dict[str, Callable[[Facts], str | None]] = {
    ENGINE: _absent(ENGINE),
    HOST: _absent(HOST),
    CONTAINERS: _absent(CONTAINERS),
    STATS: _stats,
    POSTGRES: _absent(POSTGRES),
    POSTGRES_UP: _postgres_up,
    **{
        part_of_postgres(section): _part(section, f"PostgreSQL did not answer about its {section.replace('_', ' ')}")
        for section in (
            *("tables", "sequences", "bad_indexes", "slots", "read_only", "prepared", "archiver"),
            *("settings", "roles", "damage"),
        )
    },
    part_of_postgres("file_errors"): _part("file_errors", "only a superuser may read PostgreSQL's configuration files"),
    part_of_postgres("collations"): _part("collations", "PostgreSQL before 15 does not record them for databases"),
    part_of_postgres("wal"): _wal,
    part_of_postgres("standbys"): _standbys,
    ALL_SESSIONS: _all_sessions,
    ALL_SEQUENCES: _all_sequences,
    part_of_postgres("statements"): _part(
        "statements",
        "pg_stat_statements is missing: add it to shared_preload_libraries, then CREATE EXTENSION as a superuser",
    ),
    REDIS: _absent(REDIS),
    REDIS_UP: _redis_up,
    BALANCER: _absent(BALANCER),
    BALANCER_UP: _balancer_up,
    BALANCER_REACH: _balancer_reach,
    PUBLISHED: _published,
    INSTANCES: _absent(INSTANCES),
    LIMITERS: _instances_report("where it counts rate limits", OVERALL, _limiters),
    POOLS: _instances_report("its database connections", OVERALL, _pools),
    FIGURES: _instances_report(
        "its error rate",
        METRICS,
        lambda facts: any(instance.requests is not None for instance in facts.instances or []),
    ),
    TOKEN_SECRETS: _replicas_have(ACCESS_SECRET, lambda replica: bool(replica.fingerprints)),
    SESSION_STORES: _replicas_have(DATABASE, lambda replica: DATABASE in replica.stores),
    TRAFFIC: _absent(TRAFFIC),
    FLEET: _absent(FLEET),
    HISTORY: _absent(HISTORY),
    OPERATION: _absent(OPERATION),
    CERTIFICATES: _absent(CERTIFICATES),
    DECLARED: _absent(DECLARED),
    SWARM: _absent(SWARM),
    EDGES: _absent(EDGES),
}
"""Source -> the reason why it is not available; None if it is."""
