"""PostgreSQL at work: locks, rollbacks, cache, statements, checkpoints and replication."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import endings, held_for, holding, psql, root_blockers, who
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import ALL_SESSIONS, CONTAINERS, POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing, share, size, span


def blocked(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Sessions that wait for a lock, and the session at the head of the queue.

    A client with a short lock_timeout never waits for long, so the age of the transaction that holds the lock counts.
    """
    postgres = present(facts.postgres)
    queue = [session for session in postgres.sessions if session.blocked_by]
    waiting = [session for session in queue if (session.query_age or 0) > limits.pg_blocked_warn]
    held = max(map(held_for, root_blockers(postgres, queue)), default=0.0)
    if not waiting and held > limits.pg_lock_held:
        waiting = queue
    if not waiting:
        return
    waiting.sort(key=lambda session: -(session.query_age or 0))
    worst = waiting[0].query_age or 0
    blockers = root_blockers(postgres, waiting)
    long = worst > limits.pg_blocked_warn
    yield Finding(
        "pg.blocked",
        Severity.FAIL if worst > limits.pg_blocked_fail else Severity.WARN,
        f"{len(waiting)} session{'s wait' if len(waiting) > 1 else ' waits'} for a lock"
        + (f", the longest {span(worst)}" if long else f" of a transaction that began {span(held)} ago"),
        "\n".join(
            [f"root blocker: {holding(blocker)}" for blocker in blockers]
            + [f"waiting {span(session.query_age or 0)}: {who(session)}: {session.query}" for session in waiting[:4]]
        ),
        "each waiting session holds a connection of its pool until the blocker ends"
        if long
        else "clients that stop waiting get an error, and so does everyone until the blocker ends",
        "\n".join(endings(facts, postgres, blockers)) or "look again: the blocker has just ended",
    )


