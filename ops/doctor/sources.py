"""The sources that checks name in ``needs``, and when each can be judged."""

from __future__ import annotations

from collections.abc import Callable

from ops.contract import ACCESS_SECRET, DATABASE, METRICS, OVERALL
from ops.doctor.facts import UNKNOWN, ContainerFacts, Facts

ENGINE = "engine"
HOST = "host"
CONTAINERS = "containers"
STATS = "stats"
POSTGRES = "postgres"
POSTGRES_UP = "postgres-up"
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


def _absent(source: str) -> Callable[[Facts], str | None]:
    return lambda facts: facts.why_skipped(source) if getattr(facts, source) is None else None


def _postgres_up(facts: Facts) -> str | None:
    if facts.postgres is None:
        return facts.why_skipped(POSTGRES)
    if facts.postgres.full:
        return "PostgreSQL has no connection left"
    return None if facts.postgres.up else "PostgreSQL does not answer"


def part_of_postgres(section: str) -> str:
    """The source that one section of the questions to PostgreSQL is: a field of PostgresFacts that may be None."""
    return f"{POSTGRES}.{section}"


def _part(section: str, why: str) -> Callable[[Facts], str | None]:
    def reason(facts: Facts) -> str | None:
        return _postgres_up(facts) or (why if getattr(facts.postgres, section) is None else None)

    return reason


def _redis_up(facts: Facts) -> str | None:
    if facts.redis is None:
        return facts.why_skipped(REDIS)
    return None if any(node.up for node in facts.redis.nodes) else "Redis does not answer"


def _balancer_up(facts: Facts) -> str | None:
    if facts.balancer is None:
        return facts.why_skipped(BALANCER)
    return None if facts.balancer.running else "nginx does not run"


def _balancer_reach(facts: Facts) -> str | None:
    if reason := _balancer_up(facts):
        return reason
    answers = facts.balancer.answers if facts.balancer else {}
    if set(answers) == {UNKNOWN}:
        return "nginx's log does not tell which replica answers"
    return "answers came from an address that is no replica's" if UNKNOWN in answers else None


def _published(facts: Facts) -> str | None:
    if reason := _balancer_up(facts):
        return reason
    asked = facts.balancer is not None and facts.balancer.unreachable is not None
    return None if asked else "the published port cannot be asked from here"


def _instances_tell(what: str, where: str, told: Callable[[Facts], bool]) -> Callable[[Facts], str | None]:
    """For checks of what only our own backend tells: another service is neither well nor ill for saying nothing."""

    def reason(facts: Facts) -> str | None:
        if facts.instances is None:
            return facts.why_skipped(INSTANCES)
        return None if told(facts) else f"no replica tells {what} at {where}"

    return reason


def _limiters(facts: Facts) -> bool:
    proven = facts.proof is not None and bool(facts.proof.remaining)
    beats = any(beat.rate_limits for beat in facts.fleet or [])
    return proven or beats or any(one.limiter for one in facts.instances or [])


def _pools(facts: Facts) -> bool:
    return any(one.pool_limit for one in facts.instances or []) or any(beat.pool for beat in facts.fleet or [])


def _replicas_have(what: str, has: Callable[[ContainerFacts], bool]) -> Callable[[Facts], str | None]:
    def reason(facts: Facts) -> str | None:
        if facts.containers is None:
            return facts.why_skipped(CONTAINERS)
        return None if any(has(one) for one in facts.replicas) else f"no replica of {facts.service} has a {what}"

    return reason


def _stats(facts: Facts) -> str | None:
    if facts.containers is None:
        return facts.why_skipped(CONTAINERS)
    sampled = any(one.memory is not None for one in facts.containers)
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
        for section in ("tables", "sequences", "bad_indexes", "slots", "standbys")
    },
    part_of_postgres("statements"): _part(
        "statements",
        "it has no pg_stat_statements: name it in shared_preload_libraries, then CREATE EXTENSION as a superuser",
    ),
    REDIS: _absent(REDIS),
    REDIS_UP: _redis_up,
    BALANCER: _absent(BALANCER),
    BALANCER_UP: _balancer_up,
    BALANCER_REACH: _balancer_reach,
    PUBLISHED: _published,
    INSTANCES: _absent(INSTANCES),
    LIMITERS: _instances_tell("where it counts rate limits", OVERALL, _limiters),
    POOLS: _instances_tell("of its database connections", OVERALL, _pools),
    FIGURES: _instances_tell(
        "its share of errors", METRICS, lambda facts: any(one.requests is not None for one in facts.instances or [])
    ),
    TOKEN_SECRETS: _replicas_have(ACCESS_SECRET, lambda one: bool(one.fingerprints)),
    SESSION_STORES: _replicas_have(DATABASE, lambda one: DATABASE in one.stores),
    TRAFFIC: _absent(TRAFFIC),
    FLEET: _absent(FLEET),
    HISTORY: _absent(HISTORY),
    OPERATION: _absent(OPERATION),
}
"""Source -> why it cannot be judged, or None when it can."""
