"""How PostgreSQL does its work: locks, lost transactions, cache, statements, checkpoints and replication."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import ending, root_blockers, who
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, POSTGRES_UP, part_of_postgres
from ops.doctor.words import listing, share, size, span


def blocked(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Sessions that wait for another's lock, and the one at the root of the queue."""
    postgres = present(facts.postgres)
    waiting = [one for one in postgres.sessions if one.blocked_by and (one.query_age or 0) > limits.pg_blocked_warn]
    if not waiting:
        return
    waiting.sort(key=lambda one: -(one.query_age or 0))
    worst = waiting[0].query_age or 0
    held = root_blockers(postgres.sessions, waiting)
    yield Finding(
        "pg.blocked",
        Severity.FAIL if worst > limits.pg_blocked_fail else Severity.WARN,
        f"{len(waiting)} session{'s wait' if len(waiting) > 1 else ' waits'} for a lock, the longest {span(worst)}",
        "\n".join(
            [f"root blocker: {who(one)}, {one.state} for {span(one.state_age or 0)}: {one.query}" for one in held]
            + [f"waiting {span(one.query_age or 0)}: {who(one)}: {one.query}" for one in waiting[:4]]
        ),
        "each waiter holds a connection of its pool until the blocker ends",
        "\n".join(ending(facts, postgres, one) for one in held) + "\nset lock_timeout for the application",
    )