def locktable(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The shared lock table fills up."""
    postgres = present(facts.postgres)
    if postgres.lock_slots and postgres.locks / postgres.lock_slots > limits.pg_locktable:
        yield Finding(
            "pg.locktable",
            Severity.FAIL,
            f"{share(postgres.locks / postgres.lock_slots)} of PostgreSQL's lock table is used",
            f"{postgres.locks} of {postgres.lock_slots} locks",
            "when it is full, statements fail with `out of shared memory`",
            "raise max_locks_per_transaction, or touch fewer tables and partitions in one transaction",
        )


def deadlocks(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL rolled back transactions that waited for each other."""
    postgres = present(facts.postgres)
    count = postgres.delta("deadlocks")
    rate = count * 60 / postgres.gap if postgres.gap else 0
    if rate > limits.pg_deadlocks:
        yield Finding(
            "pg.deadlocks",
            Severity.WARN,
            f"{rate:.0f} deadlocks a minute",
            f"{count:.0f} in {span(postgres.gap)}",
            "each time PostgreSQL rolls back one of the transactions, after deadlock_timeout",
            "lock rows in the same order in every transaction; PostgreSQL's log has the statements",
        )


def rollbacks(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A large share of the transactions is rolled back."""
    postgres = present(facts.postgres)
    rolled_back, committed = postgres.delta("rollbacks"), postgres.delta("commits")
    if (
        rolled_back + committed >= limits.pg_rollbacks_least
        and rolled_back / (rolled_back + committed) > limits.pg_rollbacks
    ):
        yield Finding(
            "pg.rollbacks",
            Severity.WARN,
            f"{share(rolled_back / (rolled_back + committed))} of the transactions are rolled back",
            f"{rolled_back:.0f} of {rolled_back + committed:.0f} in {span(postgres.gap)}",
            "their work is lost, and something fails often",
            f"docker compose logs --tail 100 {postgres.service}, and the application's errors",
        )


def cache_hit(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Blocks are read from disk instead of PostgreSQL's memory."""
    postgres = present(facts.postgres)
    hits, reads = postgres.counters.get("hits", 0), postgres.counters.get("reads", 0)
    if reads >= limits.pg_reads_least and hits / (hits + reads) < limits.pg_cache_hit:
        yield Finding(
            "pg.cache_hit",
            Severity.INFO,
            f"{hits / (hits + reads):.1%} of the blocks come from memory",
            f"{reads:.0f} blocks read, {hits:.0f} found in shared_buffers since the last statistics reset",
            "the active data is larger than shared_buffers",
            "raise shared_buffers (up to a quarter of the machine's memory)",
        )


def slow_stmt(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Statements that are slow on average and run often."""
    statements = present(present(facts.postgres).statements)
    slow = [
        statement
        for statement in statements
        if statement.mean_ms >= limits.pg_slow_ms and statement.calls >= limits.pg_slow_calls
    ]
    if slow:
        slow.sort(key=lambda statement: -statement.mean_ms)
        yield Finding(
            "pg.slow_stmt",
            Severity.WARN,
            f"{len(slow)} slow statement{'s' if len(slow) > 1 else ''}, up to {slow[0].mean_ms:.0f} ms on average",
            "\n".join(f"{statement.mean_ms:.0f} ms x {statement.calls}: {statement.query}" for statement in slow[:5]),
            "they make requests slow and hold connections",
            "EXPLAIN (ANALYZE, BUFFERS) them; usually an index or a narrower select helps",
        )


def outlier(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """One statement takes a large share of the total time."""
    top = [
        statement
        for statement in present(present(facts.postgres).statements)
        if (statement.share or 0) >= limits.pg_outlier and statement.total_ms >= limits.pg_outlier_least * 1000
    ]
    for statement in top:
        yield Finding(
            "pg.outlier",
            Severity.INFO,
            f"one statement takes {share(statement.share or 0)} of PostgreSQL's time",
            f"{span(statement.total_ms / 1000)} in {statement.calls} calls: {statement.query}",
            "improving it has the largest effect",
            "EXPLAIN (ANALYZE, BUFFERS) it, or cache its answer",
        )


def checkpoints(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The amount of WAL forces checkpoints before checkpoint_timeout.

    PostgreSQL also counts the checkpoints of a start, a backup and CHECKPOINT as requested. So the amount of WAL
    written limits how many count as forced by WAL.
    """
    postgres = present(facts.postgres)
    counters = postgres.counters
    timed, forced = counters.get("checkpoints_timed", 0), counters.get("checkpoints_requested", 0)
    if postgres.wal_written is not None and postgres.wal_between:
        forced = min(forced, postgres.wal_written // postgres.wal_between)
    if timed + forced >= limits.pg_checkpoints_least and timed / (timed + forced) < limits.pg_checkpoints:
        yield Finding(
            "pg.checkpoints",
            Severity.WARN,
            f"{share(forced / (timed + forced))} of the checkpoints were forced",
            f"{forced:.0f} forced by the amount of WAL, {timed:.0f} timed",
            "each writes all changed blocks at once, and the WAL after it is larger",
            "raise max_wal_size",
        )


def slot_inactive(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replication slot without a reader retains WAL forever."""
    idle = [slot for slot in present(present(facts.postgres).slots) if not slot.active]
    if idle:
        yield Finding(
            "pg.slot_inactive",
            Severity.FAIL,
            f"replication slot {listing([slot.name for slot in idle])} has no reader",
            "\n".join(f"{slot.name} keeps {size(slot.retained or 0)} of WAL" for slot in idle),
            "PostgreSQL keeps WAL for it until the disk is full",
            "start the replica that reads it, or:\n"
            + "\n".join(
                psql(facts, present(facts.postgres), f"SELECT pg_drop_replication_slot('{slot.name}')") for slot in idle
            ),
        )


def replica_lag(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A streaming replica is behind."""
    late = [standby for standby in present(present(facts.postgres).standbys) if standby.lag > limits.pg_replica_lag]
    if late:
        yield Finding(
            "pg.replica_lag",
            Severity.WARN,
            f"the read replica is {span(max(standby.lag for standby in late))} behind",
            "\n".join(f"{standby.name or 'replica'} ({standby.state}): {standby.lag:.1f} s" for standby in late),
            "reads get old data, or all go to the primary",
            "check the replica for long queries and I/O\nif replay is paused there: SELECT pg_wal_replay_resume();",
        )


def restarted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL has just restarted in an existing container."""
    postgres = present(facts.postgres)
    started = facts.taken - postgres.uptime
    created = [container.created for container in present(facts.containers) if container.name == postgres.container]
    if postgres.uptime < limits.pg_restarted and created and started - created[0] > limits.pg_first_start:
        yield Finding(
            "pg.restarted",
            Severity.FAIL,
            f"PostgreSQL restarted {span(postgres.uptime)} ago",
            f"up for {span(postgres.uptime)}, its container is {span(facts.taken - created[0])} old",
            "every connection was cut, and its caches are cold",
            f"find the reason: docker compose logs --tail 100 {postgres.service}",
            subject=postgres.container,
        )


_PG, _MIXIN = Group.POSTGRES, "postgres_exporter mixin"
_APA = "awesome-prometheus-alerts"
_STATEMENTS = (POSTGRES_UP, part_of_postgres("statements"))
CHECKS = (
    Check(
        "pg.blocked",
        _PG,
        "> 5 s, or a lock held > 10 s W, > 30 s F",
        "check_pgactivity",
        (POSTGRES_UP,),
        blocked,
        (ALL_SESSIONS,),
    ),
    Check("pg.locktable", _PG, "> 20% F", _APA, (POSTGRES_UP,), locktable),
    Check("pg.deadlocks", _PG, "> 5/min W", _APA, (POSTGRES_UP,), deadlocks),
    Check("pg.rollbacks", _PG, "> 10% W", _MIXIN, (POSTGRES_UP,), rollbacks),
    Check("pg.cache_hit", _PG, "< 99% I", "PgHero", (POSTGRES_UP,), cache_hit),
    Check("pg.slow_stmt", _PG, "mean >= 20 ms, calls >= 100 W", "PgHero", _STATEMENTS, slow_stmt),
    Check("pg.outlier", _PG, ">= 33% of time, >= 60 s I", "ruby-pg-extras", _STATEMENTS, outlier),
    Check("pg.checkpoints", _PG, "timed share < 0.5 W", _MIXIN, (POSTGRES_UP,), checkpoints),
    Check("pg.slot_inactive", _PG, "not active F", "PgHero", (POSTGRES_UP, part_of_postgres("slots")), slot_inactive),
    Check("pg.replica_lag", _PG, "> 5 s W", "PgHero", (POSTGRES_UP, part_of_postgres("standbys")), replica_lag),
    Check("pg.restarted", _PG, "uptime < 60 s F", _APA, (POSTGRES_UP, CONTAINERS), restarted),
)
