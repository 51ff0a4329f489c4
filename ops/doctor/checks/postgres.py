"""PostgreSQL: whether it answers, and whether sessions leave enough connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.checks.sessions import ending, who
from ops.doctor.checks.volumes import NO_SPACE
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.refusals import starting
from ops.doctor.sources import ALL_SESSIONS, CONTAINERS, POSTGRES, POSTGRES_UP
from ops.doctor.words import listing, recovery, share, span

_REASONS = (
    (NO_SPACE, "its volume is full", "make room on its volume"),
    ("incompatible with server", "its data is of another major version", "use the image of the version of its data"),
    ("wrong ownership", "its data has another owner", "give its volume to the user of the container"),
    ("invalid permissions", "its data has wrong permissions", "chmod 700 the data folder in its volume"),
    ("contains errors", "its configuration is wrong", "correct the setting that its log names"),
    ("valid checkpoint", "its data is damaged", "restore a backup"),
    ("shared memory", "it gets no shared memory", "lower shared_buffers, or raise its memory limit"),
)
"""(Message in PostgreSQL's log, the reason why it does not start, what to do first)."""


def down(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No connection is possible."""
    postgres = present(facts.postgres)
    if postgres.up or postgres.full or postgres.denied:
        return
    running = facts.runs(postgres.container)
    begins = starting(postgres.error) and running
    said = "" if begins else "\n".join(postgres.log)
    reason, first = next(((why, do) for words, why, do in _REASONS if words in said), ("", ""))
    if begins:
        title, cure = "is starting, and will answer later", f"{_waiting(postgres.service)}\na restart would begin again"
    elif "not fork" in postgres.error:
        title = "cannot start a process for a connection"
        cure = f"raise its limit of processes: docker update --pids-limit {_more_pids(facts)} {postgres.container}"
    else:
        title = f"cannot start: {reason}" if reason else "does not answer"
        outside = postgres.service not in facts.services
        paused = facts.paused([postgres.container])
        restart = running or facts.restarting(postgres.container)
        cure = "\n".join(filter(None, (first, recovery([postgres.service], restart, outside, paused))))
    yield Finding(
        "pg.down",
        Severity.FAIL,
        f"PostgreSQL ({postgres.service}) {title}",
        "\n".join(filter(None, (postgres.error, said))),
        "every read that is not cached, and every write, fails",
        cure,
        subject=postgres.container,
    )


def _more_pids(facts: Facts) -> int:
    """Twice the pids limit of PostgreSQL's container."""
    name = facts.postgres.container if facts.postgres else ""
    limits = [each.pids_limit for each in facts.containers or [] if each.name == name and each.pids_limit]
    return 2 * max(limits, default=128)


def _waiting(service: str) -> str:
    return f"wait until it is ready: docker compose up -d --wait --no-deps --no-recreate {service}"


def conn_high(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The number of connections is near the maximum for clients."""
    postgres = present(facts.postgres)
    if postgres.full:
        yield Finding(
            "pg.conn_high",
            Severity.FAIL,
            "PostgreSQL has no connection left",
            postgres.error,
            "new connections are refused and requests fail; the doctor could not connect either",
            "lower connection_limit in DATABASE_URL or raise max_connections, then restart the largest holder",
        )
        return
    used, usable = postgres.connections, postgres.usable
    if usable <= 0 or used / usable <= limits.pg_connections_warn:
        return
    full = used / usable >= limits.pg_connections_fail
    holders = Counter(session.application or session.client or "?" for session in postgres.clients)
    holders += Counter({"other roles": postgres.hidden})
    most = listing([f"{name}: {count}" for name, count in holders.most_common()])
    yield Finding(
        "pg.conn_high",
        Severity.FAIL if full else Severity.WARN,
        f"{share(used / usable)} of PostgreSQL's connections are in use",
        f"{used} of {usable} (max_connections {postgres.max_connections} - {postgres.reserved} reserved)\n"
        f"held by {most}",
        "at 100%, new connections are refused and requests fail",
        f"lower connection_limit in DATABASE_URL, or raise max_connections above {postgres.max_connections}",
    )


def pool_overcommit(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The pools of all replicas may need more connections than exist."""
    postgres = present(facts.postgres)
    pools = [replica for replica in facts.replicas if replica.running and replica.pool_limit is not None]
    needed = sum(replica.pool_limit or 0 for replica in pools)
    if needed <= postgres.usable or not pools:
        return
    fitting = max(1, postgres.usable // len(pools))
    yield Finding(
        "pg.pool_overcommit",
        Severity.FAIL,
        "the replicas' pools may open more connections than PostgreSQL has",
        f"{_sum_of(pools)} = {needed} > {postgres.usable} = max_connections {postgres.max_connections}"
        f" - {postgres.reserved} reserved",
        "under load, some replicas get `too many clients` instead of connections",
        f"set connection_limit={fitting} in DATABASE_URL ({len(pools)} x {fitting} = {len(pools) * fitting}),"
        f" or max_connections={needed + postgres.reserved} in PostgreSQL",
    )


def _sum_of(pools: list[ContainerFacts]) -> str:
    sizes = Counter(replica.pool_limit or 0 for replica in pools)
    return " + ".join(f"{count} replicas x {limit}" for limit, count in sorted(sizes.items()))


def idle_in_tx(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Clients are idle with an open transaction."""
    idle = [
        session
        for session in present(facts.postgres).clients
        if session.state.startswith("idle in transaction") and (session.state_age or 0) > limits.pg_idle_in_tx_warn
    ]
    if not idle:
        return
    idle.sort(key=lambda session: -(session.state_age or 0))
    worst = idle[0].state_age or 0
    yield Finding(
        "pg.idle_in_tx",
        Severity.FAIL if worst > limits.pg_idle_in_tx_fail else Severity.WARN,
        f"{len(idle)} idle transaction{'s' if len(idle) > 1 else ''} left open, the oldest for {span(worst)}",
        "\n".join(f"{who(session)}, idle {span(session.state_age or 0)}: {session.query}" for session in idle[:5]),
        "each keeps its locks and a connection, and prevents vacuum from removing dead rows",
        f"{ending(facts, present(facts.postgres), idle[0])}\nset idle_in_transaction_session_timeout = '60s'",
    )


def long_query(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Client statements have been running for too long."""
    slow = [
        session
        for session in present(facts.postgres).clients
        if session.state == "active" and (session.query_age or 0) > limits.pg_long_query
    ]
    if not slow:
        return
    slow.sort(key=lambda session: -(session.query_age or 0))
    yield Finding(
        "pg.long_query",
        Severity.WARN,
        f"{len(slow)} statement{'s' if len(slow) > 1 else ''} running for up to {span(slow[0].query_age or 0)}",
        "\n".join(f"{who(session)}, {span(session.query_age or 0)}: {session.query}" for session in slow[:5]),
        "each holds a connection and its locks, and slows down others",
        f"{ending(facts, present(facts.postgres), slow[0], 'cancel')}\nEXPLAIN the statement; set statement_timeout",
    )


_ALL = (ALL_SESSIONS,)
CHECKS = (
    Check("pg.down", Group.POSTGRES, "no connection in 5 s", "PgHero", (POSTGRES,), down),
    Check("pg.conn_high", Group.POSTGRES, "> 80% W, >= 100% F", "postgres_exporter mixin", (POSTGRES,), conn_high),
    Check(
        "pg.pool_overcommit",
        Group.POSTGRES,
        "sum of pools > max_connections - reserved F",
        "own",
        (POSTGRES_UP, CONTAINERS),
        pool_overcommit,
    ),
    Check("pg.idle_in_tx", Group.POSTGRES, "> 60 s W, > 300 s F", "own", (POSTGRES_UP,), idle_in_tx, _ALL),
    Check("pg.long_query", Group.POSTGRES, "> 60 s W", "PgHero", (POSTGRES_UP,), long_query, _ALL),
)