def locktable(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The shared table of locks fills up."""
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
    """Transactions that PostgreSQL had to end because they waited for each other."""
    postgres = present(facts.postgres)
    count = postgres.delta("deadlocks")
    rate = count * 60 / postgres.gap if postgres.gap else 0
    if rate > limits.pg_deadlocks:
        yield Finding(
            "pg.deadlocks",
            Severity.WARN,
            f"{rate:.0f} deadlocks a minute",
            f"{count:.0f} in {span(postgres.gap)}",
            "one of the transactions is rolled back each time, after deadlock_timeout of waiting",
            "lock rows in one order in every transaction; see the statements in PostgreSQL's log",
        )


def rollbacks(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A large part of the transactions is undone."""
    postgres = present(facts.postgres)
    lost, kept = postgres.delta("rollbacks"), postgres.delta("commits")
    if lost + kept >= limits.pg_rollbacks_least and lost / (lost + kept) > limits.pg_rollbacks:
        yield Finding(
            "pg.rollbacks",
            Severity.WARN,
            f"{share(lost / (lost + kept))} of the transactions are rolled back",
            f"{lost:.0f} of {lost + kept:.0f} in {span(postgres.gap)}",
            "each did work for nothing; something fails often",
            f"docker compose logs --tail 100 {postgres.service}, and the application's errors",
        )


def cache_hit(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Blocks are read from disk rather than from PostgreSQL's memory."""
    postgres = present(facts.postgres)
    hits, reads = postgres.counters.get("hits", 0), postgres.counters.get("reads", 0)
    if reads >= limits.pg_reads_least and hits / (hits + reads) < limits.pg_cache_hit:
        yield Finding(
            "pg.cache_hit",
            Severity.INFO,
            f"{hits / (hits + reads):.1%} of the blocks come from memory",
            f"{reads:.0f} blocks read, {hits:.0f} found in shared_buffers since the statistics began",
            "the data in use is larger than shared_buffers",
            "raise shared_buffers (up to a quarter of the machine's memory)",
        )


def slow_stmt(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Statements that are slow on average and run often."""
    statements = present(present(facts.postgres).statements)
    slow = [one for one in statements if one.mean_ms >= limits.pg_slow_ms and one.calls >= limits.pg_slow_calls]
    if slow:
        slow.sort(key=lambda one: -one.mean_ms)
        yield Finding(
            "pg.slow_stmt",
            Severity.WARN,
            f"{len(slow)} slow statement{'s' if len(slow) > 1 else ''}, up to {slow[0].mean_ms:.0f} ms on average",
            "\n".join(f"{one.mean_ms:.0f} ms x {one.calls}: {one.query}" for one in slow[:5]),
            "they make requests slow and hold connections",
            "EXPLAIN (ANALYZE, BUFFERS) them; an index or a narrower select is the usual cure",
        )


def outlier(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """One statement takes a great part of all the time spent."""
    top = [
        one
        for one in present(present(facts.postgres).statements)
        if (one.share or 0) >= limits.pg_outlier and one.total_ms >= limits.pg_outlier_least * 1000
    ]
    for one in top:
        yield Finding(
            "pg.outlier",
            Severity.INFO,
            f"one statement takes {share(one.share or 0)} of PostgreSQL's time",
            f"{span(one.total_ms / 1000)} in {one.calls} calls: {one.query}",
            "work spent on it pays most",
            "EXPLAIN (ANALYZE, BUFFERS) it, or cache its answer",
        )


def checkpoints(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Checkpoints are forced by the amount of WAL instead of coming in time."""
    counters = present(facts.postgres).counters
    timed, forced = counters.get("checkpoints_timed", 0), counters.get("checkpoints_requested", 0)
    if timed + forced >= limits.pg_checkpoints_least and timed / (timed + forced) < limits.pg_checkpoints:
        yield Finding(
            "pg.checkpoints",
            Severity.WARN,
            f"{share(forced / (timed + forced))} of the checkpoints were forced",
            f"{forced:.0f} requested, {timed:.0f} timed",
            "each writes all changed blocks at once, and makes the WAL after it larger",
            "raise max_wal_size",
        )


def slot_inactive(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replication slot that nobody reads keeps WAL for ever."""
    idle = [slot for slot in present(present(facts.postgres).slots) if not slot.active]
    if idle:
        yield Finding(
            "pg.slot_inactive",
            Severity.FAIL,
            f"replication slot {listing([slot.name for slot in idle])} is not read by anyone",
            "\n".join(f"{slot.name} keeps {size(slot.retained or 0)} of WAL" for slot in idle),
            "WAL is kept for it until the disk is full",
            "start the replica that reads it, or:\n"
            + "\n".join(f"SELECT pg_drop_replication_slot('{slot.name}');" for slot in idle),
        )


def replica_lag(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A streaming replica is behind."""
    late = [one for one in present(present(facts.postgres).standbys) if one.lag > limits.pg_replica_lag]
    if late:
        yield Finding(
            "pg.replica_lag",
            Severity.WARN,
            f"the read replica is {span(max(one.lag for one in late))} behind",
            "\n".join(f"{one.name or 'replica'} ({one.state}): {one.lag:.1f} s" for one in late),
            "reads see old data, or all go to the primary",
            "look for long queries and I/O on the replica\nif replay was paused there: SELECT pg_wal_replay_resume();",
        )


def restarted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """PostgreSQL has begun anew a moment ago, in a container that is older than that."""
    postgres = present(facts.postgres)
    begun = facts.taken - postgres.uptime
    created = [one.created for one in present(facts.containers) if one.name == postgres.container]
    if postgres.uptime < limits.pg_restarted and created and begun - created[0] > limits.pg_first_start:
        yield Finding(
            "pg.restarted",
            Severity.FAIL,
            f"PostgreSQL restarted {span(postgres.uptime)} ago",
            f"up for {span(postgres.uptime)}, its container is {span(facts.taken - created[0])} old",
            "every connection was cut and its caches are cold",
            f"docker compose logs --tail 100 {postgres.service} shows why",
            subject=postgres.container,
        )


_PG, _MIXIN = Group.POSTGRES, "postgres_exporter mixin"
_APA = "awesome-prometheus-alerts"
_STATEMENTS = (POSTGRES_UP, part_of_postgres("statements"))
CHECKS = (
    Check("pg.blocked", _PG, "> 5 s W, > 30 s F", "check_pgactivity", (POSTGRES_UP,), blocked),
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
